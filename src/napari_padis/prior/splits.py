"""Tiles of unequal sides whose seams lie anywhere in the image."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from napari_padis.errors import InputError
from napari_padis.prior.canvas import framed
from napari_padis.prior.patches import Shift, Stacks, position_channels
from napari_padis.prior.sides import LEAST_PAD, Pair, next_multiple


class Part(NamedTuple):
    """A tile along one axis: its first pixel and its side, and the pixels taken from it."""

    start: int
    side: int
    first: int
    end: int

    @property
    def kept(self) -> slice:
        """Where the pixels taken lie in the tile."""
        return slice(self.first - self.start, self.end - self.start)

    @property
    def place(self) -> slice:
        """Where they lie in the image."""
        return slice(self.first, self.end)


@dataclass(frozen=True)
class Split:
    """Tiles along one axis, all of which move with a shift.

    Neighbouring tiles overlap by some pixels, and the seam lies in the middle of them, since a
    tile is denoised worst at its borders. The first tile ends at ``first + shift`` and begins
    before the image by as much as makes its side a multiple of what the network takes; the last
    one likewise ends beyond the image; those between have equal sides. So every shift costs the
    same, and each seam moves from pixel to pixel over as many places as lie between two seams.

    Attributes
    ----------
    length : int
        Pixels of the image.
    count : int
        Number of tiles.
    multiple : int
        Sides are divisible by this.
    inner : int
        Side of the tiles between the first and the last one; of the only one, if it is one.
    overlap : int
        Pixels that neighbours share; the last two share ``more`` in addition.
    first : int
        Pixels of the image in the first tile at shift 0.
    shifts : int
        Largest shift.
    """

    length: int
    count: int
    multiple: int
    inner: int
    overlap: int
    more: int
    first: int
    shifts: int

    @property
    def canvas(self) -> int:
        """Pixels of all tiles together."""
        return self.inner if self.count == 1 else self.length + self.multiple - 1

    @property
    def largest(self) -> int:
        """Largest side of a tile, over all shifts."""
        return max(p.side for shift in (0, self.shifts) for p in self.parts(shift))

    @property
    def step(self) -> int:
        """Distance of seams."""
        return self.inner - self.overlap

    @property
    def seam(self) -> int:
        """Place of the first seam at shift 0."""
        return self.first - self.overlap // 2

    def parts(self, shift: int) -> list[Part]:
        """Tiles from the first to the last one.

        Raises
        ------
        InputError
            If there is no such shift.
        """
        if not 0 <= shift <= self.shifts:
            raise InputError(f"Shift {shift} lies outside 0..{self.shifts}.")
        if self.count == 1:
            return [Part(shift - self.shifts, self.inner, 0, self.length)]
        seams = [self.seam + shift + k * self.step for k in range(self.count - 1)]
        edges = [0, *seams, self.length]
        end = self.first + shift
        side = next_multiple(end, self.multiple)
        found = [Part(end - side, side, 0, seams[0])]
        for k in range(1, self.count - 1):
            found.append(Part(end - self.overlap, self.inner, edges[k], edges[k + 1]))
            end += self.step
        start = end - self.overlap - self.more
        side = next_multiple(self.length - start, self.multiple)
        return [*found, Part(start, side, seams[-1], self.length)]


def choose_split(
    length: int, multiple: int, mean: float, smallest: int, largest: int, overlap: int
) -> Split:
    """Fewest tiles along one axis.

    Their pixels are the length, the overlaps, and ``multiple - 1`` so that tiles may begin at
    any pixel: what the network's coarser levels see then differs from shift to shift. A single
    tile has :data:`~napari_padis.prior.sides.LEAST_PAD` pixels more than the image at least.

    Parameters
    ----------
    length : int
        Pixels of the image.
    multiple : int
        Sides must be divisible by this.
    mean : float
        Largest mean side.
    smallest, largest : int
        Bounds of all sides, kept as far as the image's size allows.
    overlap : int
        Least overlap.

    Returns
    -------
    Split
    """
    whole = next_multiple(length + LEAST_PAD, multiple)
    if whole <= max(mean, multiple):
        return Split(length, 1, multiple, whole, 0, 0, length, whole - length)
    for count in itertools.count(2):
        shared = overlap * (count - 1)
        shared += (1 - length - shared) % multiple  # padding before and behind, then, is constant
        total = length + shared + multiple - 1
        if total <= count * max(mean, multiple):
            break
    inner = total // count // multiple * multiple
    ends = length + shared - (count - 2) * inner  # of the first and the last tile together
    each = shared // (count - 1)
    least = max(smallest, ends - largest, (ends - inner + each + 2) // 2)
    first = min(least, ends // 2)
    more = shared - each * (count - 1)
    return Split(length, count, multiple, inner, each, more, first, ends - 2 * first)


@dataclass(frozen=True)
class SplitTiles:
    """Tiles at random places, of sides that differ, from which each pixel is taken once.

    A grid of equal tiles that covers little more than the image has few shifts, so that its
    seams stay where they are and can be seen in what is made of many evaluations. Here they
    move over the whole image at the same cost.

    Parameters
    ----------
    rows, cols : Split
        Tiles along both axes.
    """

    rows: Split
    cols: Split

    @property
    def shape(self) -> Pair:
        """Rows and columns of the image."""
        return self.rows.length, self.cols.length

    @cached_property
    def sides(self) -> Pair:
        """Rows and columns of the largest tile."""
        return self.rows.largest, self.cols.largest

    @property
    def tiles(self) -> Pair:
        """Number of tiles along rows and columns."""
        return self.rows.count, self.cols.count

    @property
    def count(self) -> int:
        """Tiles per image."""
        return self.rows.count * self.cols.count

    @property
    def canvas(self) -> Pair:
        """Rows and columns of all tiles together."""
        return self.rows.canvas, self.cols.canvas

    @property
    def shifts(self) -> Pair:
        """Largest shift along rows and columns."""
        return self.rows.shifts, self.cols.shifts

    @property
    def lattice(self) -> tuple[Pair, Pair, Pair]:
        """Seams: distance, number less one, and where the first one is, with a minus."""
        (a, b) = self.rows, self.cols
        return (a.step, b.step), (a.count - 2, b.count - 2), (-a.seam, -b.seam)

    def random_shift(self, generator: torch.Generator) -> Shift:
        """Draw a shift uniformly from all of them (on the generator's device)."""
        rows, cols = (
            int(torch.randint(m + 1, (), generator=generator, device=generator.device))
            for m in self.shifts
        )
        return rows, cols

    def extract(self, image: Tensor, shift: Shift, border: Tensor | None = None) -> Stacks:
        """Cut images into tiles, see :meth:`PatchGrid.extract`; one stack for each size."""
        rows, cols = self.rows.parts(shift[0]), self.cols.parts(shift[1])
        top, left = -rows[0].start, -cols[0].start
        canvas = framed(image, self.canvas, (top, left), border)
        return tuple(
            torch.stack(
                [
                    canvas[..., r.start + top :, c.start + left :][..., : r.side, : c.side]
                    for r, c in tiles
                ],
                dim=1,
            ).flatten(0, 1)
            for tiles in self._sizes(shift)
        )

    def assemble(self, tiles: Stacks, shift: Shift) -> Tensor:
        """Image of the pixels that are taken from each tile."""
        image = self._blank(tiles)
        for r, c, tile in self._each(tiles, shift):
            image[..., r.place, c.place] = tile[..., r.kept, c.kept]
        return image

    def spread(self, image: Tensor, shift: Shift) -> Stacks:
        """Transpose of :meth:`assemble`."""
        stacks = tuple(
            image.new_zeros((len(image), len(tiles), image.shape[1], r.side, c.side))
            for tiles in self._sizes(shift)
            for r, c in tiles[:1]
        )
        for r, c, tile in self._each(tuple(s.flatten(0, 1) for s in stacks), shift):
            tile[..., r.kept, c.kept] = image[..., r.place, c.place]
        return tuple(s.flatten(0, 1) for s in stacks)

    def gather(self, tiles: Stacks, shift: Shift) -> Tensor:
        """Sum of the tiles over each pixel: the transpose of :meth:`extract`."""
        image = self._blank(tiles)
        rows, cols = self.shape
        for r, c, tile in self._each(tiles, shift):
            inside = tile[
                ...,
                max(-r.start, 0) : min(r.side, rows - r.start),
                max(-c.start, 0) : min(c.side, cols - c.start),
            ]
            place = image[..., max(r.start, 0) :, max(c.start, 0) :]
            place[..., : inside.shape[-2], : inside.shape[-1]] += inside
        return image

    def positions(self, shift: Shift, device: torch.device | None = None) -> Stacks:
        """Position channels of the tiles, one stack (tiles, 2, rows, columns) for each size."""
        return tuple(
            position_channels(
                torch.tensor([(r.start, c.start) for r, c in tiles]),
                (tiles[0][0].side, tiles[0][1].side),
                self.shape,
                device,
            )
            for tiles in self._sizes(shift)
        )

    def _sizes(self, shift: Shift) -> list[list[tuple[Part, Part]]]:
        """All tiles, those of one size together."""
        found: dict[Pair, list[tuple[Part, Part]]] = {}
        for r, c in itertools.product(self.rows.parts(shift[0]), self.cols.parts(shift[1])):
            found.setdefault((r.side, c.side), []).append((r, c))
        return list(found.values())

    def _each(self, stacks: Stacks, shift: Shift) -> list[tuple[Part, Part, Tensor]]:
        """Each tile's place and its pixels in all images."""
        return [
            (r, c, stack.unflatten(0, (-1, len(tiles)))[:, i])
            for tiles, stack in zip(self._sizes(shift), stacks, strict=True)
            for i, (r, c) in enumerate(tiles)
        ]

    def _blank(self, tiles: Stacks) -> Tensor:
        """An image of zeros for each image that the tiles are of."""
        images = sum(len(stack) for stack in tiles) // self.count
        return tiles[0].new_zeros((images, tiles[0].shape[1], *self.shape))
