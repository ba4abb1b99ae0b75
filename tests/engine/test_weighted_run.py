"""Weighted data reach the samplers as such, and get more conjugate gradient steps."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from napari_padis.engine.recipe import Recipe
from napari_padis.engine.run import run
from napari_padis.likelihood import simulate
from napari_padis.posterior import plug_and_play
from napari_padis.posterior.samplers import corrector
from napari_padis.scan.geometry import ParallelGeometry
from napari_padis.scan.measurement import Noise
from napari_padis.scan.volume import Volume


@pytest.fixture(scope="module")
def photons():
    """30 views of a body of 330 mm, which 30 of 3000 photons pass."""
    y, x = np.mgrid[:40, :40] - 19.5
    image = np.where(np.hypot(x, y) < 17, 20.0, -1000.0)
    image[np.hypot(x - 6, y) < 3] = 120.0
    volume = Volume(image[None].astype(np.float32), (6.0, 6.0, 6.0), "HU")
    geometry = ParallelGeometry.standard(30, (40, 40), (6.0, 6.0), 6.0, detectors=90)
    return volume, simulate(volume, geometry, Noise("poisson", photons=3000.0), seed=1)


def without_weights(measurement):
    return dataclasses.replace(measurement, noise=Noise("gaussian", measurement.noise.sigma))


@pytest.mark.parametrize(("weighted", "expected"), [(True, 12), (False, 3)])
def test_steps_of_the_data_step(photons, tiny_prior, monkeypatch, weighted, expected):
    steps, real = [], corrector.proximal

    def proximal(problem, centre, gamma, iterations, **more):
        steps.append(iterations)
        return real(problem, centre, gamma, iterations, **more)

    for module in (plug_and_play, corrector):
        monkeypatch.setattr(module, "proximal", proximal)
    measurement = photons[1] if weighted else without_weights(photons[1])
    recipe = Recipe(
        method="padis-calibrated",
        prior=str(tiny_prior),
        samples=1,
        steps=4,
        device="cpu",
        options={"cg": 3},
    )
    *_, last = run(recipe, measurement)
    assert np.isfinite(last.result.mean).all()
    assert set(steps) == {expected}


def test_least_squares_are_not_drawn_to_air(photons):
    volume, measurement = photons
    inside = volume.array > 0
    *_, last = run(Recipe(method="cg", device="cpu"), measurement)
    assert abs(float((last.result.mean - volume.array)[inside].mean())) < 20
