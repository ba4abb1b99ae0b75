"""ODL's description of a cone beam: the same rays, the same arrays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from napari_padis.errors import InputError
from napari_padis.likelihood.cone import ConeBeam
from napari_padis.likelihood.odl_cone import OdlCone, odl_cone
from napari_padis.likelihood.odl_fence import import_odl
from napari_padis.scan.geometry import ConeGeometry

GEOMETRY = replace(
    ConeGeometry.standard(5, (10, 14, 12), (3.0, 2.0, 2.5), (8, 11)),
    angles=np.array((-0.7, 0.0, 0.9, 2.0, 4.5)),
    shift=(5.0, -4.0),
)
HELIX = replace(GEOMETRY, angles=np.linspace(1, 11, 5), travel=9.0)


class Quadrature:
    """Back end of ODL's ray transform: sums along the rays of ODL's own geometry.

    Knows nothing of our conventions; all arrays are ODL's, volumes (x, y, z).
    """

    def __init__(self, geometry, vol_space, proj_space):
        self.space, self.data = vol_space, proj_space
        detector = geometry.det_partition.meshgrid
        u, v = np.broadcast_arrays(*detector)
        parameters = np.stack((u.ravel(), v.ravel()))
        rays = []
        for angle in geometry.angles:
            source = geometry.src_position(angle)
            ends = np.stack([geometry.det_point_position(angle, p) for p in parameters.T])
            rays.append((ends - source, source))
        self.rays = rays

    def _positions(self, direction, source, steps=600):
        share = (np.arange(steps) + 0.5) / steps
        points = source + share[:, None, None] * direction
        index = (points - self.space.min_pt) / self.space.cell_sides - 0.5
        return np.moveaxis(index, -1, 0), np.linalg.norm(direction, axis=-1) / steps

    def call_forward(self, x, out=None):
        views = []
        for direction, source in self.rays:
            index, step = self._positions(direction, source)
            values = map_coordinates(np.asarray(x.data), index, order=1, mode="grid-constant")
            views.append(values.sum(0) * step)
        return self.data.element(np.stack(views).reshape(self.data.shape))

    def call_backward(self, y, out=None):
        """Adjoint in ODL's weighted spaces: the transpose times data over volume weight."""
        total = np.zeros(self.space.shape)
        corners = np.stack(np.meshgrid(*[(0, 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        for (direction, source), view in zip(self.rays, np.asarray(y.data), strict=True):
            index, step = self._positions(direction, source)
            low = np.floor(index).astype(int)
            for corner in corners:
                place = low + corner[:, None, None]
                weight = np.where(corner[:, None, None], index - low, 1 - index + low).prod(0)
                size = np.array(self.space.shape)[:, None, None]
                inside = ((place >= 0) & (place < size)).all(0)
                value = np.broadcast_to(view.ravel() * step, weight.shape) * weight
                np.add.at(total, tuple(axis[inside] for axis in place), value[inside])
        scale = self.data.weighting.const / self.space.weighting.const
        return self.space.element(total * scale)


@pytest.mark.parametrize("geometry", [GEOMETRY, HELIX], ids=["circle", "helix"])
def test_sources_and_detector_points_agree(exact, geometry):
    _, described = odl_cone(geometry)
    source, detector = exact(geometry).ray_ends()
    u, v = (axis.ravel() for axis in described.det_partition.meshgrid)
    for k, angle in enumerate(geometry.angles):
        assert np.allclose(described.src_position(angle), source[k, 0, 0])
        for row in (0, 3, 7):
            for column in (0, 6, 10):
                point = described.det_point_position(angle, (u[column], v[row]))
                assert np.allclose(point, detector[k, row, column])


def test_space_is_the_volume():
    space, _ = odl_cone(GEOMETRY)
    assert space.shape == (12, 14, 10)
    assert np.allclose(space.cell_sides, (2.5, 2.0, 3.0))
    assert np.allclose(space.partition.mid_pt, 0)


@pytest.mark.parametrize("geometry", [GEOMETRY, HELIX], ids=["circle", "helix"])
def test_projects_like_our_rays(exact, geometry):
    volume, _ = exact(geometry).blob((3.0, -4.0, 2.0), (6.0, 7.0, 6.0))
    x = torch.from_numpy(volume).float()
    ours = ConeBeam(geometry).A(x)
    odl = OdlCone(geometry, torch.float32, Quadrature).project(torch.stack((x, 2 * x)))
    assert ours.max() > 5
    assert float((odl[0] - ours).abs().max()) < 0.02 * float(ours.max())
    torch.testing.assert_close(odl[1], 2 * odl[0])


def test_back_projection_is_the_euclidean_transpose():
    odl = OdlCone(HELIX, torch.float32, Quadrature)
    x, y = torch.rand(1, 10, 14, 12), torch.rand(1, *HELIX.data_shape)
    left, right = (odl.project(x) * y).sum(), (x * odl.back(y)).sum()
    assert float(left) == pytest.approx(float(right), rel=1e-4)
    assert odl.back(y).shape == x.shape


def test_angles_must_increase():
    with pytest.raises(InputError, match="increasing"):
        odl_cone(replace(GEOMETRY, angles=[0.0, 2.0, 1.0]))


def test_needs_cuda():
    if import_odl().applications.tomo.ASTRA_CUDA_AVAILABLE and torch.cuda.is_available():
        pytest.skip("ASTRA has a CUDA device here")
    with pytest.raises(InputError, match="CUDA"):
        ConeBeam(GEOMETRY, backend="odl")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_odl_on_cuda_agrees(exact):
    volume, _ = exact(HELIX).blob((3.0, -4.0, 2.0), (6.0, 7.0, 6.0))
    x = torch.from_numpy(volume).float()
    ours, odl = ConeBeam(HELIX), ConeBeam(HELIX, backend="odl")
    y = ours.A(x)
    assert float((odl.A(x) - y).abs().max()) < 0.02 * float(y.max())
    back = ours.AT(y)
    assert float((odl.AT(y) - back).norm()) < 0.05 * float(back.norm())
