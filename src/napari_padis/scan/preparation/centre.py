"""The detector bin that sees the rotation axis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft2
from scipy.ndimage import gaussian_filter1d, shift

from napari_padis.errors import InputError
from napari_padis.scan.preparation.axis import FLAT, SEVERAL, Axis, Score, judged, refined
from napari_padis.scan.preparation.opposite import disagreement, is_full_turn
from napari_padis.scan.preparation.selection import average

Array = NDArray[np.float32]

#: Fewer bins than these show no object.
_LEAST_BINS = 8
#: Bins and views of the first, coarse search; neighbours of few views tell nothing.
_COARSE_BINS, _COARSE_VIEWS = 256, 90
#: More views than these change nothing but the time.
_FINE_VIEWS = 361
#: Part of the detector, around its middle, where the axis of half a turn is looked for: an
#: axis further out leaves most of the slice unseen.
_SEARCHED = 0.8
#: The same for a fan over less than a turn.
_SEARCHED_ARC = 0.5
#: Share of the bins at either end that are faded out: an object that is wider than the
#: detector ends there with an edge, which would fill the spectrum.
_TAPER = 1 / 3
#: How far the mirrored views may mislead, as a share of the bins.
_UNSURE = 0.01
#: Angle over which views are averaged for their mirror image, and smoothing in bins.
_MIRROR_ARC, _BLUR = np.deg2rad(1.0), 1.0
#: An object is wholly seen when the outer bins hold less than this share of the largest value
#: and the sum of a view varies by less than that.
_AIR, _SUM = 0.03, 0.03


def find_centre(sinogram: NDArray[np.floating], angles: NDArray[np.float64]) -> Axis:
    """Rotation axis of a parallel-beam sinogram over at least half a turn.

    Over a full turn all views are compared with the mirror image of those half a turn
    later, for an axis anywhere on the detector (half acquisitions have it at the border).
    Over half a turn only the last views mirror the first ones; where the whole object is
    seen, its centre of mass tells the axis, too. Near by, the mirrored sinogram is joined to
    the original to a full turn: if it is mirrored at the right bin, its Fourier transform
    vanishes outside a double wedge, so the bin with the least power there is taken.

    Parameters
    ----------
    sinogram : ndarray, shape (views, bins)
        Line integrals.
    angles : ndarray, shape (views,)
        In radians.

    Returns
    -------
    Axis
        The bin, counted from 0, with its doubts.

    Raises
    ------
    InputError
        If the views cover less than half a turn.

    Source: Vo et al., Optics Express 22, 19078 (2014); Vo et al., Optics Express 29, 17849
    (2021) for half acquisitions.
    """
    data, ordered = _in_order(np.asarray(sinogram, dtype=np.float32), angles)
    if is_full_turn(angles):
        return _searched(data, ordered)
    half, half_angles = _half_turn(data, ordered)
    bins = half.shape[1]
    found = _mirrored(half)
    if found.doubt == FLAT:
        return found
    mass = _centre_of_mass(half, half_angles)
    near = max(3.0, _UNSURE * bins)
    start = found.centre
    if mass is not None:
        agree = abs(mass - found.centre) <= 2 * near
        doubt = "" if agree else "the centre of mass and the first and last view disagree"
        start = found.centre if agree else mass
        found = Axis(start, doubt, (start,) if agree else (start, *found.candidates))
    fine = _wedge_energy(half[:: max(1, len(half) // _FINE_VIEWS)])
    close = refined(fine, start, near, 1.0)
    best = float(np.clip(refined(fine, round(2 * close) / 2, 1.0, 0.5), 0, bins - 1))
    others = tuple(c for c in found.candidates[1:] if abs(c - best) > near)
    doubt = found.doubt if others or found.doubt != SEVERAL else ""
    if abs(best - start) > near - 0.5:
        doubt, others = doubt or "two ways to find it disagree", (start, *others)
    return Axis(best, doubt, (best, *others))


def _searched(
    data: Array, angles: NDArray[np.float64], pitch: float = 1.0, source_detector: float = np.inf
) -> Axis:
    """Axis from opposite rays, coarse, then fine: on a full turn anywhere on the detector."""
    bins, fan = data.shape[1], np.isfinite(source_detector)
    factor = max(1, bins // _COARSE_BINS)
    few = data[:: max(1, len(data) // _COARSE_VIEWS)]
    some = angles[:: max(1, len(data) // _COARSE_VIEWS)]
    coarse = disagreement(average(few, factor, 1), some, pitch * factor, source_detector)
    share = 1.0 if is_full_turn(angles) else _SEARCHED_ARC
    found = judged(coarse, bins // factor, share, step=1.0 if fan else 0.5)
    if found.doubt == FLAT:
        middle = (bins - 1) / 2
        return replace(found, centre=middle, candidates=(middle,))
    fine = disagreement(data, angles, pitch, source_detector)

    def closer(centre: float) -> float:
        start = centre * factor + (factor - 1) / 2
        if factor > 1 or fan:
            start = round(2 * refined(fine, round(2 * start) / 2, factor, 1.0)) / 2
        return float(np.clip(refined(fine, start, 1.0, 0.5), 0, bins - 1))

    candidates = tuple(closer(c) for c in found.candidates)
    return replace(found, centre=candidates[0], candidates=candidates)


def _half_turn(sinogram: Array, angles: NDArray[np.float64]) -> tuple[Array, NDArray[np.float64]]:
    """Views over half a turn; raises InputError if there are fewer."""
    step = float(np.median(np.diff(angles))) if len(angles) > 1 else 0.0
    covered = float(np.ptp(angles)) + step
    within = angles - angles[0] < np.pi - 0.25 * step
    if within.sum() < 8 or covered < np.pi - max(step, 0.01):
        raise InputError(
            f"The views go from {np.rad2deg(angles[0]):.4g} to {np.rad2deg(angles[-1]):.4g} "
            "degrees; 180 are needed to find the rotation axis, so give its bin."
        )
    return sinogram[within], angles[within]


def _mirrored(half: Array) -> Axis:
    """Axis at which the last views mirror the first ones."""
    views, bins = half.shape
    count = max(1, round(_MIRROR_ARC * views / np.pi))
    pair = np.stack([half[:count].mean(axis=0), half[-count:].mean(axis=0)])
    return judged(disagreement(pair, np.array([0, np.pi])), bins, _SEARCHED)


def _centre_of_mass(half: Array, angles: NDArray[np.float64]) -> float | None:
    """Axis about which the centre of mass turns; None unless every view sees the whole object."""
    bins = half.shape[1]
    total = half.sum(axis=1, dtype=np.float64)
    edge = max(1, bins // 50)
    outer = np.concatenate([half[:, :edge], half[:, -edge:]], axis=1).mean(axis=1)
    whole = float(np.median(total))
    if whole <= 0 or np.abs(outer).max() > _AIR * float(np.percentile(half, 99.5)):
        return None
    if np.abs(total - whole).max() > _SUM * whole:
        return None
    place = half @ np.arange(bins, dtype=np.float64) / total
    model = np.stack([np.ones_like(angles), np.cos(angles), np.sin(angles)], axis=1)
    solution, *_ = np.linalg.lstsq(model, place, rcond=None)
    return float(solution[0])


def _wedge_energy(half: Array) -> Score:
    """Mean power outside the double wedge as a function of the centre."""
    views, bins = half.shape
    # Whole and half bins are then interpolated alike.
    half = gaussian_filter1d(half, _BLUR, axis=1, mode="nearest")
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


def find_fan_centre(
    sinogram: NDArray[np.floating],
    angles: NDArray[np.float64],
    pitch: float,
    source_detector: float,
) -> Axis:
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
    Axis
        The bin, counted from 0, with its doubts.

    Raises
    ------
    InputError
        If too few rays are measured twice.
    """
    data, ordered = _in_order(np.asarray(sinogram, dtype=np.float32), angles)
    return _searched(data, ordered, pitch, source_detector)


def _in_order(data: Array, angles: NDArray[np.float64]) -> tuple[Array, NDArray[np.float64]]:
    """Views in order of their angle; those of a full turn or several within one turn."""
    if data.shape[1] < _LEAST_BINS:
        raise InputError(
            f"{data.shape[1]} detector bins are too few to find the rotation axis, so give its bin."
        )
    if is_full_turn(angles):
        angles = np.mod(angles - angles.min() + 1e-9, 2 * np.pi)
    order = np.argsort(angles, kind="stable")
    return data[order], angles[order]
