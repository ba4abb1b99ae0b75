"""Side of the tiles for an image of some size. Free of torch."""

from __future__ import annotations

import math

#: Rows and columns.
Pair = tuple[int, int]


#: Least padding of a moving grid along an axis: there are at least one shift more than that.
LEAST_PAD = 8
#: Sides tried, relative to the prior's own: networks denoise larger tiles than those of training
#: better (``ct`` by 0.05 to 0.19 dB with 132 pixels instead of 88), but those that attend over
#: the tile cannot be relied on to, unless they have seen tiles of several sizes.
SMALLEST, LARGEST, LARGEST_ATTENDING = 0.75, 1.6, 1.15
#: Pixels of a tile's side that are lost to its borders, where it is denoised worst.
RIM = 4
#: Least size, relative to the whole images of training, that is padded to theirs.
WHOLE = 0.75


def pair(value: int | Pair) -> Pair:
    """Rows and columns of something that may be square."""
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def next_multiple(size: int, multiple: int) -> int:
    """Least multiple that is no less than a size."""
    return -(-size // multiple) * multiple


def choose_side(
    shape: tuple[int, int],
    patch: int,
    multiple: int,
    least: int = LEAST_PAD,
    largest: float = LARGEST,
) -> Pair:
    """Rows and columns of the tiles that cover an image with few pixels.

    The network's cost is its pixels: ``K P`` along an axis, where ``K`` tiles of side ``P``
    cover the image and its least padding. Each tile counts :data:`RIM` pixels more than it has,
    so that few large tiles are preferred at nearly the same cost.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the image.
    patch : int
        Side that the network was trained for, in pixels.
    multiple : int
        Sides must be divisible by this.
    least : int
        Least padding along each axis.
    largest : float
        Largest side relative to ``patch``.

    Returns
    -------
    tuple of int
    """
    rows, cols = (_along(n + least, patch, multiple, largest) for n in shape)
    return rows, cols


def whole_sides(shape: tuple[int, int], patch: int, multiple: int) -> Pair:
    """Rows and columns of one tile that holds the whole image.

    Nearly as large images lie in the canvas of training, whose side is ``patch``; others in the
    smallest that the network can take.
    """
    rows, cols = (
        patch if WHOLE * patch <= n <= patch else next_multiple(n, multiple) for n in shape
    )
    return rows, cols


def _along(length: int, patch: int, multiple: int, largest: float) -> int:
    """Side along one axis for tiles that take at least ``length`` pixels."""
    low = next_multiple(math.ceil(patch * SMALLEST), multiple)
    high = max(low, math.floor(patch * largest) // multiple * multiple)
    if length <= low:  # one tile, smaller than those of training
        return next_multiple(length, multiple)
    sides = range(low, high + 1, multiple)
    return min(sides, key=lambda p: (-(-length // p) * (p + RIM), -p))
