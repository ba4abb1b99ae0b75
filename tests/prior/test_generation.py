"""Sampling from noise, against the closed form of a Gaussian."""

from __future__ import annotations

import pytest
import torch

from napari_padis.prior.data import Batch
from napari_padis.prior.generation import generate, noise_levels

CPU = torch.device("cpu")
MEAN, SPREAD = 0.4, 0.2


def gaussian(x, sigma, position, condition=None):
    """Denoiser of independent pixels N(MEAN, SPREAD^2)."""
    s2 = sigma[:, None, None, None] ** 2
    return (SPREAD**2 * x + s2 * MEAN) / (SPREAD**2 + s2)


def test_levels_are_those_of_edm():
    levels = noise_levels(80.0, 0.002, 18)
    assert len(levels) == 19
    assert levels[0] == pytest.approx(80)
    assert levels[-2] == pytest.approx(0.002)
    assert levels[-1] == 0
    # Equation 5 with rho = 7, in the middle.
    wanted = (80 ** (1 / 7) + 8 / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
    assert levels[8] == pytest.approx(wanted)


def test_a_gaussian_prior_gives_its_own_samples():
    like = Batch(torch.zeros(6, 2, 24, 24), torch.zeros(6, 2, 24, 24))
    levels = noise_levels(20.0, 0.002, 60)
    x = generate(gaussian, like, levels, CPU, seed=3)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(3))
    # The flow of a Gaussian is linear: x0 = m + (x_T - m) s / sqrt(s^2 + sigma_max^2).
    wanted = MEAN + (20 * noise - MEAN) * SPREAD / (SPREAD**2 + 20**2) ** 0.5
    assert torch.allclose(x, wanted, atol=5e-3)
    coarse = generate(gaussian, like, noise_levels(20.0, 0.002, 16), CPU, seed=3)
    assert (coarse - wanted).abs().mean() < 0.02


def test_each_patch_is_told_its_place_and_condition():
    seen = []

    def network(x, sigma, position, condition):
        seen.append((position[:, 0, 0, 0].tolist(), condition[:, 0].tolist()))
        return torch.zeros_like(x)

    place = torch.arange(6.0)[:, None, None, None].expand(6, 2, 8, 8)
    like = Batch(torch.zeros(6, 3, 8, 8), place, torch.arange(6.0)[:, None] / 10)
    x = generate(network, like, noise_levels(1.0, 0.1, 2), CPU)
    assert not x.abs().amax() > 1e-6
    assert seen[0] == ([0, 1, 2, 3], pytest.approx([0, 0.1, 0.2, 0.3]))
    assert seen[-1] == ([4, 5], pytest.approx([0.4, 0.5]))
    assert len(seen) == 2 * 3
