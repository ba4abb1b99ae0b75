"""Total variation with every forward model, through the engine."""

from __future__ import annotations

import numpy as np
import pytest

from napari_padis.engine.events import Finished, Started
from napari_padis.engine.recipe import Recipe
from napari_padis.engine.run import run
from napari_padis.likelihood.design import Grid, design
from napari_padis.likelihood.simulation import simulate
from napari_padis.scan.measurement import Noise

MODELS = {
    "parallel": {"views": 15, "detectors": 64},
    "fan": {"views": 15, "detectors": 64},
    "cone": {"views": 15, "detectors": 48, "detector_rows": 8},
    "cartesian": {"coils": 2, "acceleration": 3},
    "blur": {},
    "downsample": {},
    "mask": {},
    "denoise": {},
}


def reconstruct(measurement, method):
    """Result and number of announced iterations."""
    recipe = Recipe(method=method, device="cpu", samples=4, steps=150)
    events = list(run(recipe, measurement))
    assert isinstance(events[-1], Finished)
    return events[-1].result, next(e.levels for e in events if isinstance(e, Started))


@pytest.mark.parametrize("kind", MODELS)
def test_total_variation_beats_the_direct_reconstruction(kind, small_volume):
    geometry = design(kind, MODELS[kind], Grid(small_volume.shape, small_volume.spacing))
    clean = simulate(small_volume, geometry)
    sigma = 0.02 * float(np.sqrt(np.mean(np.abs(clean.data) ** 2)))
    measurement = simulate(small_volume, geometry, Noise("gaussian", sigma=sigma))
    truth = small_volume.array + (1000 if kind == "cartesian" else 0)
    result, levels = reconstruct(measurement, "tv")
    assert result.title == "Total variation"
    assert len(result.samples) == 0
    assert levels == 150
    error = np.square(result.mean - truth).mean()
    direct = np.square(reconstruct(measurement, "fbp")[0].mean - truth).mean()
    assert 10 * np.log10(direct / error) > 1
