"""What a running reconstruction tells the world: small frozen records.

All arrays are (S, A, R)+ float32 snapshots in the measurement's intensity unit;
they are never written again after they were sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_padis.engine.stored import StoredSamples

Array = NDArray[np.float32]


@dataclass(frozen=True)
class PatchLayout:
    """Lines between the tiles of a run, along (rows, columns).

    At shift 0 the first one lies ``pad`` pixels before the image (behind its edge if negative);
    ``tiles`` more follow at a distance of ``patch`` each, and all of them move with the shift.
    """

    patch: tuple[int, int]
    tiles: tuple[int, int]
    pad: tuple[int, int]


@dataclass(frozen=True)
class Started:
    """Sent once, before the first network evaluation.

    Attributes
    ----------
    shape : tuple of int
        Volume shape (S, A, R).
    spacing : tuple of float
        Voxel spacing (S, A, R) in mm.
    unit : str
        Intensity unit of all arrays of this run.
    initial : Array
        Pseudo-inverse reconstruction (FBP), for display and for contrast limits.
    limits : tuple of float
        Contrast limits taken from ``initial``.
    levels : int
        Noise levels the method will visit, or its iterations (0 for direct methods).
    evaluations : int
        Network evaluations of one slice and one chain, in all.
    memory : int
        Estimated peak memory in bytes.
    layout : PatchLayout or None
    device : str
    sigma_y : float
        Noise standard deviation of the data used in the data step.
    projector : str
        How the forward model is computed, and why.
    draws : int
        Of each chain.
    method : str
        The method in a few words; of a direct one, what it makes, such as 'FBP'.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    unit: str
    initial: Array
    limits: tuple[float, float]
    levels: int
    evaluations: int
    memory: int
    layout: PatchLayout | None
    device: str
    sigma_y: float
    projector: str = ""
    draws: int = 1
    method: str = ""


@dataclass(frozen=True)
class Progress:
    """Sent often (at least once a second): nothing but numbers.

    ``residual`` is the RMS of ``A x - y`` divided by ``sigma_y``, of the sample that is shown and
    of all once a group of chains has ended (nan before the first level); ``remaining`` in seconds
    (nan while unknown). ``fraction`` and the times are those of the whole run, ``level`` and
    ``evaluations`` those of the chains that run together now.
    """

    fraction: float
    elapsed: float
    remaining: float
    level: int
    levels: int
    evaluations: int
    sigma: float
    residual: float


@dataclass(frozen=True)
class Iterate:
    """Current denoised estimate of the first sample under way, and the grid that made it."""

    array: Array
    sigma: float
    level: int
    shift: tuple[int, int] | None


@dataclass(frozen=True)
class Statistics:
    """Mean, standard deviation (unit) and variance (unit squared) over samples.

    Those under way count as they are now. Of fewer than two there is no spread: ``std`` and
    ``variance`` are None.
    """

    mean: Array
    std: Array | None
    variance: Array | None
    samples: int


@dataclass(frozen=True)
class Notice:
    """Something the user should know, in one sentence."""

    message: str


@dataclass(frozen=True)
class Result:
    """What is kept: statistics, samples (N, S, A, R), recipe and report as plain dicts.

    ``title`` says what ``mean`` is: 'posterior mean' of two samples or more, 'posterior sample'
    of one, else the image that the method made ('FBP', 'Total variation') or what a stop left
    ('iterate (stopped)'). ``samples`` holds finished samples of the posterior and nothing
    else, so that it may be empty; of fewer than two, ``std`` and ``variance`` are None.

    Samples that are in a store are read when they are indexed. ``quantiles`` holds volumes
    named ``q05``, ``q50`` and ``q95``, or nothing where there are too few samples for them.
    ``space`` is the frame of coordinates in which ``affine`` stands.
    """

    mean: Array
    std: Array | None
    variance: Array | None
    samples: Array | StoredSamples
    spacing: tuple[float, float, float]
    affine: NDArray[np.float64]
    unit: str
    recipe: dict[str, Any]
    report: dict[str, Any]
    complete: bool
    quantiles: dict[str, Array] = field(default_factory=dict)
    space: str = "unknown"
    title: str = "reconstruction"

    @property
    def about(self) -> dict[str, str]:
        """What ``mean``, ``std`` and ``variance`` are of and are worth, in words, where known."""
        report = self.report
        found = {"mean": str(report.get("mean") or "")}
        if self.std is not None:
            words = [report.get("spread"), report.get("recalibrated") and report["recalibration"]]
            found["std"] = found["variance"] = "; ".join(str(word) for word in words if word)
        return {name: text for name, text in found.items() if text}


@dataclass(frozen=True)
class Finished:
    """Last event of every run; ``result.complete`` is False after a stop."""

    result: Result


Event = Started | Progress | Iterate | Statistics | Notice | Finished
