"""Reconstructions of simulated data, compared with the truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_padis.engine.events import Finished, Progress, Result
from napari_padis.engine.metrics import WINDOW
from napari_padis.engine.recipe import Recipe
from napari_padis.engine.run import run
from napari_padis.errors import ReconstructionError
from napari_padis.evaluation.slices import ChosenSlices, quality
from napari_padis.likelihood import add_noise, root_mean_square, simulate
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


def reconstruct(
    recipe: Recipe, measurement: Measurement, report: Callable[[float], None] | None = None
) -> Result:
    """Run a recipe to its end; ``report`` receives the share done."""
    for event in run(recipe, measurement):
        if isinstance(event, Progress) and report is not None:
            report(event.fraction)
        if isinstance(event, Finished):
            return event.result
    raise ReconstructionError("The run ended without a result.")


def on_scale(array: NDArray[np.floating], unit: str) -> NDArray[np.floating]:
    """A reconstruction on the scale of comparison, not clipped."""
    return scale_in(WINDOW, unit).to_unit_interval(array)


def quality_of_mean(result: Result, chosen: ChosenSlices) -> list[tuple[float, float]]:
    """PSNR in dB and SSIM of each slice of the mean picture."""
    return quality(on_scale(result.mean, result.unit), chosen.truth)
