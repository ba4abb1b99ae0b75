"""What the samples say of whole regions: their means, and how surely these exceed a value."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from napari_padis.errors import InputError
from napari_padis.posterior.quantiles import Samples

#: Level of the interval of a probability.
LEVEL = 0.9


@dataclass(frozen=True)
class Exceedance:
    """Probability that a region's mean exceeds a threshold, counted over samples.

    Attributes
    ----------
    region : int
        Label of the region.
    voxels : int
    mean, std : float
        Of the region's mean over the samples, in the samples' unit.
    threshold : float
    probability : float
        Share of the samples whose mean is larger.
    error : float
        Monte-Carlo standard error of that share, for the share ``(k + 1/2) / (n + 1)`` so that
        it does not vanish where all samples agree.
    low, high : float
        Interval that holds the probability with 90 % (Jeffreys' prior; Brown, Cai and
        DasGupta, Statistical Science 16:101, 2001).
    samples : float
        Independent samples that were counted.
    """

    region: int
    voxels: int
    mean: float
    std: float
    threshold: float
    probability: float
    error: float
    low: float
    high: float
    samples: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def region_means(samples: Samples, regions: NDArray[Any]) -> tuple[list[int], NDArray[np.float64]]:
    """Mean of every region in every sample.

    Parameters
    ----------
    samples : array or array on disk, shape (N, S, A, R)
        Read sample by sample.
    regions : ndarray, shape (S, A, R)
        A boolean mask (one region, labelled 1) or labels, of which 0 is no region.

    Returns
    -------
    labels : list of int
    means : ndarray, shape (N, regions)

    Raises
    ------
    InputError
        If the shapes differ, the labels are no whole numbers, or there is no region.
    """
    if tuple(regions.shape) != tuple(samples.shape[1:]):
        raise InputError(
            f"The regions have shape {tuple(regions.shape)}, the samples "
            f"{tuple(samples.shape[1:])}: give regions on the grid of the reconstruction."
        )
    whole = np.asarray(regions)
    if whole.dtype != bool and (not np.isfinite(whole).all() or (whole != np.rint(whole)).any()):
        raise InputError("Regions are a mask or labels: give whole numbers, with 0 outside.")
    labels, index = np.unique(whole.astype(np.int64), return_inverse=True)
    keep = labels != 0
    if not keep.any():
        raise InputError("There is no region: all labels are 0.")
    index = index.ravel()
    sizes = np.bincount(index)
    means = np.empty((samples.shape[0], len(labels)))
    for n in range(samples.shape[0]):
        values = np.asarray(samples[n], np.float64).ravel()
        means[n] = np.bincount(index, values) / sizes
    return [int(v) for v in labels[keep]], means[:, keep]


def exceedance(
    samples: Samples,
    regions: NDArray[Any],
    threshold: float,
    independent: bool = True,
    effective: float | None = None,
) -> list[Exceedance]:
    """Probability that each region's mean exceeds a threshold.

    Parameters
    ----------
    samples, regions
        See :func:`region_means`.
    threshold : float
        In the samples' unit.
    independent : bool
        False for samples whose noises were coupled: nothing can be counted over them.
    effective : float, optional
        Independent samples they are worth, if they are draws of correlated chains
        (:mod:`napari_padis.posterior.effective_size`).

    Raises
    ------
    InputError
        If the samples are not independent, or the regions do not fit.
    """
    if not independent:
        raise InputError(
            "The samples are coupled, so that their noises cancel in the mean: probabilities "
            "cannot be counted over them; use a method with independent samples, such as "
            "'padis-calibrated'."
        )
    labels, means = region_means(samples, regions)
    return [
        _exceedance(label, int((np.asarray(regions) == label).sum()), values, threshold, effective)
        for label, values in zip(labels, means.T, strict=True)
    ]


def _exceedance(
    label: int,
    voxels: int,
    values: NDArray[np.float64],
    threshold: float,
    effective: float | None,
) -> Exceedance:
    share = float((values > threshold).mean())
    count = float(min(effective or len(values), len(values)))
    over, under = share * count + 0.5, (1 - share) * count + 0.5
    smooth = over / (count + 1)
    tail = (1 - LEVEL) / 2
    return Exceedance(
        region=label,
        voxels=voxels,
        mean=float(values.mean()),
        std=float(values.std(ddof=1)) if len(values) > 1 else math.nan,
        threshold=float(threshold),
        probability=share,
        error=math.sqrt(smooth * (1 - smooth) / count),
        low=0.0 if share == 0 else float(beta.ppf(tail, over, under)),
        high=1.0 if share == 1 else float(beta.ppf(1 - tail, over, under)),
        samples=count,
    )
