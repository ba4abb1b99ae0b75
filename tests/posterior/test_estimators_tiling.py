"""How images are cut for the prior: the method's way, unless the recipe says otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from napari_padis.engine.events import Finished
from napari_padis.engine.plan import make_plan
from napari_padis.engine.recipe import Recipe
from napari_padis.engine.run import run
from napari_padis.errors import InputError
from napari_padis.likelihood.simulation import simulate


@pytest.fixture(scope="module")
def measurement(small_volume):
    return simulate(small_volume, views=6, detectors=64, slices=[1])


def planned(measurement, prior, **values):
    return make_plan(Recipe.create(prior=str(prior), device="cpu", **values), measurement)


@pytest.mark.parametrize(
    ("values", "moves", "tiles"),
    [
        ({"method": "padis"}, True, 4),
        ({"method": "padis-simple"}, False, 9),
        ({"method": "padis", "tiling": "fixed"}, False, 9),
        ({"method": "padis-simple", "tiling": "whole"}, False, 1),
    ],
)
def test_tiling_of_recipe_or_method(measurement, tiny_prior, values, moves, tiles):
    tiles_of = planned(measurement, tiny_prior, **values).denoiser.grid
    assert tiles_of.count == tiles
    assert (tiles_of.shifts != (0, 0)) == moves


@pytest.mark.parametrize("tiling", ["averaged", "stitched", "whole", "fixed"])
@pytest.mark.parametrize("method", ["padis-fast", "pnp-admm"])
def test_methods_run_with_every_tiling(measurement, tiny_prior, method, tiling):
    recipe = Recipe.create(
        method=method, prior=str(tiny_prior), tiling=tiling, device="cpu", samples=2, steps=6
    )
    (last,) = [event for event in run(recipe, measurement) if isinstance(event, Finished)]
    assert last.result.recipe["tiling"] == tiling
    assert len(last.result.samples) == (2 if method == "padis-fast" else 0)
    assert np.isfinite(last.result.mean).all()


def test_unknown_tilings_are_refused():
    with pytest.raises(InputError, match="tiling"):
        Recipe.create(tiling="mosaic")
