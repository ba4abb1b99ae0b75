"""Agreement with other people's projectors, and the fence around ODL."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.likelihood import ParallelBeam
from napari_padis.likelihood.odl_bridge import (
    from_odl,
    odl_geometry,
    project_with_odl,
    ray_transform,
    to_odl_axes,
)
from napari_padis.likelihood.odl_fence import fenced, import_odl
from napari_padis.scan.geometry import FanGeometry, ParallelGeometry

SQUARE = {
    "standard": ParallelGeometry.standard(20, (64, 64), (1.4, 1.4), detectors=128),
    "odd, non-square": ParallelGeometry.standard(9, (51, 80), (0.7, 0.7), detectors=101),
    "uneven views": ParallelGeometry(
        np.sort(np.random.default_rng(0).uniform(0, 2 * np.pi, 12)), 70, 0.9, (33, 40), (1.0, 1.0)
    ),
}


def phantom(shape):
    """Smooth structure, sharp edges and noise, without any symmetry."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    image = (x**2 + y**2 < 0.8) + 0.5 * (np.hypot(x - 0.3, 2 * y - 0.5) < 0.4)
    return (image + 0.2 * np.sin(5 * x + 2 * y) + 0.1 * rng.random(shape)).astype(np.float32)


def relative(a, b):
    return np.linalg.norm(np.asarray(a, float) - b) / np.linalg.norm(b)


@pytest.mark.parametrize("geometry", SQUARE.values(), ids=SQUARE.keys())
def test_agrees_with_the_ray_transform_of_odl(geometry):
    pytest.importorskip("astra", reason="ODL's ray transform needs the astra-toolbox")
    transform = ray_transform(geometry)
    forward = ParallelBeam(geometry)
    image = phantom(geometry.image_shape)
    expected = project_with_odl(transform, image)
    assert relative(forward.A(torch.from_numpy(image)).numpy(), expected) < 1e-5
    # ODL's adjoint lives in weighted spaces; divided by the weights it is the transpose.
    data = transform.range.element(expected)
    if transform.range.partition.is_uniform:
        weight = transform.domain.weighting.const / transform.range.weighting.const
        back = weight * to_odl_axes(np.asarray(transform.adjoint(data).data))
        # ASTRA adds up ray positions in single precision, which shows here first.
        assert relative(forward.AT(torch.from_numpy(expected)).numpy(), back) < 5e-5


def test_agreement_at_full_size_is_limited_by_single_precision_in_astra():
    """ASTRA steps along a ray in single precision; our own two precisions agree far better."""
    pytest.importorskip("astra", reason="ODL's ray transform needs the astra-toolbox")
    geometry = ParallelGeometry.standard(6, (256, 256))
    image = phantom((256, 256))
    single = ParallelBeam(geometry).A(torch.from_numpy(image)).numpy()
    double = ParallelBeam(geometry, dtype=torch.float64).A(torch.from_numpy(image)).numpy()
    assert relative(single, double) < 1e-6
    assert relative(single, project_with_odl(ray_transform(geometry), image)) < 1e-4


def test_fbp_agrees_with_odl():
    pytest.importorskip("astra", reason="ODL's ray transform needs the astra-toolbox")
    geometry = ParallelGeometry.standard(180, (128, 128), detectors=256)
    odl, transform = import_odl(), ray_transform(geometry)
    image = phantom((128, 128)) * (np.hypot(*(np.mgrid[:128, :128] - 63.5)) < 58)
    sinogram = project_with_odl(transform, image)
    with fenced():
        # ODL's own filtered back-projection needs evenly spaced views.
        views = odl.uniform_partition(0, np.pi, 180)
        described = odl.applications.tomo.Parallel2dGeometry(
            views, transform.geometry.det_partition
        )
        even = odl.applications.tomo.RayTransform(transform.domain, described, impl="astra_cpu")
        fbp = odl.applications.tomo.fbp_op(even, filter_type="Hann", frequency_scaling=0.9)
        expected = to_odl_axes(np.asarray(fbp(even.range.element(sinogram)).data))
    result = ParallelBeam(geometry).pinv(torch.from_numpy(sinogram)).numpy()
    inside = np.hypot(*(np.mgrid[:128, :128] - 63.5)) < 55
    assert relative(result[inside], expected[inside]) < 0.04
    assert relative(result[inside], image[inside]) < relative(expected[inside], image[inside])
    assert result[inside].mean() == pytest.approx(image[inside].mean(), rel=1e-3)


def test_agrees_with_scikit_image():
    from skimage.transform import radon

    n, degrees = 101, np.arange(0, 180, 10.0)
    image = phantom((n, n)) * (np.hypot(*(np.mgrid[:n, :n] - 50)) < 45)
    # scikit-image turns the other way round: its rows grow downwards.
    expected = radon(image, -degrees, circle=True).T
    geometry = ParallelGeometry(np.deg2rad(degrees), n, 1.0, (n, n), (1.0, 1.0))
    assert relative(ParallelBeam(geometry).A(torch.from_numpy(image)).numpy(), expected) < 0.04


