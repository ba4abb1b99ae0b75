"""The cone-beam projector against closed forms, its transpose, and its choices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.likelihood import cone_rays
from napari_padis.likelihood.cone import ConeBeam
from napari_padis.likelihood.linear_map import largest_singular_value
from napari_padis.likelihood.registry import build, expected_bytes
from napari_padis.scan.geometry import ConeGeometry
from napari_padis.scan.units import MU_WATER

#: Odd sides, voxels of three different lengths, fine and coarse detectors, helices, shifts.
GEOMETRIES = {
    "cube": ConeGeometry.standard(5, (8, 8, 8)),
    "uneven": ConeGeometry.standard(7, (5, 9, 12), (2.0, 1.3, 0.7), (9, 11)),
    "shifted": replace(ConeGeometry.standard(4, (6, 10, 7)), shift=(3.0, -8.5)),
    "any angles": replace(ConeGeometry.standard(3, (6, 7, 8)), angles=[4.0, -9.0, np.pi / 4]),
    "helix": replace(
        ConeGeometry.standard(9, (9, 8, 8), (1.5, 1.0, 1.0), (4, 16)),
        angles=np.arange(9) * 1.7,
        travel=6.0,
    ),
    "one slice": ConeGeometry.standard(6, (1, 9, 8), detectors=(1, 14)),
    "source between the corners": ConeGeometry(
        np.arange(6) * 1.0, (5, 13), (2.0, 2.0), 5.5, 15.0, 4, (10, 10)
    ),
}


@pytest.fixture(params=GEOMETRIES.values(), ids=GEOMETRIES.keys())
def geometry(request):
    return request.param


def large(angles=None, **changes):
    """Voxels of 2 x 1.5 x 2.5 mm (z, y, x) seen by a fine detector."""
    standard = ConeGeometry.standard(8, (40, 64, 48), (2.0, 1.5, 2.5), (48, 72))
    changes = changes if angles is None else {"angles": angles, **changes}
    return replace(standard, **changes)


def project(geometry, volume):
    return ConeBeam(geometry, dtype=torch.float64).A(torch.from_numpy(volume)).numpy()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_transpose_is_exact(geometry, assert_adjoint, dtype, tolerance):
    assert_adjoint(ConeBeam(geometry, dtype=dtype), tolerance)


def test_transpose_is_the_matrix_transpose():
    cone = ConeBeam(ConeGeometry.standard(3, (3, 4, 5), detectors=(4, 6)), dtype=torch.float64)
    inputs = torch.eye(60, dtype=torch.float64).reshape(60, 3, 4, 5)
    outputs = torch.eye(72, dtype=torch.float64).reshape(72, 3, 4, 6)
    matrix = cone.A(inputs).reshape(60, 72).T
    assert matrix.count_nonzero() > 300
    torch.testing.assert_close(cone.AT(outputs).reshape(72, 60), matrix, rtol=0, atol=1e-13)


def test_gradients():
    cone = ConeBeam(ConeGeometry.standard(3, (3, 4, 4), detectors=(4, 6)), dtype=torch.float64)
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    y = torch.randn(3, 4, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(cone.A, (x,))
    assert torch.autograd.gradcheck(cone.AT, (y,))
    assert torch.autograd.gradgradcheck(lambda v: cone.A(v) ** 3, (x,), fast_mode=True)


def test_batch_equals_loop(geometry):
    cone = ConeBeam(geometry)
    x = torch.randn(2, 3, *cone.domain_shape)
    y = cone.A(x)
    assert y.shape == (2, 3, *geometry.data_shape)
    back, direct = cone.AT(y), cone.pinv(y)
    for i in range(2):
        for j in range(3):
            torch.testing.assert_close(y[i, j], cone.A(x[i, j]))
            torch.testing.assert_close(back[i, j], cone.AT(y[i, j]))
            torch.testing.assert_close(direct[i, j], cone.pinv(y[i, j]))


def test_small_chunks_change_nothing(geometry, monkeypatch):
    x = torch.randn(2, geometry.slices, *geometry.image_shape)
    whole = ConeBeam(geometry)
    y = whole.A(x)
    back = whole.AT(y)
    pieces = ConeBeam(geometry, budget=1)
    torch.testing.assert_close(pieces.A(x), y)
    torch.testing.assert_close(pieces.AT(y), back)
    torch.testing.assert_close(pieces.pinv(y), whole.pinv(y))
    monkeypatch.setattr(cone_rays, "CACHED", 700)
    torch.testing.assert_close(whole.A(x), y)


@pytest.mark.parametrize("travel", [0.0, 35.0, -20.0])
def test_line_integrals_of_a_gaussian(exact, travel):
    geometry = large(np.linspace(-4, 7, 9), shift=(4.0, -7.0), travel=travel)
    volume, integrals = exact(geometry).blob((9.0, -14.0, 8.0), (12.0, 9.0, 9.0))
    assert integrals.max() > 15
    error = np.abs(project(geometry, volume) - integrals).max()
    assert error < 0.01 * integrals.max()


def test_line_integrals_of_a_water_sphere(exact):
    geometry = replace(
        ConeGeometry.standard(5, (64, 64, 64), (2.0, 2.0, 2.0), (33, 65)), angles=np.arange(5.0)
    )
    ball = MU_WATER * exact(geometry).voxel_sphere((0, 0, 0), 50.0)
    values = project(geometry, ball)
    assert np.allclose(values[:, 16, 32], 2 * 50 * MU_WATER, rtol=0.01)
    expected = MU_WATER * exact(geometry).sphere((0, 0, 0), 50.0)
    inside = expected > 70 * MU_WATER
    assert inside.sum() > 500
    assert np.abs(values / np.where(inside, expected, 1) - 1)[inside].max() < 0.01


@pytest.mark.parametrize(
    "voxel", [(3, 40, 20), (30, 40, 20), (20, 5, 24), (20, 60, 24), (20, 32, 5), (20, 32, 45)]
)
def test_a_point_lands_where_its_ray_does(exact, voxel):
    geometry = large(np.array((0.0, 0.4, np.pi / 2, 2.5, np.pi, 5.0)), detectors=(96, 144))
    pitch = tuple(p / 2 for p in geometry.detector_pitch)
    geometry = replace(geometry, detector_pitch=pitch)
    volume = np.zeros((40, 64, 48))
    volume[voxel] = 1
    data = project(geometry, volume)
    spot = np.array(
        [axis.ravel()[i] for axis, i in zip(exact(geometry).grid(), voxel, strict=True)]
    )
    source, detector = exact(geometry).ray_ends()
    rows, columns = np.mgrid[:96, :144]
    for k, view in enumerate(data):
        row, column = (view * rows).sum() / view.sum(), (view * columns).sum() / view.sum()
        # Where the line from the source through the voxel meets the detector.
        s, corner = source[k, 0, 0], detector[k, 0, 0]
        u, v = detector[k, 0, 1] - corner, detector[k, 1, 0] - corner
        ray = spot[::-1] - s
        expected = np.linalg.solve(np.stack((v, u, -ray), axis=-1), s - corner)[:2]
        assert np.allclose((row, column), expected, atol=0.1)


def test_directions_of_the_detector(exact):
    geometry = large(np.array((0.0,)))
    head, right = np.zeros((40, 64, 48)), np.zeros((40, 64, 48))
    head[30:, 28:36, 20:28], right[16:24, 28:36, 40:] = 1, 1
    rows = project(geometry, head)[0].sum(1)
    columns = project(geometry, right)[0].sum(0)
    assert rows[:24].sum() == 0
    assert rows[24:].sum() > 0
    assert columns[:36].sum() == 0
    assert columns[36:].sum() > 0


def test_middle_rows_are_a_fan_beam():
    geometry = ConeGeometry.standard(6, (9, 64, 64), (3.0, 1.0, 1.0), (1, 96))
    x = np.arange(64) - 31.5
    disc = (x[:, None] ** 2 + x[None, :] ** 2)[None] / 9.0**2
    image = np.exp(-0.5 * disc).repeat(9, axis=0)
    columns = (np.arange(96) - 47.5) * geometry.detector_pitch[1]
    distance = geometry.source_origin * columns / np.hypot(columns, geometry.source_detector)
    expected = np.sqrt(2 * np.pi) * 9 * np.exp(-0.5 * (distance / 9) ** 2)
    assert np.abs(project(geometry, image)[:, 0] - expected).max() < 0.005 * expected.max()


def test_nothing_is_measured_behind_the_source():
    geometry = GEOMETRIES["source between the corners"]
    geometry = replace(geometry, angles=[np.pi / 4])  # source at (3.9, -3.9)
    corner = np.zeros((4, 10, 10))
    corner[:, 0, 9] = 1  # at (4.5, -4.5)
    assert project(geometry, corner).max() == 0
    assert project(geometry, corner[:, ::-1, ::-1].copy()).max() > 0


def test_norm_is_that_of_many_power_iterations():
    cone = ConeBeam(ConeGeometry.standard(9, (6, 12, 12)))
    assert cone.norm == pytest.approx(largest_singular_value(cone), rel=0.01)


def test_unknown_back_end_and_wrong_shape():
    geometry = GEOMETRIES["cube"]
    with pytest.raises(InputError, match="'rays'"):
        ConeBeam(geometry, backend="matrix")
    with pytest.raises(InputError, match="shape"):
        ConeBeam(geometry).A(torch.zeros(8, 8, 7))


def test_registry_builds_it():
    geometry = GEOMETRIES["uneven"]
    cone = build(geometry)
    assert isinstance(cone, ConeBeam)
    assert cone is build(geometry)
    assert cone is not build(replace(geometry, slice_spacing=1.0))
    assert cone.backend == "rays"
    assert cone.nbytes > 0
    assert expected_bytes(geometry) > 2**28


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_agrees_with_the_cpu(geometry):
    cone = ConeBeam(geometry)
    x = torch.randn(2, *cone.domain_shape)
    y = cone.A(x)
    moved = cone.to("cuda")
    torch.testing.assert_close(moved.A(x.cuda()).cpu(), y, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(moved.AT(y.cuda()).cpu(), cone.AT(y), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(moved.pinv(y.cuda()).cpu(), cone.pinv(y), rtol=1e-3, atol=1e-3)
