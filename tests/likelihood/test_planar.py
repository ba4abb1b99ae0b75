"""What holds for parallel and fan beams of any kind, and for each of their back ends."""

import numpy as np
import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.likelihood import build
from napari_padis.likelihood.matrix import too_large
from napari_padis.likelihood.registry import expected_bytes
from napari_padis.likelihood.tracing import TracingProjector
from napari_padis.scan.geometry import FanGeometry, ParallelGeometry

OWN = ("matrix", "rays")


@pytest.fixture(params=["parallel", "flat", "curved"])
def small(request):
    """Geometry of 16 x 16 pixels."""
    if request.param == "parallel":
        return ParallelGeometry([0.2, 1.1, 2.9], 24, 1.0, (16, 16), shift=1.3)
    curved = request.param == "curved"
    return FanGeometry([0.2, 1.1, 2.9, 5.0], 24, 1.6, 40.0, 70.0, (16, 16), curved=curved)


@pytest.mark.parametrize("backend", OWN)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_transpose_is_euclidean(planar, beam, backend, dtype, tolerance, assert_adjoint):
    assert_adjoint(beam(planar, dtype=dtype, backend=backend), tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_traced_rays_equal_the_matrix(planar, beam, dtype, tolerance):
    matrix, rays = (beam(planar, dtype=dtype, backend=name) for name in OWN)
    x = torch.rand(19, *planar.image_shape, dtype=dtype)
    y = torch.rand(19, *planar.data_shape, dtype=dtype)
    for name, value in (("A", x), ("AT", y)):
        expected, result = getattr(matrix, name)(value), getattr(rays, name)(value)
        assert expected.norm() > 0
        assert (result - expected).norm() <= tolerance * expected.norm()


def test_way_of_the_gpu_equals_that_of_the_cpu(planar):
    projector = TracingProjector(planar, torch.float64)
    x = torch.rand(3, *planar.image_shape, dtype=torch.float64)
    y = torch.rand(3, *planar.data_shape, dtype=torch.float64)
    expected = projector.forward(x), projector.transpose(y)
    projector._products = False
    torch.testing.assert_close(projector.forward(x), expected[0])
    torch.testing.assert_close(projector.transpose(y), expected[1])


def test_single_precision_of_places_is_enough():
    """Apple's GPU has no double precision."""
    geometry = FanGeometry.standard(5, (256, 256))
    exact = TracingProjector(geometry)
    rough = TracingProjector(geometry)
    rough._bundles = tuple(b.to(torch.device("cpu"), torch.float32) for b in exact._bundles)
    x = torch.rand(1, 256, 256)
    expected = exact.forward(x)
    assert (rough.forward(x) - expected).norm() < 2e-5 * expected.norm()


@pytest.mark.parametrize("backend", OWN)
def test_gradients(small, beam, backend):
    linear_map = beam(small, dtype=torch.float64, backend=backend)
    x = torch.randn(2, 16, 16, dtype=torch.float64, requires_grad=True)
    y = torch.randn(2, *small.data_shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(linear_map.A, (x,), fast_mode=True)
    assert torch.autograd.gradcheck(linear_map.AT, (y,), fast_mode=True)
    assert torch.autograd.gradcheck(linear_map.pinv, (y,), fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda v: linear_map.A(v) ** 3, (x,), fast_mode=True)


@pytest.mark.parametrize("backend", OWN)
def test_batch_equals_loop(planar, beam, backend):
    linear_map = beam(planar, backend=backend)
    x = torch.randn(2, 21, *planar.image_shape)
    batch = linear_map.A(x)
    assert batch.shape == (2, 21, *planar.data_shape)
    for name, value in (("A", x), ("AT", batch), ("pinv", batch)):
        apply = getattr(linear_map, name)
        loop = torch.stack([torch.stack([apply(one) for one in row]) for row in value])
        torch.testing.assert_close(apply(value), loop, rtol=1e-4, atol=1e-4 * float(loop.std()))


def test_a_slice_is_rounded_the_same_whichever_are_beside_it(planar, beam):
    """As long as the same kernel takes them: widths of 2 to 4, 5 to 8, ... are padded alike."""
    linear_map = beam(planar, backend="matrix")
    x = torch.randn(16, *planar.image_shape)
    y = linear_map.A(x)
    for few, many in ((2, 4), (3, 4), (5, 8), (7, 8), (13, 16)):
        assert torch.equal(linear_map.A(x[:few]), linear_map.A(x[:many])[:few])
        assert torch.equal(linear_map.AT(y[:few]), linear_map.AT(y[:many])[:few])


def test_line_integrals_of_a_gaussian(planar, beam, blob):
    """On a finer grid, and with a blob that every ray sees as smooth."""
    rows, columns = (n * p for n, p in zip(planar.image_shape, planar.pixel, strict=True))
    shape, pixel = (160, 150), (rows / 160, columns / 150)
    geometry = type(planar)(**{**vars(planar), "image_shape": shape, "pixel": pixel})
    widths = (rows / 10, columns / 9)
    image, expected = blob(geometry, (rows / 14, -columns / 11), widths)
    sinogram = beam(geometry, dtype=torch.float64).A(torch.from_numpy(image)).numpy()
    assert np.abs(sinogram - expected).max() < 0.01 * expected.max()
    assert np.linalg.norm(sinogram - expected) < 2e-3 * np.linalg.norm(expected)


def test_the_fastest_that_fits_is_taken(beam):
    geometry = FanGeometry.standard(9, (40, 40), detectors=60)
    matrix, rays = beam(geometry), beam(geometry, budget=100_000)
    assert matrix.backend == "matrix"
    assert matrix.how == f"sparse matrix pair of {matrix.nbytes / 2**20:.1f} MiB"
    assert matrix.nbytes == expected_bytes(geometry)
    assert rays.backend == "rays"
    assert rays.how == "rays traced anew: " + too_large(geometry, budget=100_000)
    assert rays.how.endswith("MiB, 0.1 MiB are allowed")
    assert 0 < rays.nbytes <= expected_bytes(geometry, "rays") < matrix.nbytes / 10


def test_a_pair_too_large_for_the_gpu_becomes_rays(beam, monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (100_000, 10**9))
    monkeypatch.setattr(TracingProjector, "to", lambda projector, device: projector)
    linear_map = beam(FanGeometry.standard(9, (40, 40), detectors=60))
    linear_map._move(torch.device("cuda"))
    assert linear_map.backend == "rays"
    assert "the GPU has 0.1 MiB left" in linear_map.how


def test_a_huge_pair_is_foreseen_as_rays():
    geometry = ParallelGeometry.standard(3000, (2048, 2048), detectors=4096)
    assert expected_bytes(geometry, "matrix") > 2**37
    assert expected_bytes(geometry) == expected_bytes(geometry, "rays") < 2**29


def test_the_registry_builds_every_back_end(small):
    for backend in OWN:
        linear_map = build(small, backend=backend)
        assert linear_map.backend == backend
        assert linear_map.domain_shape == (16, 16)
    assert build(small, backend="rays").how == "rays traced anew: as chosen"


def test_unknown_back_ends_are_named(small, beam):
    with pytest.raises(InputError, match="use auto, matrix, rays or odl"):
        beam(small, backend="magic")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("backend", OWN)
def test_cuda_agrees_with_the_cpu(planar, beam, backend):
    host = beam(planar, backend=backend)
    device = host.to("cuda")
    x, y = torch.randn(9, *planar.image_shape), torch.randn(9, *planar.data_shape)
    for name, value in (("A", x), ("AT", y), ("pinv", y)):
        result = getattr(device, name)(value.cuda()).cpu()
        torch.testing.assert_close(result, getattr(host, name)(value), rtol=1e-4, atol=1e-4)
