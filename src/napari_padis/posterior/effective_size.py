"""How many independent draws several chains of correlated draws are worth.

After Vehtari, Gelman, Simpson, Carpenter and Bürkner, "Rank-normalization, folding, and
localization: an improved R-hat for assessing convergence of MCMC", Bayesian Analysis 16:667,
2021. All functions take draws of shape (chains, draws, ...) and look at each remaining index
(voxel, region) by itself.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from napari_padis.errors import InputError
from napari_padis.posterior.drawing import FEWEST

Array = NDArray[np.float64]


def effective_size(draws: NDArray[Any]) -> Array:
    """Effective number of independent draws for the mean, over all chains.

    Parameters
    ----------
    draws : ndarray, shape (M, N, ...)

    Returns
    -------
    ndarray, shape (...)
        nan where nothing varies.

    Raises
    ------
    InputError
        If there are fewer than :data:`~napari_padis.posterior.drawing.FEWEST` draws per chain.

    Notes
    -----
    Equations 10 to 13: every chain is split in halves, the autocorrelations of all halves are
    combined, and their sum is cut off by Geyer's initial monotone sequence (Statistical
    Science 7:473, 1992).
    """
    halves = _halves(draws)
    return _effective(halves)


def bulk_effective_size(draws: NDArray[Any]) -> Array:
    """:func:`effective_size` of the rank-normalised draws, also valid for heavy tails."""
    return _effective(_rank_normalised(_halves(draws)))


def r_hat(draws: NDArray[Any]) -> Array:
    """Rank-normalised, folded split R-hat (equation 14); 1 for chains that agree.

    Values above 1.01 say that the chains have not mixed.

    Raises
    ------
    InputError
        If there are fewer than :data:`~napari_padis.posterior.drawing.FEWEST` draws per chain.
    """
    halves = _halves(draws)
    folded = np.abs(halves - np.median(halves, axis=(0, 1)))
    # Chains that stand still at two values are as far apart as can be, but alike when folded.
    return np.fmax(_split_r_hat(_rank_normalised(halves)), _split_r_hat(_rank_normalised(folded)))


def thinning(draws: NDArray[Any]) -> int:
    """Every how many draws of a chain to keep, so that those kept are nearly independent.

    The integrated autocorrelation time ``M N / ESS``, rounded up, of the slowest quantity.

    Parameters
    ----------
    draws : ndarray, shape (M, N, ...)
        Best of a few quantities that matter, such as means of regions.
    """
    total = draws.shape[0] * draws.shape[1]
    sizes = effective_size(draws)
    known = sizes[np.isfinite(sizes)]
    if not known.size:
        return 1
    stride = math.ceil(total / float(known.min()) - 1e-6)
    return min(max(stride, 1), draws.shape[1])


def kept_draws(count: int, stride: int) -> range:
    """Numbers of the draws of a chain that are kept, every ``stride``-th and the last."""
    return range((count - 1) % stride, count, stride)


def _halves(draws: NDArray[Any]) -> Array:
    """First and second half of every chain, the middle draw of an odd number left out."""
    draws = np.asarray(draws, np.float64)
    if draws.ndim < 2 or draws.shape[1] < FEWEST:
        raise InputError(
            f"The correlation of draws can be judged from {FEWEST} draws per chain on; "
            f"there are {draws.shape[1] if draws.ndim > 1 else 1}."
        )
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, -half:]])


def _variances(halves: Array) -> tuple[Array, Array]:
    """Variance within chains, and the estimate of the whole variance (equations 2 to 4)."""
    count = halves.shape[1]
    within = halves.var(1, ddof=1).mean(0)
    whole = within * (count - 1) / count + halves.mean(1).var(0, ddof=1)
    return within, whole


def _split_r_hat(halves: Array) -> Array:
    within, whole = _variances(halves)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(whole / within)


def _effective(halves: Array) -> Array:
    chains, count = halves.shape[:2]
    within, whole = _variances(halves)
    covariance = _autocovariance(halves).mean(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = 1 - (within - covariance) / whole
    rho[0] = 1
    # Sums of neighbours are positive and fall for a reversible chain; noise breaks that.
    pairs = rho[: count - count % 2].reshape(-1, 2, *rho.shape[1:]).sum(1)[: (count - 2) // 2]
    positive = np.cumprod(pairs > 0, axis=0).astype(bool)
    falling = np.minimum.accumulate(pairs, axis=0)
    time = -1 + 2 * np.where(positive, falling, 0).sum(0)
    # The even lag after the cut still counts once if it is positive, as in Stan.
    kept = positive.sum(0)
    after = np.take_along_axis(rho, 2 * kept[None], 0)[0]
    time = time + np.maximum(after, 0)
    # No more than chains that happen to be anticorrelated could be worth (section 4.1 there).
    total = chains * count
    time = np.maximum(time, 1 / math.log10(total))
    return np.where(np.isfinite(whole) & (whole > 0), total / time, np.nan)


def _autocovariance(halves: Array) -> Array:
    """Biased autocovariances (lag along axis 1) by the Fourier transform."""
    count = halves.shape[1]
    centred = halves - halves.mean(1, keepdims=True)
    spectrum = np.fft.rfft(centred, 2 * count, axis=1)
    return np.fft.irfft(np.abs(spectrum) ** 2, 2 * count, axis=1)[:, :count] / count


def _rank_normalised(halves: Array) -> Array:
    """Normal scores of the ranks over all chains (equation 15; Blom 1958)."""
    flat = halves.reshape(-1, *halves.shape[2:])
    ranks = rankdata(flat, method="average", axis=0)
    scores: Array = ndtri((ranks - 3 / 8) / (len(flat) + 1 / 4))
    return scores.reshape(halves.shape)
