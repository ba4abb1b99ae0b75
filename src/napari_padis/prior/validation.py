"""Denoising on fixed crops of validation volumes, while training goes on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from napari_padis.prior.data import Batch, PatchSampler
from napari_padis.prior.hardware import mixed_precision
from napari_padis.prior.network import EDMDenoiser

#: Noise levels of the curve, on the scale [0, 1].
LEVELS = (0.02, 0.05, 0.1, 0.2, 0.5)


class Crops(NamedTuple):
    """Clean crops and unit noise for each, drawn once."""

    batch: Batch
    noise: Tensor


def fixed_crops(sampler: PatchSampler, patch: int) -> Crops:
    """The same crops and the same noise in every run: 16, or 4 of whole images."""
    generator = torch.Generator().manual_seed(0)
    batch = sampler.draw(patch, 16 if patch <= 128 else 4, generator)
    return Crops(batch, torch.randn(batch.patches.shape, generator=generator))


def denoising_psnr(
    network: EDMDenoiser, crops: Crops, device: torch.device, bfloat16: bool, clip: bool = True
) -> dict[str, float]:
    """PSNR in dB at each noise level, data range 1.

    Parameters
    ----------
    network : EDMDenoiser
    crops : Crops
    device : torch.device
    bfloat16 : bool
        Compute as training does.
    clip : bool
        Compare within [0, 1]; not for complex images.
    """
    curve = {}
    for sigma in LEVELS:
        error, count = 0.0, 0
        for estimate, truth in _denoised(network, crops, sigma, device, bfloat16):
            if clip:
                estimate, truth = estimate.clamp(0, 1), truth.clamp(0, 1)
            error += float((estimate.float() - truth).square().sum())
            count += truth.numel()
        curve[f"psnr_{sigma:g}"] = round(-10 * math.log10(max(error / count, 1e-12)), 3)
    return curve


def foretold_errors(
    network: EDMDenoiser, crops: Crops, device: torch.device, bfloat16: bool
) -> dict[str, float]:
    """How well errors are foretold at each noise level.

    Returns
    -------
    dict
        ``nll_...``: what training lowers, ``(D - x0)^2 / r^2 + log r^2``, without units as the
        level's ``log sigma^2`` is taken off. ``ratio_...``: mean of ``(D - x0)^2 / r^2``, which
        is 1 where errors are as large as foretold.
    """
    nll, ratio = {}, {}
    for sigma in LEVELS:
        likelihood, relative, count = 0.0, 0.0, 0
        for both, truth in _denoised(network, crops, sigma, device, bfloat16, with_error=True):
            denoised, log_error = both.float()
            squared = (denoised - truth).square() * (-log_error).exp()
            relative += float(squared.sum())
            likelihood += float((squared + log_error - 2 * math.log(sigma)).sum())
            count += truth.numel()
        nll[f"nll_{sigma:g}"] = round(likelihood / count, 4)
        ratio[f"ratio_{sigma:g}"] = round(relative / count, 4)
    return nll | ratio


@torch.no_grad()
def _denoised(
    network: EDMDenoiser,
    crops: Crops,
    sigma: float,
    device: torch.device,
    bfloat16: bool,
    with_error: bool = False,
) -> Iterator[tuple[Tensor, Tensor]]:
    """What the network makes of the crops at a noise level, and the truth, four at a time."""
    clean, position, condition = crops.batch
    for i in range(0, len(clean), 4):
        part = slice(i, i + 4)
        truth = clean[part].to(device)
        noisy = truth + sigma * crops.noise[part].to(device)
        levels = torch.full((len(truth),), sigma, device=device)
        told = () if condition is None else (condition[part].to(device),)
        more = {"with_error": True} if with_error else {}
        with mixed_precision(device, bfloat16):
            made = network(noisy, levels, position[part].to(device), *told, **more)
        yield made, truth
