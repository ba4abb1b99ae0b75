"""The share of variance in the null space against the singular value decomposition."""

from __future__ import annotations

import gaussian_toy as toy_module
import pytest
import torch

from napari_padis.posterior.null_space import null_part, null_share


@pytest.fixture(scope="module")
def toy():
    torch.set_num_threads(1)
    return toy_module.make_toy(300)


def filtered(toy, ridge):
    """The exact ``d / (s^2 + d)`` of the normalised matrix."""
    a = toy.problem.operator.matrix / toy.problem.operator.norm
    _, s, vh = torch.linalg.svd(a, full_matrices=True)
    gains = torch.ones(len(vh), dtype=a.dtype)
    gains[: len(s)] = ridge / (s**2 + ridge)
    return vh.T @ torch.diag(gains) @ vh


@pytest.mark.parametrize("ridge", [1e-2, 1e-4, 1e-6])
def test_null_part_is_that_of_the_decomposition(toy, ridge):
    g = torch.Generator().manual_seed(0)
    x = torch.randn((3, *toy.mean.shape), generator=g, dtype=torch.float64)
    part = null_part(toy.problem, x, ridge, tolerance=1e-10)
    assert torch.allclose(part, x @ filtered(toy, ridge), atol=1e-6)


def test_nothing_is_seen_of_the_null_part(toy):
    g = torch.Generator().manual_seed(0)
    x = torch.randn((1, *toy.mean.shape), generator=g, dtype=torch.float64)
    seen = toy.problem.A(null_part(toy.problem, x, 1e-8, tolerance=1e-12)).norm()
    assert seen < 1e-5 * toy.problem.A(x).norm()


def test_share_of_a_known_posterior(toy):
    """Four samples of 300 data sets: tr(P C P) / tr(C) within the Monte-Carlo error."""
    chol = torch.linalg.cholesky(toy.covariance + 1e-12 * torch.eye(64))
    g = torch.Generator().manual_seed(2)
    white = torch.randn((4, *toy.mean.shape), generator=g, dtype=torch.float64)
    x = toy.mean + white @ chol.T
    found = null_share(toy.problem, x, x.mean(0))
    p = filtered(toy, found.ridge)
    exact = torch.trace(p @ toy.covariance @ p) / torch.trace(toy.covariance)
    assert found.share == pytest.approx(float(exact), abs=0.02)
    assert 0.8 < float(exact) < 1  # what was measured is known well


def test_no_null_space_and_nothing_but_null_space(toy):
    g = torch.Generator().manual_seed(0)
    x = torch.randn((2, *toy.mean.shape), generator=g, dtype=torch.float64)
    inside = x @ filtered(toy, 1e-12)
    assert null_share(toy.problem, inside, torch.zeros_like(x[0])).share > 0.9999
    # Singular values of a random 24 x 64 matrix are not small.
    assert null_share(toy.problem, x - inside, torch.zeros_like(x[0])).share < 1e-3


def test_nothing_varies_or_stopped(toy):
    x = torch.zeros((2, *toy.mean.shape), dtype=torch.float64)
    assert null_share(toy.problem, x, x[0]) is None
    x = torch.ones_like(x)
    assert null_share(toy.problem, x, 0 * x[0], stopped=lambda: True) is None
