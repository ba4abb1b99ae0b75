"""Standard deviations made those that are right, where the prior's card says by how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from napari_padis.engine.events import Statistics
from napari_padis.engine.plan import Plan
from napari_padis.engine.task_family import family_of
from napari_padis.posterior.method import Method
from napari_padis.prior.recalibration import Recalibration

PLANNED = (
    "The standard deviation will be recalibrated at the end, by what was measured on {on}; "
    "samples, quantiles and regions stay as they are drawn."
)
DONE = (
    "standard deviation and variance recalibrated on {on}; samples, quantiles and regions are as "
    "they were drawn"
)
REFUSED = "standard deviation not recalibrated: {why}"
UNWANTED = "it was not asked for"


def settings_of(
    method: Method,
    options: Mapping[str, object],
    steps: int | None = None,
    tiling: str | None = None,
) -> str:
    """Method and all its settings, those left at their defaults too, in a line.

    It belongs to the keys of a table: rows made before a default was changed are not those made
    after.
    """
    words = [f"{name}={value:g}" for name, value in method.settings(options).items()]
    words += [f"tiling={tiling}"] if tiling else []
    words += [f"steps={steps}"] if steps else []
    return " ".join([method.name, *words])


def all_settings_of(
    method: Method,
    options: Mapping[str, object],
    steps: int | None = None,
    tiling: str | None = None,
) -> str:
    """The same with the number of steps and the way of tiling that are the method's own."""
    return settings_of(
        method, options, steps or method.default_steps or None, tiling or method.tiling
    )


def recalibration_of(plan: Plan, samples: int) -> Recalibration | str:
    """What was measured for a run that ends with so many samples, or why nothing fits."""
    recipe, denoiser = plan.recipe, plan.denoiser
    if recipe.recalibrate is False:
        return UNWANTED
    if denoiser is None or not plan.method.sampler or samples < 2:
        return "there are no samples that have one"
    if plan.measurement.unit == "arbitrary":
        return "the data have no physical unit"
    card = denoiser.card
    if not card.recalibrations:
        return f"nothing was measured for the prior '{card.name}'"
    if (
        recipe.patch is not None
        or plan.draws > 1
        or (plan.chains < samples and plan.method.coupled)
    ):
        return "nothing was measured for patches or groups of chains of one's own choice"
    settings = all_settings_of(plan.method, recipe.options, recipe.steps, recipe.tiling)
    family = family_of(plan.measurement, plan.problem.sigma)
    # What must be the same, from what differs most to what differs least.
    found = list(card.recalibrations)
    for name, value, why in (
        ("weights", card.sha256, f"what was measured is of other weights of '{card.name}'"),
        ("method", plan.method.name, f"nothing was measured for '{plan.method.name}'"),
        ("settings", settings, "what was measured is of other settings of the method"),
        ("task", family, f"nothing was measured for a task like this ({family})"),
    ):
        found = [one for one in found if getattr(one, name) == value]
        if not found:
            return why
    # Slices that were averaged down are smoother, and the prior's error on them is another.
    side = max(plan.measurement.geometry.image_shape)
    found = [one for one in found if one.conditions.get("size") in (None, side)]
    if not found:
        return f"what was measured is of slices of another size than {side} pixels"
    for one in found:
        if one.samples == samples:
            return one
    numbers = " or ".join(str(one.samples) for one in found)
    return f"it was measured with {numbers} samples, and this run has {samples}"


def announced(plan: Plan) -> Iterator[str]:
    """What is said at the start: what will be done, or that what was asked for will not."""
    found = recalibration_of(plan, plan.samples)
    if isinstance(found, Recalibration):
        yield PLANNED.format(on=found)
    elif plan.recipe.recalibrate:
        text = REFUSED.format(why=found)
        yield f"{text[0].upper()}{text[1:]}."


def recalibrated(
    plan: Plan, summary: Statistics, samples: int
) -> tuple[Statistics, dict[str, bool | str]]:
    """Statistics with the right standard deviation where it is known, and what was done.

    Parameters
    ----------
    plan : Plan
    summary : Statistics
        Of all samples.
    samples : int

    Returns
    -------
    Statistics
    dict
        Entries of the report: ``recalibrated``, and in words ``recalibration``; empty where there
        is no standard deviation.
    """
    if summary.std is None:
        return summary, {}
    found = recalibration_of(plan, samples)
    if isinstance(found, str):
        return summary, {"recalibrated": False, "recalibration": REFUSED.format(why=found)}
    slope = plan.display.slope
    std = (found.apply(summary.std / slope) * slope).astype(np.float32)
    done: dict[str, bool | str] = {"recalibrated": True, "recalibration": DONE.format(on=found)}
    return replace(summary, std=std, variance=std**2), done
