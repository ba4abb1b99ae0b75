"""Patch grid with random shifts, and position channels in the image frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from napari_padis.errors import InputError
from napari_padis.prior.canvas import framed
from napari_padis.prior.sides import Pair, pair

Shift = tuple[int, int]

#: Tiles of some images, those of one size stacked: (images * tiles, C, rows, columns) each.
Stacks = tuple[Tensor, ...]


def position_channels(
    corners: Tensor,
    patch: int | Pair,
    shape: tuple[int, int],
    device: torch.device | None = None,
) -> Tensor:
    """Normalised coordinates of every pixel of some patches.

    The image spans [-1, 1] on each axis whatever its size, padding lies beyond, so
    training and reconstruction may pad differently.

    Parameters
    ----------
    corners : Tensor, shape (B, 2), integer
        Row and column of each patch's first pixel in the image frame; negative in
        the padding.
    patch : int or pair of int
        Side of the patches in pixels, or their rows and columns.
    shape : tuple of int
        Rows and columns of the image.

    Returns
    -------
    Tensor, shape (B, 2, rows of a patch, columns of a patch), float32
        Column coordinate first, then row coordinate.
    """
    height, width = pair(patch)
    down, along = torch.arange(height, device=device), torch.arange(width, device=device)
    rows = (corners[:, :1].to(down) + down + 0.5) / shape[0] * 2 - 1
    cols = (corners[:, 1:].to(along) + along + 0.5) / shape[1] * 2 - 1
    size = (len(corners), height, width)
    return torch.stack([cols[:, None, :].expand(size), rows[:, :, None].expand(size)], dim=1)


@dataclass(frozen=True)
class PatchGrid:
    """Tiles side by side over a zero-padded image, moved by a shift.

    Per axis ``K`` tiles of side ``P`` take ``M = K P - N`` pixels more than the image; ``K`` is
    the least number with ``M >= least``. A shift ``a`` in {0..M} puts the first tile at
    ``a - M`` in the image frame, so that for every shift each image pixel lies in exactly one
    tile. ``least = 1`` is the published ``K = 1 + N // P`` (Hu et al., PaDIS, NeurIPS 2024,
    section 3).

    A grid that does not move has the image in its middle; one tile then is the whole image.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the image.
    patch : int or pair of int
        Side of the tiles in pixels, or their rows and columns.
    least : int
        Least padding, so that there are at least ``least + 1`` shifts.
    moves : bool
        Whether there are shifts.
    """

    shape: tuple[int, int]
    patch: int | Pair
    least: int = 1
    moves: bool = True

    def __post_init__(self) -> None:
        if min(self.sides) < 1 or min(self.shape) < 1:
            raise InputError(
                f"No patch grid of side {self.patch} fits an image of shape {self.shape}."
            )

    @property
    def sides(self) -> Pair:
        """Rows and columns of a tile."""
        return pair(self.patch)

    @property
    def tiles(self) -> Pair:
        """Number of tiles along rows and columns."""
        rows, cols = (
            -(-(n + self.least) // p) for n, p in zip(self.shape, self.sides, strict=True)
        )
        return rows, cols

    @property
    def canvas(self) -> Pair:
        """Rows and columns of all tiles together."""
        return self.tiles[0] * self.sides[0], self.tiles[1] * self.sides[1]

    @property
    def shifts(self) -> Pair:
        """Largest shift along rows and columns."""
        if not self.moves:
            return 0, 0
        return self.canvas[0] - self.shape[0], self.canvas[1] - self.shape[1]

    @property
    def pad(self) -> Pair:
        """Pixels of the first tile before the image at shift (0, 0), along rows and columns."""
        rows, cols = (k - n for k, n in zip(self.canvas, self.shape, strict=True))
        return (rows, cols) if self.moves else (rows // 2, cols // 2)

    @property
    def count(self) -> int:
        """Tiles per image."""
        return self.tiles[0] * self.tiles[1]

    @property
    def lattice(self) -> tuple[Pair, Pair, Pair]:
        """Lines between tiles: distance, number less one, padding before the image."""
        return self.sides, self.tiles, self.pad

    def random_shift(self, generator: torch.Generator) -> Shift:
        """Draw a shift uniformly from all of them (on the generator's device)."""
        rows, cols = (
            int(torch.randint(m + 1, (), generator=generator, device=generator.device))
            for m in self.shifts
        )
        return rows, cols

    def corners(self, shift: Shift) -> Tensor:
        """First pixel (row, column) of each tile in the image frame, shape (count, 2)."""
        top, left = self.offset(shift)
        rows = torch.arange(self.tiles[0]) * self.sides[0] - top
        cols = torch.arange(self.tiles[1]) * self.sides[1] - left
        return torch.cartesian_prod(rows, cols)

    def extract(self, image: Tensor, shift: Shift, border: Tensor | None = None) -> Stacks:
        """Cut images into tiles.

        Parameters
        ----------
        image : Tensor, shape (B, C, H, W)
        shift : tuple of int
        border : Tensor, optional, shape (B, C, n)
            Content of the padding inside the tile union, see
            :func:`~napari_padis.prior.canvas.framed`; zero when missing.

        Returns
        -------
        tuple of Tensor, shape (B * tiles, C, rows, columns)
            A stack for each size of tile; here there is one.
        """
        b, c = image.shape[:2]
        (ky, kx), (h, w) = self.tiles, self.sides
        canvas = framed(image, self.canvas, self.offset(shift), border)
        tiles = canvas.reshape(b, c, ky, h, kx, w).permute(0, 2, 4, 1, 3, 5)
        return (tiles.reshape(b * self.count, c, h, w),)

    def assemble(self, tiles: Stacks, shift: Shift) -> Tensor:
        """Put tiles back; the inverse of :meth:`extract` on the image."""
        (ky, kx), (h, w) = self.tiles, self.sides
        (stack,) = tiles
        c = stack.shape[1]
        canvas = stack.reshape(-1, ky, kx, c, h, w).permute(0, 3, 1, 4, 2, 5)
        canvas = canvas.reshape(-1, c, *self.canvas)
        top, left = self.offset(shift)
        return canvas[..., top : top + self.shape[0], left : left + self.shape[1]]

    def spread(self, image: Tensor, shift: Shift) -> Stacks:
        """Transpose of :meth:`assemble`."""
        return self.extract(image, shift)

    def gather(self, tiles: Stacks, shift: Shift) -> Tensor:
        """Transpose of :meth:`extract` as a function of the image."""
        return self.assemble(tiles, shift)

    def positions(self, shift: Shift, device: torch.device | None = None) -> Stacks:
        """Position channels of all tiles, one stack (count, 2, rows, columns)."""
        return (position_channels(self.corners(shift), self.sides, self.shape, device),)

    def offset(self, shift: Shift) -> Pair:
        """Where the image begins inside the tile union."""
        if not all(0 <= s <= m for s, m in zip(shift, self.shifts, strict=True)):
            raise InputError(f"Shift {shift} lies outside 0..{self.shifts}.")
        return self.pad[0] - shift[0], self.pad[1] - shift[1]
