"""Blur, coarse pixels, missing pixels and the image itself."""

import numpy as np
import pytest
import torch
from scipy import ndimage, signal
from skimage.measure import block_reduce

from napari_padis.errors import InputError
from napari_padis.likelihood import build
from napari_padis.likelihood.blur import Blur
from napari_padis.likelihood.downsample import Downsample
from napari_padis.likelihood.linear_map import largest_singular_value
from napari_padis.likelihood.mask import Identity, Mask
from napari_padis.scan.geometry import (
    BlurGeometry,
    DenoiseGeometry,
    DownsampleGeometry,
    MaskGeometry,
)
from napari_padis.scan.geometry.kernels import gaussian_kernel, uniform_kernel

RNG = np.random.default_rng(2)
UNEVEN = np.random.default_rng(1).random((5, 3))
HOLES = np.random.default_rng(3).random((17, 12)) > 0.4

MAPS = {
    "uniform": (Blur, BlurGeometry(uniform_kernel(5), (17, 12))),
    "uneven kernel": (Blur, BlurGeometry(UNEVEN, (17, 12))),
    "kernel larger than the image": (Blur, BlurGeometry(gaussian_kernel(4.0), (9, 14))),
    "signed kernel": (Blur, BlurGeometry(np.array([[-1.0, 0, 1.0]]), (8, 11))),
    "downsample": (Downsample, DownsampleGeometry(3, (18, 12))),
    "mask": (Mask, MaskGeometry(HOLES)),
    "denoise": (Identity, DenoiseGeometry((7, 10))),
}


@pytest.fixture(params=MAPS.values(), ids=MAPS.keys())
def make(request):
    kind, geometry = request.param
    return lambda dtype=torch.float64: kind(geometry, dtype=dtype)


def test_adjoint(make, assert_adjoint):
    assert_adjoint(make(torch.float32), 1e-5)
    assert_adjoint(make(), 1e-12)


