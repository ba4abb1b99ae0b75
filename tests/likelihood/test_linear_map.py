import numpy as np
import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.likelihood import LinearMap, ParallelBeam
from napari_padis.scan.geometry import ParallelGeometry


def small(dtype=torch.float64):
    return ParallelBeam(ParallelGeometry.standard(4, (16, 16), detectors=24), dtype=dtype)


def dense(linear_map):
    size = int(np.prod(linear_map.domain_shape))
    basis = torch.eye(size, dtype=linear_map.dtype).reshape(size, *linear_map.domain_shape)
    return linear_map.A(basis).reshape(size, -1).T


class Diagonal(LinearMap):
    """Multiplication with fixed weights."""

    def __init__(self, weights):
        super().__init__(weights.shape, weights.shape)
        self.weights = weights

    def _forward(self, x):
        return self.weights * x

    _transpose = _forward


def test_transpose_is_euclidean_in_single_precision(geometry, assert_adjoint):
    assert_adjoint(ParallelBeam(geometry), 1e-5)


def test_transpose_is_exact_in_double_precision(geometry, assert_adjoint):
    assert_adjoint(ParallelBeam(geometry, dtype=torch.float64), 1e-12)


def test_transpose_is_the_matrix_transpose():
    linear_map = small()
    matrix = dense(linear_map)
    y = torch.randn(4, 24, dtype=torch.float64)
    torch.testing.assert_close(linear_map.AT(y).ravel(), matrix.T @ y.ravel())


def test_gradients_of_forward_transpose_and_pinv():
    linear_map = small()
    x = torch.randn(2, 16, 16, dtype=torch.float64, requires_grad=True)
    y = torch.randn(2, 4, 24, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(linear_map.A, (x,), fast_mode=True)
    assert torch.autograd.gradcheck(linear_map.AT, (y,), fast_mode=True)
    assert torch.autograd.gradcheck(linear_map.pinv, (y,), fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda v: linear_map.A(v) ** 3, (x,), fast_mode=True)


def test_double_backward_gives_the_normal_equations():
    linear_map = small()
    x = torch.randn(16, 16, dtype=torch.float64, requires_grad=True)
    direction = torch.randn(16, 16, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(0.5 * linear_map.A(x).square().sum(), x, create_graph=True)
    (product,) = torch.autograd.grad((gradient * direction).sum(), x)
    torch.testing.assert_close(product, linear_map.AT(linear_map.A(direction)))


def test_batch_equals_loop():
    linear_map = small(torch.float32)
    x = torch.randn(3, 7, 16, 16)
    batch = linear_map.A(x)
    assert batch.shape == (3, 7, 4, 24)
    loop = torch.stack([torch.stack([linear_map.A(one) for one in row]) for row in x])
    torch.testing.assert_close(batch, loop)
    back = linear_map.AT(batch)
    torch.testing.assert_close(back[2, 6], linear_map.AT(batch[2, 6]))
    inverse = linear_map.pinv(batch)
    torch.testing.assert_close(inverse[2, 6], linear_map.pinv(batch[2, 6]))


def test_empty_batch():
    assert small().A(torch.zeros(0, 16, 16)).shape == (0, 4, 24)
    assert small().AT(torch.zeros(3, 0, 4, 24)).shape == (3, 0, 16, 16)


def test_norm_is_the_largest_singular_value(geometry):
    linear_map = ParallelBeam(geometry)
    expected = float(torch.linalg.svdvals(dense(linear_map).double())[0])
    assert linear_map.norm == pytest.approx(expected, rel=1e-4)


def test_norm_is_cached_deterministic_and_leaves_the_random_state_alone():
    first, second = small(torch.float32), small(torch.float32)
    state = torch.get_rng_state()
    assert first.norm == second.norm
    assert first.norm is first.norm
    assert torch.equal(state, torch.get_rng_state())


def test_norm_with_clustered_singular_values():
    weights = torch.linspace(0.99, 1.0, 100).reshape(10, 10)
    assert Diagonal(weights).norm == pytest.approx(1.0, rel=1e-3)


def test_norm_of_zero():
    assert Diagonal(torch.zeros(2, 2)).norm == 0


def test_wrong_shape_is_named():
    with pytest.raises(InputError, match=r"shape \(\.\.\., 16, 16\), not \(16, 15\)"):
        small().A(torch.zeros(16, 15))
    with pytest.raises(InputError, match="shape"):
        small().AT(torch.zeros(24))


def test_wrong_device_is_named():
    with pytest.raises(InputError, match="move one of them"):
        small().A(torch.zeros(16, 16, device="meta"))


def test_other_precisions_are_converted():
    linear_map = small(torch.float32)
    assert linear_map.A(torch.zeros(16, 16, dtype=torch.bfloat16)).dtype == torch.float32


def test_moving_to_the_same_device_keeps_the_map():
    linear_map = small()
    assert linear_map.to("cpu") is linear_map


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_agrees_with_the_cpu():
    host = small(torch.float32)
    device = host.to("cuda")
    x, y = torch.randn(9, 16, 16), torch.randn(9, 4, 24)
    for name, value in (("A", x), ("AT", y), ("pinv", y)):
        result = getattr(device, name)(value.cuda()).cpu()
        torch.testing.assert_close(result, getattr(host, name)(value), rtol=1e-4, atol=1e-5)
    assert device.norm == pytest.approx(host.norm, rel=1e-4)
