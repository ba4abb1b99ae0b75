"""Samplers on the Gaussian problem: published figures, closed forms, independent recursions.

The figures are those of an independent implementation in NumPy with dense matrices (ratio of
the samples' spread to that of the posterior, distance of their mean to the posterior's, with
20 samples), of which 0.008 is the error of 20 exact samples.
"""

from __future__ import annotations

import functools
import math

import gaussian_toy
import numpy as np
import pytest
import torch

from napari_padis.posterior.samplers import aware
from napari_padis.posterior.samplers.dds import dds
from napari_padis.posterior.samplers.diffpir import diffpir
from napari_padis.posterior.samplers.dpm_solver import dpm_solver
from napari_padis.posterior.schedule import geometric
from napari_padis.posterior.steps import langevin


@pytest.fixture(scope="module")
def toy():
    torch.set_num_threads(1)
    return gaussian_toy.make_toy(16)


def scores(toy, name, **options):
    return gaussian_toy.score(toy, gaussian_toy.run_method(toy, name, **options))


def own(name):
    """What is set differently: the modes of this problem differ little in their spread."""
    return {"tau": 0.0} if name == "noise-aware-gradient" else {}


@pytest.fixture(scope="module")
def defaults(toy):
    """Scores of a method with its own settings, computed once."""
    return functools.cache(lambda name: scores(toy, name))


@pytest.mark.parametrize(
    ("name", "ratio", "distance", "residual"),
    [
        ("noise-aware-gradient", 1.11, 0.011, 1.05),
        ("noise-aware", 1.09, 0.011, 1.05),
    ],
)
def test_figures_of_the_reference(toy, monkeypatch, name, ratio, distance, residual):
    """Whose Langevin steps are those of Euler and Maruyama, with the error of the denoiser."""
    monkeypatch.setattr(aware, "langevin", functools.partial(langevin, keeping=False))
    s = scores(toy, name, **own(name))
    assert s.sd_ratio == pytest.approx(ratio, abs=0.12)
    assert s.mean_distance == pytest.approx(distance, abs=0.006)
    assert s.residual == pytest.approx(residual, abs=0.1)


@pytest.mark.parametrize("name", ["noise-aware-gradient", "noise-aware", "padis-calibrated"])
def test_spread_of_calibrated_samplers_is_that_of_the_posterior(toy, defaults, name):
    found = scores(toy, name, **own(name)) if own(name) else defaults(name)
    assert found.sd_ratio == pytest.approx(1, abs=0.1)
    assert found.mean_distance < 0.02


@pytest.mark.parametrize("name", ["noise-aware-gradient", "noise-aware", "padis-calibrated"])
def test_intervals_of_calibrated_samplers_cover(defaults, name):
    # 16 data sets of 64 correlated values: about 160 independent ones, standard error 0.024.
    assert 0.83 <= defaults(name).coverage <= 0.97


def test_nearly_exact_data_steps_of_dds(toy):
    """The published constant weight: wide, and the data are met whatever their noise."""

    def start(e):
        x = 10 * e.noise(toy.problem.start().expand(20, *toy.problem.shape))
        return dds(toy.problem, e, x, geometric(10, 0.002, 50), lambda _: 500.0, 5, 0.85)

    s = gaussian_toy.score(toy, gaussian_toy.sample(toy, start))
    assert s.sd_ratio == pytest.approx(1.32, abs=0.12)
    assert s.mean_distance == pytest.approx(0.032, abs=0.006)
    assert s.residual == pytest.approx(0.0, abs=0.1)


def test_fading_data_step_with_new_noise(toy):
    """DDIM with DiffPIR's weight (lambda 7): narrow by accident, and under-fitted."""

    def start(e):
        x = 10 * e.noise(toy.problem.start().expand(20, *toy.problem.shape))
        gamma = lambda sigma: sigma**2 / (7 * toy.problem.sigma_y**2)  # noqa: E731
        return dds(toy.problem, e, x, geometric(10, 0.002, 200), gamma, 12, 1.0)

    s = gaussian_toy.score(toy, gaussian_toy.sample(toy, start))
    assert s.sd_ratio == pytest.approx(0.98, abs=0.08)
    assert s.mean_distance == pytest.approx(0.015, abs=0.006)
    assert s.residual == pytest.approx(0.48, abs=0.1)


