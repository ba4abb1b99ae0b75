import dataclasses

import numpy as np
import pytest
import torch

from napari_padis.likelihood import ParallelBeam
from napari_padis.likelihood.fan import FanBeam
from napari_padis.scan.geometry import FanGeometry, ParallelGeometry
from napari_padis.scan.units import MU_WATER

ANGLES = np.array([0.0, np.pi / 6, np.pi / 2, 2.0, np.pi, 5.0])


@pytest.mark.parametrize("shift", [0.0, 8.5])
@pytest.mark.parametrize("curved", [False, True], ids=["flat", "curved"])
def test_point_source_pins_the_orientation(curved, shift):
    """A hot pixel appears where the ray from the source through it meets the detector."""
    geometry = FanGeometry(
        ANGLES, 301, 0.7, 120.0, 200.0, (41, 61), (1.0, 1.0), curved=curved, shift=shift
    )
    row, column = 30, 12
    image = torch.zeros(41, 61)
    image[row, column] = 1
    sinogram = FanBeam(geometry).A(image).double().numpy()
    s = (np.arange(301) - 150) * 0.7 + shift
    centre = (sinogram * s).sum(axis=1) / sinogram.sum(axis=1)
    point = np.array([column - 30, row - 20])
    for theta, seen in zip(ANGLES, centre, strict=True):
        back = np.array([np.sin(theta), -np.cos(theta)])
        axis = np.array([np.cos(theta), np.sin(theta)])
        source, middle = 120 * back, (120 - 200) * back
        if curved:
            ray, central = point - source, middle - source
            expected = 200 * np.arctan2(ray @ axis, ray @ central / 200)
        else:
            # source + a (point - source) = middle + expected axis
            _, expected = np.linalg.solve(
                np.stack((point - source, -axis), axis=1), middle - source
            )
        assert seen == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("curved", [False, True], ids=["flat", "curved"])
def test_from_far_away_a_fan_is_parallel(curved):
    near = ParallelGeometry(ANGLES, 90, 0.5, (33, 27), (1.0, 1.2), shift=1.5)
    far = FanGeometry(ANGLES, 90, 0.5, 1e8, 1e8 + 1, (33, 27), (1.0, 1.2), shift=1.5, curved=curved)
    # Rays along the lines of pixels step from bin to bin there, and rounding decides.
    image = torch.rand(33, 27, dtype=torch.float64)
    parallel = ParallelBeam(near, dtype=torch.float64).A(image)
    fan = FanBeam(far, dtype=torch.float64).A(image)
    torch.testing.assert_close(fan, parallel, rtol=1e-5, atol=1e-5)


def test_every_line_is_the_same_from_its_other_end():
    """The ray of view theta and fan angle g is that of view theta + pi - 2 g and -g."""
    g = np.deg2rad(11.0)
    geometry = FanGeometry([0.4, 0.4 + np.pi - 2 * g], 3, 80 * g, 50.0, 80.0, (32, 32), curved=True)
    image = torch.rand(32, 32, dtype=torch.float64)
    sinogram = FanBeam(geometry, dtype=torch.float64).A(image)
    torch.testing.assert_close(sinogram[0, 2], sinogram[1, 0])
    assert abs(sinogram[0, 2] - sinogram[0, 0]) > 0.1


@pytest.mark.parametrize("curved", [False, True], ids=["flat", "curved"])
def test_chords_of_a_water_disc(curved):
    n, radius, fine = 160, 50.0, 4
    k = (np.arange(n * fine) - (n * fine - 1) / 2) / fine
    inside = (k[:, None] + 11) ** 2 + (k[None, :] - 17) ** 2 <= radius**2
    image = MU_WATER * inside.reshape(n, fine, n, fine).mean(axis=(1, 3))
    geometry = dataclasses.replace(
        FanGeometry.standard(12, (n, n), detectors=300, curved=curved), shift=20.0
    )
    sinogram = FanBeam(geometry).A(torch.from_numpy(image)).numpy()
    theta = geometry.angles[:, None]
    s = (np.arange(300) - 149.5) * geometry.detector_pitch + 20
    gamma = s / geometry.source_detector if curved else np.arctan(s / geometry.source_detector)
    phi = theta - gamma
    offset = geometry.source_origin * np.sin(gamma) - 17 * np.cos(phi) + 11 * np.sin(phi)
    expected = 2 * MU_WATER * np.sqrt(np.maximum(radius**2 - offset**2, 0))
    inner = np.abs(offset) < 0.85 * radius
    np.testing.assert_allclose(sinogram[inner], expected[inner], rtol=0.01)
    assert expected.max() == pytest.approx(2 * radius * MU_WATER, rel=1e-3)
