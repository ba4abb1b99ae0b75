"""Sampling masks of accelerated Cartesian MRI."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from napari_padis.errors import InputError

#: Equidistant lines, random lines (both along the columns), or single samples at random
#: with a least distance that grows outwards.
MASKS = ("equispaced", "random", "poisson")

#: How much farther apart Poisson-disc samples are at the edge than in the centre.
SPREAD = 3.0


def sampling_mask(
    shape: tuple[int, int],
    kind: str = "equispaced",
    acceleration: float = 4.0,
    centre: int = 24,
    seed: int = 0,
) -> NDArray[np.bool_]:
    """Which samples of a k-space to measure.

    Parameters
    ----------
    shape : tuple of int
        Rows (readout) and columns (phase encoding).
    kind : str
        One of :data:`MASKS`. 'equispaced' and 'random' measure whole columns, 'poisson'
        single samples (two phase-encoding directions).
    acceleration : float
        Number of samples over number of measured ones, the centre included.
    centre : int
        Fully sampled columns in the centre, or side of the fully sampled square
        ('poisson'), from which coil maps are estimated.
    seed : int
        Of the random choice.

    Returns
    -------
    ndarray of bool, shape (rows, columns)

    Raises
    ------
    InputError
        If the kind is unknown, or the centre alone has more samples than were asked for.
    """
    rows, columns = shape
    if kind not in MASKS:
        raise InputError(f"There is no sampling mask '{kind}'; use one of {', '.join(MASKS)}.")
    if min(shape) < 2 or not acceleration >= 1 or not 0 <= centre <= columns:
        raise InputError(
            f"A mask of {rows} x {columns} samples needs an acceleration of at least 1 and a "
            f"centre of 0 to {columns}."
        )
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, dtype=bool)
    middle = tuple(slice(n // 2 - centre // 2, n // 2 - centre // 2 + centre) for n in shape)
    if kind == "poisson":
        mask[max(middle[0].start, 0) : middle[0].stop, middle[1]] = True
        _check_centre(int(mask.sum()), mask.size / acceleration, acceleration, centre)
        return _poisson_disc(mask, round(mask.size / acceleration), rng)
    mask[:, middle[1]] = True
    more = round(columns / acceleration) - centre
    _check_centre(centre, columns / acceleration + 0.5, acceleration, centre)
    outside = np.flatnonzero(~mask[0])
    if kind == "random":
        mask[:, rng.choice(outside, more, replace=False)] = True
    elif more:
        step = len(outside) / more
        mask[:, outside[((np.arange(more) + rng.random()) * step).astype(int)]] = True
    return mask


def _check_centre(samples: int, wanted: float, acceleration: float, centre: int) -> None:
    if samples > wanted or wanted < 1:
        raise InputError(
            f"An acceleration of {acceleration:g} is not possible with a fully sampled centre "
            f"of {centre}: choose a smaller one of either."
        )


def _poisson_disc(
    mask: NDArray[np.bool_], wanted: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Add samples by dart throwing until exactly ``wanted`` are there.

    The least distance of a new sample from all others is a radius times a weight that grows
    from 1 in the centre to ``SPREAD`` at the edge. When no place is left the radius shrinks
    (relaxation dart throwing; McCool and Fiume, Graphics Interface 1992), so that the number
    is met without a search for the radius.
    """
    rows, columns = mask.shape
    y, x = np.ogrid[:rows, :columns]
    out = np.hypot((y - rows // 2) / (rows / 2), (x - columns // 2) / (columns / 2))
    weight = 1 + (SPREAD - 1) * np.minimum(out, 1)
    # A random packing of discs of diameter r has about 0.7 of them per r^2.
    radius = 1.3 * math.sqrt(0.7 * float((weight**-2.0).sum()) / max(wanted, 1))
    slope = (SPREAD - 1) / (min(mask.shape) / 2)
    # Distance to the nearest sample in units of the weight, exact where it is below the radius.
    distance = distance_transform_edt(~mask) / weight if mask.any() else np.full(mask.shape, np.inf)
    offsets = np.arange(-max(mask.shape), max(mask.shape) + 1)
    lengths = np.hypot(offsets[:, None], offsets)
    mask = mask.copy()
    left = wanted - int(mask.sum())
    while left > 0:
        free = rng.permutation(np.argwhere(distance >= radius)).tolist()
        for i, j in free:
            if distance[i, j] < radius:
                continue
            mask[i, j] = True
            left -= 1
            if not left:
                break
            # The weight grows by no more than the slope for each pixel away from here.
            reach = math.ceil(radius * weight[i, j] / max(1 - radius * slope, 0.2))
            top, low = max(i - reach, 0), max(j - reach, 0)
            tile = distance[top : i + reach + 1, low : j + reach + 1]
            y0, x0 = len(offsets) // 2 - (i - top), len(offsets) // 2 - (j - low)
            near = lengths[y0 : y0 + tile.shape[0], x0 : x0 + tile.shape[1]]
            near = near / weight[top : i + reach + 1, low : j + reach + 1]
            np.minimum(tile, near, out=tile)
        radius *= 0.9
    return mask
