"""Exact line integrals along the rays of a cone, written independently of the projector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_padis.scan.geometry import ConeGeometry

Array = NDArray[np.float64]
Point = tuple[float, float, float]


@dataclass
class Exact:
    """Closed forms in a geometry; all points are (x, y, z) in mm."""

    geometry: ConeGeometry

    def ray_ends(self) -> tuple[Array, Array]:
        """Source and detector position of every ray, (views, rows, columns, 3)."""
        g = self.geometry
        v, u = (
            (np.arange(n) - (n - 1) / 2) * pitch + shift
            for n, pitch, shift in zip(g.detectors, g.detector_pitch, g.shift, strict=True)
        )
        angle = g.angles[:, None, None]
        middle = (g.angles.min() + g.angles.max()) / 2
        height = g.travel * (angle - middle) / (2 * np.pi)
        to_source = np.stack((np.sin(angle), -np.cos(angle), 0 * angle), axis=-1)
        along = np.stack((np.cos(angle), np.sin(angle), 0 * angle), axis=-1)
        up = np.array((0.0, 0.0, 1.0))
        source = g.source_origin * to_source + height[..., None] * up
        detector = source - g.source_detector * to_source
        detector = detector + u[None, None, :, None] * along + v[None, :, None, None] * up
        return np.broadcast_to(source, detector.shape), detector

    def _from(self, centre: Point) -> tuple[Array, Array]:
        """Direction of every ray, and its source's offset from ``centre``."""
        source, detector = self.ray_ends()
        direction = detector - source
        return direction / np.linalg.norm(direction, axis=-1, keepdims=True), source - centre

    def sphere(self, centre: Point, radius: float) -> Array:
        """Length of every ray in a sphere in mm."""
        direction, offset = self._from(centre)
        along = (offset * direction).sum(-1)
        return 2 * np.sqrt(np.maximum(radius**2 - (offset**2).sum(-1) + along**2, 0))

    def blob(self, centre: Point, widths: Point) -> tuple[Array, Array]:
        """A Gaussian of height one: the volume, and its integral along every ray in mm."""
        z, y, x = self.grid()
        squares = (((p - c) / w) ** 2 for p, c, w in zip((x, y, z), centre, widths, strict=True))
        volume = np.exp(-0.5 * sum(squares))
        direction, offset = (part / np.array(widths) for part in self._from(centre))
        scale = np.linalg.norm(direction, axis=-1)
        along = (offset * direction).sum(-1) / scale
        distance = (offset**2).sum(-1) - along**2
        return volume, np.sqrt(2 * np.pi) / scale * np.exp(-0.5 * distance)

    def grid(self) -> tuple[Array, Array, Array]:
        """Coordinates z, y and x of the voxels in mm, broadcastable against each other."""
        g = self.geometry
        shape, spacing = (g.slices, *g.image_shape), (g.slice_spacing, *g.pixel)
        axes = [(np.arange(n) - (n - 1) / 2) * p for n, p in zip(shape, spacing, strict=True)]
        z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
        return z, y, x

    def voxel_sphere(self, centre: Point, radius: float, parts: int = 4) -> Array:
        """Share of every voxel that lies in a sphere, from ``parts`` points along each axis."""
        g, (z, y, x) = self.geometry, self.grid()
        total = np.zeros((g.slices, *g.image_shape))
        steps = (np.arange(parts) - (parts - 1) / 2) / parts
        for dz in steps * g.slice_spacing:
            for dy in steps * g.pixel[0]:
                for dx in steps * g.pixel[1]:
                    square = (x + dx - centre[0]) ** 2 + (y + dy - centre[1]) ** 2
                    total += square + (z + dz - centre[2]) ** 2 < radius**2
        return total / parts**3


@pytest.fixture
def exact() -> Callable[[ConeGeometry], Exact]:
    return Exact
