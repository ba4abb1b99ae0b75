"""Every sampler on every kind of problem: finite, repeatable, as many evaluations as planned."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_padis.engine.recipe import Recipe
from napari_padis.engine.setup import build_problem
from napari_padis.likelihood import simulate
from napari_padis.likelihood.registry import build
from napari_padis.posterior.evaluator import Evaluator, Level
from napari_padis.posterior.methods_comparison import COMPARISON
from napari_padis.posterior.methods_samplers import SAMPLERS
from napari_padis.prior.architecture import NetworkConfig
from napari_padis.prior.card import PriorCard
from napari_padis.prior.denoiser import Draw, PatchDenoiser
from napari_padis.prior.network import EDMDenoiser
from napari_padis.scan.geometry import (
    BlurGeometry,
    CartesianGeometry,
    ConeGeometry,
    MaskGeometry,
    ParallelGeometry,
)
from napari_padis.scan.measurement import Noise
from napari_padis.scan.volume import Volume

METHODS = {method.name: method for method in (*SAMPLERS, *COMPARISON)}
STEPS = 20


class WhiteDenoiser:
    """Exact for independent pixels of mean 0.5 and spread 0.2."""

    def draw(self, x, sigma, generator):
        return Draw()

    def denoise(self, x, sigma, draw):
        return 0.5 + self._gain(sigma) * (x - 0.5)
        yield

    def vjp(self, x, sigma, draw, v):
        return self._gain(sigma) * v
        yield

    def error_variance(self, sigma):
        return sigma**2 * self._gain(sigma)

    def halve_batch(self):
        return False

    @staticmethod
    def _gain(sigma):
        return 0.04 / (0.04 + sigma**2)


@pytest.fixture(scope="module")
def volume():
    rows, columns = np.mgrid[:20, :22]
    body = ((rows - 9.5) / 8) ** 2 + ((columns - 10.5) / 7) ** 2 < 1
    image = np.where(body, 40.0, -1000.0) + np.where((rows < 8) & body, 200.0, 0.0)
    return Volume(np.stack([image, image]).astype(np.float32), (4.0, 4.0, 4.0), "HU")


def photons(volume):
    geometry = ParallelGeometry.standard(10, (20, 22), (4.0, 4.0), 4.0, detectors=40)
    return simulate(volume, geometry, Noise("poisson", photons=3000.0), seed=1)


def blurred(volume):
    geometry = BlurGeometry(np.ones((3, 3)) / 9, (20, 22), (4.0, 4.0), 4.0)
    return simulate(volume, geometry, Noise("gaussian", 20.0), seed=1)


def holes(volume):
    mask = np.random.default_rng(0).random((20, 22)) < 0.5
    geometry = MaskGeometry(mask, (20, 22), (4.0, 4.0), 4.0)
    return simulate(volume, geometry, Noise("gaussian", 20.0), seed=1)


def cone(volume):
    geometry = ConeGeometry.standard(8, (2, 20, 22), (4.0, 4.0, 4.0), (4, 24))
    return simulate(volume, geometry, Noise("gaussian", 0.01), seed=1)


def kspace(volume):
    mask = np.random.default_rng(0).random((20, 22)) < 0.5
    geometry = CartesianGeometry(mask, coils=2, pixel=(4.0, 4.0), slice_spacing=4.0)
    return simulate(volume, geometry, Noise("gaussian", 5.0), seed=1)


PROBLEMS = {make.__name__: make for make in (photons, blurred, holes, cone, kspace)}


def card(channels):
    network = NetworkConfig(width=8, multipliers=(1,), blocks=(1,), image_channels=channels)
    return PriorCard(name="untrained", patch=16, patch_sizes=(16,), network=network)


@pytest.fixture(scope="module")
def setups(volume):
    """Problem and denoiser of each kind."""
    torch.set_num_threads(1)
    found, device = {}, torch.device("cpu")
    for name, make in PROBLEMS.items():
        measurement = make(volume)
        operator, chosen = build(measurement.geometry, device), card(measurement.geometry.channels)
        problem, _, _ = build_problem(measurement, operator, chosen, Recipe(), device)
        found[name] = problem, WhiteDenoiser()
    return found


@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
def test_another_seed_gives_other_samples(setups, method):
    first, other = (run(setups["holes"], method, 1, seed)[1] for seed in (3, 4))
    assert not torch.equal(first, other)


@pytest.fixture(scope="module")
def patches(setups):
    """Problem and untrained denoiser of patches with random shifts."""
    torch.manual_seed(0)
    untrained = card(1)
    network = EDMDenoiser(untrained.network)
    return setups["holes"][0], PatchDenoiser(network, untrained, (20, 22), bfloat16=False)


def run(setup, method, samples=2, seed=0, **options):
    """States, samples and evaluations of a run."""
    problem, denoiser = setup
    evaluator = Evaluator(denoiser, torch.Generator().manual_seed(seed), method.coupled)
    sampler, states = method.run(problem, evaluator, samples, STEPS, options), []
    while True:
        try:
            states.append(next(sampler))
        except StopIteration as done:
            return states, done.value, evaluator.count


@pytest.mark.parametrize("kind", PROBLEMS)
@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
def test_samples_are_numbers_of_the_image(setups, method, kind):
    problem, _ = setups[kind]
    states, x, count = run(setups[kind], method)
    assert x.shape == (2, *problem.shape)
    assert torch.isfinite(x).all()
    levels, evaluations = method.plan(STEPS, {})
    assert count == evaluations
    seen = [state for state in states if isinstance(state, Level)]
    assert all(0 <= state.level < state.levels == levels for state in seen)
    assert [state.level for state in seen] == sorted(state.level for state in seen)
    assert all(torch.isfinite(state.estimate).all() for state in seen)


@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
def test_the_seed_decides(patches, method):
    first, again = (run(patches, method, 1, seed)[1] for seed in (3, 3))
    assert torch.equal(first, again)