@pytest.mark.parametrize(
    "name", ["langevin", "predictor-corrector", "ve-ddnm", "split-gibbs", "padis"]
)
def test_means_of_the_others_lie_within_the_posterior(toy, defaults, name):
    spread = math.sqrt(float(toy.covariance.diagonal().mean()))
    assert defaults(name).mean_distance < spread


def test_tighter_coupling_brings_split_gibbs_closer(defaults):
    """With rho = 0.1 the spread is 2.5 times too wide, with 0.005 it is 1.2 times."""
    few = gaussian_toy.make_toy(4)
    # Exact draws of the prior need many small steps.
    loose = scores(few, "split-gibbs", rho_min=0.1, inner=30, steps=1500)
    tight = defaults("split-gibbs")
    assert loose.sd_ratio == pytest.approx(2.5, abs=0.35)
    assert tight.sd_ratio == pytest.approx(1.2, abs=0.2)
    assert tight.mean_distance < loose.mean_distance


def test_diffpir_is_its_recursion(toy):
    """Without new noise it is a linear recursion, written here with dense matrices."""
    sigmas, weight = geometric(5.0, 0.01, 12), 7.0
    start = torch.randn((1, *toy.problem.shape), generator=torch.Generator().manual_seed(0))
    x = start.double().numpy()
    a = (toy.problem.operator.matrix / toy.problem.operator.norm).numpy()
    y, c = toy.problem.y.numpy(), (toy.denoiser.vectors * toy.denoiser.values).numpy()
    c = c @ toy.denoiser.vectors.numpy().T
    for sigma, below in zip(sigmas, [*sigmas[1:], 0.0], strict=True):
        clean = 0.5 + (x - 0.5) @ np.linalg.inv(c + sigma**2 * np.eye(64)) @ c
        gamma = sigma**2 / (weight * toy.problem.sigma_y**2)
        left = np.eye(64) + gamma * a.T @ a
        estimate = np.linalg.solve(left, (clean + gamma * y @ a).reshape(-1, 64).T).T
        estimate = estimate.reshape(x.shape)
        x = estimate + below / sigma * (x - estimate)
    found = gaussian_toy.sample(
        toy, lambda e: diffpir(toy.problem, e, start.double(), sigmas, weight, 0.0, 60)
    )
    assert np.abs(found.numpy() - x).max() < 1e-6


def solve(toy, x, steps, eta=0.0, hold=1):
    """Without data, from noise level 5 to 0.05."""
    return gaussian_toy.sample(
        toy,
        lambda e: dpm_solver(
            toy.problem, e, x, geometric(5.0, 0.05, steps), lambda _: 0.0, 1, eta, hold
        ),
    )


def test_dpm_solver_is_of_second_order(toy):
    """The flow of a Gaussian prior is known: mode k shrinks as sqrt(v_k + sigma^2)."""
    noise = torch.randn((2, 16, 64), generator=torch.Generator().manual_seed(0)).double()
    x = 0.5 + 5 * noise
    v, u = toy.denoiser.values, toy.denoiser.vectors
    shrink = ((v + 0.05**2) / (v + 5.0**2)).sqrt() * v / (v + 0.05**2)
    exact = 0.5 + ((x - 0.5) @ u * shrink) @ u.T
    errors = [float((solve(toy, x, n) - exact).norm()) for n in (21, 41, 81)]
    assert errors[1] < errors[0] / 3
    assert errors[2] < errors[1] / 3


def test_stochastic_solver_samples_the_prior(toy):
    x = torch.randn((60, 16, 64), generator=torch.Generator().manual_seed(0)).double()
    found = solve(toy, 0.5 + (5.0**2 + 0.0625) ** 0.5 * x, 40, eta=1.0)
    v = toy.denoiser.values
    expected = (v**2 / (v + 0.05**2)).mean().sqrt()  # of the denoised estimate
    assert float((found - 0.5).square().mean().sqrt()) == pytest.approx(float(expected), rel=0.04)