def test_gradients(make):
    linear_map = make()
    x = torch.randn(2, *linear_map.domain_shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(linear_map.A, (x,), fast_mode=True)
    y = torch.randn(2, *linear_map.range_shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(linear_map.AT, (y,), fast_mode=True)
    assert torch.autograd.gradcheck(linear_map.pinv, (y,), fast_mode=True)


def test_batch_equals_loop(make):
    linear_map = make()
    x = torch.randn(2, 3, *linear_map.domain_shape, dtype=torch.float64)
    y = torch.randn(2, 3, *linear_map.range_shape, dtype=torch.float64)
    for apply, given in ((linear_map.A, x), (linear_map.AT, y), (linear_map.pinv, y)):
        loop = torch.stack([torch.stack([apply(image) for image in row]) for row in given])
        torch.testing.assert_close(apply(given), loop)


def test_norm_is_that_of_power_iteration(make):
    linear_map = make()
    found = largest_singular_value(linear_map, iterations=3000, tolerance=1e-12)
    assert linear_map.norm == pytest.approx(found, rel=1e-3)


def test_wrong_shapes_are_refused(make):
    linear_map = make()
    for apply in (linear_map.A, linear_map.AT, linear_map.pinv):
        with pytest.raises(InputError, match="needs an array of shape"):
            apply(torch.zeros(3, 4, 5))


@pytest.mark.parametrize("name", [name for name in MAPS if name != "signed kernel"])
def test_constants_survive_the_direct_inverse(name):
    kind, geometry = MAPS[name]
    linear_map = kind(geometry, dtype=torch.float64)
    flat = torch.full(linear_map.domain_shape, -1000.0, dtype=torch.float64)
    torch.testing.assert_close(linear_map.pinv(linear_map.A(flat)), flat, atol=1e-6, rtol=1e-9)


@pytest.mark.parametrize(
    "kernel", [uniform_kernel(3), uniform_kernel(9), gaussian_kernel(1.3), UNEVEN, UNEVEN.T]
)
def test_blur_is_scipys_convolution(kernel):
    x = RNG.normal(size=(2, 20, 31))
    blur = Blur(BlurGeometry(kernel, (20, 31)), dtype=torch.float64)
    found, back = blur.A(torch.from_numpy(x)).numpy(), blur.AT(torch.from_numpy(x)).numpy()
    for image, forward, transpose in zip(x, found, back, strict=True):
        expected = ndimage.convolve(image, kernel, mode="constant")
        np.testing.assert_allclose(forward, expected, atol=1e-12)
        expected = ndimage.correlate(image, kernel, mode="constant")
        np.testing.assert_allclose(transpose, expected, atol=1e-12)


def test_kernel_that_reaches_beyond_the_image():
    x, kernel = RNG.normal(size=(6, 5)), RNG.random((21, 17))
    blur = Blur(BlurGeometry(kernel, (6, 5)), dtype=torch.float64)
    whole = signal.convolve2d(x, kernel)[10:16, 8:13]
    np.testing.assert_allclose(blur.A(torch.from_numpy(x)).numpy(), whole, atol=1e-12)


def test_norm_of_a_product_is_found_without_iterations(monkeypatch):
    """Singular values of the whole matrix, which is small enough to be written down."""
    from napari_padis.likelihood import linear_map

    monkeypatch.setattr(linear_map, "largest_singular_value", None)
    blur = Blur(BlurGeometry(gaussian_kernel(1.5), (9, 7)), dtype=torch.float64)
    matrix = blur.A(torch.eye(63, dtype=torch.float64).reshape(63, 9, 7)).reshape(63, 63)
    assert blur.norm == pytest.approx(float(torch.linalg.matrix_norm(matrix, 2)), rel=1e-10)


def test_inverse_filter_sharpens():
    y, x = np.mgrid[:64, :64]
    image = torch.from_numpy(np.where(np.hypot(x - 30, y - 34) < 18, 40.0, -1000.0))
    blur = Blur(BlurGeometry(uniform_kernel(9), (64, 64)), dtype=torch.float64)
    data = blur.A(image)
    error = (blur.pinv(data) - image).square().mean().sqrt()
    assert error < 0.6 * (data - image)[8:-8, 8:-8].square().mean().sqrt()
    # Without regularisation noiseless data give the image back where nothing is cut off.
    exact = Blur(BlurGeometry(gaussian_kernel(0.6), (64, 64)), dtype=torch.float64)
    again = exact.pinv(exact.A(image), regularisation=0.0)
    torch.testing.assert_close(again, image, atol=1e-6, rtol=1e-9)


def test_inverse_filter_is_hunts_formula():
    """Against the formula on a periodic image that is its own mirror image."""
    kernel, weight = gaussian_kernel(1.0), 0.05
    half = RNG.normal(size=(16, 16))
    whole = np.block([[half, half[:, ::-1]], [half[::-1], half[::-1, ::-1]]])
    centred = np.zeros((32, 32))
    centred[:7, :7] = kernel
    gain = np.fft.fft2(np.roll(centred, (-3, -3), (0, 1)))
    laplacian = np.zeros((32, 32))
    laplacian[0, 0], laplacian[0, 1], laplacian[0, -1] = 4, -1, -1
    laplacian[1, 0] = laplacian[-1, 0] = -1
    rough = np.abs(np.fft.fft2(laplacian) / 8) ** 2
    power = np.abs(gain) ** 2
    inverse = gain.conj() / (power + weight * power.max() * rough)
    expected = np.fft.ifft2(np.fft.fft2(whole) * inverse).real[:16, :16]
    blur = Blur(BlurGeometry(kernel, (16, 16)), dtype=torch.float64)
    data = torch.from_numpy(half) * blur._coverage()
    np.testing.assert_allclose(blur.pinv(data, weight).numpy(), expected, atol=1e-10)


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_coarse_pixels_are_block_means(factor):
    x = RNG.normal(size=(3, 16, 24))
    coarse = Downsample(DownsampleGeometry(factor, (16, 24)), dtype=torch.float64)
    expected = block_reduce(x, (1, factor, factor), np.mean)
    np.testing.assert_allclose(coarse.A(torch.from_numpy(x)).numpy(), expected, atol=1e-12)
    assert coarse.norm == pytest.approx(1 / factor)


def test_enlargement_agrees_with_the_data_and_is_smooth():
    coarse = Downsample(DownsampleGeometry(4, (64, 64)), dtype=torch.float64)
    y, x = (torch.arange(64, dtype=torch.float64) - 31.5).unsqueeze(1), torch.arange(64) - 31.5
    image = torch.exp(-((x - 3) ** 2 + y**2) / 150)
    data = coarse.A(image)
    enlarged = coarse.pinv(data)
    torch.testing.assert_close(coarse.A(enlarged), data)
    blocks = 16 * coarse.AT(data)
    assert (enlarged - image).square().mean() < 0.1 * (blocks - image).square().mean()


def test_measured_pixels_stay_and_holes_are_smooth():
    y, x = (torch.arange(50, dtype=torch.float64)[:, None], torch.arange(40, dtype=torch.float64))
    ramp = 3 * x - 2 * y + 100
    known = RNG.random((50, 40)) > 0.5
    known[20:32, 10:25] = False
    mask = Mask(MaskGeometry(known), dtype=torch.float64)
    filled = mask.pinv(mask.A(ramp))
    assert torch.equal(filled[torch.from_numpy(known)], ramp[torch.from_numpy(known)])
    # What is filled in lies between its surroundings, near the ramp it was part of.
    assert float((filled - ramp).abs().max()) < 0.2 * float(ramp.max() - ramp.min())
    assert float((filled - ramp).square().mean().sqrt()) < 3


def test_a_single_measured_pixel_is_enough():
    known = np.zeros((11, 6), dtype=bool)
    known[7, 2] = True
    mask = Mask(MaskGeometry(known))
    data = torch.zeros(11, 6)
    data[7, 2] = 5
    torch.testing.assert_close(mask.pinv(data), torch.full((11, 6), 5.0))


def test_models_are_in_the_register():
    for kind, geometry in MAPS.values():
        assert isinstance(build(geometry), kind)


def test_kernels():
    assert uniform_kernel(3) == pytest.approx(np.full((3, 3), 1 / 9))
    kernel = gaussian_kernel(1.5)
    assert kernel.shape == (11, 11)
    assert kernel.sum() == pytest.approx(1)
    x = np.arange(11) - 5
    assert (kernel.sum(0) * x**2).sum() == pytest.approx(1.5**2, rel=0.02)
    assert gaussian_kernel(2.0, 5).shape == (5, 5)
    spike = np.zeros((11, 11))
    spike[5, 5] = 1
    expected = ndimage.gaussian_filter(spike, 1.5, radius=5)
    np.testing.assert_allclose(kernel, expected, atol=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: uniform_kernel(4),
        lambda: uniform_kernel(0),
        lambda: gaussian_kernel(0.0),
        lambda: gaussian_kernel(float("nan")),
        lambda: gaussian_kernel(1.0, 6),
    ],
)
def test_impossible_kernels(wrong):
    with pytest.raises(InputError):
        wrong()
