"""A denoiser of whole images put together from patches."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from napari_padis.prior.canvas import border_size
from napari_padis.prior.card import PriorCard, Tiling
from napari_padis.prior.hardware import bfloat16_is_fast, tiles_at_once
from napari_padis.prior.network import EDMDenoiser, channels_last
from napari_padis.prior.patches import Shift, Stacks
from napari_padis.prior.sides import Pair
from napari_padis.prior.tilings import make_tiles

#: Work that yields the share done of one evaluation (0..1) and returns a tensor, so
#: that whoever runs it can pause, stop and report between batches of patches.
Work = Generator[float, None, Tensor]


@dataclass(frozen=True)
class Draw:
    """The random part of one denoiser evaluation: reused for its transpose Jacobian."""

    shift: Shift | None = None
    border: Tensor | None = None  # noise of the padding, (images, channels, its pixels)


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


class PatchDenoiser:
    """Denoiser of images of one shape, made of tiles that the network denoises one by one.

    The image lies in zero padding whose content is known exactly; at noise level sigma that
    padding is white noise, drawn afresh for each evaluation. The tiles lie at random places
    (PaDIS, Hu et al., 2024) or in one of the other ways of
    :func:`~napari_padis.prior.tilings.make_tiles`; samplers need not know which.

    Parameters
    ----------
    network : EDMDenoiser
    card : PriorCard
    shape : tuple of int
        Rows and columns of the images.
    device : torch.device
    patch : int or pair of int, optional
        Side of the tiles; chosen from the card's and the shape when missing.
    patch_batch : int, optional
        Largest tiles per network call, or smaller ones of as many pixels; chosen from their size
        when missing.
    bfloat16 : bool, optional
        Number format of the network; chosen from the device when missing.
    tiling : str, optional
        The card's when missing.
    stride : int or pair of int, optional
        Distance of overlapping tiles.
    condition : sequence of float
        Scalar conditions of the network, when it has some.
    """

    def __init__(
        self,
        network: EDMDenoiser,
        card: PriorCard,
        shape: tuple[int, int],
        device: torch.device | str = "cpu",
        patch: int | Pair | None = None,
        patch_batch: int | None = None,
        bfloat16: bool | None = None,
        tiling: Tiling | None = None,
        stride: int | Pair | None = None,
        condition: Sequence[float] = (),
    ) -> None:
        self.device = torch.device(device)
        self.card = card
        self.grid = make_tiles(tiling or card.tiling, shape, card, patch, stride)
        self.patch_batch = patch_batch or tiles_at_once(self.device, math.prod(self.grid.sides))
        fast = bfloat16_is_fast(self.device) if bfloat16 is None else bfloat16
        dtype = torch.bfloat16 if fast else torch.float32
        self.network = channels_last(network.to(self.device, dtype)).requires_grad_(False)
        self._table = torch.tensor(card.error_table, dtype=torch.float64).reshape(-1, 2)
        self._condition = torch.tensor(condition, device=self.device).reshape(1, -1)

    def draw(self, x: Tensor, sigma: float, generator: torch.Generator) -> Draw:
        """A shift and the noise of the padding; one shift for the batch."""
        shift = self.grid.random_shift(generator)
        size = (x.shape[:-3].numel(), x.shape[-3], border_size(self.grid.shape, self.grid.canvas))
        noise = torch.randn(size, generator=generator, dtype=torch.float32)
        return Draw(shift, noise.mul_(sigma).to(self.device))

    @torch.no_grad()
    def denoise(self, x: Tensor, sigma: float, draw: Draw) -> Work:
        """Denoise images of shape (..., C, H, W)."""
        return (yield from self._evaluate(x, sigma, draw))[0]

    def vjp(self, x: Tensor, sigma: float, draw: Draw, v: Tensor) -> Work:
        """Chunk by chunk: the Jacobian of the network is block diagonal over the tiles."""
        return (yield from self._evaluate(x, sigma, draw, v))[0]

    @property
    def has_local_error(self) -> bool:
        """Whether the network foretells the error of each pixel."""
        return self.card.network.error_width > 0

    @torch.no_grad()
    def denoise_with_error(self, x: Tensor, sigma: float, draw: Draw) -> Work:
        """Denoise, and foretell the squared error of each pixel in the same network calls.

        Returns
        -------
        Tensor, shape (2, ..., C, H, W)
            The denoised images, as :meth:`denoise` gives them, and the expected squares of
            their errors.

        Raises
        ------
        ValueError
            If the network does not foretell errors, see :attr:`has_local_error`.
        """
        return (yield from self._evaluate(x, sigma, draw, with_error=True))

    def error_variance(self, sigma: float) -> float:
        """r_t^2 from the card's table, log-log interpolated; sigma^2 at most.

        Without a table tau = 0.25 stands in: sigma^2 tau^2 / (sigma^2 + tau^2).
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

    def _evaluate(
        self,
        x: Tensor,
        sigma: float,
        draw: Draw,
        v: Tensor | None = None,
        with_error: bool = False,
    ) -> Work:
        """Denoise, or multiply ``v`` by the transposed Jacobian; one output, or two."""
        flat = x.reshape(-1, *x.shape[-3:])
        out = flat.new_empty((1 + with_error, *flat.shape))
        shift = draw.shift or (0, 0)
        places = self.grid.positions(shift, self.device)
        put = self.grid.assemble if v is None else self.grid.gather
        for images in self._together(len(flat), places):
            border = None if draw.border is None else draw.border[images]
            stacks = self.grid.extract(flat[images], shift, border)
            weights = None if v is None else self.grid.spread(v.reshape(flat.shape)[images], shift)
            results = [tuple(torch.empty_like(tiles) for tiles in stacks) for _ in out]
            done, pixels = 0, sum(_pixels(tiles) for tiles in stacks)
            for k, i in self._calls(stacks):
                w = None if weights is None else weights[k][i]
                where = places[k][i % len(places[k])]
                made = self._call(stacks[k][i], sigma, where, w, with_error)
                for result, output in zip(results, made, strict=True):
                    result[k][i] = output
                yield (images.start + done / pixels * (images.stop - images.start)) / len(flat)
                done += _pixels(stacks[k][i])
            for whole, result in zip(out, results, strict=True):
                whole[images] = put(result, shift)
        return out.reshape(len(out), *x.shape)

    def _together(self, count: int, places: Stacks) -> Iterator[slice]:
        """Images whose smallest tiles fill a network call."""
        each = max(1, self._budget // min(_pixels(tiles) for tiles in places))
        for start in range(0, count, each):
            yield slice(start, min(start + each, count))

    def _calls(self, stacks: Stacks) -> Iterator[tuple[int, Tensor]]:
        """Which stack, and which of its tiles, each network call is about."""
        for k, tiles in enumerate(stacks):
            together = max(1, self._budget // _pixels(tiles[:1]))
            for i in torch.arange(len(tiles), device=self.device).split(together):
                yield k, i

    @property
    def _budget(self) -> int:
        """Pixels of a network call."""
        return self.patch_batch * math.prod(self.grid.sides)

    def _call(
        self, tiles: Tensor, sigma: float, position: Tensor, v: Tensor | None, with_error: bool
    ) -> Tensor:
        """Evaluate the network on some tiles, or its transposed Jacobian; outputs come first."""
        level = torch.full((1,), sigma, dtype=torch.float32, device=tiles.device)
        given = (self._condition,) if self._condition.numel() else ()
        if with_error:
            both: Tensor = self.network(tiles, level, position, *given, with_error=True)
            both[1].exp_().clamp_(max=sigma**2)
            return both
        if v is None:
            denoised: Tensor = self.network(tiles, level, position, *given)
            return denoised[None]
        with torch.enable_grad():
            tiles = tiles.detach().requires_grad_()
            denoised = self.network(tiles, level, position, *given)
            (gradient,) = torch.autograd.grad(denoised, tiles, v)
        return gradient[None]


def _pixels(tiles: Tensor) -> int:
    """Pixels of a stack of tiles."""
    return len(tiles) * math.prod(tiles.shape[-2:])


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
    patch_batch: int | None = None,
    patch: int | Pair | None = None,
    tiling: Tiling | None = None,
    stride: int | Pair | None = None,
) -> PatchDenoiser:
    """Load a prior by catalogue name or file for images of one shape.

    What is missing follows the prior's card, see :class:`PatchDenoiser`.
    """
    from napari_padis.prior.catalogue import find_prior
    from napari_padis.prior.checkpoint import load_network

    network, card = load_network(find_prior(name))
    return PatchDenoiser(
        network, card, shape, device, patch, patch_batch, tiling=tiling, stride=stride
    )
