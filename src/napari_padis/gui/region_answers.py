"""How surely regions exceed a threshold, asked of the samples of a run. Free of Qt and napari."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.engine.events import Result
from napari_padis.errors import InputError
from napari_padis.gui import text
from napari_padis.gui.job import reporting
from napari_padis.gui.mailbox import Mailbox
from napari_padis.posterior import METHODS

if TYPE_CHECKING:
    from napari_padis.posterior.regions import Exceedance

AGAIN = "run a method that samples, such as 'padis-calibrated', with 2 samples or more"


@dataclass(frozen=True)
class Answers:
    """One entry per region, and what the samples are worth, in words."""

    found: tuple[Exceedance, ...]
    unit: str
    note: str
    draws: int  # samples of the run, whatever they are worth


def check(result: Result) -> None:
    """Make sure that probabilities can be counted over the samples of a run.

    Raises
    ------
    InputError
        If there are fewer than two finished samples.
    """
    method = METHODS.get(str(result.recipe.get("method")))
    finished = int(result.report.get("samples_finished") or 0)
    if method is not None and not method.sampler:
        raise InputError(f"'{method.title}' makes one image and no samples: {AGAIN}.")
    if not finished:
        raise InputError("The run was stopped before a sample was finished: run it to its end.")
    if finished < 2:
        raise InputError(f"There is one sample only, of which nothing can be counted: {AGAIN}.")


def ask(result: Result, regions: NDArray[Any], threshold: float) -> Answers:
    """Probability that the mean of each region exceeds a threshold.

    Parameters
    ----------
    result : Result
        Of the last run.
    regions : ndarray, shape (S, A, R)
        Labels on the grid of the result.
    threshold : float
        In the unit of the result.

    Raises
    ------
    InputError
        If there are too few samples, they are coupled, or the regions do not fit.
    """
    from napari_padis.posterior.regions import exceedance

    check(result)
    method = METHODS.get(str(result.recipe.get("method")))
    samples: Any = result.samples
    if regions.shape == tuple(samples.shape[1:]):
        # Drawn regions are small: nothing around them has to be looked at.
        box = _box(regions)
        samples, regions = samples[(slice(None), *box)], regions[box]
    independent = method is None or not method.coupled
    effective = result.report.get("effective_samples")
    found = exceedance(samples, regions, threshold, independent, effective)
    spread = result.report.get("spread")
    note = f"{len(samples)} samples"
    if found[0].samples < len(samples):  # draws of correlated chains
        note += f", worth {found[0].samples:.3g} independent ones"
    note += f"; their spread is {spread}" if spread else ""
    return Answers(
        tuple(found), "" if result.unit == "arbitrary" else result.unit, f"{note}.", len(samples)
    )


def work(result: Result, regions: NDArray[Any], threshold: float, mailbox: Mailbox) -> None:
    """Post the answers, or what is wrong; never raises."""
    with reporting(mailbox):
        mailbox.post(ask(result, regions, threshold))


def cells(answer: Exceedance) -> tuple[str, str, str, str]:
    """Region, probability, its 90 % interval, and mean with standard deviation."""
    return (
        str(answer.region),
        f"{answer.probability:.2f}",
        f"{answer.low:.2f}–{answer.high:.2f}",
        text.with_error(answer.mean, answer.std),
    )


def sentence(answer: Exceedance, unit: str) -> str:
    """An answer in one sentence."""
    after = f" {unit}" if unit else ""
    _, probability, interval, mean = cells(answer)
    return (
        f"Region {answer.region} ({answer.voxels} voxels): "
        f"P(mean > {answer.threshold:g}{after}) = {probability} ({answer.samples:.3g} samples; "
        f"{interval} with 90 %), mean {mean}{after}"
    )


def _box(regions: NDArray[Any]) -> tuple[slice, ...]:
    """The part of the volume that holds all regions; all of it where there are none."""
    inside = regions != 0
    box = []
    for axis in range(regions.ndim):
        others = tuple(a for a in range(regions.ndim) if a != axis)
        found = np.flatnonzero(inside.any(axis=others))
        box.append(slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(None))
    return tuple(box)
