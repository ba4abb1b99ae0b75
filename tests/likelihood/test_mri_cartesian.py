"""Cartesian MRI: convention of the Fourier transform, transpose, norm, direct inverse."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.likelihood.cartesian import CartesianMRI
from napari_padis.likelihood.fourier import as_channels, as_complex, to_image, to_kspace
from napari_padis.likelihood.registry import build, expected_bytes
from napari_padis.posterior.problem import Problem
from napari_padis.scan.geometry import CartesianGeometry

ROWS, COLUMNS = 6, 5


def random_maps(slices, coils=3, shape=(ROWS, COLUMNS), seed=0):
    rng = np.random.default_rng(seed)
    size = (slices, coils, *shape)
    return (rng.standard_normal(size) + 1j * rng.standard_normal(size)).astype(np.complex64)


def some(shape=(ROWS, COLUMNS), share=0.5):
    return np.random.default_rng(7).random(shape) < share


GEOMETRIES = {
    "one coil": CartesianGeometry(some()),
    "one coil with map": CartesianGeometry(some(), 1, random_maps(1, 1)),
    "shared maps": CartesianGeometry(some(), 3, random_maps(1)),
    "maps of each slice": CartesianGeometry(some(), 3, random_maps(4)),
    "odd and even": CartesianGeometry(some((5, 8)), 2, random_maps(2, 2, (5, 8))),
    "full": CartesianGeometry(np.ones((ROWS, COLUMNS)), 3, random_maps(2)),
}


@pytest.fixture(params=GEOMETRIES.values(), ids=GEOMETRIES.keys())
def geometry(request):
    return request.param


def matrix(linear_map):
    """Dense matrix of a map, column by column."""
    size = int(np.prod(linear_map.domain_shape))
    units = torch.eye(size, dtype=linear_map.dtype).reshape(size, *linear_map.domain_shape)
    return linear_map.A(units).reshape(size, -1).T


@pytest.mark.parametrize("shape", [(6, 4), (5, 4), (7, 3)])
def test_fourier_transform_is_numpys_centred_orthonormal_one(shape):
    rng = np.random.default_rng(0)
    image = rng.standard_normal((2, *shape)) + 1j * rng.standard_normal((2, *shape))
    axes = (-2, -1)
    expected = np.fft.fft2(np.fft.ifftshift(image, axes=axes), norm="ortho")
    expected = np.fft.fftshift(expected, axes=axes)
    found = to_kspace(torch.from_numpy(image))
    assert np.abs(found.numpy() - expected).max() < 1e-12
    assert np.abs(to_image(found).numpy() - image).max() < 1e-12


@pytest.mark.parametrize("shape", [(6, 4), (5, 4), (7, 3)])
def test_fourier_transform_is_sigpys(shape):
    sigpy = pytest.importorskip("sigpy")
    image = np.random.default_rng(0).standard_normal(shape) + 0j
    expected = sigpy.fft(image, axes=(-2, -1), center=True)
    assert np.abs(to_kspace(torch.from_numpy(image)).numpy() - expected).max() < 1e-12


def test_zero_frequency_is_at_half_the_count():
    y = CartesianMRI(CartesianGeometry(np.ones((6, 5)))).A(torch.ones(2, 6, 5))
    assert as_complex(y)[0, 3, 2] == pytest.approx(np.sqrt(30) * (1 + 1j), rel=1e-6)
    assert y.square().sum() == pytest.approx(60, rel=1e-6)


def test_channels_are_real_and_imaginary_part():
    values = torch.tensor([[[1 + 2j, 3 - 4j]]])
    channels = as_channels(values)
    assert channels.shape == (1, 2, 1, 2)
    assert channels[0, :, 0, 1].tolist() == [3.0, -4.0]
    assert torch.equal(as_complex(channels), values)


def test_transpose_is_exact(geometry, assert_adjoint):
    assert_adjoint(CartesianMRI(geometry), 1e-6)
    assert_adjoint(CartesianMRI(geometry, dtype=torch.float64), 1e-12)


def test_forward_is_mask_times_fourier_times_maps():
    geometry = GEOMETRIES["maps of each slice"]
    linear_map = CartesianMRI(geometry, dtype=torch.float64)
    x = torch.randn(4, 2, ROWS, COLUMNS, dtype=torch.float64)
    y = as_complex(linear_map.A(x)).numpy()
    for k in range(4):
        for coil in range(3):
            product = as_complex(x)[k].numpy() * geometry.maps[k, coil]
            expected = to_kspace(torch.from_numpy(product)).numpy() * geometry.mask
            assert np.abs(y[k, coil] - expected).max() < 1e-12
    assert np.all(y[:, :, ~geometry.mask] == 0)


def test_gradients_of_both_orders():
    linear_map = CartesianMRI(GEOMETRIES["shared maps"], dtype=torch.float64)
    x = torch.randn(2, 2, ROWS, COLUMNS, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(linear_map.A, x)
    assert torch.autograd.gradgradcheck(linear_map.A, x)


def test_batch_is_a_loop(geometry):
    linear_map = CartesianMRI(geometry)
    x = torch.randn(2, 3, *linear_map.domain_shape)
    y = linear_map.A(x)
    assert y.shape == (2, 3, *linear_map.range_shape)
    for i in range(2):
        for j in range(3):
            assert torch.allclose(y[i, j], linear_map.A(x[i, j]), atol=1e-6)
            back = linear_map.AT(y)[i, j]
            assert torch.allclose(back, linear_map.AT(y[i, j]), atol=1e-5)


def test_norm_is_the_largest_singular_value(geometry):
    linear_map = CartesianMRI(geometry, dtype=torch.float64)
    exact = float(torch.linalg.matrix_norm(matrix(linear_map), 2))
    assert linear_map.norm == pytest.approx(exact, rel=1.1e-3)


def test_full_sampling_is_inverted_exactly():
    for name in ("full", "one coil"):
        geometry = GEOMETRIES[name]
        full = CartesianGeometry(np.ones_like(geometry.mask), geometry.coils, geometry.maps)
        linear_map = CartesianMRI(full, dtype=torch.float64)
        x = torch.randn(3, *linear_map.domain_shape, dtype=torch.float64)
        back = linear_map.pinv(linear_map.A(x))
        # The complex image comes back with its phase, not its magnitude alone.
        assert torch.allclose(back, x, atol=1e-12)


def test_direct_inverse_is_zero_outside_the_maps_and_ignores_unmeasured_samples():
    maps = random_maps(1)
    maps[..., :2] = 0
    geometry = CartesianGeometry(some(), 3, maps)
    linear_map = CartesianMRI(geometry)
    y = linear_map.A(torch.randn(2, ROWS, COLUMNS))
    first = linear_map.pinv(y)
    assert torch.isfinite(first).all()
    assert torch.all(first[..., :2] == 0)
    dirty = y + 5 * torch.from_numpy(~geometry.mask)
    assert torch.allclose(linear_map.pinv(dirty), first)


@pytest.mark.parametrize("name", ["one coil", "shared maps", "maps of each slice"])
def test_problem_of_any_number_of_slices(name):
    geometry = GEOMETRIES[name]
    linear_map = CartesianMRI(geometry, dtype=torch.float64)
    x = torch.randn(4, 2, ROWS, COLUMNS, dtype=torch.float64)
    problem = Problem(linear_map, linear_map.A(x), 0.0, 3.0, 0.0, (4, 2, ROWS, COLUMNS))
    batch = torch.randn(5, 4, 2, ROWS, COLUMNS, dtype=torch.float64)
    y = problem.A(batch)
    assert y.shape == (5, 4, geometry.coils, 2, ROWS, COLUMNS)
    assert problem.AT(y).shape == batch.shape
    assert problem.dot(batch, batch).shape == (5, 4, 1, 1, 1)
    assert problem.residual(x / 3.0) < 1e-9
    assert problem.direct().shape == (4, 2, ROWS, COLUMNS)


def test_memory_is_as_announced(geometry):
    assert expected_bytes(geometry) == CartesianMRI(geometry).nbytes


def test_registry_builds_it_once():
    geometry = GEOMETRIES["shared maps"]
    linear_map = build(geometry)
    assert isinstance(linear_map, CartesianMRI)
    assert build(geometry) is linear_map
    other = CartesianGeometry(geometry.mask, 3, random_maps(1, seed=1))
    assert build(other) is not linear_map


def test_several_coils_need_maps():
    with pytest.raises(InputError, match="needs coil maps"):
        CartesianMRI(CartesianGeometry(some(), 3))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_gpu_agrees_with_cpu(geometry):
    on_cpu = CartesianMRI(geometry)
    on_gpu = on_cpu.to("cuda")
    x = torch.randn(2, *on_cpu.domain_shape)
    y = on_cpu.A(x)
    assert torch.allclose(on_gpu.A(x.cuda()).cpu(), y, atol=1e-5)
    assert torch.allclose(on_gpu.AT(y.cuda()).cpu(), on_cpu.AT(y), atol=1e-5)
    assert torch.allclose(on_gpu.pinv(y.cuda()).cpu(), on_cpu.pinv(y), atol=1e-5)
