"""Random changes of training patches: phase, mirror image, intensity."""

from __future__ import annotations

import torch
from torch import Tensor


def with_phase(magnitude: Tensor, position: Tensor, generator: torch.Generator) -> Tensor:
    """Real and imaginary part of images with random smooth phase.

    The phase is a polynomial of second degree in the position, drawn for each image, as field
    and coils make it vary slowly over a slice.

    Parameters
    ----------
    magnitude : Tensor, shape (B, 1, H, W)
    position : Tensor, shape (B, 2, H, W)
        Coordinates, [-1, 1] over the image.
    generator : torch.Generator

    Returns
    -------
    Tensor, shape (B, 2, H, W)
    """
    y, x = position[:, :1], position[:, 1:]
    terms = torch.cat((torch.ones_like(x), x, y, x * y, x.square(), y.square()), dim=1)
    scale = torch.tensor([0.0, 1.5, 1.5, 1.0, 1.0, 1.0])
    weights = scale * torch.randn((len(x), 6), generator=generator)
    weights[:, 0] = 2 * torch.pi * torch.rand(len(x), generator=generator)
    phase = (weights[:, :, None, None] * terms).sum(dim=1, keepdim=True)
    return torch.cat((magnitude * phase.cos(), magnitude * phase.sin()), dim=1)


def with_intensity(
    patches: Tensor,
    position: Tensor,
    gain: tuple[float, float],
    offset: tuple[float, float],
    ceiling: float,
    generator: torch.Generator,
) -> Tensor:
    """``gain * x + offset``, both uniform in their ranges for each patch, in [0, ceiling].

    What lies outside of the image stays zero: a reconstruction knows its padding exactly,
    whatever the intensities of the object.

    Parameters
    ----------
    patches : Tensor, shape (B, C, H, W)
        On the scale [0, 1].
    position : Tensor, shape (B, 2, H, W)
        Coordinates, [-1, 1] over the image.
    gain, offset : tuple of float
        Least and largest value.
    ceiling : float
    generator : torch.Generator

    Returns
    -------
    Tensor, shape (B, C, H, W)
    """
    u = torch.rand((2, len(patches), 1, 1, 1), generator=generator)
    g, b = (
        low + (high - low) * v for (low, high), v in zip((gain, offset), u, strict=True)
    )  # fmt: skip
    inside = position.abs().amax(dim=1, keepdim=True) < 1
    return torch.where(inside, (g * patches + b).clamp(0, ceiling), 0.0)
