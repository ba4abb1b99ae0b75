"""The noise level is found from the data, within the stated bounds."""

import numpy as np
import pytest
from skimage.data import shepp_logan_phantom
from skimage.transform import resize

from napari_padis.likelihood import simulate
from napari_padis.likelihood.noise_estimate import WAVELET, estimate_sigma
from napari_padis.likelihood.simulated_noise import add_noise
from napari_padis.scan.geometry import (
    BlurGeometry,
    CartesianGeometry,
    ConeGeometry,
    DenoiseGeometry,
    MaskGeometry,
    ParallelGeometry,
)
from napari_padis.scan.geometry.kernels import uniform_kernel
from napari_padis.scan.measurement import Measurement, Noise
from napari_padis.scan.read import read
from napari_padis.scan.volume import Volume

RNG = np.random.default_rng(4)

BARE = {
    "sinogram": ParallelGeometry.standard(30, (64, 64), detectors=90),
    "one view": ParallelGeometry([0.2], 400, 1.0, (64, 64)),
    "cone": ConeGeometry.standard(12, (4, 32, 32), detectors=(6, 64)),
    "k-space": CartesianGeometry(RNG.random((64, 64)) > 0.5, coils=3),
    "image": DenoiseGeometry((64, 64)),
    "blurred": BlurGeometry(uniform_kernel(3), (64, 64)),
    "incomplete": MaskGeometry(RNG.random((128, 128)) > 0.5),
}


def noise_alone(geometry, sigma):
    shape = (2, *geometry.data_shape) if geometry.slicewise else geometry.data_shape
    kind = np.complex64 if geometry.kind == "cartesian" else np.float32
    clean = Measurement(np.zeros(shape, kind), geometry, unit="arbitrary")
    return add_noise(clean, Noise("gaussian", sigma=sigma), seed=1)


@pytest.mark.parametrize("geometry", BARE.values(), ids=BARE.keys())
def test_noise_alone_is_measured(geometry):
    assert estimate_sigma(noise_alone(geometry, 3.0)) == pytest.approx(3.0, rel=0.12)


@pytest.mark.parametrize("geometry", BARE.values(), ids=BARE.keys())
def test_nothing_is_found_where_nothing_is(geometry):
    assert estimate_sigma(noise_alone(geometry, 0.0)) == 0


@pytest.mark.parametrize("views", [20, 180])
@pytest.mark.parametrize(
    ("name", "index", "bound"),
    # At 0.2 % of the RMS the vessels of the lungs are detail as large as the noise.
    [("ct-lidc-0001", 44, 1.3), ("ct-crlm-1006", 25, 1.25), ("ct-lungdx-a0001", 30, 1.45)],
)
def test_sinograms_of_patients(data_folder, name, index, bound, views):
    volume = read(data_folder / "ct" / "validation" / f"{name}.nii.gz")
    clean = simulate(volume, slices=[index], views=views)
    rms = float(np.sqrt(np.mean(clean.data.astype(float) ** 2)))
    for share, most in ((0.002, bound), (0.005, 1.25), (0.02, 1.25)):
        noisy = add_noise(clean, Noise("gaussian", sigma=share * rms), seed=5)
        assert 0.8 < estimate_sigma(noisy) / (share * rms) < most


@pytest.mark.parametrize("lines", [True, False])
def test_kspace_of_several_coils(lines):
    phantom = resize(shepp_logan_phantom(), (128, 128), anti_aliasing=True)
    volume = Volume(phantom[None].astype(np.float32), (1.0, 1.0, 1.0))
    mask = np.zeros((128, 128), dtype=bool)
    if lines:
        mask[:, ::3] = mask[:, 56:72] = True
    else:
        mask[:] = np.random.default_rng(1).random((128, 128)) < 0.3
    clean = simulate(volume, CartesianGeometry(mask, coils=6), phase=0.5)
    # 4 % and 20 % of the RMS of the image; its edges reach the rim of k-space at 1 %.
    for sigma in (0.01, 0.05):
        noisy = add_noise(clean, Noise("gaussian", sigma=sigma), seed=2)
        assert estimate_sigma(noisy) == pytest.approx(sigma, rel=0.15)


def test_blurred_patient(data_folder):
    volume = read(data_folder / "ct" / "validation" / "ct-lidc-0001.nii.gz")
    geometry = BlurGeometry(uniform_kernel(9), volume.shape[1:], volume.spacing[1:])
    noisy = simulate(volume, geometry, Noise("gaussian", sigma=5.0), slices=[44])
    assert estimate_sigma(noisy) == pytest.approx(5.0, rel=0.1)


def test_noise_of_an_image_with_edges():
    phantom = 1000 * resize(shepp_logan_phantom(), (256, 256), anti_aliasing=True)
    volume = Volume(phantom[None].astype(np.float32), (1.0, 1.0, 1.0), "HU")
    noisy = simulate(volume, DenoiseGeometry((256, 256)), Noise("gaussian", sigma=20.0))
    assert estimate_sigma(noisy) == pytest.approx(20.0, rel=0.1)


def test_clipped_air_is_left_out():
    geometry = DenoiseGeometry((128, 128))
    data = np.zeros((1, 128, 128), np.float32)
    data[:, 40:80, 40:80] = RNG.normal(0, 7, (40, 40))
    assert estimate_sigma(Measurement(data, geometry)) == pytest.approx(7, rel=0.15)


def test_too_few_data_give_no_estimate():
    assert estimate_sigma(Measurement(np.ones((1, 3, 3), np.float32), DenoiseGeometry((3, 3)))) == 0
    narrow = ParallelGeometry.standard(40, (4, 4), detectors=5)
    assert estimate_sigma(Measurement(np.ones((1, 40, 5), np.float32), narrow)) == 0


def test_wavelet_has_unit_energy_and_two_vanishing_moments():
    assert (WAVELET**2).sum() == pytest.approx(1)
    assert WAVELET.sum() == pytest.approx(0, abs=1e-12)
    assert (WAVELET * np.arange(4)).sum() == pytest.approx(0, abs=1e-12)
