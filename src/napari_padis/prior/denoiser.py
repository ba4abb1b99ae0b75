"""A denoiser of whole images put together from patches."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from napari_padis.errors import InputError
from napari_padis.prior.card import PriorCard
from napari_padis.prior.network import EDMDenoiser, channels_last
from napari_padis.prior.patches import PatchGrid, Shift

#: Work that yields the share done of one evaluation (0..1) and returns a tensor, so
#: that whoever runs it can pause, stop and report between batches of patches.
Work = Generator[float, None, Tensor]


@dataclass(frozen=True)
class Draw:
    """The random part of one denoiser evaluation: reused for its transpose Jacobian."""

    shift: Shift | None = None
    border: Tensor | None = None


class Denoiser(Protocol):
    """``D(x, sigma)``, the estimate of the clean image; samplers know nothing else."""

    def draw(self, x: Tensor, sigma: float, generator: torch.Generator) -> Draw:
        """Random choices of one evaluation at ``x``."""

    def denoise(self, x: Tensor, sigma: float, draw: Draw) -> Work:
        """Denoise a batch of images."""

    def vjp(self, x: Tensor, sigma: float, draw: Draw, v: Tensor) -> Work:
        """Product of the transposed Jacobian of ``denoise`` with ``v``."""

    def error_variance(self, sigma: float) -> float:
        """Mean squared error r_t^2 of the denoiser at a noise level."""

    def halve_batch(self) -> bool:
        """Use less memory from now on; False when that is not possible."""


def bfloat16_is_fast(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
        return bool(probe()) if probe else False
    return False


class PatchDenoiser:
    """Random-shift patch denoiser of images of one shape (PaDIS, Hu et al., 2024).

    The image lies in zero padding whose content is known exactly; at noise level
    sigma that padding is white noise, drawn afresh for each evaluation.

    Parameters
    ----------
    network : EDMDenoiser
    card : PriorCard
    shape : tuple of int
        Rows and columns of the images.
    device : torch.device
    patch : int, optional
        Side of the tiles; the card's when missing.
    patch_batch : int
        Patches per network call.
    """

    def __init__(
        self,
        network: EDMDenoiser,
        card: PriorCard,
        shape: tuple[int, int],
        device: torch.device | str = "cpu",
        patch: int | None = None,
        patch_batch: int = 50,
        bfloat16: bool | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.card = card
        self.grid = PatchGrid(shape, patch or card.patch)
        if self.grid.patch % card.network.multiple:
            raise InputError(
                f"The patch side {self.grid.patch} must be divisible by {card.network.multiple} "
                f"for the prior '{card.name}'."
            )
        self.patch_batch = patch_batch
        fast = bfloat16_is_fast(self.device) if bfloat16 is None else bfloat16
        dtype = torch.bfloat16 if fast else torch.float32
        self.network = channels_last(network.to(self.device, dtype)).requires_grad_(False)
        self._table = torch.tensor(card.error_table, dtype=torch.float64).reshape(-1, 2)

    def draw(self, x: Tensor, sigma: float, generator: torch.Generator) -> Draw:
        """A uniform shift and the noise of the padding; one shift for the batch."""
        shift = self.grid.random_shift(generator)
        (ky, kx), p = self.grid.tiles, self.grid.patch
        size = (x.shape[:-3].numel(), x.shape[-3], ky * p, kx * p)
        noise = torch.randn(size, generator=generator, dtype=torch.float32)
        return Draw(shift, noise.mul_(sigma).to(self.device))

    @torch.no_grad()
    def denoise(self, x: Tensor, sigma: float, draw: Draw) -> Work:
        """Denoise images of shape (..., C, H, W)."""
        out = torch.empty_like(x).reshape(-1, *x.shape[-3:])
        for images, tiles, position in self._batches(x, draw):
            result = []
            for part, where in zip(
                tiles.split(self.patch_batch), position.split(self.patch_batch), strict=True
            ):
                result.append(self.network(part, self._sigma(part, sigma), where))
                yield images.start / len(out)
            out[images] = self.grid.assemble(torch.cat(result), self._shift(draw))
        return out.reshape(x.shape)

    def vjp(self, x: Tensor, sigma: float, draw: Draw, v: Tensor) -> Work:
        """Chunk by chunk: the Jacobian is block diagonal over the tiles."""
        out = torch.empty_like(x).reshape(-1, *x.shape[-3:])
        cotangent = v.reshape(out.shape)
        shift = self._shift(draw)
        for images, tiles, position in self._batches(x, draw):
            weights = self.grid.extract(cotangent[images], shift)
            result = []
            for part, where, w in zip(
                tiles.split(self.patch_batch),
                position.split(self.patch_batch),
                weights.split(self.patch_batch),
                strict=True,
            ):
                with torch.enable_grad():
                    part = part.detach().requires_grad_()
                    denoised = self.network(part, self._sigma(part, sigma), where)
                    (gradient,) = torch.autograd.grad(denoised, part, w)
                result.append(gradient)
                yield images.start / len(out)
            out[images] = self.grid.assemble(torch.cat(result), shift)
        return out.reshape(x.shape)

    def error_variance(self, sigma: float) -> float:
        """r_t^2 from the card's table, log-log interpolated; sigma^2 at most.

        Without a table the prior's spread tau = 0.25 stands in:
        sigma^2 tau^2 / (sigma^2 + tau^2).
        """
        if not len(self._table):
            return sigma**2 * 0.0625 / (sigma**2 + 0.0625)
        s, r2 = (column.contiguous() for column in self._table.log().unbind(1))
        at = math.log(sigma)
        i = int(torch.searchsorted(s, torch.tensor(at, dtype=s.dtype)).clamp(1, len(s) - 1))
        slope = (r2[i] - r2[i - 1]) / (s[i] - s[i - 1])
        value = math.exp(float(r2[i - 1] + slope * (at - s[i - 1])))
        return min(value, sigma**2)

    def halve_batch(self) -> bool:
        """Halve the number of patches per network call."""
        if self.patch_batch == 1:
            return False
        self.patch_batch = max(1, self.patch_batch // 2)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return True

    def _batches(self, x: Tensor, draw: Draw) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """Whole images whose tiles fill a network call, with their positions."""
        flat = x.reshape(-1, *x.shape[-3:])
        shift = self._shift(draw)
        each = max(1, self.patch_batch // self.grid.count)
        position = self.grid.positions(shift, self.device)
        for start in range(0, len(flat), each):
            images = slice(start, min(start + each, len(flat)))
            border = None if draw.border is None else draw.border[images]
            tiles = self.grid.extract(flat[images], shift, border)
            yield images, tiles, position.repeat(images.stop - images.start, 1, 1, 1)

    @staticmethod
    def _sigma(part: Tensor, sigma: float) -> Tensor:
        return torch.full((len(part),), sigma, dtype=torch.float32, device=part.device)

    @staticmethod
    def _shift(draw: Draw) -> Shift:
        return draw.shift or (0, 0)


def finish(work: Work) -> Tensor:
    """Run work to its end without listening to its progress."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: Tensor = done.value
            return result


def load_prior(
    name: str | Path,
    shape: tuple[int, int],
    device: torch.device | str = "cpu",
    patch_batch: int = 50,
) -> PatchDenoiser:
    """Load a prior by catalogue name or file for images of one shape."""
    from napari_padis.prior.catalogue import find_prior
    from napari_padis.prior.checkpoint import load_network

    network, card = load_network(find_prior(name))
    return PatchDenoiser(network, card, shape, device, patch_batch=patch_batch)
