"""The detector bin that sees the rotation axis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft2
from scipy.ndimage import gaussian_filter1d, map_coordinates, shift

from napari_padis.errors import InputError
from napari_padis.scan.preparation.selection import average

Array = NDArray[np.float32]

#: Bins and views of the first, coarse search.
_COARSE_BINS = 256
_COARSE_VIEWS = 181
#: More views than these change nothing but the time.
_FINE_VIEWS = 361
#: Part of the detector, around its middle, where the axis is looked for.
_SEARCHED = 0.5
#: Share of the bins at either end that are faded out: an object that is wider than the
#: detector ends there with an edge, which would fill the spectrum.
_TAPER = 1 / 3
#: How far the mirrored views may mislead, as a share of the bins.
_UNSURE = 0.01
#: Angle over which views are averaged for their mirror image, and smoothing in bins.
_MIRROR_ARC, _MIRROR_BLUR = np.deg2rad(1.0), 1.0
#: Rays of a fan that must be measured twice, as a share of all.
_TWICE = 0.1


def find_centre(sinogram: NDArray[np.floating], angles: NDArray[np.float64]) -> float:
    """Rotation axis of a parallel-beam sinogram over at least half a turn.

    The last views are the mirror image of the first ones, which tells the axis to a few
    bins even in noise. Near by, the mirrored sinogram is joined to the original to a full
    turn: if it is mirrored at the right bin, its Fourier transform vanishes outside a
    double wedge, so the bin with the least power there is taken.

    Parameters
    ----------
    sinogram : ndarray, shape (views, bins)
        Line integrals.
    angles : ndarray, shape (views,)
        In radians.

    Returns
    -------
    float
        Bin, counted from 0.

    Raises
    ------
    InputError
        If the views cover less than half a turn.

    Source: Vo et al., Optics Express 22, 19078 (2014).
    """
    half = _half_turn(np.asarray(sinogram, dtype=np.float32), angles)
    bins = half.shape[1]
    middle, reach = (bins - 1) / 2, bins * _SEARCHED / 2
    rough = _best(_mirror_difference(half), middle - reach, middle + reach, 0.5)
    fine = _wedge_energy(half[:: max(1, len(half) // _FINE_VIEWS)])
    near = max(3.0, _UNSURE * bins)
    start = _best(fine, rough - near, rough + near, 1.0)
    return _best(fine, start - 1, start + 1, 0.25, refine=True)


def _half_turn(sinogram: Array, angles: NDArray[np.float64]) -> Array:
    """Views over half a turn in order of their angle; raises InputError if there are fewer."""
    order = np.argsort(angles, kind="stable")
    sorted_angles = angles[order]
    step = float(np.median(np.diff(sorted_angles))) if len(angles) > 1 else 0.0
    covered = float(np.ptp(angles)) + step
    within = sorted_angles - sorted_angles[0] < np.pi - 0.25 * step
    if within.sum() < 8 or covered < np.pi - max(step, 0.01):
        raise InputError(
            f"The views cover {np.rad2deg(covered):.4g} degrees; 180 are needed to find the "
            "rotation axis, so give its bin."
        )
    return sinogram[order[within]]


def _mirror_difference(half: Array) -> Callable[[float], float]:
    """Mean square difference of the first views and the mirrored last ones."""
    views, bins = half.shape
    count = max(1, round(_MIRROR_ARC * views / np.pi))
    first = gaussian_filter1d(half[:count].mean(axis=0), _MIRROR_BLUR)
    last = gaussian_filter1d(half[-count:].mean(axis=0), _MIRROR_BLUR)
    places = np.arange(bins)

    def difference(centre: float) -> float:
        mirrored = 2 * centre - places
        seen = (mirrored >= 0) & (mirrored <= bins - 1)
        again = np.interp(mirrored[seen], places, last)
        return float(np.mean((first[seen] - again) ** 2))

    return difference


def _wedge_energy(half: Array) -> Callable[[float], float]:
    """Mean power outside the double wedge as a function of the centre."""
    views, bins = half.shape
    flipped, reverse = half[:, ::-1], half[::-1]
    harmonics = np.abs(np.fft.fftfreq(2 * views, d=1 / (2 * views)))
    frequencies = np.fft.rfftfreq(bins)
    # Nothing turns outside the detector, so half its width is the largest radius.
    outside = harmonics[:, None] > np.pi * bins * frequencies[None, :]
    outside[:, :2] = False
    outside[harmonics < 0.05 * views] = False
    window = _fading(bins)

    def energy(centre: float) -> float:
        # Bin b shows at 2 centre - b after half a turn.
        offset = 2 * centre - (bins - 1)
        second = shift(flipped, (0, offset), order=1, mode="nearest")
        # What the mirror image does not cover is filled so that no edge arises.
        edge = int(np.ceil(abs(offset)))
        if edge and offset > 0:
            second[:, :edge] = reverse[:, :edge]
        elif edge:
            second[:, -edge:] = reverse[:, -edge:]
        spectrum = rfft2(np.concatenate([half, second]) * window)[outside]
        return float(np.mean(spectrum.real**2 + spectrum.imag**2))

    return energy


def _fading(bins: int) -> Array:
    """Cosine slopes at both ends of the detector."""
    width = max(1, round(_TAPER * bins))
    slope = np.sin(np.pi / 2 * (np.arange(width) + 0.5) / width) ** 2
    window = np.ones(bins, dtype=np.float32)
    window[:width] *= slope
    window[bins - width :] *= slope[::-1]
    return window


def _best(
    function: Callable[[float], float], low: float, high: float, step: float, refine: bool = False
) -> float:
    """Place of the smallest value on a grid, or of the parabola through it."""
    grid = np.arange(low, high + step / 2, step)
    values = np.array([function(float(x)) for x in grid])
    k = int(values.argmin())
    if refine and 0 < k < len(grid) - 1:
        before, here, after = values[k - 1 : k + 2]
        curvature = before - 2 * here + after
        if curvature > 0:
            return float(grid[k] + step * 0.5 * (before - after) / curvature)
    return float(grid[k])


def find_fan_centre(
    sinogram: NDArray[np.floating],
    angles: NDArray[np.float64],
    pitch: float,
    source_detector: float,
) -> float:
    """Bin of the central ray of a fan with a flat detector, from rays measured twice.

    The ray of view ``theta`` and fan angle ``gamma`` is met again, from the other end, in
    view ``theta + pi - 2 gamma`` at ``-gamma``; the bin is taken for which they agree best.

    Parameters
    ----------
    sinogram : ndarray, shape (views, bins)
        Line integrals.
    angles : ndarray, shape (views,)
        In radians, as in :class:`~napari_padis.scan.geometry.FanGeometry`.
    pitch, source_detector : float
        Distance of bins, and of the detector from the source, in mm.

    Returns
    -------
    float
        Bin, counted from 0.

    Raises
    ------
    InputError
        If too few rays are measured twice.
    """
    order = np.argsort(angles, kind="stable")
    data, sorted_angles = np.asarray(sinogram, dtype=np.float32)[order], angles[order]
    bins = data.shape[1]
    factor = max(1, bins // _COARSE_BINS)
    small = average(data, factor, 1)
    disagree = _disagreement(small, sorted_angles, pitch * factor, source_detector)
    middle, reach = (small.shape[1] - 1) / 2, small.shape[1] * _SEARCHED / 4
    rough = _best(disagree, middle - reach, middle + reach, 1.0)
    start = rough * factor + (factor - 1) / 2
    disagree = _disagreement(data, sorted_angles, pitch, source_detector)
    start = _best(disagree, start - factor, start + factor, 0.5)
    return _best(disagree, start - 0.5, start + 0.5, 0.125, refine=True)


def _disagreement(
    data: Array, angles: NDArray[np.float64], pitch: float, source_detector: float
) -> Callable[[float], float]:
    """Mean square difference of rays and their reverse as a function of the centre."""
    views, bins = data.shape
    chosen = np.arange(0, views, max(1, views // _COARSE_VIEWS))
    turn = 2 * np.pi
    full = float(np.ptp(angles)) > turn - 2.5 * float(np.median(np.diff(angles)))
    # Beyond the last view of a full turn comes the first one again.
    grid = np.append(angles, angles[0] + turn) if full else angles
    rows = np.append(np.arange(views), 0) if full else np.arange(views)
    wrapped = data[rows]

    def difference(centre: float) -> float:
        offset = np.arange(bins) - centre
        gamma = np.arctan(offset * pitch / source_detector)
        there = angles[chosen, None] + np.pi - 2 * gamma
        there = grid[0] + np.mod(there - grid[0], turn)
        place = np.interp(there, grid, np.arange(len(grid)))
        mirrored = np.broadcast_to(centre - offset, place.shape)
        seen = (there <= grid[-1]) & (mirrored >= 0) & (mirrored <= bins - 1)
        if seen.mean() < _TWICE:
            raise InputError(
                "Too few rays were measured from both ends to find the rotation axis; a full "
                "turn is needed, so give its bin."
            )
        again = map_coordinates(wrapped, [place[seen], mirrored[seen]], order=1, mode="nearest")
        return float(np.mean((data[chosen][seen] - again) ** 2))

    return difference
