"""What the tests of all forward models share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from napari_padis.likelihood import LinearMap
from napari_padis.scan.geometry import ParallelGeometry

#: Odd, non-square, non-square pixels, uneven views, coarse and fine bins.
GEOMETRIES = {
    "square": ParallelGeometry.standard(7, (32, 32), detectors=64),
    "odd": ParallelGeometry.standard(5, (33, 31), (1.3, 1.3), detectors=45),
    "wide": ParallelGeometry.standard(6, (17, 40), (0.7, 1.9), detectors=90),
    "tall": ParallelGeometry([0.0, 0.1, np.pi / 2, 3.0, 4.0], 37, 2.5, (41, 12), (1.1, 0.6)),
    "one view": ParallelGeometry([np.pi / 4], 11, 1.0, (8, 9), (1.0, 1.0)),
    "one row": ParallelGeometry([0.3, 1.2], 15, 1.0, (1, 10), (1.0, 1.0)),
}


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
        geometry: ParallelGeometry, centre: tuple[float, float], widths: tuple[float, float]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        (rows, columns), (pixel_y, pixel_x) = geometry.image_shape, geometry.pixel
        y = (np.arange(rows) - (rows - 1) / 2)[:, None] * pixel_y - centre[0]
        x = (np.arange(columns) - (columns - 1) / 2)[None, :] * pixel_x - centre[1]
        image = np.exp(-0.5 * ((y / widths[0]) ** 2 + (x / widths[1]) ** 2))
        cosine, sine = np.cos(geometry.angles)[:, None], np.sin(geometry.angles)[:, None]
        s = (np.arange(geometry.detectors) - (geometry.detectors - 1) / 2)[None, :]
        s = s * geometry.detector_pitch - centre[1] * cosine - centre[0] * sine
        width = np.sqrt((widths[1] * cosine) ** 2 + (widths[0] * sine) ** 2)
        peak = np.sqrt(2 * np.pi) * widths[0] * widths[1] / width
        return image, peak * np.exp(-0.5 * (s / width) ** 2)

    return make
