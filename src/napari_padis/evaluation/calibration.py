"""Whether the spread of posterior samples is the error that is made: one image at a time.

Follows the checks that are usual for posterior samplers: coverage of intervals, error against
predicted spread, rank statistics (Talts et al., "Validating Bayesian inference algorithms with
simulation-based calibration", arXiv 1804.06788) and the continuous ranked probability score.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, rankdata
from scipy.stats import t as student

from napari_padis.errors import InputError

Array = NDArray[np.floating[Any]]

#: Nominal levels of the coverage curve.
LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def interval_factor(level: float, samples: int) -> float:
    """Half width of an interval for a new draw, in standard deviations of the samples.

    ``t_(n-1)((1 + level) / 2) sqrt(1 + 1 / n)``: exact for normal samples whose mean and
    standard deviation are estimated from ``n`` of them.

    Raises
    ------
    InputError
        If there is only one sample.
    """
    _enough(samples)
    return float(student.ppf((1 + level) / 2, samples - 1)) * math.sqrt(1 + 1 / samples)


def hits(
    error: Array, sd: Array, samples: int, levels: tuple[float, ...] = LEVELS
) -> NDArray[np.int64]:
    """How many voxels lie within their interval, for each level.

    Parameters
    ----------
    error : ndarray
        Truth minus mean of the samples.
    sd : ndarray
        Standard deviation over the samples (unbiased variance), same shape.
    samples : int
    levels : tuple of float

    Returns
    -------
    ndarray, shape (len(levels),)
    """
    distance = np.abs(error)
    return np.array(
        [int((distance <= interval_factor(p, samples) * sd).sum()) for p in levels], np.int64
    )


def coverage(
    error: Array, sd: Array, samples: int, levels: tuple[float, ...] = LEVELS
) -> NDArray[np.float64]:
    """Share of voxels within their interval, for each level; see :func:`hits`."""
    return hits(error, sd, samples, levels) / np.size(error)


def expected_coverage(
    ratio: float, samples: int, levels: tuple[float, ...] = LEVELS
) -> NDArray[np.float64]:
    """Coverage of normal samples whose spread is ``ratio`` times the right one.

    The mean of the samples is that of the truth; it scatters with the samples' own spread.
    """
    scale = ratio * math.sqrt((1 + 1 / samples) / (1 + ratio**2 / samples))
    tails = [
        student.cdf(scale * student.ppf((1 + p) / 2, samples - 1), samples - 1) for p in levels
    ]
    return 2 * np.array(tails) - 1


def spearman(error: Array, sd: Array) -> float:
    """Rank correlation of the absolute error with the standard deviation; nan if one is flat."""
    a, b = rankdata(np.abs(error).ravel()), rankdata(np.ravel(sd))
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


def crps(samples: Array, truth: Array) -> NDArray[np.float64]:
    """Continuous ranked probability score ``E|X - x| - E|X - X'| / 2`` of each voxel.

    The fair estimate, which does not depend on the number of samples (Ferro, Q. J. R. Meteorol.
    Soc. 140:1917, 2014). In the unit of the samples; less is better.

    Parameters
    ----------
    samples : ndarray, shape (N, ...)
    truth : ndarray, shape (...)
    """
    count = len(samples)
    _enough(count)
    ordered = np.sort(np.asarray(samples, np.float64), axis=0)
    # sum_ij |x_i - x_j| / 2 = sum_i (2 i - n + 1) x_(i) for ordered samples.
    weights = (2 * np.arange(count) - count + 1).reshape(-1, *[1] * (ordered.ndim - 1))
    spread = (weights * ordered).sum(0) / (count * (count - 1))
    found: NDArray[np.float64] = np.abs(ordered - truth).mean(0) - spread
    return found


def ranks(samples: Array, truth: Array) -> NDArray[np.int64]:
    """Rank of the truth among the samples, 0 to N, uniform if they are of one distribution.

    Parameters
    ----------
    samples : ndarray, shape (N, quantities)
        Means of regions, for instance.
    truth : ndarray, shape (quantities,)
    """
    below: NDArray[np.int64] = (np.asarray(samples) < truth).sum(0)
    return below


def rank_histogram(ranks: NDArray[np.int64], samples: int, bins: int = 0) -> NDArray[np.int64]:
    """Ranks counted in bins of as many ranks each.

    Parameters
    ----------
    ranks : ndarray
        In 0..samples.
    samples : int
    bins : int
        A divisor of ``samples + 1``. When 0, the largest from five to ten; where there is none,
        as for 16 samples, each rank has its own bin.
    """
    values = samples + 1
    if not bins:
        bins = max((b for b in range(5, 11) if values % b == 0), default=values)
    if values % bins:
        raise InputError(f"{values} ranks do not fall into {bins} like bins: choose a divisor.")
    return np.bincount(np.asarray(ranks) // (values // bins), minlength=bins)


def uniformity(histogram: NDArray[np.int64]) -> float:
    """p-value of the hypothesis that a histogram of independent ranks is flat (chi squared).

    Neighbouring regions of one image are not independent: then it is a rough guide only.
    """
    total, bins = int(histogram.sum()), len(histogram)
    if total == 0 or bins < 2:
        return math.nan
    even = total / bins
    return float(chi2.sf(((histogram - even) ** 2 / even).sum(), bins - 1))


def _enough(samples: int) -> None:
    if samples < 2:
        raise InputError("One sample has no spread: calibration needs two at least.")
