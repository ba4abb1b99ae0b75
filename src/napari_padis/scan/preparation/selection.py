"""Which rows and views are kept, and averaging of neighbouring detector pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.preparation.settings import Preparation


def chosen_rows(preparation: Preparation, count: int) -> NDArray[np.intp]:
    """Indices of the detector rows to keep, increasing.

    Raises
    ------
    InputError
        If there are no such rows.
    """
    wanted = preparation.rows
    if wanted is None:
        rows = np.arange(count)
    elif isinstance(wanted, str):
        first, colon, rest = wanted.partition(":")
        stop, _, step = rest.partition(":")
        start = int(first or 0)
        end = (int(stop) if stop else count) if colon else start + 1
        if end > count:
            raise InputError(f"Rows '{wanted}' do not exist; there are {count} rows, 0:{count}.")
        rows = np.arange(start, end, int(step or 1))
    else:
        rows = np.unique(np.asarray(wanted, dtype=np.intp))
    if rows.size == 0 or rows[0] < 0 or rows[-1] >= count:
        raise InputError(f"Rows '{wanted}' select nothing; there are {count} rows, 0:{count}.")
    usable = len(rows) - len(rows) % preparation.row_binning
    if usable == 0:
        raise InputError(
            f"{len(rows)} rows cannot be averaged by {preparation.row_binning}; choose fewer."
        )
    return rows[:usable]


def chosen_views(preparation: Preparation, angles: NDArray[np.float64]) -> NDArray[np.intp]:
    """Indices of the views to keep, in the order of the file.

    Parameters
    ----------
    preparation : Preparation
    angles : ndarray, shape (views,)
        In radians.

    Raises
    ------
    InputError
        If no view is left.
    """
    count = len(angles)
    views = np.arange(count)
    if preparation.views is not None:
        views = np.unique(np.asarray(preparation.views, dtype=np.intp))
        if views.size == 0 or views[0] < 0 or views[-1] >= count:
            raise InputError(f"The chosen views do not exist; there are {count} views, 0:{count}.")
    if preparation.first_degree is not None or preparation.arc_degrees is not None:
        degrees = np.rad2deg(angles)
        first = degrees.min() if preparation.first_degree is None else preparation.first_degree
        arc = preparation.arc_degrees if preparation.arc_degrees is not None else 360.0
        tolerance = 1e-6 * max(1.0, arc)
        past = np.mod(degrees[views] - first + tolerance, 360.0) - tolerance
        # A scan of more than a turn passes the arc again; its first pass is enough.
        again = np.abs(degrees[views] - degrees[0]) >= 360.0 - tolerance
        views = views[(past < arc - tolerance) & ~again]
    views = views[:: preparation.every]
    if views.size == 0:
        raise InputError(
            f"No view is left; the angles go from {np.rad2deg(angles.min()):.5g} to "
            f"{np.rad2deg(angles.max()):.5g} degrees."
        )
    return views


def average(data: NDArray[np.float32], factor: int, axis: int) -> NDArray[np.float32]:
    """Means of ``factor`` neighbours along an axis; a remainder at the end is left out.

    Raises
    ------
    InputError
        If the axis is shorter than the factor.
    """
    if factor == 1:
        return data
    count = data.shape[axis] // factor
    if count == 0:
        raise InputError(
            f"{data.shape[axis]} detector bins cannot be averaged by {factor}; choose fewer."
        )
    kept = np.moveaxis(data, axis, -1)[..., : count * factor]
    means = kept.reshape((*kept.shape[:-1], count, factor)).mean(axis=-1, dtype=np.float32)
    return np.moveaxis(means, -1, axis)


def binned_position(position: float, factor: int) -> float:
    """Where a position in bins lies after averaging ``factor`` of them."""
    return (position - (factor - 1) / 2) / factor
