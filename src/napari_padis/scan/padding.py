"""Padding of CT: one value far below air that stands where nothing was measured.

Scanners and programs fill the corners outside the field of view with -32768, -8192 (slope and
intercept of Siemens and Toshiba), -3024, -2000 (GE), -2048, -1500 and others. No list is kept:
nothing is less dense than air, so whatever stands far below it in one value is padding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Air in HU.
AIR = -1000.0

#: What lies below cannot be matter; noise of air reaches there, padding stands far below.
NO_MATTER = -1100.0

#: An empty range in HU above the lowest value that tells it from the noise of air.
_GAP = 150.0

#: Least share of the edge of padding that was resampled; less is noise.
_EDGE = 0.002

#: No scan has more different padding values than that.
_MOST = 4


def find_padding(values: NDArray[Any]) -> tuple[float, ...]:
    """Padding values, the lowest first, of voxels that are CT numbers.

    A value is padding when it is the lowest, lies below :data:`NO_MATTER`, occurs more than
    once, and either stands alone (nothing within 150 HU above it) or makes up most of what
    lies below :data:`NO_MATTER` (the rest is the interpolated edge of padding that was
    resampled).

    Parameters
    ----------
    values : ndarray
        In HU, finite.
    """
    found: list[float] = []
    low = values[values < NO_MATTER].astype(np.float64)
    matter = low.size < values.size
    while low.size and matter and len(found) < _MOST:
        lowest = float(low.min())
        rest = low[low > lowest]
        count = low.size - rest.size
        alone = not rest.size or float(rest.min()) - lowest >= _GAP
        if count < 2 or lowest > NO_MATTER - _GAP or not (alone or count > rest.size):
            break
        found.append(lowest)
        low = rest
    return tuple(found)


def is_padding(values: NDArray[Any], found: tuple[float, ...]) -> NDArray[np.bool_]:
    """Where padding stands, for padding values of :func:`find_padding`.

    Padding that was resampled has an edge, the values between it and air, which counts as
    well. It is there when values lie nearer to padding than to air, where no noise of air is.
    """
    padded = np.isin(values, found)
    if not found:
        return padded
    count = np.count_nonzero(padded)
    edge = np.count_nonzero(values < (found[-1] + AIR) / 2) - count
    return padded | (values < NO_MATTER - _GAP) if edge > _EDGE * count else padded


def fill_padding(values: NDArray[Any]) -> tuple[NDArray[Any], tuple[str, ...]]:
    """CT numbers with their padding set to air, and a note where there was any.

    Parameters
    ----------
    values : ndarray
        In HU, finite; not changed.

    Returns
    -------
    values : ndarray
        Of the same type.
    notes : tuple of str
        Names padding values and number of voxels; empty when there is no padding.
    """
    found = find_padding(values)
    if not found:
        return values, ()
    padded = is_padding(values, found)
    named = " and ".join(f"{value:g}" for value in found)
    count = int(np.count_nonzero(padded))
    edge = "" if count == np.count_nonzero(np.isin(values, found)) else " and of its edge"
    return np.where(padded, values.dtype.type(AIR), values), (
        f"{count} voxels of {named}{edge} are padding, where nothing was measured; they were set "
        f"to {AIR:g} HU (air).",
    )
