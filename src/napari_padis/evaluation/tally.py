"""Calibration of one image in numbers that may be added up over images."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.evaluation import calibration
from napari_padis.evaluation.anatomy import TISSUES, body_mask, squares, tissue
from napari_padis.posterior.regions import region_means

#: Edges of the fine bins of predicted standard deviation in HU; below and above lie two more.
EDGES = np.geomspace(0.05, 2000.0, 241)

#: Side of the regions whose means are ranked, in voxels.
SIDE = 16

#: Level of the coverage by class of tissue and by slice.
LEVEL = 0.9

#: The mask over which everything but the classes is counted.
BODY = "body"


@dataclass(frozen=True)
class SpreadBin:
    """Voxels of like predicted standard deviation.

    ``predicted`` is what the error's RMS ought to be: the RMS of the standard deviation, with
    the scatter of the mean of the samples; both in HU.
    """

    voxels: int
    predicted: float
    error: float

    @property
    def ratio(self) -> float:
        """Error relative to what was predicted."""
        return self.error / self.predicted if self.predicted > 0 else math.nan


@dataclass(frozen=True)
class Tally:
    """Counts and sums of one image, or of several.

    Attributes
    ----------
    samples : int
        Samples of each image.
    images : int
    voxels, hits : dict
        Voxels of the body and of each class of tissue in it, and how many of them lie in their
        intervals, per level of :data:`~napari_padis.evaluation.calibration.LEVELS`.
    fine : ndarray, shape (3, bins)
        Per fine bin of predicted standard deviation the voxels of the body, the sum of their
        squared errors, and that of their predicted variances (HU squared).
    ranks : ndarray, shape (samples + 1,)
        How often the truth of a region's mean had each rank among the samples.
    spearman, crps : tuple of float
        One value per image, see :mod:`napari_padis.evaluation.calibration`; CRPS in HU.
    """

    samples: int
    images: int
    voxels: Mapping[str, int]
    hits: Mapping[str, NDArray[np.int64]]
    fine: NDArray[np.float64]
    ranks: NDArray[np.int64]
    spearman: tuple[float, ...]
    crps: tuple[float, ...]

    def coverage(self, name: str = BODY) -> NDArray[np.float64]:
        """Share of voxels within their intervals, per level; nan where there are none."""
        count = self.voxels.get(name, 0)
        return self.hits[name] / count if count else np.full(len(calibration.LEVELS), math.nan)

    def bins(self, count: int = 10) -> list[SpreadBin]:
        """Voxels ordered by predicted standard deviation, in bins of about like numbers."""
        number, squares_, variances = self.fine
        # A bin ends where its share of the voxels is full: fine bins are not divided.
        ends = np.searchsorted(np.cumsum(number), number.sum() * np.arange(1, count + 1) / count)
        result, start = [], 0
        for end in ends + 1:
            part = slice(start, int(end))
            n = float(number[part].sum())
            start = max(start, int(end))
            if n:
                predicted = float(variances[part].sum()) / n * (1 + 1 / self.samples)
                error = float(squares_[part].sum()) / n
                result.append(SpreadBin(int(n), math.sqrt(predicted), math.sqrt(error)))
        return result

    def rank_histogram(self) -> NDArray[np.int64]:
        """Regions per bin of ranks, see :func:`~.calibration.rank_histogram`."""
        every = np.repeat(np.arange(len(self.ranks)), self.ranks)
        return calibration.rank_histogram(every, self.samples)

    def to_dict(self) -> dict[str, Any]:
        """JSON's own types."""
        return {
            "samples": self.samples,
            "images": self.images,
            "voxels": dict(self.voxels),
            "hits": {name: h.tolist() for name, h in self.hits.items()},
            "fine": self.fine.tolist(),
            "ranks": self.ranks.tolist(),
            "spearman": [_or_none(v) for v in self.spearman],
            "crps": [_or_none(v) for v in self.crps],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Tally:
        """The tally that :meth:`to_dict` wrote."""
        return cls(
            samples=int(values["samples"]),
            images=int(values["images"]),
            voxels={str(k): int(v) for k, v in values["voxels"].items()},
            hits={str(k): np.asarray(v, np.int64) for k, v in values["hits"].items()},
            fine=np.asarray(values["fine"], np.float64),
            ranks=np.asarray(values["ranks"], np.int64),
            spearman=tuple(math.nan if v is None else v for v in values["spearman"]),
            crps=tuple(math.nan if v is None else v for v in values["crps"]),
        )


def take(
    samples: NDArray[Any], truth: NDArray[Any], mask: NDArray[np.bool_] | None = None
) -> Tally:
    """Compare samples with the truth of one slice.

    Parameters
    ----------
    samples : ndarray, shape (N, rows, columns)
        In HU.
    truth : ndarray, shape (rows, columns)
    mask : ndarray of bool, optional
        The body; found in the truth when missing.

    Notes
    -----
    A voxel is put into a bin by the standard deviation of one half of the samples, and what
    was predicted for it is that of the other half: voxels whose standard deviation comes out
    small by chance would otherwise gather in the first bin and make it look too small.

    Raises
    ------
    InputError
        If there are fewer than four samples, or no body.
    """
    if len(samples) < 4:
        raise InputError("Calibration is judged from four samples on.")
    body = body_mask(truth) if mask is None else mask
    if not body.any():
        raise InputError("There is no body in the slice: choose other slices.")
    values, exact = np.asarray(samples, np.float64)[:, body], np.asarray(truth, np.float64)[body]
    error, sd = exact - values.mean(0), values.std(0, ddof=1)
    classes = {BODY: np.ones(len(exact), bool)} | {name: tissue(exact, name) for name in TISSUES}
    regions = squares(body, SIDE)
    ranks = np.zeros(len(samples) + 1, np.int64)
    if regions.any():
        _, means = region_means(np.asarray(samples)[:, None], regions[None])
        _, expected = region_means(np.asarray(truth)[None, None], regions[None])
        ranks = np.bincount(calibration.ranks(means, expected[0]), minlength=len(ranks))
    return Tally(
        samples=len(samples),
        images=1,
        voxels={name: int(c.sum()) for name, c in classes.items()},
        hits={n: calibration.hits(error[c], sd[c], len(samples)) for n, c in classes.items()},
        fine=_fine(values, error),
        ranks=ranks,
        spearman=(calibration.spearman(error, sd),),
        crps=(float(calibration.crps(values, exact).mean()),),
    )


def together(tallies: Iterable[Tally]) -> Tally:
    """All images as one.

    Raises
    ------
    InputError
        If there are none, or their numbers of samples differ.
    """
    every = list(tallies)
    if not every or len({t.samples for t in every}) != 1:
        raise InputError("Images are put together that have the same number of samples.")
    return Tally(
        samples=every[0].samples,
        images=sum(t.images for t in every),
        voxels={name: sum(t.voxels[name] for t in every) for name in every[0].voxels},
        hits={name: np.sum([t.hits[name] for t in every], axis=0) for name in every[0].hits},
        fine=np.sum([t.fine for t in every], axis=0),
        ranks=np.sum([t.ranks for t in every], axis=0),
        spearman=tuple(v for t in every for v in t.spearman),
        crps=tuple(v for t in every for v in t.crps),
    )


def _fine(values: NDArray[np.float64], error: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums per fine bin; both halves of the samples take both parts in turn."""
    sums = np.zeros((3, len(EDGES) + 1))
    halves = values[::2], values[1::2]
    for chosen, judged in (halves, halves[::-1]):
        index = np.digitize(chosen.std(0, ddof=1), EDGES)
        variance = judged.var(0, ddof=1)
        for row, weights in zip(sums, (np.ones_like(error), error**2, variance), strict=True):
            row += np.bincount(index, weights, len(row)) / 2
    return sums


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
