"""Denoising error of a prior on whole images: the r_t^2 table of the card."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from napari_padis.prior.denoiser import PatchDenoiser, finish

#: Levels at which the table is measured.
LEVELS = (
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.03,
    0.05,
    0.07,
    0.1,
    0.15,
    0.2,
    0.3,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
)


def error_table(
    denoisers: Sequence[PatchDenoiser],
    images: Sequence[Tensor],
    levels: Sequence[float] = LEVELS,
    seed: int = 0,
) -> tuple[tuple[float, float], ...]:
    """Mean squared error per pixel at each noise level.

    Parameters
    ----------
    denoisers : sequence of PatchDenoiser
        One for each image; they may share a network.
    images : sequence of Tensor, each of shape (C, H, W)
        Clean validation images on the scale [0, 1].
    levels : sequence of float
    seed : int
    """
    rows = []
    for sigma in levels:
        generator = torch.Generator().manual_seed(seed)
        errors = []
        for d, image in zip(denoisers, images, strict=True):
            x = image.to(d.device)[None]
            noisy = x + sigma * torch.randn(x.shape, generator=generator).to(d.device)
            estimate = finish(d.denoise(noisy, sigma, d.draw(noisy, sigma, generator)))
            errors.append(float((estimate - x).square().mean()))
        rows.append((float(sigma), sum(errors) / len(errors)))
    return tuple(rows)
