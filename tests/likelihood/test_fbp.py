import numpy as np
import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.likelihood import ParallelBeam
from napari_padis.likelihood.filters import FILTERS, view_weights, window
from napari_padis.scan.geometry import ParallelGeometry
from napari_padis.scan.units import MU_WATER, mu_to_hu

RADIUS, CENTRE = 50.0, (-14.0, 22.0)


def disc(n, pixel=1.0, fine=6):
    """A water disc in 1/mm, averaged over the pixels, and the distance from its centre."""
    k = (np.arange(n * fine) - (n * fine - 1) / 2) * pixel / fine
    inside = (k[:, None] - CENTRE[0]) ** 2 + (k[None, :] - CENTRE[1]) ** 2 <= RADIUS**2
    image = MU_WATER * inside.reshape(n, fine, n, fine).mean(axis=(1, 3))
    k = (np.arange(n) - (n - 1) / 2) * pixel
    return image, np.hypot(k[:, None] - CENTRE[0], k[None, :] - CENTRE[1])


def rebuild(geometry):
    image, distance = disc(geometry.image_shape[0], geometry.pixel[0])
    forward = ParallelBeam(geometry)
    result = forward.pinv(forward.A(torch.from_numpy(image).float())).double().numpy()
    return mu_to_hu(result), distance


def test_line_integrals_of_a_water_disc():
    geometry = ParallelGeometry.standard(36, (192, 192))
    image, _ = disc(192)
    sinogram = ParallelBeam(geometry).A(torch.from_numpy(image).float()).numpy()
    s = (np.arange(512) - 255.5) * geometry.detector_pitch
    shift = CENTRE[1] * np.cos(geometry.angles) + CENTRE[0] * np.sin(geometry.angles)
    distance = np.abs(s[None, :] - shift[:, None])
    expected = 2 * MU_WATER * np.sqrt(np.maximum(RADIUS**2 - distance**2, 0))
    inner = distance < 0.9 * RADIUS
    np.testing.assert_allclose(sinogram[inner], expected[inner], rtol=0.01)
    assert expected.max() == pytest.approx(2 * RADIUS * MU_WATER, rel=1e-4)


@pytest.mark.parametrize(
    ("n", "pixel", "detectors"), [(256, 1.0, 512), (128, 2.0, 512), (256, 0.8, 300)]
)
def test_water_is_zero_hu(n, pixel, detectors):
    geometry = ParallelGeometry.standard(180, (n, n), (pixel, pixel), detectors=detectors)
    hu, distance = rebuild(geometry)
    inner, outer = hu[distance < 0.85 * RADIUS], hu[(distance > 1.15 * RADIUS) & (distance < 70)]
    assert abs(inner.mean()) < 2
    assert np.abs(inner).max() < 10
    assert abs(outer.mean() + 1000) < 3


@pytest.mark.parametrize("views", [20, 60, 61])
def test_few_views_keep_the_mean(views):
    hu, distance = rebuild(ParallelGeometry.standard(views, (256, 256)))
    assert abs(hu[distance < 0.85 * RADIUS].mean()) < 10


def test_uneven_and_repeated_views_keep_the_mean():
    dense, sparse = np.linspace(0, 1, 90, endpoint=False), np.linspace(1, np.pi, 50, endpoint=False)
    angles = np.concatenate((sparse, dense, dense[:30], [dense[4] + np.pi]))
    geometry = ParallelGeometry(angles, 512, 1.0, (256, 256), (1.0, 1.0))
    hu, distance = rebuild(geometry)
    assert abs(hu[distance < 0.85 * RADIUS].mean()) < 5


def test_full_turn_equals_half_turn():
    half = ParallelGeometry(np.arange(90) * np.pi / 90, 512, 1.0, (256, 256), (1.0, 1.0))
    full = ParallelGeometry(np.arange(180) * np.pi / 90, 512, 1.0, (256, 256), (1.0, 1.0))
    np.testing.assert_allclose(rebuild(half)[0], rebuild(full)[0], atol=0.5)


def test_limited_angle_keeps_the_amplitude():
    angles = np.linspace(0, 2 * np.pi / 3, 120, endpoint=False)
    geometry = ParallelGeometry(angles, 512, 1.0, (256, 256), (1.0, 1.0))
    hu, distance = rebuild(geometry)
    assert abs(hu[distance < 0.5 * RADIUS].mean()) < 100


