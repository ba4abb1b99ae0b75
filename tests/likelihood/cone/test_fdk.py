"""Direct cone-beam reconstruction of a water sphere in Hounsfield units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.likelihood.cone import ConeBeam
from napari_padis.likelihood.fdk_weights import circle_weights
from napari_padis.scan.geometry import ConeGeometry
from napari_padis.scan.units import MU_WATER, mu_to_hu

FULL = ConeGeometry.standard(120, (32, 64, 64), (4.0, 2.0, 2.0), (64, 96))
FLAT = ConeGeometry.standard(120, (8, 64, 64), (2.0, 2.0, 2.0), (12, 96))
PITCH = FULL.detector_pitch


def spread(degrees, views=120, start=5.0):
    return start + np.arange(views) * np.deg2rad(degrees) / views


def reconstruct(exact, geometry, centre, radius, **options):
    """HU of a water sphere, and its voxels at least four pixels from its surface."""
    data = torch.from_numpy(MU_WATER * exact(geometry).sphere(centre, radius)).float()
    hu = mu_to_hu(ConeBeam(geometry).pinv(data, **options).double().numpy())
    z, y, x = exact(geometry).grid()
    square = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2
    return hu, square < (radius - 8) ** 2


@pytest.mark.parametrize("shift", [(0.0, 0.0), (3.0, 7.0)])
def test_water_is_zero(exact, shift):
    hu, inside = reconstruct(exact, replace(FULL, shift=shift), (0, 0, 0), 50)
    middle = np.abs(hu[14:18])[inside[14:18]]
    assert middle.size > 2000
    assert middle.max() < 10
    assert np.abs(hu[inside]).max() < 20


def test_air_is_air(exact):
    hu, _ = reconstruct(exact, FULL, (0, 0, 0), 50)
    z, y, x = exact(FULL).grid()
    around = (x**2 + y**2 > 60**2) & (x**2 + y**2 < 80**2) & (np.abs(z) < 10)
    assert np.abs(hu[around] + 1000).max() < 15


@pytest.mark.parametrize(
    "angles",
    [
        pytest.param(spread(215), id="short scan"),
        pytest.param(-spread(198), id="shorter, backwards"),
        pytest.param(spread(300, 150), id="long arc"),
        pytest.param(spread(720, 240), id="two turns"),
        pytest.param(np.arange(150) * 2.399963, id="golden angle"),
        pytest.param(np.random.default_rng(3).uniform(0, 7, 250), id="random"),
        pytest.param(np.r_[spread(180, 60, 0), np.pi + spread(180, 180, 0)], id="two densities"),
    ],
)
def test_angles_of_all_kinds(exact, angles):
    geometry = replace(FLAT, angles=angles)
    hu, inside = reconstruct(exact, geometry, (15, -10, 1), 35)
    assert np.abs(hu[inside]).max() < 10


@pytest.mark.parametrize(("degrees", "limit"), [(178, 20), (120, 50), (90, 65)])
def test_amplitude_of_limited_arcs(exact, degrees, limit):
    geometry = replace(FLAT, angles=spread(degrees, 90))
    hu, inside = reconstruct(exact, geometry, (15, -10, 1), 35)
    assert abs(hu[inside].mean()) < limit


@pytest.mark.parametrize("side", [1, -1])
def test_detector_that_sees_one_side(exact, side):
    geometry = replace(FLAT, detectors=(12, 58), shift=(0.0, side * 19 * PITCH[1]))
    hu, inside = reconstruct(exact, geometry, (-12, 15, 0), 45)
    assert np.abs(hu[inside]).max() < 15


def test_slices_that_the_detector_misses_in_some_views(exact):
    geometry = replace(FULL, detectors=(30, 96))
    hu, inside = reconstruct(exact, geometry, (0, 0, 0), 58)
    seen = inside & (hu > -999)
    assert seen[10:22].sum() == inside[10:22].sum()
    assert abs(hu[seen].mean()) < 15
    assert (hu[0] == -1000).all()


@pytest.mark.parametrize("travel", [50.0, -50.0, 20.0])
def test_helix(exact, travel):
    angles = np.random.default_rng(0).permutation(spread(1440, 480, -40))
    geometry = replace(FULL, angles=angles, travel=travel, detectors=(40, 96))
    hu, inside = reconstruct(exact, geometry, (15, -10, 12), 40)
    assert np.abs(hu[inside]).max() < 10


def test_a_finer_cutoff_and_a_harder_window_are_sharper(exact):
    hann, inside = reconstruct(exact, FLAT, (0, 0, 0), 40)
    smooth, _ = reconstruct(exact, FLAT, (0, 0, 0), 40, cutoff=0.4)
    hard, _ = reconstruct(exact, FLAT, (0, 0, 0), 40, filter="ram-lak", cutoff=1.0)
    steepest = [np.abs(np.diff(v[4], axis=-1)).max() for v in (smooth, hann, hard)]
    assert steepest == sorted(steepest)
    assert steepest[0] < 0.8 * steepest[1]
    assert np.abs(smooth[inside]).max() < 15
    with pytest.raises(InputError, match="filter"):
        ConeBeam(FLAT).pinv(torch.zeros(FLAT.data_shape), filter="boxcar")


def test_inverts_the_projector(exact):
    geometry = replace(FULL, angles=spread(360, 90))
    volume, _ = exact(geometry).blob((10, -8, 5), (12, 14, 18))
    cone = ConeBeam(geometry)
    found = cone.pinv(cone.A(torch.from_numpy(volume))).numpy()
    assert np.abs(found - volume).max() < 0.03


def test_no_graph_is_kept():
    cone = ConeBeam(ConeGeometry.standard(4, (4, 6, 6)))
    y = torch.rand(cone.range_shape, requires_grad=True)
    assert not cone.pinv(y).requires_grad
    with torch.inference_mode():
        assert cone.pinv(y).isfinite().all()


@pytest.mark.parametrize("angles", [[0.3], [0.3, 0.3], [0.0, np.pi], [0.0, 0.2]])
@pytest.mark.parametrize("travel", [0.0, 10.0])
def test_few_views(angles, travel):
    cone = ConeBeam(replace(ConeGeometry.standard(4, (4, 6, 6)), angles=angles, travel=travel))
    x = torch.zeros(cone.domain_shape)
    x[1:3, 2:4, 2:4] = 1
    found = cone.pinv(cone.A(x))
    assert found.isfinite().all()
    assert found.max() > 0


def test_full_circle_counts_every_line_once():
    weights = np.broadcast_to(circle_weights(FLAT), (len(FLAT.angles), FLAT.detectors[1]))
    assert weights.sum(axis=0) == pytest.approx(np.pi)
