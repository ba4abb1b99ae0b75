"""Painting of soft-edged shapes into a volume, in millimetres from its centre."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: float32 by construction; NumPy's annotations widen it to float64 in most expressions.
Field = NDArray[Any]
Point = tuple[float, float, float]
Box = tuple[slice, slice, slice]


class Canvas:
    """A volume in HU that shapes are painted into, later ones over earlier ones.

    Points are (x, y, z) in mm from the centre: x to the patient's right, y to the
    front, z to the head, so arrays are indexed [z, y, x] and are (S, A, R)+.

    Parameters
    ----------
    shape : tuple of int
        Slices, rows, columns.
    spacing : tuple of float
        Voxel spacing in mm in the same order.
    background : float
        Value of the empty volume.
    """

    def __init__(
        self, shape: tuple[int, int, int], spacing: tuple[float, float, float], background: float
    ) -> None:
        self.hu: Field = np.full(shape, background, dtype=np.float32)
        self.spacing = spacing
        self.edge = 1.2 * max(spacing[1:])
        axes = [
            ((np.arange(n) - (n - 1) / 2) * s).astype(np.float32)
            for n, s in zip(shape, spacing, strict=True)
        ]
        self.z = axes[0][:, None, None]
        self.y = axes[1][None, :, None]
        self.x = axes[2][None, None, :]

    def soft(self, distance: Field) -> Field:
        """Coverage in [0, 1] from a signed distance in mm (negative inside)."""
        return np.clip(0.5 - distance / self.edge, 0, 1, dtype=np.float32)

    def paint(self, coverage: Field, value: Field | float, box: Box | None = None) -> None:
        """Blend a value in where the coverage is above 0."""
        target = self.hu if box is None else self.hu[box]
        target += coverage * (value - target)

    def box(self, low: Point, high: Point) -> Box:
        """Index ranges that hold all voxels between two points."""
        ranges = []
        for axis, a, b in zip((self.z, self.y, self.x), low[::-1], high[::-1], strict=True):
            values = axis.ravel()
            start, stop = np.searchsorted(values, (a, b))
            ranges.append(slice(max(int(start) - 1, 0), min(int(stop) + 1, values.size)))
        return ranges[0], ranges[1], ranges[2]

    def within(self, box: Box) -> tuple[Field, Field, Field]:
        """Coordinates x, y, z of a box."""
        return self.x[..., box[2]], self.y[:, box[1]], self.z[box[0]]

    def ellipsoid(
        self,
        centre: Point,
        radii: Point,
        value: float,
        clip: Field | None = None,
        turn: float = 0.0,
    ) -> None:
        """Paint an ellipsoid, turned by ``turn`` radians about z, within ``clip``."""
        reach = max(radii[0], radii[1]) if turn else 0.0
        size = (max(radii[0], reach), max(radii[1], reach), radii[2])
        margin = self.edge
        box = self.box(
            (centre[0] - size[0] - margin, centre[1] - size[1] - margin, centre[2] - size[2]),
            (centre[0] + size[0] + margin, centre[1] + size[1] + margin, centre[2] + size[2]),
        )
        x, y, z = self.within(box)
        if x.size == 0 or y.size == 0 or z.size == 0:
            return
        coverage = self.soft(ellipsoid_distance(x, y, z, centre, radii, turn))
        if clip is not None:
            coverage = coverage * clip[box]
        self.paint(coverage, value, box)

    def tube(
        self, start: Point, end: Point, radii: tuple[float, float], value: float,
        clip: Field | None = None,
    ) -> None:  # fmt: skip
        """Paint a straight tube whose radius changes from one end to the other.

        The coverage is averaged over the slice thickness, because vessels are thinner
        than slices.
        """
        reach = max(radii) + self.edge
        deep = reach + self.spacing[0] / 2
        low = [min(a, b) - r for a, b, r in zip(start, end, (reach, reach, deep), strict=True)]
        high = [max(a, b) + r for a, b, r in zip(start, end, (reach, reach, deep), strict=True)]
        box = self.box((low[0], low[1], low[2]), (high[0], high[1], high[2]))
        x, y, z = self.within(box)
        if x.size == 0 or y.size == 0 or z.size == 0:
            return
        offsets = np.array([-1, 0, 1]) * self.spacing[0] / 3 if self.spacing[0] > 2 else [0.0]
        parts = [
            self.soft(capsule_distance(x, y, z + np.float32(o), start, end, radii)) for o in offsets
        ]
        coverage: Field = np.asarray(sum(parts) / len(parts))
        if clip is not None:
            coverage = coverage * clip[box]
        self.paint(coverage, value, box)

    def path(self, points: list[Point], radius: float, value: float) -> None:
        """Paint a tube of one radius along a polyline."""
        for start, end in pairwise(points):
            self.tube(start, end, (radius, radius), value)


def ellipsoid_distance(
    x: Field, y: Field, z: Field, centre: Point, radii: Point, turn: float = 0.0
) -> Field:
    """Approximate signed distance to an ellipsoid (exact to first order at its surface)."""
    x, y, z = x - centre[0], y - centre[1], z - centre[2]
    if turn:
        c, s = float(np.cos(turn)), float(np.sin(turn))
        x, y = c * x + s * y, c * y - s * x
    a, b, c2 = (np.float32(r) for r in radii)
    level = np.sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c2) ** 2)
    slope = np.sqrt((x / a**2) ** 2 + (y / b**2) ** 2 + (z / c2**2) ** 2)
    return np.asarray(level * (level - 1) / np.maximum(slope, 1e-6), dtype=np.float32)


def capsule_distance(
    x: Field, y: Field, z: Field, start: Point, end: Point, radii: tuple[float, float]
) -> Field:
    """Signed distance to a rounded cone between two points."""
    a = np.asarray(start, dtype=np.float32)
    d = np.asarray(end, dtype=np.float32) - a
    length = np.float32(max(float(d @ d), 1e-6))
    t = np.clip(((x - a[0]) * d[0] + (y - a[1]) * d[1] + (z - a[2]) * d[2]) / length, 0, 1)
    square = (x - a[0] - t * d[0]) ** 2 + (y - a[1] - t * d[1]) ** 2 + (z - a[2] - t * d[2]) ** 2
    radius = np.float32(radii[0]) + t * np.float32(radii[1] - radii[0])
    return np.asarray(np.sqrt(square) - radius, dtype=np.float32)


def superellipse_distance(
    x: Field, y: Field, a: Field | float, b: Field | float, power: float
) -> Field:
    """Distance along the radius to the outline |x/a|^p + |y/b|^p = 1, negative inside."""
    level = (np.abs(x / a) ** power + np.abs(y / b) ** power) ** np.float32(1 / power)
    radius = np.sqrt(x * x + y * y)
    return np.asarray(np.maximum(radius, 1) * (1 - 1 / np.maximum(level, 1e-2)), dtype=np.float32)
