"""Conjugate gradients and the proximal data step against dense algebra."""

from __future__ import annotations

import gaussian_toy
import torch

from napari_padis.posterior.conjugate import conjugate_gradients, proximal


def dot(a, b):
    return (a * b).sum(tuple(range(2, a.ndim)), keepdim=True)


def test_conjugate_gradients_solve_each_image_by_itself():
    g = torch.Generator().manual_seed(0)
    b = torch.randn((12, 12), generator=g, dtype=torch.float64)
    matrix = b @ b.T + torch.eye(12)
    rhs = torch.randn((3, 2, 12), generator=g, dtype=torch.float64)
    x = conjugate_gradients(lambda v: v @ matrix, rhs, torch.zeros_like(rhs), 30, dot)
    assert torch.allclose(x, rhs @ torch.linalg.inv(matrix), atol=1e-8)
    alone = conjugate_gradients(
        lambda v: v @ matrix, rhs[1:2, :1], torch.zeros(1, 1, 12).double(), 30, dot
    )
    assert torch.allclose(alone, x[1:2, :1], atol=1e-12)


def test_converged_images_stay_finite():
    zero = torch.zeros((2, 1, 5))
    x = conjugate_gradients(lambda v: v, zero, zero, 4, dot)
    assert torch.equal(x, zero)


def test_proximal_equals_closed_form():
    toy = gaussian_toy.make_toy(4)
    p = toy.problem
    a = p.operator.matrix / p.operator.norm
    centre = torch.rand((2, 4, 64), generator=torch.Generator().manual_seed(1)).double()
    gamma = 30.0
    left = torch.eye(64, dtype=torch.float64) + gamma * a.T @ a
    expected = (centre + gamma * p.y @ a) @ torch.linalg.inv(left)
    assert torch.allclose(proximal(p, centre, gamma, 60), expected, atol=1e-8)
