"""Unconditional samples against the prior they come from, known in closed form."""

import math

import numpy as np
import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.posterior.evaluator import Evaluator, Level
from napari_padis.posterior.samplers.unconditional import unconditional
from napari_padis.posterior.schedule import geometric
from napari_padis.prior.denoiser import Draw

SIDE = 6


class GaussianDenoiser:
    """Exact D(x, sigma) = m + C (C + sigma^2)^-1 (x - m) of N(m, C)."""

    def __init__(self, mean, covariance):
        self.mean = torch.as_tensor(mean, dtype=torch.float64).reshape(-1)
        self.values, self.vectors = torch.linalg.eigh(torch.as_tensor(covariance))

    def draw(self, x, sigma, generator):
        return Draw()

    def denoise(self, x, sigma, draw):
        yield 0.0
        centred = x.reshape(-1, SIDE * SIDE) - self.mean
        shrunk = (centred @ self.vectors) * self.values / (self.values + sigma**2)
        return (self.mean + shrunk @ self.vectors.T).reshape(x.shape)

    def halve_batch(self):
        return False


def gaussian(deviation=0.3, length=2.0):
    """Smooth random images around a bright square."""
    rows, cols = (a.ravel() for a in np.mgrid[:SIDE, :SIDE])
    square = (rows[:, None] - rows) ** 2 + (cols[:, None] - cols) ** 2
    covariance = deviation**2 * np.exp(-square / (2 * length**2)) + 1e-4 * np.eye(SIDE**2)
    mean = np.where((rows > 1) & (rows < 4) & (cols > 1) & (cols < 4), 0.8, 0.2)
    return mean, covariance


def sample(count, seed=0, levels=60, **settings):
    mean, covariance = gaussian()
    evaluator = Evaluator(GaussianDenoiser(mean, covariance), torch.Generator().manual_seed(seed))
    shape = (count, 1, 1, SIDE, SIDE)
    run = unconditional(evaluator, shape, geometric(20.0, 0.002, levels), **settings)
    states = []
    while True:
        try:
            states.append(next(run))
        except StopIteration as done:
            return done.value.reshape(count, -1).double().numpy(), states, evaluator


@pytest.mark.parametrize("settings", [{"inner": 3, "epsilon": 0.5}, {"inner": 2, "epsilon": 1.0}])
def test_samples_have_mean_and_covariance_of_the_prior(settings):
    mean, covariance = gaussian()
    count = 4000
    x, _, _ = sample(count, **settings)
    # Mean of many samples: within five standard errors everywhere.
    error = np.abs(x.mean(0) - mean) / np.sqrt(np.diag(covariance) / count)
    assert error.max() < 5
    chance = 5 * math.sqrt(2 / count)
    variance = x.var(0, ddof=1) / np.diag(covariance)
    assert np.abs(variance - 1).max() < 0.05 + chance
    assert abs(variance.mean() - 1) < 0.05
    # Directions of large, middle and small variance, not pixels only.
    values, vectors = np.linalg.eigh(covariance)
    chosen = [-1, -4, -8]
    ratio = ((x - mean) @ vectors[:, chosen]).var(0) / values[chosen]
    assert np.abs(ratio - 1).max() < 0.05 + chance


def test_ddim_steps_alone_lose_the_variance_they_must():
    # From a Gaussian of variance v + s^2, the step to t leaves (v + s t)^2 / (v + s^2).
    mean, covariance = np.zeros(SIDE**2), 0.09 * np.eye(SIDE**2)
    evaluator = Evaluator(GaussianDenoiser(mean, covariance), torch.Generator().manual_seed(0))
    sigmas = geometric(20.0, 0.002, 30)
    run = unconditional(evaluator, (3000, 1, 1, SIDE, SIDE), sigmas, inner=1)
    while True:
        try:
            next(run)
        except StopIteration as done:
            x = done.value
            break
    v, gain = 0.09, sigmas[0]
    for s, t in zip(sigmas, [*sigmas[1:], 0.0], strict=True):
        gain *= (v + s * t) / (v + s**2)
    assert float(x.std()) == pytest.approx(gain, rel=0.01)
    assert gain < 0.95 * math.sqrt(v)


@pytest.mark.parametrize("epsilon", [0.5, 1.0])
def test_langevin_steps_settle_where_theory_says(epsilon):
    # D = 0 is exact for images that are zero: x is noise alone, an autoregression whose
    # variance settles at sigma^2 / (1 - epsilon / 4).
    denoiser = GaussianDenoiser(np.zeros(SIDE**2), np.zeros((SIDE**2, SIDE**2)))
    seen = []
    exact = denoiser.denoise

    def denoise(x, sigma, draw):
        seen.append(float(x.square().mean()) / sigma**2)
        return exact(x, sigma, draw)

    denoiser.denoise = denoise
    evaluator = Evaluator(denoiser, torch.Generator().manual_seed(1))
    for _ in unconditional(evaluator, (500, 1, 1, SIDE, SIDE), [1.0, 0.1], 20, epsilon):
        pass
    assert len(seen) == 40
    assert seen[0] == pytest.approx(1, abs=0.04)
    assert np.mean(seen[10:20]) == pytest.approx(1 / (1 - epsilon / 4), abs=0.04)
    assert np.mean(seen[30:]) == pytest.approx(1 / (1 - epsilon / 4), abs=0.04)


def test_states_count_evaluations_and_levels():
    _, states, evaluator = sample(1, levels=4, inner=2)
    levels = [s for s in states if isinstance(s, Level)]
    assert [s.evaluations for s in levels] == list(range(1, 9))
    assert [s.level for s in levels] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert evaluator.count == 8


def test_seed_decides():
    assert np.array_equal(sample(2, seed=3)[0], sample(2, seed=3)[0])
    assert not np.allclose(sample(2, seed=3)[0], sample(2, seed=4)[0])


@pytest.mark.parametrize(
    ("sigmas", "settings", "word"),
    [
        ([], {}, "fall"),
        ([1.0, 1.0], {}, "fall"),
        ([1.0, 0.0], {}, "positive"),
        ([1.0], {"inner": 0}, "inner"),
        ([1.0], {"epsilon": 2.5}, "epsilon"),
    ],
)
def test_settings_out_of_range(sigmas, settings, word):
    run = unconditional(None, (1, 1, 1, 4, 4), sigmas, **settings)
    with pytest.raises(InputError, match=word):
        next(run)
