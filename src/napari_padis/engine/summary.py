"""What is said once: at the start of a run, and at its end over all samples."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_padis.engine.draws import Chosen
from napari_padis.engine.events import Array, PatchLayout, Result, Started, Statistics
from napari_padis.engine.kept import Samples, restore
from napari_padis.engine.plan import Plan
from napari_padis.engine.recalibration import recalibrated
from napari_padis.engine.stored import StoredSamples
from napari_padis.posterior.null_space import null_share
from napari_padis.posterior.quantiles import ENOUGH, LEVELS, covered, quantiles

#: Samples whose null space is looked at: each has many voxels.
NULL_SAMPLES = 4
#: Share of the run's time that the null space may take, and seconds it may always take.
NULL_TIME, NULL_SECONDS = 0.05, 1.0

CALIBRATED = "meant as uncertainty, conditional on the prior"
UNCALIBRATED = "not calibrated: no measure of uncertainty"
COUPLED = (
    "not calibrated: the samples' noises cancel in their mean, so that they are not independent"
)
#: Chains that begin at one image remember it where blur hides much and noise the rest.
NARROW = "not calibrated for blurred or coarse images: too narrow there, as the chains begin as one"
BLURRED = ("blur", "downsample")
ESTIMATED = "average of the denoised estimates of {n} chains on their way, not of the samples"
MEAN_OF_SAMPLES = "average of {n} samples"
SINGLE = "none: one sample only"
UNSAMPLED = "none: the method makes one image and no samples"
UNFINISHED = "none: stopped before a sample was finished"

MEAN, SAMPLE = "posterior mean", "posterior sample"
STOPPED, STOPPED_MEAN = "iterate (stopped)", "mean of iterates (stopped)"
#: What the direct reconstruction of some data is called.
DIRECT = {"parallel": "FBP", "fan": "FBP", "cone": "FDK", "cartesian": "zero-filled image"}


def started(plan: Plan, initial: Array) -> Started:
    """The first event of a run."""
    layout = None
    if plan.denoiser is not None:
        step, tiles, pad = plan.denoiser.grid.lattice
        layout = PatchLayout(step, tiles, pad)
    low, high = (float(v) for v in np.percentile(initial, (1, 99.5)))
    if not high > low:
        high = low + 1.0
    return Started(
        shape=plan.measurement.volume_shape,
        spacing=plan.measurement.spacing,
        unit=plan.measurement.unit,
        initial=initial,
        limits=(low, high),
        levels=plan.levels,
        evaluations=plan.evaluations,
        memory=plan.memory,
        layout=layout,
        device=str(plan.device),
        projector=plan.projector,
        sigma_y=plan.sigma_y,
        draws=plan.draws,
        method=method_name(plan),
    )


def direct_name(plan: Plan) -> str:
    """What the direct reconstruction of these data is called."""
    return DIRECT.get(plan.measurement.geometry.kind, "direct reconstruction")


def method_name(plan: Plan) -> str:
    """The method in a few words; of a direct one, the name of what it makes."""
    if not plan.method.needs_prior and not plan.levels:
        return direct_name(plan)
    return plan.method.title.partition(" (")[0]


def title_of(plan: Plan, count: int, iterates: int) -> str:
    """What the image is that a run leaves, see :class:`~napari_padis.engine.events.Result`.

    Parameters
    ----------
    plan : Plan
    count : int
        Images that are finished: samples, or the one of a method that makes one.
    iterates : int
        Images that were under way where none is.
    """
    if count:
        if not plan.method.sampler:
            return method_name(plan)
        return MEAN if count > 1 else SAMPLE
    if iterates:
        return STOPPED if iterates == 1 else STOPPED_MEAN
    return direct_name(plan)


def result_of(
    plan: Plan,
    summary: Statistics,
    samples: Array | StoredSamples,
    report: dict[str, Any],
    quantiles: dict[str, Array],
    title: str,
) -> Result:
    """What a run leaves."""
    assert plan.measurement.affine is not None
    summary, done = recalibrated(plan, summary, len(samples))
    return Result(
        mean=summary.mean,
        std=summary.std,
        variance=summary.variance,
        samples=samples,
        spacing=plan.measurement.spacing,
        affine=plan.measurement.affine,
        space=plan.measurement.space,
        unit=plan.measurement.unit,
        recipe=plan.recipe.model_dump(mode="json"),
        report={**report, **done},
        complete=report["complete"],
        quantiles=quantiles,
        title=title,
    )


def final(
    plan: Plan,
    kept: Samples,
    chosen: Chosen,
    samples: Array | StoredSamples,
    mean: np.ndarray,
    seconds: float,
    stopped: Callable[[], bool],
) -> dict[str, Any]:
    """``quantiles`` and ``null_space_share``, see the functions that compute them."""
    return {
        "quantiles": quantile_volumes(plan, samples, stopped),
        "null_space_share": null_space_share(plan, kept, chosen, mean, seconds, stopped),
    }


def independent(plan: Plan) -> bool:
    """Whether samples of this run are independent of each other."""
    return plan.method.needs_prior and not plan.method.coupled


def calibrated(plan: Plan) -> bool:
    """Whether the spread of the samples is meant as uncertainty."""
    narrow = plan.shared and plan.measurement.geometry.kind in BLURRED
    return plan.method.calibrated and not narrow


def describe(plan: Plan, chosen: Chosen, estimated: bool = False) -> dict[str, Any]:
    """Of what the mean is one and what the samples' spread is worth, as entries of the report.

    Parameters
    ----------
    plan : Plan
    chosen : Chosen
        Draws that count.
    estimated : bool
        Whether the mean is that of the chains' own estimates.

    Returns
    -------
    dict
        ``mean`` and ``spread`` (in words), ``effective_samples`` (None where nothing can be
        counted), ``std_relative_error`` (Monte-Carlo error of a standard deviation of normal
        samples), ``quantile_interval_covers`` (of the 5 to 95 % interval from so few samples).
        Where each chain gave several draws, ``effective_samples`` is the bulk effective number of
        all of them, and there are ``finished_chains``, ``draws_per_chain``, ``draws_thinned_by``
        and ``r_hat`` (None if a stop left too few draws to be judged).
    """
    samples, mixing = len(chosen.places), chosen.mixing
    spread = CALIBRATED if calibrated(plan) else UNCALIBRATED
    if plan.method.calibrated and not calibrated(plan):
        spread = NARROW
    if samples < 2:
        spread = SINGLE if samples else UNFINISHED
        if not plan.method.sampler:
            spread = UNSAMPLED
    elif plan.method.coupled:
        spread = COUPLED
    counts = independent(plan) and samples > 1
    effective = (mixing and mixing.effective) or samples
    worth = min(effective, samples)
    mean = ESTIMATED if estimated else MEAN_OF_SAMPLES
    report = {
        "mean": mean.format(n=samples) if samples > 1 and plan.method.sampler else None,
        "spread": spread,
        "effective_samples": effective if counts else None,
        "std_relative_error": 1 / math.sqrt(2 * (worth - 1)) if counts and worth > 1 else None,
        "quantile_interval_covers": covered(int(worth)) if counts and samples >= ENOUGH else None,
    }
    if plan.draws == 1:
        return report
    return {
        **report,
        "finished_chains": chosen.chains,
        "draws_per_chain": plan.draws,
        "draws_thinned_by": chosen.stride,
        "r_hat": mixing.r_hat if mixing else None,
    }


def quantile_volumes(
    plan: Plan, samples: Any, stopped: Callable[[], bool] = lambda: False
) -> dict[str, Array]:
    """Quantiles as volumes called ``q05``, ``q50`` and ``q95``.

    Empty where they are not wanted, samples are few or coupled, or the run was stopped.
    """
    if not plan.recipe.quantiles or not independent(plan) or len(samples) < ENOUGH:
        return {}
    values = quantiles(samples, LEVELS, stopped=stopped)
    if values is None:
        return {}
    return {f"q{100 * p:02.0f}": v for p, v in zip(LEVELS, values, strict=True)}


def null_space_share(
    plan: Plan,
    kept: Samples,
    chosen: Chosen,
    mean: np.ndarray,
    seconds: float,
    stopped: Callable[[], bool],
) -> float | None:
    """Share of the variance that no data could check; None if unknown or not wanted.

    Parameters
    ----------
    plan : Plan
    kept : Samples
    chosen : Chosen
        Those that count.
    mean : ndarray
        Of the samples, as they are kept.
    seconds : float
        Time of the run, of which this takes a small share, unless the recipe asks for it.
    stopped : callable
    """
    wanted = plan.recipe.null_space
    if wanted is False or not plan.method.needs_prior or len(chosen.places) < 2:
        return None
    end = time.monotonic() + max(NULL_SECONDS, NULL_TIME * seconds)

    def late() -> bool:
        return stopped() or (wanted is None and time.monotonic() > end)

    found = null_share(plan.problem, _some(plan, kept, chosen), _tensor(plan, mean), stopped=late)
    return found.share if found else None


def _some(plan: Plan, kept: Samples, chosen: Chosen) -> Iterator[Tensor]:
    for place in chosen.places[:NULL_SAMPLES]:
        yield _tensor(plan, kept.raw(place))


def _tensor(plan: Plan, kept: np.ndarray) -> Tensor:
    device: torch.device = plan.device
    return restore(plan.display, kept, device)
