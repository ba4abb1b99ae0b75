"""Pixels that do not work, and rays hit by stray photons."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, median_filter

from napari_padis.errors import InputError

#: An outlier differs from its neighbours by that many standard deviations of the noise ...
DEVIATIONS = 8.0
#: ... and by this share of the range of the values.
SHARE = 0.05
#: ... and stands out more than anything near it in the next views, by this factor: thin
#: details differ that much by where they fall between two bins.
TIMES = 2.5
#: Standard deviation over median absolute deviation of a normal distribution.
MAD = 1.4826
#: Bins a detail may move from view to view for outliers to be told from details.
MOST_MOTION = 32
#: A larger share of defects means that something else is wrong with the data.
MOST_DEFECTS = 0.2
#: A bin that sees less than this share of the usual beam is dead.
_DEAD = 0.02


def dead_bins(flat: NDArray[Any] | None, sinogram: NDArray[Any]) -> NDArray[np.bool_]:
    """Bins that see no beam, tell no number in any view, or always tell the same.

    Parameters
    ----------
    flat : ndarray, shape (bins,), optional
        Flat minus dark field.
    sinogram : ndarray, shape (views, bins)
        As measured.
    """
    finite = np.isfinite(sinogram)
    dead = ~finite.any(axis=0)
    if flat is not None:
        usual = np.median(flat[flat > 0]) if (flat > 0).any() else 0.0
        dead |= ~(flat > _DEAD * usual)
    if len(sinogram) > 2:
        stuck = np.ptp(np.where(finite, sinogram, 0), axis=0) == 0
        # Where most bins are constant the scan is merely empty.
        if stuck.mean() < MOST_DEFECTS:
            dead |= stuck
    return dead


def bridge(sinogram: NDArray[np.float32], bad: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Sinogram whose bad bins are interpolated between their working neighbours.

    Parameters
    ----------
    sinogram : ndarray, shape (views, bins)
    bad : ndarray of bool, shape (bins,)

    Raises
    ------
    InputError
        If too many bins are bad.
    """
    if not bad.any():
        return sinogram
    if bad.mean() > MOST_DEFECTS:
        raise InputError(
            f"{bad.mean():.0%} of the detector bins are dead or see no beam; check the flat and "
            "dark fields."
        )
    good = np.flatnonzero(~bad)
    where = np.flatnonzero(bad)
    right = np.clip(np.searchsorted(good, where), 0, len(good) - 1)
    left = np.clip(right - (good[right] > where), 0, None)
    gap = np.maximum(good[right] - good[left], 1)
    weight = np.clip((where - good[left]) / gap, 0, 1).astype(np.float32)
    repaired = sinogram.copy()
    repaired[:, where] = (1 - weight) * sinogram[:, good[left]] + weight * sinogram[:, good[right]]
    return repaired


def fill(sinogram: NDArray[np.float32], name: str) -> tuple[NDArray[np.float32], int]:
    """Replace values that are not finite by interpolation along the bins of their view.

    Returns
    -------
    sinogram : ndarray, shape (views, bins)
    count : int
        How many were replaced.

    Raises
    ------
    InputError
        If there are too many of them.
    """
    bad = ~np.isfinite(sinogram)
    count = int(bad.sum())
    if count == 0:
        return sinogram, 0
    if bad.mean() > MOST_DEFECTS or bad.all(axis=1).any():
        raise InputError(
            f"{bad.mean():.0%} of the values of '{name}' are not finite; export it again or leave "
            "out the damaged rows and views."
        )
    filled = sinogram.copy()
    bins = np.arange(sinogram.shape[1])
    for view in np.flatnonzero(bad.any(axis=1)):
        holes = bad[view]
        filled[view, holes] = np.interp(bins[holes], bins[~holes], sinogram[view, ~holes])
    return filled, count


def motion(angles: NDArray[np.float64], bins: int) -> int:
    """Most bins that a detail at the edge of the image moves from one view to the next."""
    if len(angles) < 2:
        return bins
    return math.ceil(float(np.abs(np.diff(angles)).max()) * bins / 2)


def remove_outliers(sinogram: NDArray[np.float32], reach: int) -> tuple[NDArray[np.float32], int]:
    """Replace single rays that fit neither the views before and after nor their neighbours.

    A stray photon is seen in one view only, whereas every detail of the object turns up in
    the next view at most ``reach`` bins away. Rays that stand out from the median of their
    own view much more than anything does there are replaced by that median.

    Parameters
    ----------
    sinogram : ndarray, shape (views, bins)
        Transmission or line integrals.
    reach : int
        See :func:`motion`.

    Returns
    -------
    sinogram : ndarray, shape (views, bins)
    count : int
        How many rays were replaced.
    """
    if len(sinogram) < 3:
        return sinogram, 0
    middle = median_filter(sinogram, size=(1, 5))
    apart = np.abs(sinogram - middle)
    near = maximum_filter1d(apart, 2 * reach + 3, axis=1)
    before = np.concatenate([near[1:2], near[:-1]])
    after = np.concatenate([near[1:], near[-2:-1]])
    spread = DEVIATIONS * MAD * float(np.median(apart))
    low, high = np.percentile(sinogram, (1, 99))
    limit = max(spread, SHARE * float(high - low))
    bad = (apart > np.maximum(limit, TIMES * np.maximum(before, after))) & (limit > 0)
    return np.where(bad, middle, sinogram), int(bad.sum())
