"""Simulated measurements of all kinds but parallel beams."""

import numpy as np
import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.likelihood import build, root_mean_square, simulate
from napari_padis.likelihood.coil_simulation import birdcage_maps, smooth_phase
from napari_padis.likelihood.simulated_noise import add_noise
from napari_padis.scan.geometry import (
    BlurGeometry,
    CartesianGeometry,
    ConeGeometry,
    DenoiseGeometry,
    DownsampleGeometry,
    FanGeometry,
    MaskGeometry,
)
from napari_padis.scan.geometry.kernels import uniform_kernel
from napari_padis.scan.hdf5 import read_measurement, write_measurement
from napari_padis.scan.measurement import Measurement, Noise
from napari_padis.scan.units import MU_WATER
from napari_padis.scan.volume import Volume

SPACING = (2.0, 1.5, 1.0)
PIXEL = (1.5, 1.0)
SIDES = (24, 20)


def volume(unit="HU", low=-1000.0, high=0.0, slices=4):
    array = np.full((slices, *SIDES), low, dtype=np.float32)
    array[:, 8:16, 6:14] = high
    array += 3 * np.arange(slices, dtype=np.float32)[:, None, None] * (array > low)
    return Volume(array, SPACING, unit, name="box")


HALF = np.random.default_rng(0).random(SIDES) > 0.5

IMAGES = {
    "blur": BlurGeometry(uniform_kernel(3), SIDES, PIXEL),
    "downsample": DownsampleGeometry(4, SIDES, PIXEL),
    "mask": MaskGeometry(HALF, SIDES, PIXEL),
    "denoise": DenoiseGeometry(SIDES, PIXEL),
}

ALL = {
    "fan": FanGeometry.standard(7, SIDES, PIXEL, detectors=40),
    "cone": ConeGeometry.standard(7, (4, *SIDES), SPACING, (8, 30)),
    "cartesian": CartesianGeometry(HALF, 3, pixel=PIXEL),
    **IMAGES,
}


@pytest.mark.parametrize("geometry", ALL.values(), ids=ALL.keys())
def test_files_keep_every_kind(geometry, tmp_path):
    measurement = simulate(volume("arbitrary", 0, 1), geometry, Noise("gaussian", 0.1))
    assert measurement.volume_shape == (4, *SIDES)
    assert measurement.spacing == SPACING
    assert measurement.data.dtype == (np.complex64 if geometry.kind == "cartesian" else np.float32)
    found = read_measurement(write_measurement(tmp_path / "y.h5", measurement))
    np.testing.assert_array_equal(found.data, measurement.data)
    assert found.geometry.key == measurement.geometry.key
    assert found.noise == measurement.noise


@pytest.mark.parametrize("geometry", IMAGES.values(), ids=IMAGES.keys())
@pytest.mark.parametrize("unit", ["HU", "1/mm", "arbitrary"])
def test_images_keep_their_unit_and_values(geometry, unit):
    given = volume(unit)
    measurement = simulate(given, geometry)
    assert measurement.unit == measurement.image_unit == unit
    expected = build(geometry).A(torch.from_numpy(given.array)).numpy()
    np.testing.assert_array_equal(measurement.data, expected)
    assert measurement.provenance["notes"] == []


def test_cone_measures_the_chosen_slices_as_a_volume():
    geometry = ConeGeometry.standard(4, (2, *SIDES), SPACING, (8, 30))
    measurement = simulate(volume(), geometry, slices=slice(1, 3))
    assert measurement.data.shape == (4, 8, 30)
    assert measurement.volume_shape == (2, *SIDES)
    # The longest ray of a view along the rows crosses 8 pixels of 1.5 mm of water.
    assert measurement.data.max() == pytest.approx(12 * MU_WATER, rel=0.05)
    apart = simulate(volume(), geometry, slices=[0, 3])
    assert apart.geometry.slice_spacing == 6.0


def test_fan_sees_the_line_integral_through_the_middle():
    geometry = FanGeometry([0.0, np.pi / 2], 41, 1.0, 300.0, 500.0, SIDES, PIXEL)
    middle = simulate(volume(), geometry).data[0, :, 20]
    np.testing.assert_allclose(middle, [12 * MU_WATER, 8 * MU_WATER], rtol=1e-3)


def test_kspace_is_the_fourier_transform_of_the_magnitude():
    given = volume("arbitrary", 0, 1)
    full = CartesianGeometry(np.ones(SIDES, bool), pixel=PIXEL)
    measurement = simulate(given, full)
    assert measurement.data.shape == (4, 1, *SIDES)
    shifted = np.fft.ifftshift(given.array, axes=(-2, -1))
    expected = np.fft.fftshift(np.fft.fft2(shifted, norm="ortho"), axes=(-2, -1))
    np.testing.assert_allclose(measurement.data[:, 0], expected, atol=1e-5)
    part = simulate(given, CartesianGeometry(HALF, pixel=PIXEL))
    np.testing.assert_allclose(part.data, measurement.data * HALF, atol=1e-6)


def test_phase_leaves_the_magnitude():
    given = volume("arbitrary", 0, 1)
    full = CartesianGeometry(np.ones(SIDES, bool), pixel=PIXEL)
    measurement = simulate(given, full, phase=1.0)
    kspace = np.fft.ifftshift(measurement.data[:, 0], axes=(-2, -1))
    image = np.fft.fftshift(np.fft.ifft2(kspace, norm="ortho"), axes=(-2, -1))
    np.testing.assert_allclose(np.abs(image), given.array, atol=1e-5)
    angle = np.angle(image[0][given.array[0] > 0])
    assert angle.std() > 0.05
    again = simulate(given, full, phase=1.0)
    np.testing.assert_array_equal(again.data, measurement.data)


