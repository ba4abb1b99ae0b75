"""The training objective: noise levels and weighted denoising error.

Karras et al., "Elucidating the design space of diffusion-based generative models" (2022),
Table 1; on patches with position, Hu et al., PaDIS (2024).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from napari_padis.prior.settings import TrainingConfig


def draw_sigma(config: TrainingConfig, batch: int, generator: torch.Generator) -> Tensor:
    """Noise levels: log-normal, with a log-uniform share that reaches both ends."""
    normal = config.sigma_mean + config.sigma_std * torch.randn(batch, generator=generator)
    low, high = math.log(config.sigma_min), math.log(config.sigma_max)
    uniform = low + (high - low) * torch.rand(batch, generator=generator)
    pick = torch.rand(batch, generator=generator) < config.log_uniform_fraction
    return torch.where(pick, uniform, normal).clamp(low - 1, high).exp()


def denoising_loss(
    model: nn.Module,
    clean: Tensor,
    position: Tensor,
    sigma: Tensor,
    noise: Tensor,
    sigma_data: float,
    condition: Tensor | None = None,
) -> Tensor:
    """EDM-weighted denoising error per patch, averaged over pixels.

    Parameters
    ----------
    model : Module
        :class:`~napari_padis.prior.network.EDMDenoiser`, or something that wraps it.
    clean : Tensor, shape (B, C, P, P)
    position : Tensor, shape (B, 2, P, P)
    sigma : Tensor, shape (B,)
    noise : Tensor, shape (B, C, P, P)
        Of unit variance.
    sigma_data : float
    condition : Tensor, optional, shape (B, n)

    Returns
    -------
    Tensor, shape (B,)
    """
    told = () if condition is None else (condition,)
    denoised = model(clean + sigma[:, None, None, None] * noise, sigma, position, *told)
    weight = (sigma**2 + sigma_data**2) / (sigma * sigma_data) ** 2
    return weight * (denoised - clean).square().flatten(1).mean(1)


def error_loss(
    model: nn.Module,
    clean: Tensor,
    position: Tensor,
    sigma: Tensor,
    noise: Tensor,
    condition: Tensor | None = None,
) -> Tensor:
    """Negative log-likelihood of the denoising error per patch, as :func:`denoising_loss`.

    ``(D - x0)^2 / r^2 + log r^2``, averaged over pixels: that of a Gaussian, up to constants, but
    least where ``r^2`` is the mean of ``(D - x0)^2``, whatever its distribution (Nix and Weigend,
    "Estimating the mean and variance of the target probability distribution", 1994, eq. 2). It
    is given relative to ``sigma^2``, so that all levels have losses of one size.
    """
    told = () if condition is None else (condition,)
    level = sigma[:, None, None, None]
    noisy = clean + level * noise
    denoised, log_error = model(noisy, sigma, position, *told, with_error=True)
    squared = (denoised - clean).square()
    relative = log_error - 2 * level.log()
    return (squared * (-log_error).exp() + relative).flatten(1).mean(1)
