"""Samplers against a closed-form Gaussian posterior."""

from __future__ import annotations

import gaussian_toy as toy_module
import pytest
import torch


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


def test_published_data_step_is_too_narrow(toy):
    """At zeta 0.1 the published step is far too narrow: its spread is about 0.6 of the truth."""
    few = toy_module.make_toy(20)
    s = toy_module.score(few, toy_module.published(few, 0.1))
    assert s.sd_ratio == pytest.approx(0.6, abs=0.15)
    assert 0.5 < s.coverage < 0.8


def test_minimum_norm_start_is_data_consistent(toy):
    x = toy_module.run_method(toy, "fbp", samples=1)
    assert toy.problem.residual(x) < 1e-6
