"""Which measurements are alike."""

from __future__ import annotations

import numpy as np
import pytest

from napari_padis.engine.task_family import family_of
from napari_padis.scan.geometry import (
    BlurGeometry,
    CartesianGeometry,
    DownsampleGeometry,
    ParallelGeometry,
)
from napari_padis.scan.geometry.kernels import uniform_kernel
from napari_padis.scan.measurement import Measurement


def parallel(views, side, arc=180.0):
    return ParallelGeometry.standard(views, (side, side), (1.0, 1.0), detectors=8, arc=arc)


def family(geometry, sigma=0.0, kind=float):
    data = np.ones((1, *geometry.data_shape), kind)
    return family_of(Measurement(data, geometry), sigma)


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        (parallel(20, 256), "Parallel-beam CT, very sparse views, nearly exact"),
        (parallel(20, 128), "Parallel-beam CT, sparse views, nearly exact"),
        (parallel(60, 256), "Parallel-beam CT, sparse views, nearly exact"),
        (parallel(8, 256), "Parallel-beam CT, extremely sparse views, nearly exact"),
        (
            parallel(60, 256, arc=90.0),
            "Parallel-beam CT, sparse views, limited angle, nearly exact",
        ),
        (BlurGeometry(uniform_kernel(9), (32, 32)), "Blur, medium, nearly exact"),
        (BlurGeometry(uniform_kernel(17), (32, 32)), "Blur, heavy, nearly exact"),
        (DownsampleGeometry(4, (32, 32)), "Coarse pixels, 4 x 4, nearly exact"),
    ],
)
def test_families_go_by_how_much_is_measured(geometry, expected):
    assert family(geometry) == expected


def test_k_space_goes_by_its_acceleration():
    mask = np.zeros((32, 32), bool)
    mask[::8] = True
    geometry = CartesianGeometry(mask, image_shape=(32, 32))
    expected = "Cartesian MRI, about 8-fold, one coil, nearly exact"
    assert family(geometry, kind=complex) == expected


@pytest.mark.parametrize(
    ("sigma", "name"), [(0.001, "nearly exact"), (0.005, "low noise"), (0.05, "noisy")]
)
def test_noise_is_a_share_of_the_data(sigma, name):
    assert family(parallel(20, 128), sigma).endswith(name)
