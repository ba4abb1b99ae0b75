"""Samplers against a closed-form Gaussian posterior."""

from __future__ import annotations

import gaussian_toy as toy_module
import pytest
import torch

from napari_padis.posterior.denoising_step import SteadyDenoiser
from napari_padis.posterior.evaluator import Estimated
from napari_padis.posterior.methods import METHODS
from napari_padis.posterior.plug_and_play import Halves, pnp_admm
from napari_padis.posterior.samplers.dual import dual
from napari_padis.posterior.schedule import geometric


@pytest.fixture(scope="module")
def toy():
    torch.set_num_threads(1)
    return toy_module.make_toy(60)


def test_exact_samples_score_as_exact(toy):
    g = torch.Generator().manual_seed(3)
    chol = torch.linalg.cholesky(toy.covariance + 1e-12 * torch.eye(64))
    white = torch.randn((20, *toy.mean.shape), generator=g, dtype=torch.float64)
    s = toy_module.score(toy, toy.mean + white @ chol.T)
    assert s.sd_ratio == pytest.approx(1, abs=0.03)
    assert s.coverage == pytest.approx(0.9, abs=0.02)
    assert s.residual == pytest.approx(1, abs=0.05)


def test_calibrated_spread_and_coverage_are_those_of_the_posterior(toy):
    s = toy_module.score(toy, toy_module.run_method(toy, "padis-calibrated"))
    assert s.sd_ratio == pytest.approx(1, abs=0.15)
    assert 0.85 <= s.coverage <= 0.95
    # The Monte-Carlo floor with 20 samples is 0.0085; posterior sd is about 0.04.
    assert s.mean_distance < 0.03


def test_fast_method_has_a_good_mean(toy):
    """Nearer than that of 20 exact samples (0.0085), since the noises cancel."""
    s = toy_module.score(toy, toy_module.run_method(toy, "padis-fast"))
    assert s.mean_distance < 0.005
    assert 0.9 < s.sd_ratio < 1.2


def estimates(toy, name, samples):
    """The mean picture, and the mean of the samples."""

    def watched(evaluator):
        run, last = METHODS[name].run(toy.problem, evaluator, samples, None, {}), None
        while True:
            try:
                state = next(run)
            except StopIteration as done:
                return torch.stack([last, done.value.mean(0)])
            if isinstance(state, Estimated):
                last = state.mean
            yield state

    return toy_module.sample(toy, watched, coupled=METHODS[name].coupled)


def test_estimates_on_the_way_have_a_better_mean_than_independent_samples(toy):
    distances = (estimates(toy, "padis-calibrated", 4) - toy.mean).square().mean((1, 2)).sqrt()
    assert distances[0] < 0.9 * distances[1]


def admm(toy, evaluator, rounds, sigma):
    halves = Halves.at(toy.problem.start()[None].clone())
    yield from pnp_admm(toy.problem, SteadyDenoiser(evaluator, 1), halves, sigma, rounds, 40)
    return halves


def pull_of_the_data(toy, x):
    """The gradient of the data's logarithm."""
    return toy.problem.AT(toy.problem.y - toy.problem.A(x)) / toy.problem.sigma_y**2


def test_dual_sampler_has_mean_and_spread_of_the_posterior(toy):
    """Independent chains from the end of ADMM at a noise level above the posterior's sd of 0.04."""

    def chains(evaluator):
        halves = (yield from admm(toy, evaluator, 40, 0.1)).repeated(20)
        levels = geometric(0.4, 0.002, 30)
        return (yield from dual(toy.problem, evaluator, halves, levels, 0.1, 40))

    s = toy_module.score(toy, toy_module.sample(toy, chains))
    assert s.sd_ratio == pytest.approx(1, abs=0.03)
    assert s.coverage == pytest.approx(0.9, abs=0.03)
    assert s.mean_distance < 0.0095  # of 20 exact samples: 0.0085
    assert s.residual == pytest.approx(1, abs=0.1)


def test_halves_of_dual_sampler_meet_where_the_level_stays(toy):
    """``z = D(x + sigma^2 A^T (y - A z) / sigma_y^2, sigma)`` with the state x held."""
    sigma = 0.2
    x = toy.mean[None] + sigma * torch.randn(
        (1, *toy.mean.shape), generator=torch.Generator().manual_seed(5), dtype=torch.float64
    )

    def settle(evaluator):
        halves, rho = Halves.at(x), 0.1
        s = (sigma**-2 + rho**-2) ** -0.5
        for _ in range(300):
            pulled = halves.meet(toy.problem, rho, 100)
            mixed = s**2 * (x / sigma**2 + pulled / rho**2)
            z, _ = yield from evaluator.denoise(mixed, s)
            halves.pull(pulled, z, rho)
        shifted = x + sigma**2 * pull_of_the_data(toy, halves.z)
        expected, _ = yield from evaluator.denoise(shifted, sigma)
        return torch.stack([halves.z, expected, halves.w, pull_of_the_data(toy, halves.z)])

    z, expected, w, pull = toy_module.sample(toy, settle)
    assert torch.allclose(z, expected, atol=1e-6)
    assert torch.allclose(w, pull, atol=1e-4 * float(pull.abs().max()))


def test_published_data_step_is_too_narrow(toy):
    """At zeta 0.1 the published step is far too narrow: its spread is about 0.6 of the truth."""
    few = toy_module.make_toy(20)
    s = toy_module.score(few, toy_module.published(few, 0.1))
    assert s.sd_ratio == pytest.approx(0.6, abs=0.15)
    assert 0.5 < s.coverage < 0.8


def test_minimum_norm_start_is_data_consistent(toy):
    x = toy_module.run_method(toy, "fbp", samples=1)
    assert toy.problem.residual(x) < 1e-6
