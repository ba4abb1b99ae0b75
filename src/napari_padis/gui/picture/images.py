"""Pictures of k-space masks, blur kernels, coarse and missing pixels. Free of Qt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from napari_padis.gui import text
from napari_padis.gui.picture.shapes import (
    Letter,
    Line,
    Panel,
    Picture,
    Raster,
    Shape,
    bounds,
    rectangle,
)
from napari_padis.scan.geometry import (
    BlurGeometry,
    CartesianGeometry,
    DownsampleGeometry,
    Geometry,
    MaskGeometry,
)

#: Fine pixels along a side of the drawn piece of the image, about.
PIECE = 16


def image_picture(geometry: Geometry) -> Picture:
    """Picture of a geometry that is no CT."""
    draw = _PICTURES.get(geometry.kind, _plain)
    return draw(geometry)


def _millimetres(values: tuple[float, ...]) -> str:
    return " × ".join(f"{v:.3g}" for v in values) + " mm"


def _extent(geometry: Geometry) -> tuple[float, float]:
    """Height and width of the image in mm."""
    rows, columns = (n * p for n, p in zip(geometry.image_shape, geometry.pixel, strict=True))
    return rows, columns


def _image_panel(geometry: Geometry, inside: list[Shape]) -> Panel:
    """The image's frame, seen as radiologists do, with the patient's sides at its edges."""
    height, width = _extent(geometry)
    shapes: list[Shape] = [*inside, rectangle(width, height, "image")]
    gap = 0.09 * max(height, width)
    x, y = width / 2 + gap, height / 2 + gap
    shapes += [
        Letter("A", (0, y), "side"),
        Letter("P", (0, -y), "side"),
        Letter("R", (x, 0), "side"),
        Letter("L", (-x, 0), "side"),
    ]
    return Panel(tuple(shapes), *bounds(shapes, 0.05), leftward=True)


def _plain(geometry: Geometry) -> Picture:
    rows, columns = geometry.image_shape
    legend = (
        ("image", f"Image {_millimetres(tuple(reversed(_extent(geometry))))}"),
        ("text", f"{columns} × {rows} pixels"),
        ("text", "All measured, noisy"),
    )
    return Picture((_image_panel(geometry, []),), legend)


def _mask(geometry: MaskGeometry) -> Picture:
    height, width = _extent(geometry)
    raster = Raster(
        geometry.mask.astype(np.float32), (-width / 2, -height / 2), (width / 2, height / 2)
    )
    missing = 100 * (1 - float(geometry.mask.mean()))
    legend = (
        ("image", f"Image {_millimetres((width, height))}"),
        ("bright", f"Measured {100 - missing:.3g} %"),
        ("dark", f"Missing {missing:.3g} %"),
    )
    return Picture((_image_panel(geometry, [raster]),), legend)


def _cartesian(geometry: CartesianGeometry) -> Picture:
    """Sampled points of k-space; both axes grow with their index, to the right and up."""
    rows, columns = geometry.image_shape
    corner = (columns / 2, rows / 2)
    low, high = (-corner[0], -corner[1]), corner
    side = max(rows, columns)
    shapes: list[Shape] = [
        Raster(geometry.mask.astype(np.float32), low, high),
        rectangle(columns, rows, "image"),
        Letter("kx", (0, low[1] - 0.07 * side), "axis"),
        Letter("ky", (low[0] - 0.08 * side, 0), "axis"),
    ]
    shapes.append(Letter("", (high[0] + 0.05 * side, 0)))  # balances the letters
    coils = "1 coil" if geometry.coils == 1 else f"{geometry.coils} coils"
    legend = (
        ("bright", f"Measured {100 / geometry.acceleration:.3g} %"),
        ("text", f"Acceleration {geometry.acceleration:.3g} ×"),
        ("text", _sampled(geometry)),
        ("text", coils),
    )
    return Picture((Panel(tuple(shapes), *bounds(shapes), length_unit=""),), legend)


def _sampled(geometry: CartesianGeometry) -> str:
    """Lines, where whole ones are measured, else samples."""
    mask = geometry.mask
    for axis in (0, 1):
        if np.array_equal(mask.any(axis=axis), mask.all(axis=axis)):
            return f"{int(mask.any(axis=axis).sum())} of {mask.shape[1 - axis]} lines"
    return f"{int(mask.sum())} samples"


def _blur(geometry: BlurGeometry) -> Picture:
    """The kernel, its largest weight bright."""
    rows, columns = geometry.kernel.shape
    height, width = rows * geometry.pixel[0], columns * geometry.pixel[1]
    kernel = np.abs(geometry.kernel)
    low, high = (-width / 2, -height / 2), (width / 2, height / 2)
    shapes: list[Shape] = [Raster((kernel / kernel.max()).astype(np.float32), low, high)]
    if max(rows, columns) <= 2 * PIECE:
        shapes += _grid(low, high, geometry.pixel, "grid")
    shapes.append(rectangle(width, height, "image"))
    legend = (
        ("image", f"Kernel {columns} × {rows} pixels"),
        ("text", _millimetres((width, height))),
        ("text", f"Sum of weights {geometry.kernel.sum():.3g}"),
    )
    panel = Panel(tuple(shapes), *bounds(shapes, 0.06), leftward=True)
    return Picture((panel,), legend)


def _downsample(geometry: DownsampleGeometry) -> Picture:
    """A piece of the image with the edges of fine and coarse pixels."""
    factor = geometry.factor
    count = max(1, round(PIECE / factor))  # coarse pixels along a side of the piece
    blocks = (factor * geometry.pixel[0], factor * geometry.pixel[1])
    high = (count * blocks[1] / 2, count * blocks[0] / 2)
    low = (-high[0], -high[1])
    shapes: list[Shape] = [
        *_grid(low, high, geometry.pixel, "grid"),
        *_grid(low, high, blocks, "block"),
    ]
    legend = (
        ("grid", f"Fine {_millimetres(tuple(reversed(geometry.pixel)))}"),
        ("block", f"Coarse {_millimetres(tuple(reversed(blocks)))}"),
        ("text", f"Each of {factor} × {factor} fine ones"),
        ("text", f"{text.product(geometry.data_shape)} of them"),
    )
    panel = Panel(tuple(shapes), *bounds(shapes, 0.06), leftward=True)
    return Picture((panel,), legend)


def _grid(
    low: tuple[float, float], high: tuple[float, float], pixel: tuple[float, float], role: str
) -> list[Shape]:
    """Edges of pixels of (row, column) spacing that fill a box."""
    columns = round((high[0] - low[0]) / pixel[1])
    rows = round((high[1] - low[1]) / pixel[0])
    across = np.linspace(low[0], high[0], columns + 1).tolist()
    up = np.linspace(low[1], high[1], rows + 1).tolist()
    return [
        *(Line(((x, low[1]), (x, high[1])), role) for x in across),
        *(Line(((low[0], y), (high[0], y)), role) for y in up),
    ]


_PICTURES: dict[str, Callable[[Any], Picture]] = {
    "cartesian": _cartesian,
    "blur": _blur,
    "downsample": _downsample,
    "mask": _mask,
}
