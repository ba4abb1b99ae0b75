"""What the tests of all forward models share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from napari_padis.likelihood import LinearMap
from napari_padis.likelihood.fan import FanBeam
from napari_padis.likelihood.parallel import ParallelBeam
from napari_padis.scan.geometry import FanGeometry, ParallelGeometry

#: Odd, non-square, non-square pixels, uneven views, coarse and fine bins.
GEOMETRIES = {
    "square": ParallelGeometry.standard(7, (32, 32), detectors=64),
    "odd": ParallelGeometry.standard(5, (33, 31), (1.3, 1.3), detectors=45),
    "wide": ParallelGeometry.standard(6, (17, 40), (0.7, 1.9), detectors=90),
    "tall": ParallelGeometry([0.0, 0.1, np.pi / 2, 3.0, 4.0], 37, 2.5, (41, 12), (1.1, 0.6)),
    "one view": ParallelGeometry([np.pi / 4], 11, 1.0, (8, 9), (1.0, 1.0)),
    "one row": ParallelGeometry([0.3, 1.2], 15, 1.0, (1, 10), (1.0, 1.0)),
}

UNEVEN = np.array([0.1, 4.0, 0.3, 2.2, 5.9, 3.3])

#: One or more of all that a parallel or fan beam can be.
PLANAR = {
    **{f"parallel, {name}": geometry for name, geometry in GEOMETRIES.items()},
    "parallel, shifted": ParallelGeometry(UNEVEN, 30, 1.1, (20, 23), (0.9, 1.2), shift=3.7),
    "fan flat": FanGeometry.standard(7, (32, 32), detectors=50),
    "fan flat, close": FanGeometry(UNEVEN, 40, 2.0, 21.0, 44.0, (24, 24)),
    "fan flat, shifted": FanGeometry(UNEVEN, 41, 1.5, 50.0, 90.0, (20, 31), (0.7, 1.4), shift=-4.2),
    "fan curved": FanGeometry.standard(7, (32, 32), detectors=50, curved=True),
    "fan curved, shifted": FanGeometry(
        UNEVEN, 41, 1.5, 50.0, 90.0, (31, 20), (1.3, 0.8), curved=True, shift=6.1
    ),
}


def points(geometry: ParallelGeometry | FanGeometry) -> tuple[NDArray, NDArray]:
    """A point (x, y) on every ray and its unit direction, (views, bins, 2), by the docstrings."""
    theta = geometry.angles[:, None]
    across = np.stack((np.cos(theta), np.sin(theta)), axis=-1)
    along = np.stack((-np.sin(theta), np.cos(theta)), axis=-1)
    s = (np.arange(geometry.detectors) - (geometry.detectors - 1) / 2) * geometry.detector_pitch
    s = (s + geometry.shift)[None, :, None]
    if isinstance(geometry, ParallelGeometry):
        return s * across, along + 0 * s
    source = -geometry.source_origin * along
    if geometry.curved:
        angle = s / geometry.source_detector
        return source + 0 * s, np.cos(angle) * along + np.sin(angle) * across
    middle = (geometry.source_detector - geometry.source_origin) * along
    ray = middle + s * across - source
    return source + 0 * s, ray / np.linalg.norm(ray, axis=-1, keepdims=True)


@pytest.fixture
def beam() -> Callable[..., LinearMap]:
    """Forward map of a planar geometry."""

    def make(geometry: ParallelGeometry | FanGeometry, **keywords: object) -> LinearMap:
        made = FanBeam if isinstance(geometry, FanGeometry) else ParallelBeam
        return made(geometry, **keywords)

    return make


@pytest.fixture(params=PLANAR.values(), ids=PLANAR.keys())
def planar(request: pytest.FixtureRequest) -> ParallelGeometry | FanGeometry:
    return request.param


@pytest.fixture(params=GEOMETRIES.values(), ids=GEOMETRIES.keys())
def geometry(request: pytest.FixtureRequest) -> ParallelGeometry:
    return request.param


@pytest.fixture
def assert_adjoint() -> Callable[[LinearMap, float], None]:
    """Check ``<A x, y> = <x, At y>``, relative to the norms, for a few random pairs."""

    def check(linear_map: LinearMap, tolerance: float) -> None:
        generator = torch.Generator().manual_seed(1)
        for _ in range(3):
            x = torch.randn(2, *linear_map.domain_shape, generator=generator).to(linear_map.dtype)
            y = torch.randn(2, *linear_map.range_shape, generator=generator).to(linear_map.dtype)
            ax, aty = linear_map.A(x), linear_map.AT(y)
            left, right = (ax * y).double().sum(), (x * aty).double().sum()
            scale = ax.double().norm() * y.double().norm()
            assert abs(left - right) <= tolerance * scale

    return check


@pytest.fixture
def blob() -> Callable[..., tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """A Gaussian off the centre, as an image and as its exact line integrals."""

    def make(
        geometry: ParallelGeometry | FanGeometry,
        centre: tuple[float, float],
        widths: tuple[float, float],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        (rows, columns), (pixel_y, pixel_x) = geometry.image_shape, geometry.pixel
        y = (np.arange(rows) - (rows - 1) / 2)[:, None] * pixel_y - centre[0]
        x = (np.arange(columns) - (columns - 1) / 2)[None, :] * pixel_x - centre[1]
        image = np.exp(-0.5 * ((y / widths[0]) ** 2 + (x / widths[1]) ** 2))
        # In units of the widths it is round, and the distance to its centre all that counts.
        start, ray = points(geometry)
        start, ray = (start - centre[::-1]) / widths[::-1], ray / widths[::-1]
        length = np.linalg.norm(ray, axis=-1)
        distance = (start[..., 0] * ray[..., 1] - start[..., 1] * ray[..., 0]) / length
        return image, np.sqrt(2 * np.pi) / length * np.exp(-0.5 * distance**2)

    return make
