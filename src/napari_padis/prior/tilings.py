"""Ways to cut an image into tiles and to make an image of tiles."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

from napari_padis.errors import InputError
from napari_padis.prior.card import PriorCard, Tiling
from napari_padis.prior.overlapping import OverlappingTiles
from napari_padis.prior.patches import PatchGrid, Shift, Stacks
from napari_padis.prior.sides import (
    ATTENDING,
    LARGEST,
    LEAST_PAD,
    MEAN,
    OVERLAP,
    SMALLEST,
    Pair,
    next_multiple,
    pair,
    whole_sides,
)
from napari_padis.prior.splits import SplitTiles, choose_split

#: Distance of overlapping tiles relative to their side, when it is left open.
STRIDES = {"averaged": 0.5, "stitched": 0.75}


class Tiles(Protocol):
    """How images become tiles (``extract``) and tiles an image (``assemble``).

    Both are linear; ``gather`` and ``spread`` are their transposes.
    """

    @property
    def shape(self) -> Pair:
        """Rows and columns of the image."""

    @property
    def sides(self) -> Pair:
        """Rows and columns of the largest tile."""

    @property
    def count(self) -> int:
        """Tiles per image."""

    @property
    def canvas(self) -> Pair:
        """Rows and columns of all tiles together."""

    @property
    def shifts(self) -> Pair:
        """Largest shift along rows and columns."""

    @property
    def lattice(self) -> tuple[Pair, Pair, Pair]:
        """Lines to draw: their distance, how many less one, padding between first and image."""

    def random_shift(self, generator: torch.Generator) -> Shift:
        """Draw one of the positions of the tiles."""

    def extract(self, image: Tensor, shift: Shift, border: Tensor | None = None) -> Stacks:
        """Tiles of images, (B, C, H, W) to (B * tiles, C, rows, columns) for each of their sizes.

        The tiles of an image follow one another in each stack.
        """

    def assemble(self, tiles: Stacks, shift: Shift) -> Tensor:
        """Images of tiles."""

    def spread(self, image: Tensor, shift: Shift) -> Stacks:
        """Transpose of ``assemble``."""

    def gather(self, tiles: Stacks, shift: Shift) -> Tensor:
        """Transpose of ``extract`` as a function of the image."""

    def positions(self, shift: Shift, device: torch.device | None = None) -> Stacks:
        """Position channels of one image's tiles, shape (tiles, 2, rows, columns) each."""


def make_tiles(
    kind: Tiling,
    shape: tuple[int, int],
    card: PriorCard,
    patch: int | Pair | None = None,
    stride: int | Pair | None = None,
) -> Tiles:
    """Tiles of one kind for images of one shape.

    Parameters
    ----------
    kind : str
        'shifted' (tiles at random places), 'fixed' (one grid that does not move), 'whole' (the
        whole image in one tile), 'averaged' or 'stitched' (overlapping tiles).
    shape : tuple of int
    card : PriorCard
    patch : int or pair of int, optional
        Side of the tiles; chosen from the card's and the shape when missing. Tiles at random
        places then have several sides (:class:`~napari_padis.prior.splits.SplitTiles`); those of
        a given side are the published grid at random shifts.
    stride : int or pair of int, optional
        Distance of overlapping tiles.

    Raises
    ------
    InputError
        If the network cannot take tiles of that side.
    """
    multiple = card.network.multiple
    if kind == "whole":
        return PatchGrid(shape, whole_sides(shape, card.patch, multiple), least=0, moves=False)
    sides = None if patch is None else pair(patch)
    if sides is not None and any(p < 1 or p % multiple for p in sides):
        raise InputError(
            f"The patch side {patch} must be divisible by {multiple} for the prior '{card.name}'."
        )
    if kind == "shifted":
        return _split(shape, card) if sides is None else PatchGrid(shape, sides, LEAST_PAD)
    if kind == "fixed":
        return PatchGrid(shape, sides or card.patch, moves=False)
    rows, cols = sides or (min(card.patch, next_multiple(n, multiple)) for n in shape)
    share = STRIDES[kind]
    given = stride or (max(1, round(share * rows)), max(1, round(share * cols)))
    return OverlappingTiles(shape, (rows, cols), given, averaged=kind == "averaged")


def _split(shape: tuple[int, int], card: PriorCard) -> SplitTiles:
    """Tiles of the sides that the network can take at all."""
    attends = bool(card.network.attention) or card.network.middle_attention
    varied = card.training is not None and len(card.patch_sizes) > 1
    mean, largest = (ATTENDING, ATTENDING) if attends and not varied else (MEAN, LARGEST)
    rows, cols = (
        choose_split(
            n,
            card.network.multiple,
            mean=mean * card.patch,
            smallest=min(card.patch_sizes) if varied else math.ceil(SMALLEST * card.patch),
            largest=math.floor(largest * card.patch),
            overlap=min(OVERLAP, card.patch // 14),
        )
        for n in shape
    )
    return SplitTiles(rows, cols)
