"""Reconstructions of simulated data, compared with the truth."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_padis.engine.events import Finished, Progress, Result
from napari_padis.engine.metrics import WINDOW
from napari_padis.engine.recipe import Recipe
from napari_padis.engine.run import run
from napari_padis.errors import ReconstructionError
from napari_padis.evaluation.slices import ChosenSlices, quality
from napari_padis.likelihood import add_noise, root_mean_square, simulate
from napari_padis.prior.card import PriorCard
from napari_padis.prior.catalogue import find_prior
from napari_padis.scan.measurement import Measurement, Noise
from napari_padis.scan.units import scale_in


def measure(chosen: ChosenSlices, views: int, noise: float = 0.0, seed: int = 0) -> Measurement:
    """Parallel-beam sinograms of the chosen slices.

    Parameters
    ----------
    chosen : ChosenSlices
        Measured as they are: intensities beyond [-1000, 1000] HU are not clipped.
    views : int
    noise : float
        Standard deviation of white noise as a share of the RMS of the sinograms.
    seed : int
        Seed of the noise.
    """
    measurement = simulate(chosen.volume, slices=chosen.indices, views=views)
    if noise > 0:
        sigma = noise * root_mean_square(measurement)
        measurement = add_noise(measurement, Noise("gaussian", sigma=sigma), seed)
    return measurement


def shares(
    recipe: Recipe, measurement: Measurement, store: Path | None = None
) -> Generator[float, None, Result]:
    """Run a recipe to its end; yields the share done, which stays below 1, returns the result."""
    for event in run(recipe, measurement, store=store):
        if isinstance(event, Progress):
            yield min(event.fraction, 0.999)
        if isinstance(event, Finished):
            return event.result
    raise ReconstructionError("The run ended without a result.")


def reconstruct(
    recipe: Recipe, measurement: Measurement, report: Callable[[float], None] | None = None
) -> Result:
    """The same in one go; ``report`` receives the share done."""
    work = shares(recipe, measurement)
    while True:
        try:
            share = next(work)
        except StopIteration as done:
            result: Result = done.value
            return result
        if report is not None:
            report(share)


@lru_cache
def version_of(prior: str) -> str:
    """Which weights go by the name of a prior."""
    card = PriorCard.load(find_prior(prior))
    return f"{card.name} {card.sha256[:12]}"


def on_scale(array: NDArray[np.floating], unit: str) -> NDArray[np.floating]:
    """A reconstruction on the scale of comparison, not clipped."""
    return scale_in(WINDOW, unit).to_unit_interval(array)


def quality_of_mean(result: Result, chosen: ChosenSlices) -> list[tuple[float, float]]:
    """PSNR in dB and SSIM of each slice of the mean picture."""
    return quality(on_scale(result.mean, result.unit), chosen.truth)
