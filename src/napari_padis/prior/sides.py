"""Side of the tiles for an image of some size. Free of torch."""

from __future__ import annotations

#: Rows and columns.
Pair = tuple[int, int]


#: Least padding of a moving grid along an axis: there are at least one shift more than that.
LEAST_PAD = 8
#: Sides of the tiles relative to the prior's own. Networks denoise larger tiles than those of
#: training as well as these or better, so that few are used whose mean side is at most ``MEAN``;
#: but those that attend over the tile cannot be relied on to, unless they have seen several sizes.
SMALLEST, MEAN, LARGEST, ATTENDING = 0.75, 1.65, 2.5, 1.15
#: Pixels that neighbouring tiles share. A tile is denoised worst in the two or three pixels at
#: its borders, so that with these cut off no seam is left in the error.
OVERLAP = 4
#: Least size, relative to the whole images of training, that is padded to theirs.
WHOLE = 0.75


def pair(value: int | Pair) -> Pair:
    """Rows and columns of something that may be square."""
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def next_multiple(size: int, multiple: int) -> int:
    """Least multiple that is no less than a size."""
    return -(-size // multiple) * multiple


def whole_sides(shape: tuple[int, int], patch: int, multiple: int) -> Pair:
    """Rows and columns of one tile that holds the whole image.

    Nearly as large images lie in the canvas of training, whose side is ``patch``; others in the
    smallest that the network can take.
    """
    rows, cols = (
        patch if WHOLE * patch <= n <= patch else next_multiple(n, multiple) for n in shape
    )
    return rows, cols
