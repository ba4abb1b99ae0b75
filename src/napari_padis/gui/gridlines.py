"""The patch grid as line segments in index coordinates. Free of Qt and napari."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_padis.engine.events import PatchLayout


def tile_edges(length: int, patch: int, tiles: int, pad: int, shift: int) -> NDArray[np.float64]:
    """Borders between tiles along one axis that lie inside the image.

    Pixel ``i`` covers ``[i - 0.5, i + 0.5]``, so a tile whose first pixel is ``c`` begins
    at ``c - 0.5``. The borders are those of pixels ``shift - pad + k * patch``, for k up to
    ``tiles`` (:class:`napari_padis.engine.events.PatchLayout`).
    """
    edges = shift - pad + patch * np.arange(tiles + 1, dtype=np.float64) - 0.5
    inside: NDArray[np.float64] = edges[(edges > 0) & (edges < length - 1)]
    return inside


def grid_lines(
    layout: PatchLayout, shift: tuple[int, int], shape: tuple[int, int, int]
) -> NDArray[np.float32]:
    """Line segments of the patch grid on every axial slice.

    Parameters
    ----------
    layout : PatchLayout
    shift : tuple of int
        Current shift of the grid along (rows, columns).
    shape : tuple of int
        Volume shape (S, A, R).

    Returns
    -------
    ndarray, shape (lines, 2, 3)
        Start and direction of each line, in the voxel indices (S, P, L) of a layer.
    """
    slices, height, width = shape
    rows, cols = (
        tile_edges(n, layout.patch[i], layout.tiles[i], layout.pad[i], shift[i])
        for i, n in enumerate((height, width))
    )
    plane = np.zeros((len(rows) + len(cols), 2, 3), dtype=np.float32)
    across, along = plane[: len(rows)], plane[len(rows) :]
    # From the first to the last pixel centre: longer lines would enlarge the viewer's
    # world and put its slider steps between the pixels.
    # Layers hold rows and columns the other way round.
    across[:, 0, 1], across[:, 1, 2] = height - 1 - rows[::-1], width - 1
    along[:, 0, 2], along[:, 1, 1] = width - 1 - cols[::-1], height - 1
    lines = np.tile(plane, (slices, 1, 1))
    lines[:, 0, 0] = np.repeat(np.arange(slices), len(plane))
    return lines
