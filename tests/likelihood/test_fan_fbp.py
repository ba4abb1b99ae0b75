"""Filtered back-projection of fan beams, against a water disc and a Gaussian."""

import numpy as np
import pytest
import torch

from napari_padis.likelihood.fan import FanBeam
from napari_padis.likelihood.rays import fan_angles
from napari_padis.likelihood.redundancy import parker_weights, ray_weights, turn
from napari_padis.scan.geometry import FanGeometry
from napari_padis.scan.units import MU_WATER, mu_to_hu

RADIUS, CENTRE, N, PIXEL = 50.0, (-14.0, 22.0), 160, 1.25
TURN = 2 * np.pi


def fan(degrees, curved=False, **changes):
    """A detector 2.2 times as wide as the image, magnified twice, seen at 42 degrees."""
    values = {"detectors": 512, "detector_pitch": 1.5, "shift": 0.0, **changes}
    return FanGeometry(
        np.deg2rad(degrees),
        source_origin=500.0,
        source_detector=1000.0,
        image_shape=(N, N),
        pixel=(PIXEL, PIXEL),
        curved=curved,
        **values,
    )


@pytest.fixture(scope="module")
def disc():
    """A water disc in 1/mm, averaged over the pixels, and the distance from its centre."""
    fine = 5
    k = (np.arange(N * fine) - (N * fine - 1) / 2) * PIXEL / fine
    inside = (k[:, None] - CENTRE[0]) ** 2 + (k[None, :] - CENTRE[1]) ** 2 <= RADIUS**2
    image = MU_WATER * inside.reshape(N, fine, N, fine).mean(axis=(1, 3))
    k = (np.arange(N) - (N - 1) / 2) * PIXEL
    distance = np.hypot(k[:, None] - CENTRE[0], k[None, :] - CENTRE[1])
    return torch.from_numpy(image).float(), distance


def rebuild(geometry, disc):
    """HU well inside the disc, and around it."""
    image, distance = disc
    forward = FanBeam(geometry)
    hu = mu_to_hu(forward.pinv(forward.A(image)).double().numpy())
    return hu[distance < 0.85 * RADIUS], hu[(distance > 1.15 * RADIUS) & (distance < 70)]


#: Scans that see every line at least once, in degrees.
COMPLETE = {
    "full": fan(np.arange(0, 360, 2)),
    "full, curved": fan(np.arange(0, 360, 2), curved=True),
    "short": fan(np.arange(0, 224, 2)),
    "short, curved": fan(np.arange(0, 224, 2), curved=True),
    "short, turning back from 100": fan(100 - np.arange(0, 224, 2)),
    "long": fan(np.arange(10, 310, 2), curved=True),
    "almost full": fan(np.arange(0, 340, 2)),
    "one and a half turns": fan(np.arange(0, 540, 2)),
    "both ends measured": fan(np.linspace(0, 360, 181)),
    "golden angle": fan(np.arange(200) * 180 * (3 - 5**0.5)),
    "in disorder": fan(np.random.default_rng(0).permutation(180) * 2),
    "misaligned": fan(np.arange(0, 224, 2), shift=7.0),
    "to one side": fan(np.arange(0, 360, 2), detectors=330, shift=150.0),
    "to the other, curved": fan(np.arange(0, 360, 2), True, detectors=330, shift=-150.0),
}


@pytest.mark.parametrize("geometry", COMPLETE.values(), ids=COMPLETE.keys())
def test_water_is_zero_hu(geometry, disc):
    inner, outer = rebuild(geometry, disc)
    assert abs(inner.mean()) < 1
    assert np.abs(inner).max() < 10
    assert abs(outer.mean() + 1000) < 3


@pytest.mark.parametrize("arc", [180, 150, 120])
@pytest.mark.parametrize("curved", [False, True], ids=["flat", "curved"])
def test_limited_arcs_keep_the_amplitude(arc, curved, disc):
    inner, _ = rebuild(fan(np.arange(0, arc, 2), curved), disc)
    assert abs(inner.mean()) < 60


@pytest.mark.parametrize("curved", [False, True], ids=["flat", "curved"])
def test_a_gaussian_from_its_exact_line_integrals(curved, blob):
    geometry = FanGeometry.standard(180, (77, 120), (1.5, 0.8), detectors=300, curved=curved)
    image, sinogram = blob(geometry, (9.0, -12.0), (12.0, 9.0))
    result = FanBeam(geometry).pinv(torch.from_numpy(sinogram)).double().numpy()
    assert np.linalg.norm(result - image) / np.linalg.norm(image) < 0.01


def test_turn():
    spans, beta, arc = turn(np.deg2rad([350.0, 10.0, 0.0, 20.0]))
    np.testing.assert_allclose(np.rad2deg(arc), 40)
    np.testing.assert_allclose(np.rad2deg(spans), [10, 10, 10, 10])
    np.testing.assert_allclose(np.rad2deg(beta), [5, 25, 15, 35])
    spans, _, arc = turn(np.arange(9) * TURN / 9)
    assert arc == TURN
    np.testing.assert_allclose(spans, TURN / 9)
    assert turn(np.array([0.7]))[0] == pytest.approx(TURN)
    assert turn(np.array([0.7, 0.7]))[0].sum() == pytest.approx(TURN)


@pytest.mark.parametrize("degrees", [150, 190, 226, 300])
def test_weights_of_the_two_ends_of_a_line_add_up_to_one(degrees):
    arc, ends = np.deg2rad(degrees), np.array([-0.4, 0.4])
    totals = []
    for gamma, beta in np.random.default_rng(0).uniform((-0.4, 0), (0.4, arc), (300, 2)):
        total = 0.0
        for view, ray in (
            (beta, gamma),
            (beta + np.pi - 2 * gamma, -gamma),
            (beta - np.pi - 2 * gamma, -gamma),
        ):
            if 0 <= view <= arc:
                # The ends of the fan tell whether the arc is long enough for all of it.
                total += parker_weights(np.array([view]), np.append(ends, ray), arc)[0, -1]
        totals.append(total)
    if degrees >= 226:
        np.testing.assert_allclose(totals, 1)
    else:
        assert max(totals) <= 1
        assert np.mean(totals) > 0.99


def test_views_of_the_central_ray_always_add_up_to_pi():
    for degrees in (np.arange(0, 360, 3), np.arange(0, 225, 3), np.arange(0, 120, 3)):
        geometry = fan(degrees, detectors=301)
        weights = ray_weights(geometry)
        assert weights.sum(axis=0)[fan_angles(geometry).size // 2 * (weights.shape[1] > 1)] == (
            pytest.approx(np.pi, rel=1e-3)
        )


def test_pixels_behind_the_source_read_nothing():
    """The corners of the image may lie farther out than the source."""
    geometry = FanGeometry(np.arange(8) * TURN / 8, 40, 2.0, 17.0, 40.0, (32, 32))
    image = FanBeam(geometry).pinv(torch.ones(8, 40))
    assert torch.isfinite(image).all()
    assert image.abs().max() < 100 * image[16, 16].abs()
