"""Patch grid with random shifts, and position channels in the image frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_padis.errors import InputError

Shift = tuple[int, int]


def position_channels(
    corners: Tensor, patch: int, shape: tuple[int, int], device: torch.device | None = None
) -> Tensor:
    """Normalised coordinates of every pixel of some patches.

    The image spans [-1, 1] on each axis whatever its size, padding lies beyond, so
    training and reconstruction may pad differently.

    Parameters
    ----------
    corners : Tensor, shape (B, 2), integer
        Row and column of each patch's first pixel in the image frame; negative in
        the padding.
    patch : int
        Side of the patches in pixels.
    shape : tuple of int
        Rows and columns of the image.

    Returns
    -------
    Tensor, shape (B, 2, patch, patch), float32
        Column coordinate first, then row coordinate.
    """
    index = torch.arange(patch, device=device)
    rows = (corners[:, :1].to(index) + index + 0.5) / shape[0] * 2 - 1
    cols = (corners[:, 1:].to(index) + index + 0.5) / shape[1] * 2 - 1
    size = (len(corners), patch, patch)
    return torch.stack([cols[:, None, :].expand(size), rows[:, :, None].expand(size)], dim=1)


@dataclass(frozen=True)
class PatchGrid:
    """Non-overlapping square tiles over a zero-padded image, moved by a shift.

    Per axis ``K = 1 + N // P`` tiles and ``M = K P - N`` pixels of padding on each
    side; a shift ``a`` in {0..M} puts the first tile at ``a - M`` in the image frame,
    so that for every shift each image pixel lies in exactly one tile
    (Hu et al., PaDIS, NeurIPS 2024, section 3).

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the image.
    patch : int
        Side of the tiles in pixels.
    """

    shape: tuple[int, int]
    patch: int

    def __post_init__(self) -> None:
        if self.patch < 1 or min(self.shape) < 1:
            raise InputError(
                f"No patch grid of side {self.patch} fits an image of shape {self.shape}."
            )

    @property
    def tiles(self) -> tuple[int, int]:
        """Number of tiles along rows and columns."""
        return 1 + self.shape[0] // self.patch, 1 + self.shape[1] // self.patch

    @property
    def pad(self) -> tuple[int, int]:
        """Zero padding on each side, along rows and columns."""
        k = self.tiles
        return k[0] * self.patch - self.shape[0], k[1] * self.patch - self.shape[1]

    @property
    def count(self) -> int:
        """Tiles per image."""
        return self.tiles[0] * self.tiles[1]

    def random_shift(self, generator: torch.Generator) -> Shift:
        """Draw a shift uniformly from {0..M} per axis (on the CPU generator)."""
        rows, cols = (
            int(torch.randint(m + 1, (), generator=generator, device=generator.device))
            for m in self.pad
        )
        return rows, cols

    def corners(self, shift: Shift) -> Tensor:
        """First pixel (row, column) of each tile in the image frame, shape (count, 2)."""
        self._check(shift)
        rows = torch.arange(self.tiles[0]) * self.patch + shift[0] - self.pad[0]
        cols = torch.arange(self.tiles[1]) * self.patch + shift[1] - self.pad[1]
        return torch.cartesian_prod(rows, cols)

    def extract(self, image: Tensor, shift: Shift, border: Tensor | None = None) -> Tensor:
        """Cut images into tiles.

        Parameters
        ----------
        image : Tensor, shape (B, C, H, W)
        shift : tuple of int
        border : Tensor, optional, shape (B, C, Ky P, Kx P)
            Content of the padding inside the tile union (its image part is ignored);
            zero when missing.

        Returns
        -------
        Tensor, shape (B * count, C, P, P)
        """
        b, c = image.shape[:2]
        (ky, kx), p = self.tiles, self.patch
        top, left = self._offset(shift)
        if border is None:
            pad = (left, kx * p - left - self.shape[1], top, ky * p - top - self.shape[0])
            canvas = F.pad(image, pad)
        else:
            canvas = border.clone()
            canvas[..., top : top + self.shape[0], left : left + self.shape[1]] = image
        tiles = canvas.reshape(b, c, ky, p, kx, p).permute(0, 2, 4, 1, 3, 5)
        return tiles.reshape(b * self.count, c, p, p)

    def assemble(self, tiles: Tensor, shift: Shift) -> Tensor:
        """Put tiles back; the inverse of :meth:`extract` on the image."""
        (ky, kx), p = self.tiles, self.patch
        c = tiles.shape[1]
        canvas = tiles.reshape(-1, ky, kx, c, p, p).permute(0, 3, 1, 4, 2, 5)
        canvas = canvas.reshape(-1, c, ky * p, kx * p)
        top, left = self._offset(shift)
        return canvas[..., top : top + self.shape[0], left : left + self.shape[1]]

    def positions(self, shift: Shift, device: torch.device | None = None) -> Tensor:
        """Position channels of all tiles, shape (count, 2, P, P)."""
        return position_channels(self.corners(shift), self.patch, self.shape, device)

    def _offset(self, shift: Shift) -> tuple[int, int]:
        """Where the image begins inside the tile union."""
        self._check(shift)
        return self.pad[0] - shift[0], self.pad[1] - shift[1]

    def _check(self, shift: Shift) -> None:
        if not all(0 <= s <= m for s, m in zip(shift, self.pad, strict=True)):
            raise InputError(f"Shift {shift} lies outside 0..{self.pad}.")
