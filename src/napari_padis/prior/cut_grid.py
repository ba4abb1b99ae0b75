"""Tiles that end at the edges of the image, so that their borders can lie anywhere."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_padis.errors import InputError
from napari_padis.prior.canvas import framed
from napari_padis.prior.patches import Shift, position_channels
from napari_padis.prior.sides import Pair, next_multiple, pair

#: Tiles of one side next to each other along an axis: first pixel on the canvas, side, number.
Run = tuple[int, int, int]


@dataclass(frozen=True)
class Block:
    """Equal tiles side by side on one rectangle of the canvas."""

    shape: Pair
    canvas: Pair
    offset: Pair
    rows: Run
    cols: Run

    @property
    def count(self) -> int:
        """Tiles in the block."""
        return self.rows[2] * self.cols[2]

    def extract(self, image: Tensor, shift: Shift, border: Tensor | None = None) -> Tensor:
        """Tiles of images, (B, C, H, W) to (B * count, C, rows, columns)."""
        (top, h, ky), (left, w, kx) = self.rows, self.cols
        canvas = framed(image, self.canvas, self.offset, border)
        tiles = canvas[..., top : top + ky * h, left : left + kx * w]
        tiles = tiles.reshape(*image.shape[:2], ky, h, kx, w).permute(0, 2, 4, 1, 3, 5)
        return tiles.reshape(-1, image.shape[1], h, w)

    def assemble(self, tiles: Tensor, shift: Shift) -> Tensor:
        """Images that are zero outside of the block."""
        (top, h, ky), (left, w, kx) = self.rows, self.cols
        part = tiles.reshape(-1, ky, kx, tiles.shape[1], h, w).permute(0, 3, 1, 4, 2, 5)
        part = part.reshape(-1, tiles.shape[1], ky * h, kx * w)
        above, before = top - self.offset[0], left - self.offset[1]
        below = self.shape[0] - above - ky * h
        after = self.shape[1] - before - kx * w
        return F.pad(part, (before, after, above, below))  # crops where it is negative

    def spread(self, image: Tensor, shift: Shift) -> Tensor:
        """Transpose of :meth:`assemble`."""
        return self.extract(image, shift)

    def gather(self, tiles: Tensor, shift: Shift) -> Tensor:
        """Transpose of :meth:`extract`."""
        return self.assemble(tiles, shift)

    def positions(self, shift: Shift, device: torch.device | None = None) -> Tensor:
        """Position channels of the tiles, shape (count, 2, rows, columns)."""
        starts = [
            torch.arange(count) * side + first - before
            for (first, side, count), before in zip(
                (self.rows, self.cols), self.offset, strict=True
            )
        ]
        return position_channels(
            torch.cartesian_prod(*starts), (self.rows[1], self.cols[1]), self.shape, device
        )


@dataclass(frozen=True)
class CutGrid:
    """Random-shift tiles whose outer ones end with the image.

    A grid of equal tiles that reach over the edges (:class:`PatchGrid`) pays for each position
    of its borders with a pixel of padding. Here the tiles between two borders all have the same
    side, those at the edges end there, and borders nearer than half a side to an edge are left
    out. Borders then lie at every column alike, half a side from the edges on, and the tiles
    cover hardly more than the image. Tiles have sides from half to one and a half times
    ``patch``; for every shift each image pixel lies in exactly one of them.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the image.
    patch : int or pair of int
        Distance of the borders in pixels.
    multiple : int
        Sides of all tiles are divisible by this, and so must ``patch`` be.
    """

    shape: Pair
    patch: int | Pair
    multiple: int = 1

    def __post_init__(self) -> None:
        if min(*pair(self.patch), *self.shape) < 1 or any(
            p % self.multiple for p in pair(self.patch)
        ):
            raise InputError(
                f"No tiles of side {self.patch}, divisible by {self.multiple}, fit an image of "
                f"shape {self.shape}."
            )

    @property
    def margin(self) -> Pair:
        """Least distance of borders from the edges of the image."""
        rows, cols = (next_multiple(-(-p // 2), self.multiple) for p in pair(self.patch))
        return rows, cols

    @property
    def sides(self) -> Pair:
        """Rows and columns of the largest tile there can be."""
        rows, cols = (
            t if n < 2 * m + p else min(t, m + p + self.multiple)
            for n, t, m, p in zip(
                self.shape, self.canvas, self.margin, pair(self.patch), strict=True
            )
        )
        return rows, cols

    @property
    def canvas(self) -> Pair:
        """Rows and columns of all tiles together: the image starts at any pixel of a multiple."""
        rows, cols = (next_multiple(n + self.multiple - 1, self.multiple) for n in self.shape)
        return rows, cols

    @property
    def shifts(self) -> Pair:
        """Largest shift along rows and columns."""
        rows, cols = pair(self.patch)
        return rows - 1, cols - 1

    @property
    def lattice(self) -> tuple[Pair, Pair, Pair]:
        """Lines between tiles: distance, number less one, padding before the image."""
        rows, cols = (-(-n // p) for n, p in zip(self.shape, pair(self.patch), strict=True))
        return pair(self.patch), (rows, cols), (0, 0)

    def random_shift(self, generator: torch.Generator) -> Shift:
        """Draw a shift uniformly from all of them (on the generator's device)."""
        rows, cols = (
            int(torch.randint(m + 1, (), generator=generator, device=generator.device))
            for m in self.shifts
        )
        return rows, cols

    def blocks(self, shift: Shift) -> list[Block]:
        """The tiles, equal ones together; their images add up to that of all of them."""
        if not all(0 <= s <= m for s, m in zip(shift, self.shifts, strict=True)):
            raise InputError(f"Shift {shift} lies outside 0..{self.shifts}.")
        # Borders are at multiples on the canvas, so the image may begin inside of one.
        offset = -shift[0] % self.multiple, -shift[1] % self.multiple
        rows, cols = (self._runs(axis, shift[axis], offset[axis]) for axis in (0, 1))
        return [
            Block(self.shape, self.canvas, offset, *runs) for runs in itertools.product(rows, cols)
        ]

    def _runs(self, axis: int, shift: int, offset: int) -> list[Run]:
        """Tiles along one axis, equal neighbours together."""
        size, patch, margin = self.shape[axis], pair(self.patch)[axis], self.margin[axis]
        borders = [c + offset for c in range(shift, size, patch) if margin <= c <= size - margin]
        runs: list[Run] = []
        for start, end in itertools.pairwise([0, *borders, self.canvas[axis]]):
            if runs and runs[-1][1] == end - start:
                runs[-1] = (runs[-1][0], end - start, runs[-1][2] + 1)
            else:
                runs.append((start, end - start, 1))
        return runs
