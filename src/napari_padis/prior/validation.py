"""Denoising on fixed crops of validation volumes, while training goes on."""

from __future__ import annotations

import math
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


@torch.no_grad()
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
    clean, position, condition = crops.batch
    curve = {}
    for sigma in LEVELS:
        error, count = 0.0, 0
        for i in range(0, len(clean), 4):
            part = slice(i, i + 4)
            truth = clean[part].to(device)
            noisy = truth + sigma * crops.noise[part].to(device)
            levels = torch.full((len(truth),), sigma, device=device)
            told = () if condition is None else (condition[part].to(device),)
            with mixed_precision(device, bfloat16):
                estimate = network(noisy, levels, position[part].to(device), *told)
            if clip:
                estimate, truth = estimate.clamp(0, 1), truth.clamp(0, 1)
            error += float((estimate.float() - truth).square().sum())
            count += truth.numel()
        curve[f"psnr_{sigma:g}"] = round(-10 * math.log10(max(error / count, 1e-12)), 3)
    return curve