def test_non_square_pixels_and_odd_sides(blob):
    geometry = ParallelGeometry.standard(180, (77, 120), (1.5, 0.8), detectors=400)
    image, sinogram = blob(geometry, (9.0, -12.0), (12.0, 9.0))
    result = ParallelBeam(geometry).pinv(torch.from_numpy(sinogram)).double().numpy()
    assert np.linalg.norm(result - image) / np.linalg.norm(image) < 0.01


def test_a_shifted_detector_is_read_at_the_right_place(blob):
    geometry = ParallelGeometry(
        np.arange(120) * np.pi / 120, 200, 0.8, (90, 100), (1.0, 1.0), shift=9.3
    )
    image, sinogram = blob(geometry, (9.0, -12.0), (11.0, 8.0))
    result = ParallelBeam(geometry).pinv(torch.from_numpy(sinogram)).double().numpy()
    assert np.linalg.norm(result - image) / np.linalg.norm(image) < 0.01


@pytest.mark.parametrize("shift", [75.0, -75.0])
def test_half_acquisition(shift):
    """A full turn with the axis near the edge of the detector."""
    geometry = ParallelGeometry(
        np.arange(360) * np.pi / 180, 200, 1.0, (192, 192), (1.0, 1.0), shift=shift
    )
    hu, distance = rebuild(geometry)
    assert np.abs(hu[distance < 0.85 * RADIUS]).max() < 10
    assert abs(hu[(distance > 1.15 * RADIUS) & (distance < 70)].mean() + 1000) < 3


@pytest.mark.parametrize("filter", FILTERS)
def test_every_filter_keeps_the_amplitude(filter):
    geometry = ParallelGeometry.standard(90, (96, 96), (2.0, 2.0), detectors=256)
    image, distance = disc(96, 2.0)
    forward = ParallelBeam(geometry)
    sinogram = forward.A(torch.from_numpy(image).float())
    result = mu_to_hu(forward.pinv(sinogram, filter=filter, cutoff=1.0).double().numpy())
    assert abs(result[distance < 0.8 * RADIUS].mean()) < 3


def test_filters_go_from_sharp_to_smooth():
    forward = ParallelBeam(ParallelGeometry.standard(30, (48, 48), detectors=96))
    noise = torch.randn(30, 96, generator=torch.Generator().manual_seed(0))
    spread = [float(forward.pinv(noise, filter=name).std()) for name in FILTERS]
    assert spread == sorted(spread, reverse=True)
    assert len(set(spread)) == len(FILTERS)
    assert forward.pinv(noise, cutoff=0.4).std() < 0.6 * forward.pinv(noise, cutoff=0.8).std()


def test_unknown_filters_and_cutoffs_are_refused():
    forward = ParallelBeam(ParallelGeometry.standard(3, (8, 8), detectors=16))
    with pytest.raises(InputError, match="use one of ram-lak"):
        forward.pinv(torch.zeros(3, 16), filter="gauss")
    with pytest.raises(InputError, match="cutoff"):
        forward.pinv(torch.zeros(3, 16), cutoff=0.0)


def test_windows_end_at_the_cutoff():
    frequency = np.array([0.0, 0.5, 1.0, 1.5])
    values = {name: window(name, frequency) for name in FILTERS}
    assert all(v[0] == 1 and not v[2:].any() for v in values.values())
    middle = {"ram-lak": 1, "shepp-logan": 2 * 2**0.5 / np.pi, "cosine": 0.5**0.5}
    middle |= {"hamming": 0.54, "hann": 0.5}
    assert {name: v[1] for name, v in values.items()} == pytest.approx(middle)


def test_view_weights():
    np.testing.assert_allclose(view_weights(np.array([0.3])), [np.pi])
    np.testing.assert_allclose(view_weights(np.array([0.3, 0.3])), [np.pi / 2] * 2)
    np.testing.assert_allclose(view_weights(np.arange(7) * np.pi / 7 + 9), [np.pi / 7] * 7)
    weights = view_weights(np.array([0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0]))
    assert weights.sum() == pytest.approx(np.pi)
    assert weights[4] == pytest.approx(2 * weights[1])


def test_empty_detector_edges_do_not_leak():
    """Pixels outside the detector's shadow get nothing from that view."""
    geometry = ParallelGeometry([0.0], 4, 1.0, (5, 40), (1.0, 1.0))
    result = ParallelBeam(geometry).pinv(torch.ones(1, 4))
    assert result[:, :16].abs().max() == 0
    assert result[:, 24:].abs().max() == 0
