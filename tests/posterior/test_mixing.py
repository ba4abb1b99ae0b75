"""What is judged of chains, and moments of correlated draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.posterior.effective_size import bulk_effective_size, kept_draws, r_hat, thinning
from napari_padis.posterior.mixing import judge, square_means
from napari_padis.posterior.statistics import RunningMoments, chain_moments


def autoregressive(phi, chains, draws, quantities, seed=0):
    """Stationary chains of unit variance."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((chains, draws, quantities))
    for t in range(1, draws):
        x[:, t] = phi * x[:, t - 1] + np.sqrt(1 - phi**2) * x[:, t]
    return x


def test_means_of_squares():
    image = np.arange(2 * 33 * 40, dtype=np.float32).reshape(2, 33, 40)
    means = square_means(image)
    assert means.shape == (2 * 16 * 20,)
    assert means[0] == image[0, :2, :2].mean()
    assert means[16 * 20 + 21] == image[1, 2:4, 2:4].mean()
    assert square_means(np.ones((1, 5, 3))).shape == (15,)  # single pixels


def test_the_widest_quantities_decide():
    """Four wide and slow quantities beside a hundred narrow ones that forget at once."""
    slow = autoregressive(0.8, 4, 1000, 4)
    fast = 0.1 * autoregressive(0.0, 4, 1000, 100, seed=1)
    found = judge(np.concatenate([fast, slow], -1))
    assert found.stride == thinning(slow)
    assert found.effective == pytest.approx(float(bulk_effective_size(slow).min()))
    assert found.r_hat == pytest.approx(float(r_hat(slow).max()))
    assert found.draws == 1000
    # (1 - phi) / (1 + phi) of 4000, of the worst of four.
    assert found.effective == pytest.approx(444, rel=0.3)


def test_chains_that_agree_are_not_mentioned_and_others_are():
    draws = autoregressive(0.3, 4, 400, 8)
    assert judge(draws).notice is None
    apart = draws + np.arange(4)[:, None, None]
    found = judge(apart)
    assert found.r_hat > 1.2
    assert found.effective < 20
    assert f"R-hat {found.r_hat:.2f}" in found.notice
    assert "more evaluations" in found.notice
    assert found.notice.count(". ") == 0  # one sentence


def test_nothing_that_varies_cannot_be_judged():
    found = judge(np.ones((2, 8, 3)))
    assert (found.stride, found.effective, found.r_hat, found.notice) == (1, None, None, None)
    stuck = judge(np.broadcast_to(np.array([[[0.0]], [[1.0]]]), (2, 8, 1)))
    assert stuck.r_hat == np.inf
    assert stuck.notice is not None
    with pytest.raises(InputError, match="8 draws per chain"):
        judge(np.zeros((2, 7, 3)))


def test_no_more_is_claimed_than_there_are_draws():
    x = autoregressive(-0.7, 4, 100, 3)
    assert bulk_effective_size(x).min() > 400
    assert judge(x).effective == 400


@pytest.mark.parametrize(("count", "stride"), [(10, 1), (10, 3), (8, 8), (9, 4)])
def test_kept_draws_end_with_the_last(count, stride):
    kept = kept_draws(count, stride)
    assert kept[-1] == count - 1
    assert len(kept) == -(-count // stride)
    assert set(np.diff(kept)) <= {stride}


def test_variance_of_correlated_draws_is_unbiased():
    """Unit variance of AR(1) chains, which the divisor N - 1 misses by a fifth."""
    x = torch.from_numpy(autoregressive(0.9, 3, 12, 20_000))
    mean, variance = chain_moments(x)
    assert torch.allclose(mean, x.mean((0, 1)))
    assert float(variance.mean()) == pytest.approx(1, abs=0.02)
    assert float(x.flatten(0, 1).var(0).mean()) == pytest.approx(0.8, abs=0.03)


def test_one_draw_of_each_chain_and_one_chain_have_the_usual_variance():
    x = torch.randn((5, 7), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    running = RunningMoments()
    for one in x:
        running.add(one)
    for chains in (x[:, None], x[None]):
        mean, variance = chain_moments(chains)
        assert torch.allclose(mean, running.mean)
        assert torch.allclose(variance, running.variance)


def test_complex_draws_have_a_real_variance():
    parts = torch.from_numpy(autoregressive(0.5, 4, 10, 2 * 5000)).reshape(4, 10, 5000, 2)
    mean, variance = chain_moments(torch.view_as_complex(parts.contiguous()))
    assert mean.is_complex()
    assert not variance.is_complex()
    assert float(variance.mean()) == pytest.approx(2, abs=0.06)
