"""Samplers against a closed-form Gaussian posterior."""

from __future__ import annotations

import gaussian_toy as toy_module
import pytest
import torch

from napari_padis.posterior.samplers.dual import Split, dual
from napari_padis.posterior.schedule import geometric
from napari_padis.posterior.steps import noisy


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
    s = toy_module.score(toy, toy_module.run_method(toy, "padis-fast"))
    assert s.mean_distance < 0.035
    assert 0.7 < s.sd_ratio < 1.4


def test_dual_sampler_has_mean_and_spread_of_the_posterior(toy):
    """Independent chains from the end of ADMM at a noise level above the posterior's sd of 0.04."""
    like = toy.problem.start()[None].clone()

    def chains(evaluator):
        halves = Split.at(like)
        for _ in range(40):
            pulled = halves.meet(toy.problem, 0.1, 40)
            z, _ = yield from evaluator.denoise(pulled, 0.1)
            halves.pull(z, 0.1)
        # What pulls is the gradient of the data's logarithm, where both halves have met.
        residual = toy.problem.y - toy.problem.A(halves.v)
        pull = toy.problem.AT(residual) / toy.problem.sigma_y**2
        assert float((halves.w - pull).norm() / pull.norm()) < 0.05
        halves = halves.repeated(20)
        x = noisy(evaluator, halves.z, 0.4)
        levels = geometric(0.4, 0.002, 30)
        return (yield from dual(toy.problem, evaluator, x, halves, levels, 0.1, 40))

    s = toy_module.score(toy, toy_module.sample(toy, chains))
    assert s.sd_ratio == pytest.approx(1, abs=0.05)
    assert 0.87 < s.coverage < 0.93
    assert s.mean_distance < 0.0095  # of 20 exact samples: 0.0085
    assert s.residual == pytest.approx(1, abs=0.1)


def test_published_data_step_is_too_narrow(toy):
    """At zeta 0.1 the published step is far too narrow: its spread is about 0.6 of the truth."""
    few = toy_module.make_toy(20)
    s = toy_module.score(few, toy_module.published(few, 0.1))
    assert s.sd_ratio == pytest.approx(0.6, abs=0.15)
    assert 0.5 < s.coverage < 0.8


def test_minimum_norm_start_is_data_consistent(toy):
    x = toy_module.run_method(toy, "fbp", samples=1)
    assert toy.problem.residual(x) < 1e-6
