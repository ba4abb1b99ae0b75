"""How well rays that were measured from both ends agree, for an assumed rotation axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, map_coordinates

from napari_padis.errors import InputError
from napari_padis.scan.preparation.axis import Score

Array = NDArray[np.float32]

#: More views than these change nothing but the time.
_VIEWS = 181
#: Smoothing along the detector in bins, so that whole and half bins are interpolated alike.
_BLUR = 1.0
#: Differences smaller than this share of the whole variation are not told from nothing.
_FLOOR = 0.01
#: Rays of a fan that must be measured twice, as a share of all bins of a view.
_TWICE = 0.1
#: A gap between views is missing data when it is wider than this many usual gaps and than this
#: angle, as in a filtered back-projection. Views by the golden angle have gaps of up to 2.6.
_GAP_RATIO, _GAP_ANGLE = 3.0, np.deg2rad(6)


def is_full_turn(angles: NDArray[np.float64]) -> bool:
    """Whether views, in radians, go all round: no gap is wider than the usual ones."""
    if len(angles) < 8:
        return False
    folded = np.sort(np.mod(angles, 2 * np.pi))
    gaps = np.diff(folded, append=folded[0] + 2 * np.pi)
    usual = float(np.median(gaps[gaps > 1e-6])) if (gaps > 1e-6).any() else 0.0
    return bool(gaps.max() <= max(_GAP_RATIO * usual, _GAP_ANGLE) and gaps.max() < np.pi / 2)


def disagreement(
    data: Array,
    angles: NDArray[np.float64],
    pitch: float = 1.0,
    source_detector: float = np.inf,
) -> Score:
    """Difference of rays and their reverse over that of unrelated rays, for any centre.

    The ray of view ``theta`` and fan angle ``gamma`` is met again, from the other end, in
    view ``theta + pi - 2 gamma`` at ``-gamma``; in a parallel beam ``gamma`` is 0.

    Parameters
    ----------
    data : ndarray, shape (views, bins)
        In the order of the angles.
    angles : ndarray, shape (views,)
        In radians, increasing.
    pitch, source_detector : float
        Of a fan, in mm.
    """
    views, bins = data.shape
    smooth = gaussian_filter1d(data, _BLUR, axis=1, mode="nearest")
    chosen = np.unique(np.linspace(0, views - 1, min(views, _VIEWS)).round().astype(int))
    turn = 2 * np.pi
    full = is_full_turn(angles)
    # Beyond the last view of a full turn comes the first one again.
    grid = np.append(angles, angles[0] + turn) if full else angles
    rows = np.append(np.arange(views), 0) if full else np.arange(views)
    wrapped = smooth[rows]
    noise = _noise(data)
    floor = _FLOOR * float(smooth.var()) + noise + np.finfo(np.float32).tiny
    first = smooth[chosen]
    parallel = np.isinf(source_detector)
    places = _places(angles[chosen] + np.pi, grid)
    inside = ~np.isnan(places)
    again = _views(wrapped, places[inside]) if parallel else wrapped
    first = first[inside] if parallel else first

    def difference(centre: float) -> float:
        mirrored = 2 * centre - np.arange(bins)
        seen = (mirrored >= 0) & (mirrored <= bins - 1)
        if parallel:
            low = np.floor(mirrored[seen]).astype(int)
            high, share = np.minimum(low + 1, bins - 1), mirrored[seen] - low
            here, there = first[:, seen], again[:, low] * (1 - share) + again[:, high] * share
        else:
            gamma = np.arctan((np.arange(bins)[seen] - centre) * pitch / source_detector)
            place = _places(angles[chosen, None] + np.pi - 2 * gamma, grid)
            met = ~np.isnan(place)
            if met.sum() < _TWICE * len(chosen) * seen.sum():
                raise _too_few()
            across = np.broadcast_to(mirrored[seen], place.shape)
            here = first[:, seen][met]
            there = map_coordinates(again, [place[met], across[met]], order=1, mode="nearest")
        if here.size < 2:
            return 1.0
        together = (here.mean(dtype=np.float64) + there.mean(dtype=np.float64)) / 2
        spread = np.mean((here - together) ** 2) + np.mean((there - together) ** 2) - 2 * noise
        apart = np.mean((here - there) ** 2) - 2 * noise
        return float((max(apart, 0) + floor) / (max(spread, 0) + floor))

    if parallel and not inside.any():
        raise _too_few()
    return difference


def _noise(data: Array) -> float:
    """Variance of the noise after smoothing, from the second differences along the detector."""
    if data.shape[1] < 5:
        return 0.0
    second = data[:, 2:] - 2 * data[:, 1:-1] + data[:, :-2]
    sigma = float(np.median(np.abs(second))) / 0.6745 / np.sqrt(6)
    return sigma**2 / (2 * np.sqrt(np.pi) * _BLUR)


def _too_few() -> InputError:
    return InputError(
        "Too few rays were measured from both ends to find the rotation axis; a full turn is "
        "needed, so give its bin."
    )


def _places(there: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where angles lie between the views of a grid, in views; nan outside."""
    folded = grid[0] + np.mod(there - grid[0] + 1e-9, 2 * np.pi) - 1e-9
    place = np.interp(folded, grid, np.arange(len(grid)))
    return np.where(folded <= grid[-1] + 1e-6, place, np.nan)


def _views(data: Array, places: NDArray[np.float64]) -> Array:
    """Views between views."""
    low = np.clip(np.floor(places).astype(int), 0, len(data) - 1)
    share = (places - low).astype(np.float32)[:, None]
    return data[low] * (1 - share) + data[np.minimum(low + 1, len(data) - 1)] * share
