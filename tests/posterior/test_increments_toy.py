"""The toy with jumps: its denoiser and its posterior are what they claim to be."""

from __future__ import annotations

import increments
import increments_toy
import pytest
import torch
import toys


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def given(sigma):
    """Two short signals and their noisy ones."""
    g = torch.Generator().manual_seed(5)
    clean = increments.signals((2, 16), g)
    return clean + sigma * torch.randn(clean.shape, generator=g, dtype=torch.float64), g


@pytest.mark.parametrize("sigma", [0.02, 0.3])
def test_message_passing_agrees_with_gibbs(sigma):
    r, g = given(sigma)
    mean, variance = increments.marginals(r, sigma)
    draws = increments.gibbs(torch.eye(16, dtype=torch.float64), r, sigma, 40, g)
    kept = [next(draws) for _ in range(80)][15:]
    found = torch.stack([m for m, _ in kept]).mean((0, 1))
    spread = torch.stack([(x - mean).square() for _, x in kept]).mean((0, 1))
    assert float((found - mean).square().mean()) < 0.03**2 * float(variance.mean())
    assert float(spread.mean() / variance.mean()) == pytest.approx(1, abs=0.1)


def test_without_jumps_the_denoiser_averages():
    """A constant signal under white noise is the simplest problem with conjugate priors."""
    r, _ = given(0.05)
    mean, variance = increments.marginals(r, 0.05, rate=0.0)
    precision = 16 / 0.05**2 + 1 / increments.FIRST**2
    expected = toys.MEAN + (r - toys.MEAN).sum(-1, keepdim=True) / 0.05**2 / precision
    assert (mean - expected).abs().max() < 1e-6
    assert variance == pytest.approx(1 / precision, rel=1e-4)


def test_jacobian_is_the_covariance():
    """Tweedie's second formula: its diagonal is the variance over sigma^2."""
    denoiser = increments.IncrementsDenoiser()
    x, _ = given(0.05)
    run = denoiser.vjp(x, 0.05, None, torch.eye(16, dtype=torch.float64)[4].expand_as(x))
    with pytest.raises(StopIteration) as done:
        next(run)
    _, variance = increments.marginals(x, 0.05)
    torch.testing.assert_close(done.value.value[:, 4] * 0.05**2, variance[:, 4], rtol=0.02, atol=0)


def test_exact_samples_score_as_exact():
    toy = increments_toy.make_toy(12, chains=10, sweeps=30)
    s = toys.score(toy, toy.exact)
    assert s.sd_ratio == pytest.approx(1, abs=0.1)
    assert s.coverage == pytest.approx(0.9, abs=0.05)
    assert s.residual == pytest.approx(1, abs=0.1)
    assert s.gap == pytest.approx(0.41, abs=0.15)  # ten samples: 10 log10(1.1)