def test_missing_coil_maps_are_made_and_kept():
    measurement = simulate(volume("arbitrary", 0, 1), CartesianGeometry(HALF, 5, pixel=PIXEL))
    assert measurement.data.shape == (4, 5, *SIDES)
    maps = birdcage_maps(5, SIDES)
    np.testing.assert_array_equal(measurement.geometry.maps[0], maps)
    given = 2 * np.repeat(maps[None], 4, axis=0)
    given[1] *= 3
    own = CartesianGeometry(HALF, 5, given, pixel=PIXEL)
    some = simulate(volume("arbitrary", 0, 1), own, slices=[1, 3])
    np.testing.assert_array_equal(some.geometry.maps, given[[1, 3]])


def test_birdcage_maps_are_smooth_and_of_unit_energy():
    maps = birdcage_maps(4, (31, 41))
    np.testing.assert_allclose((np.abs(maps) ** 2).sum(0), 1, rtol=1e-5)
    # Evenly around a circle: a quarter turn of a square image is the next coil.
    square = np.abs(birdcage_maps(4, (31, 31)))
    np.testing.assert_allclose(square[1], np.rot90(square[0], -1), atol=1e-5)
    # The first coil stands where the columns end and is strongest there.
    assert np.unravel_index(np.abs(maps[0]).argmax(), (31, 41))[1] == 40
    steps = np.abs(np.diff(maps, axis=-1)).max()
    assert steps < 0.1
    np.testing.assert_allclose(np.angle(maps[:, 15, 20]), 0, atol=1e-5)
    with pytest.raises(InputError, match="At least one coil"):
        birdcage_maps(0, SIDES)


def test_phase_is_smooth():
    phase = smooth_phase((2, 64, 48), 0.5, seed=1)
    assert phase.shape == (2, 64, 48)
    assert np.abs(np.diff(phase, axis=-1)).max() < 0.2
    assert np.ptp(phase) > 0.3


def test_hounsfield_units_are_shifted_for_mri(caplog):
    measurement = simulate(volume(), CartesianGeometry(np.ones(SIDES, bool), pixel=PIXEL))
    assert measurement.unit == "arbitrary"
    assert "1000 was added" in measurement.provenance["notes"][0]
    energy = np.sum(np.abs(measurement.data[0]) ** 2)
    assert energy == pytest.approx(64 * 1000.0**2, rel=1e-4)


def test_noise_of_kspace_is_in_both_parts_and_only_where_measured():
    geometry = CartesianGeometry(HALF, 8, pixel=PIXEL)
    given = volume("arbitrary", 0, 1)
    clean, noisy = simulate(given, geometry), simulate(given, geometry, Noise("gaussian", 0.2))
    error = (noisy.data - clean.data)[..., HALF]
    assert error.real.std() == pytest.approx(0.2, rel=0.03)
    assert error.imag.std() == pytest.approx(0.2, rel=0.03)
    assert abs(np.corrcoef(error.real.ravel(), error.imag.ravel())[0, 1]) < 0.03
    assert not noisy.data[..., ~HALF].any()
    missing = simulate(given, IMAGES["mask"], Noise("gaussian", 0.2))
    assert not missing.data[:, ~HALF].any()


def test_noise_can_be_added_later():
    clean = simulate(volume(), ALL["fan"])
    at_once = simulate(volume(), ALL["fan"], Noise("gaussian", 0.1), seed=3)
    np.testing.assert_array_equal(add_noise(clean, Noise("gaussian", 0.1), 3).data, at_once.data)


def test_root_mean_square_counts_what_was_measured():
    mask = np.array([[True, False], [True, False]])
    kspace = np.array([[[[3 + 4j, 0], [5j, 0]]]], np.complex64)
    whole = Measurement(kspace, CartesianGeometry(mask), unit="arbitrary")
    assert root_mean_square(whole) == pytest.approx(np.sqrt(50 / 4))
    image = np.array([[[3.0, 0.0], [-4.0, 0.0]]], np.float32)
    assert root_mean_square(Measurement(image, MaskGeometry(mask))) == pytest.approx(np.sqrt(12.5))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"geometry": ALL["cone"], "slices": [1]}, "4 slices, but 1"),
        ({"geometry": ALL["blur"], "noise": Noise("poisson", photons=1e4)}, "Gaussian noise"),
        ({"geometry": ALL["cartesian"], "noise": Noise("poisson", photons=1e4)}, "transmission"),
        ({"geometry": ALL["denoise"], "phase": 1.0}, "no phase"),
        ({"geometry": DenoiseGeometry((20, 24), PIXEL)}, "made for"),
        ({"geometry": CartesianGeometry(HALF, 2, np.ones((3, 2, *SIDES)), pixel=PIXEL)}, "3 slic"),
    ],
)
def test_what_does_not_fit_is_said(keywords, message):
    with pytest.raises(InputError, match=message):
        simulate(volume(), **keywords)


def test_images_that_do_not_divide_are_refused():
    with pytest.raises(InputError, match="multiples of the factor 7; crop"):
        DownsampleGeometry(7, SIDES)
