"""Overlapping tiles at fixed places."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_padis.errors import InputError
from napari_padis.prior.canvas import framed
from napari_padis.prior.patches import Shift, Stacks, position_channels
from napari_padis.prior.sides import Pair, pair


@dataclass(frozen=True)
class OverlappingTiles:
    """Overlapping tiles at fixed places, averaged or cropped to their centres.

    Averaged, every pixel is the mean of the tiles that it lies in (Ozdenizci and Legenstein,
    "Restoring vision in adverse weather conditions with patch-based denoising diffusion
    models", TPAMI 2023, Algorithm 2). Cropped, it comes from the tile whose centre is nearest
    to it, so that nothing near a border inside the image is kept.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the image.
    patch : int or pair of int
        Side of the tiles in pixels, or their rows and columns.
    stride : int or pair of int
        Largest distance of neighbouring tiles; they are spread evenly.
    averaged : bool
        Average, or else crop.
    margin : int
        Pixels beyond each edge of the image that the tiles cover too.
    """

    shape: tuple[int, int]
    patch: int | Pair
    stride: int | Pair
    averaged: bool = True
    margin: int = 0

    def __post_init__(self) -> None:
        fits = all(1 <= s <= p for s, p in zip(pair(self.stride), self.sides, strict=True))
        if not fits or min(self.shape) < 1 or self.margin < 0:
            raise InputError(
                f"Tiles of side {self.patch} at a distance of {self.stride} do not cover an "
                f"image of shape {self.shape}: the distance must be 1 to {min(self.sides)}."
            )

    @property
    def sides(self) -> Pair:
        """Rows and columns of a tile."""
        return pair(self.patch)

    @cached_property
    def tiles(self) -> Pair:
        """Number of tiles along rows and columns."""
        rows, cols = (
            1 + max(0, math.ceil((n + 2 * self.margin - p) / s))
            for n, p, s in zip(self.shape, self.sides, pair(self.stride), strict=True)
        )
        return rows, cols

    @cached_property
    def step(self) -> Pair:
        """Distance of neighbouring tiles along rows and columns."""
        rows, cols = (
            math.ceil((n + 2 * self.margin - p) / (k - 1)) if k > 1 else p
            for n, p, k in zip(self.shape, self.sides, self.tiles, strict=True)
        )
        return rows, cols

    @property
    def count(self) -> int:
        """Tiles per image."""
        return self.tiles[0] * self.tiles[1]

    @property
    def canvas(self) -> Pair:
        """Rows and columns of all tiles together."""
        rows, cols = (
            p + (k - 1) * s for p, k, s in zip(self.sides, self.tiles, self.step, strict=True)
        )
        return rows, cols

    @property
    def shifts(self) -> Pair:
        """None: the tiles do not move."""
        return 0, 0

    @property
    def lattice(self) -> tuple[Pair, Pair, Pair]:
        """Lines at the first pixels of the tiles, or between the parts that are kept."""
        (ky, kx), step, (top, left) = self.tiles, self.step, self._offset
        if self.averaged:
            return step, (ky - 1, kx - 1), (top, left)
        cut = [(p - s) // 2 for p, s in zip(self.sides, step, strict=True)]
        return step, (ky - 2, kx - 2), (top - cut[0] - step[0], left - cut[1] - step[1])

    def random_shift(self, generator: torch.Generator) -> Shift:
        """The one position there is."""
        return 0, 0

    def extract(self, image: Tensor, shift: Shift, border: Tensor | None = None) -> Stacks:
        """Cut images into tiles, see :meth:`PatchGrid.extract`."""
        canvas = framed(image, self.canvas, self._offset, border)
        (h, w), (down, along) = self.sides, self.step
        tiles = canvas.unfold(-2, h, down).unfold(-2, w, along)  # (B, C, Ky, Kx, h, w)
        return (tiles.permute(0, 2, 3, 1, 4, 5).reshape(-1, image.shape[1], h, w),)

    def assemble(self, tiles: Stacks, shift: Shift) -> Tensor:
        """Average of the tiles over each pixel, or their centres side by side."""
        return self.gather((self._weighted(*tiles),), shift)

    def spread(self, image: Tensor, shift: Shift) -> Stacks:
        """Transpose of :meth:`assemble`."""
        return (self._weighted(*self.extract(image, shift)),)

    def gather(self, tiles: Stacks, shift: Shift) -> Tensor:
        """Sum of the tiles over each pixel."""
        (stack,) = tiles
        columns = stack.reshape(-1, self.count, stack[0].numel()).transpose(1, 2)
        canvas = F.fold(columns, self.canvas, self.sides, stride=self.step)
        top, left = self._offset
        return canvas[..., top : top + self.shape[0], left : left + self.shape[1]]

    def positions(self, shift: Shift, device: torch.device | None = None) -> Stacks:
        """Position channels of all tiles, one stack (count, 2, rows, columns)."""
        rows, cols = (
            torch.arange(k) * s - first
            for k, s, first in zip(self.tiles, self.step, self._offset, strict=True)
        )
        corners = torch.cartesian_prod(rows, cols)
        return (position_channels(corners, self.sides, self.shape, device),)

    @cached_property
    def _offset(self) -> Pair:
        """Where the image begins on the canvas: in its middle."""
        return (self.canvas[0] - self.shape[0]) // 2, (self.canvas[1] - self.shape[1]) // 2

    def _weighted(self, tiles: Tensor) -> Tensor:
        """Tiles times the share that each of their pixels has in the image."""
        rows, cols = (self._weights(axis).to(tiles) for axis in (0, 1))
        grid = tiles.reshape(-1, *self.tiles, *tiles.shape[1:])
        grid = grid * rows[:, None, None, :, None] * cols[:, None, None, :]
        return grid.reshape(tiles.shape)

    def _weights(self, axis: int) -> Tensor:
        """Weights along one axis, shape (tiles, side)."""
        count, side, step = self.tiles[axis], self.sides[axis], self.step[axis]
        at = torch.arange(count)[:, None] * step + torch.arange(side)
        if self.averaged:
            return 1 / torch.bincount(at.flatten())[at].to(torch.float64)
        cut = (side - step) // 2
        borders = torch.arange(1, count) * step + cut
        owner = torch.bucketize(at, borders, right=True)
        return (owner == torch.arange(count)[:, None]).to(torch.float64)
