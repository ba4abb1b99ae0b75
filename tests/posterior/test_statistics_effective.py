"""Effective sample size and R-hat against closed forms and ArviZ."""

from __future__ import annotations

import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.posterior.effective_size import (
    bulk_effective_size,
    effective_size,
    kept_draws,
    r_hat,
    thinning,
)


def autoregressive(phi, chains, draws, quantities=1, seed=0):
    """Stationary AR(1) chains, whose effective size is M N (1 - phi) / (1 + phi)."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((chains, draws, quantities))
    x[:, 0] /= np.sqrt(1 - phi**2)
    for t in range(1, draws):
        x[:, t] += phi * x[:, t - 1]
    return x


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_closed_form_of_autoregressive_chains(phi):
    x = autoregressive(phi, 4, 2000, 40)
    expected = 4 * 2000 * (1 - phi) / (1 + phi)
    assert effective_size(x).mean() == pytest.approx(expected, rel=0.06)
    assert bulk_effective_size(x).mean() == pytest.approx(expected, rel=0.06)


def test_numbers_of_arviz():
    """ArviZ-stats 0.8 (`ess` of kinds mean and bulk, `rhat` of kind rank) on the same chains."""
    rng = np.random.default_rng(0)
    e, x = rng.standard_normal((4, 100)), np.zeros((4, 100))
    for t in range(100):
        x[:, t] = 0.7 * (x[:, t - 1] if t else 0) + e[:, t]
    heavy = rng.standard_cauchy((3, 51))
    apart = x + np.arange(4)[:, None] * 0.5
    for draws, mean, bulk, rank in (
        (x, 90.94677636792349, 91.41827693142521, 1.0231733820736624),
        (heavy, 164.60301620850083, 141.63804765958474, 1.0247640315031448),
        (apart, 80.07051525834987, 80.14605706565932, 1.0543075241350466),
    ):
        assert effective_size(draws) == pytest.approx(mean, rel=1e-9)
        assert bulk_effective_size(draws) == pytest.approx(bulk, rel=1e-9)
        assert r_hat(draws) == pytest.approx(rank, rel=1e-9)


def test_each_voxel_by_itself():
    x = autoregressive(0.5, 3, 64, 6).reshape(3, 64, 2, 3)
    sizes = effective_size(x)
    assert sizes.shape == (2, 3)
    assert sizes[1, 2] == pytest.approx(effective_size(x[..., 1, 2]))
    assert r_hat(x).shape == (2, 3)


def test_nothing_varies():
    assert np.isnan(effective_size(np.ones((2, 8))))


def test_too_few_draws_are_named():
    with pytest.raises(InputError, match="from 8 draws per chain on; there are 7"):
        effective_size(np.zeros((4, 7)))


def test_thinned_draws_are_nearly_independent():
    x = autoregressive(0.8, 4, 4000)
    stride = thinning(x)
    assert stride == pytest.approx(9, abs=2)  # (1 + phi) / (1 - phi)
    kept = x[:, kept_draws(4000, stride)]
    assert np.array_equal(kept[:, -1], x[:, -1])
    assert kept.shape[1] == -(-4000 // stride)
    # Correlations at the stride are phi^9 = 0.13 then, which leaves (1 - 0.13) / (1 + 0.13).
    assert effective_size(kept)[0] > 0.65 * kept.shape[0] * kept.shape[1]
    # What was thrown away was worth little.
    assert effective_size(kept)[0] > 0.65 * effective_size(x)[0]


def test_independent_draws_are_all_kept():
    x = autoregressive(-0.3, 4, 500)
    assert thinning(x) == 1
    assert thinning(np.ones((2, 10))) == 1
