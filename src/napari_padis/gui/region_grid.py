"""Regions that the user drew, as labels on the voxels of a reconstruction."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.gui.layer_world import length_unit
from napari_padis.gui.roles import RunGrid
from napari_padis.gui.world import as_shown

#: Kinds of shapes that have an inside.
FILLED = ("rectangle", "ellipse", "polygon")
#: Corners of the polygon that stands for an ellipse.
CORNERS = 128
#: Rotation, as a share of the voxel size, that is taken for rounding.
TILT = 1e-6


def regions_on(layer: Any, grid: RunGrid) -> NDArray[np.int64]:
    """Regions of a layer, looked up where the voxels of the reconstruction lie in the world.

    What is counted is what one sees above the image, whatever the layer's own shape.

    Parameters
    ----------
    layer : Labels or Shapes
        Of two axes, which counts on every slice, or of three. Shapes have the numbers 1, 2, ...
        in the order in which they were drawn; where they overlap the later one counts.
    grid : RunGrid

    Returns
    -------
    ndarray, shape (S, A, R)
        Labels on the arrays of the result; 0 is no region.

    Raises
    ------
    InputError
        If the layer cannot be laid over the reconstruction, or no region lies inside it.
    """
    shapes = hasattr(layer, "shape_type")
    found = _shapes(layer, grid) if shapes else _labels(layer, grid)
    if not found.any():
        empty = not len(layer.data) if shapes else not np.any(layer.data)
        if empty:
            raise InputError(f"'{layer.name}' has no region yet: paint or draw one first.")
        raise InputError(
            f"No region of '{layer.name}' covers a voxel of the reconstruction: draw them on its "
            "slices."
        )
    return as_shown(found)


def fingerprint(layer: Any) -> int:
    """Checksum of all that :func:`regions_on` looks at in a layer of Labels or Shapes."""
    origin, columns = _placing(layer)
    plain = [origin.tolist(), columns.tolist(), [str(unit) for unit in layer.units]]
    if hasattr(layer, "shape_type"):
        parts, shapes = layer.data, [*layer.shape_type]
    else:
        data = layer.data[0] if getattr(layer, "multiscale", False) else layer.data
        # One plane at a time: what lies on disk may not fit into memory.
        parts, shapes = (data[i] for i in range(len(data))), [*data.shape]
    found = zlib.crc32(repr([*plain, shapes]).encode())
    for part in parts:
        array = np.ascontiguousarray(part)
        found = zlib.crc32(array.data, zlib.crc32(repr((array.shape, array.dtype)).encode(), found))
    return found


def _placing(layer: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the layer's first index lies in the world, and one step along each axis as a column."""
    origin = np.asarray(layer.data_to_world(np.zeros(layer.ndim)), np.float64)
    steps = [np.asarray(layer.data_to_world(unit)) - origin for unit in np.eye(layer.ndim)]
    return origin, np.stack(steps, axis=1)


def _to_grid(layer: Any, grid: RunGrid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Matrix and offset that lead from the layer's indices to those of the last axes of the grid.

    The rows are as many as both have, at most three.
    """
    origin, columns = _placing(layer)
    axes = min(layer.ndim, 3)
    # napari draws layers without a length unit as if their numbers were of the others' unit.
    ratio = (length_unit(layer) or 1.0) if grid.place.units == "mm" else 1.0
    place = grid.matrix()
    inverse = np.linalg.inv(place[-1 - axes : -1, -1 - axes : -1])
    matrix = inverse @ columns[-axes:] * ratio
    offset = inverse @ (origin[-axes:] * ratio - place[-1 - axes : -1, 3])
    return matrix, offset


def _labels(layer: Any, grid: RunGrid) -> NDArray[np.int64]:
    """The label of the nearest voxel of the layer."""
    data = layer.data[0] if getattr(layer, "multiscale", False) else layer.data
    if layer.ndim not in (2, 3):
        raise InputError(
            f"'{layer.name}' has {layer.ndim} axes: regions are labels on the 3 axes of the "
            "reconstruction."
        )
    matrix, offset = _to_grid(layer, grid)
    steps = np.diag(matrix)
    if np.abs(matrix - np.diag(steps)).max() > TILT * np.abs(steps).min():
        raise InputError(
            f"'{layer.name}' is rotated or sheared against the reconstruction: paint the regions "
            "on a layer that is not."
        )
    inside, taken = [], []
    for n, length, step, start in zip(
        grid.shape[-layer.ndim :], data.shape, steps, offset, strict=True
    ):
        index = np.floor((np.arange(n) - start) / step + 0.5).astype(np.int64)
        within = (index >= 0) & (index < length)
        inside.append(np.flatnonzero(within))
        taken.append(index[within])
    found = np.zeros(grid.shape, np.int64)
    part = np.asarray(data)[np.ix_(*taken)]
    if layer.ndim == 2:
        found[:, inside[0][:, None], inside[1]] = part
    else:
        found[np.ix_(*inside)] = part
    return found


def _shapes(layer: Any, grid: RunGrid) -> NDArray[np.int64]:
    """The number of the shape that a voxel's centre lies in."""
    matrix, offset = _to_grid(layer, grid)
    found = np.zeros(grid.shape, np.int64)
    filled = False
    for number, (corners, kind) in enumerate(zip(layer.data, layer.shape_type, strict=True), 1):
        if kind in FILLED:
            filled = True
            outline = np.asarray(corners, np.float64) @ matrix.T + offset
            _fill(found, _ellipse(outline) if kind == "ellipse" else outline, number)
    if len(layer.data) and not filled:
        raise InputError(
            f"'{layer.name}' has lines only, which enclose nothing: draw rectangles, ellipses or "
            "polygons."
        )
    return found


def _ellipse(box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Polygon of the ellipse in a box of four corners."""
    middle, first, second = box.mean(axis=0), (box[1] - box[0]) / 2, (box[3] - box[0]) / 2
    angles = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)[:, None]
    return middle + np.cos(angles) * first + np.sin(angles) * second


def _fill(labels: NDArray[np.int64], outline: NDArray[np.float64], number: int) -> None:
    """Fill a polygon on the slice that it was drawn on, or on all slices if it has two axes."""
    from skimage.draw import polygon

    index: list[Any] = [slice(None)] * 3
    axes = [1, 2]
    if outline.shape[1] == 3:
        flat = int(np.argmin(np.ptp(outline, axis=0)))
        place = int(np.floor(outline[:, flat].mean() + 0.5))
        if not 0 <= place < labels.shape[flat]:
            return
        axes = [axis for axis in range(3) if axis != flat]
        index[flat] = place
        outline = outline[:, axes]
    rows, columns = polygon(outline[:, 0], outline[:, 1], tuple(labels.shape[a] for a in axes))
    index[axes[0]], index[axes[1]] = rows, columns
    labels[tuple(index)] = number
