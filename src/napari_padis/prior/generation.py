"""Patches drawn from a prior alone, from noise."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from napari_padis.prior.data import Batch
from napari_padis.prior.hardware import mixed_precision
from napari_padis.prior.network import EDMDenoiser


def noise_levels(sigma_max: float, sigma_min: float, steps: int, rho: float = 7.0) -> Tensor:
    """Levels from ``sigma_max`` to ``sigma_min``, then 0 (Karras et al., EDM, 2022, eq. 5)."""
    ends = torch.tensor([sigma_max, sigma_min], dtype=torch.float64) ** (1 / rho)
    ramp = torch.linspace(0, 1, steps, dtype=torch.float64)
    levels = (ends[0] + ramp * (ends[1] - ends[0])) ** rho
    return torch.cat([levels, levels.new_zeros(1)])


@torch.no_grad()
def generate(
    network: EDMDenoiser,
    like: Batch,
    levels: Tensor,
    device: torch.device,
    bfloat16: bool = False,
    seed: int = 0,
) -> Tensor:
    """Patches at given places, by Heun's method without added noise (EDM, 2022, Algorithm 1).

    Parameters
    ----------
    network : EDMDenoiser
    like : Batch
        Gives shape, position and condition of each patch; its patches are not looked at.
    levels : Tensor, shape (n + 1,)
        Falling noise levels, the last of them 0; ``2 n - 1`` evaluations.
    device : torch.device
    bfloat16 : bool
        Compute as training does.
    seed : int

    Returns
    -------
    Tensor, shape (B, C, P, P), on the CPU
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(like.patches.shape, generator=generator)
    sigmas = [float(level) for level in levels]
    done = []
    for i in range(0, len(noise), 4):
        part = slice(i, i + 4)
        position = like.position[part].to(device)
        told = () if like.condition is None else (like.condition[part].to(device),)
        x = noise[part].to(device) * sigmas[0]
        for now, after in pairwise(sigmas):
            first = _slope(network, x, now, position, told, bfloat16)
            euler = x + (after - now) * first
            if after > 0:
                second = _slope(network, euler, after, position, told, bfloat16)
                euler = x + (after - now) * (first + second) / 2
            x = euler
        done.append(x.cpu())
    return torch.cat(done)


def _slope(
    network: EDMDenoiser,
    x: Tensor,
    sigma: float,
    position: Tensor,
    told: tuple[Tensor, ...],
    bfloat16: bool,
) -> Tensor:
    """Derivative by sigma of the probability flow."""
    level = torch.full((len(x),), sigma, device=x.device)
    with mixed_precision(x.device, bfloat16):
        denoised = network(x, level, position, *told)
    return (x - denoised.float()) / sigma
