"""What a picture of a geometry is made of, in mm or pixels. Free of Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """Open or closed line through points; ``arrow`` puts a head on its end.

    ``role`` names what it stands for ('image', 'view', 'source', 'ray', 'detector', 'tick',
    'turn', 'grid', 'block'), which decides its colour and width.
    """

    points: tuple[Point, ...]
    role: str
    closed: bool = False
    arrow: bool = False


@dataclass(frozen=True)
class Circle:
    """Circle."""

    centre: Point
    radius: float
    role: str


@dataclass(frozen=True)
class Dots:
    """Small dots of the same size on every screen."""

    points: tuple[Point, ...]
    role: str


@dataclass(frozen=True)
class Letter:
    """A short text at a point."""

    text: str
    at: Point
    role: str = "text"


@dataclass(frozen=True)
class Raster:
    """Grey values in [0, 1]; ``values[i, j]`` lies at row i counted from ``low``'s side."""

    values: NDArray[np.float32]
    low: Point
    high: Point


Shape = Line | Circle | Dots | Letter | Raster


@dataclass(frozen=True)
class Panel:
    """A drawing to scale.

    Parameters
    ----------
    shapes : tuple of Shape
    low, high : tuple of float
        Corners of what is to be seen.
    leftward : bool
        Whether the first axis points left, as in the radiological convention; the second
        axis always points up.
    title : str
    length_unit : str
        Unit of the scale bar; empty for none.
    """

    shapes: tuple[Shape, ...]
    low: Point
    high: Point
    leftward: bool = False
    title: str = ""
    length_unit: str = "mm"

    def of(self, kind: type[Any], role: str = "") -> list[Any]:
        """Shapes of one type, and of one role if given."""
        return [s for s in self.shapes if isinstance(s, kind) and (not role or s.role == role)]


@dataclass(frozen=True)
class Picture:
    """One or two panels and a legend of (role, text)."""

    panels: tuple[Panel, ...]
    legend: tuple[tuple[str, str], ...] = field(default=())


def rectangle(width: float, height: float, role: str) -> Line:
    """Rectangle around the origin."""
    x, y = width / 2, height / 2
    return Line(((-x, -y), (x, -y), (x, y), (-x, y)), role, closed=True)


def arc(centre: Point, radius: float, start: float, end: float, role: str, **more: bool) -> Line:
    """Arc from one angle to another (radians), as a line of short pieces."""
    turns = np.linspace(start, end, max(3, int(abs(end - start) / 0.05) + 2))
    points = [
        (centre[0] + radius * float(np.cos(t)), centre[1] + radius * float(np.sin(t)))
        for t in turns
    ]
    return Line(tuple(points), role, **more)


def bounds(shapes: Sequence[Shape], margin: float = 0.03) -> tuple[Point, Point]:
    """Corners of the box around all shapes, with a margin relative to its longer side."""
    points: list[Point] = []
    for shape in shapes:
        if isinstance(shape, Circle):
            x, y = shape.centre
            points += [(x - shape.radius, y - shape.radius), (x + shape.radius, y + shape.radius)]
        elif isinstance(shape, Raster):
            points += [shape.low, shape.high]
        elif isinstance(shape, Letter):
            points.append(shape.at)
        else:
            points += shape.points
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    pad = margin * float(max(high - low))
    return (float(low[0]) - pad, float(low[1]) - pad), (float(high[0]) + pad, float(high[1]) + pad)


def nice_length(available: float) -> float:
    """Longest of 1, 2, 5, 10, ... that is not longer than what is available."""
    power = 10.0 ** np.floor(np.log10(available))
    return float(max(m * power for m in (1, 2, 5) if m * power <= available * (1 + 1e-9)))