FANS = {
    "flat": FanGeometry([0.1, 0.9, 4.0], 41, 1.5, 50.0, 90.0, (20, 31), (0.7, 1.4)),
    "shifted": FanGeometry([0.1, 0.9, 4.0], 41, 1.5, 50.0, 90.0, (20, 31), shift=-4.2),
    "curved": FanGeometry([0.1, 0.9], 41, 1.5, 50.0, 90.0, (20, 31), curved=True, shift=3.1),
    "parallel, shifted": ParallelGeometry([0.1, 0.9], 41, 1.5, (20, 31), shift=3.1),
}


@pytest.mark.parametrize("geometry", (SQUARE | FANS).values(), ids=(SQUARE | FANS).keys())
def test_geometry_survives_the_way_to_odl_and_back(geometry):
    again = from_odl(*odl_geometry(geometry), slice_spacing=geometry.slice_spacing)
    assert type(again) is type(geometry)
    for name, value in vars(geometry).items():
        np.testing.assert_allclose(getattr(again, name), value, atol=1e-12)


@pytest.mark.parametrize("name", ["flat", "shifted", "curved"])
def test_odl_puts_source_and_detector_where_we_do(name):
    geometry = FANS[name]
    _, described = odl_geometry(geometry)
    scale = geometry.source_detector if geometry.curved else 1.0
    s = (np.arange(41) - 20) * 1.5 + geometry.shift
    for theta in geometry.angles:
        back = np.array([np.sin(theta), -np.cos(theta)])
        axis = np.array([np.cos(theta), np.sin(theta)])
        np.testing.assert_allclose(described.src_position(theta), 50 * back, atol=1e-9)
        if geometry.curved:
            angle = s[:, None] / 90
            expected = 50 * back + 90 * (np.sin(angle) * axis - np.cos(angle) * back)
        else:
            expected = -40 * back + s[:, None] * axis
        seen = [described.det_point_position(theta, one / scale) for one in s]
        np.testing.assert_allclose(seen, expected, atol=1e-9)


def test_what_odl_cannot_describe_is_refused():
    with pytest.raises(InputError, match="increasing"):
        odl_geometry(ParallelGeometry([1.0, 0.5], 8, 1.0, (8, 8), (1.0, 1.0)))


def test_off_centre_or_foreign_odl_geometries_are_refused():
    odl, (space, parallel) = import_odl(), odl_geometry(SQUARE["standard"])
    tomo = odl.applications.tomo
    views, detector = parallel.motion_partition, parallel.det_partition
    with fenced():
        off_centre = odl.uniform_discr([0, 0], [1, 1], (8, 8), dtype="float32")
        plate = odl.uniform_partition([-1, -1], [1, 1], (4, 4))
        cone = tomo.ConeBeamGeometry(views, plate, src_radius=100, det_radius=100)
        bent = tomo.FanBeamGeometry(views, detector, 100, 100, det_curvature_radius=150)
    with pytest.raises(InputError, match="centred"):
        from_odl(off_centre, parallel)
    with pytest.raises(InputError, match="Parallel2dGeometry and FanBeamGeometry"):
        from_odl(space, cone)
    with pytest.raises(InputError, match="source as its centre"):
        from_odl(space, bent)


def test_nothing_of_odl_leaks_into_the_process():
    """In a fresh interpreter, where SciPy has not been imported yet."""
    code = """
import os, numpy as np
before = np.get_printoptions()
from napari_padis.likelihood.odl_fence import import_odl
odl = import_odl()
assert odl.applications.tomo.Parallel2dGeometry
assert 'SCIPY_ARRAY_API' not in os.environ
assert np.get_printoptions() == before, np.get_printoptions()
from napari_padis.likelihood.odl_bridge import odl_geometry
from napari_padis.scan.geometry import ParallelGeometry
odl_geometry(ParallelGeometry.standard(4, (8, 8)))
assert 'SCIPY_ARRAY_API' not in os.environ
assert np.get_printoptions() == before
from scipy import ndimage
ndimage.gaussian_filter(np.ma.masked_array(np.ones(5)), 1.0)
"""
    environment = {k: v for k, v in os.environ.items() if k != "SCIPY_ARRAY_API"}
    source = str(Path(__file__).parents[2] / "src")
    environment["PYTHONPATH"] = os.pathsep.join((source, environment.get("PYTHONPATH", "")))
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_fence_restores_what_the_user_had_set(monkeypatch):
    monkeypatch.setenv("SCIPY_ARRAY_API", "0")
    with np.printoptions(precision=3):
        before = np.get_printoptions()
        with fenced():
            os.environ["SCIPY_ARRAY_API"] = "1"
            np.set_printoptions(legacy="1.13", linewidth=71)
        assert np.get_printoptions() == before
    assert os.environ["SCIPY_ARRAY_API"] == "0"
