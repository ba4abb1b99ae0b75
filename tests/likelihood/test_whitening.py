"""Weighted data: an exact linear map, white noise, better estimates."""

import numpy as np
import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.likelihood import ParallelBeam, Poisson
from napari_padis.likelihood.linear_map import LinearMap
from napari_padis.likelihood.mask import Identity
from napari_padis.likelihood.whitening import Whitened
from napari_padis.posterior.conjugate import proximal
from napari_padis.posterior.problem import Problem
from napari_padis.scan.geometry import DenoiseGeometry, ParallelGeometry

GEOMETRY = ParallelGeometry.standard(6, (16, 14), detectors=24)


class Volume(LinearMap):
    """A map of whole volumes: neighbouring slices are added."""

    def __init__(self):
        super().__init__((4, 5, 6), (3, 5, 6), dtype=torch.float64)

    def _forward(self, x):
        return x[:, 1:] + x[:, :-1]

    def _transpose(self, y):
        zero = torch.zeros_like(y[:, :1])
        return torch.cat([y, zero], 1) + torch.cat([zero, y], 1)


def roots(*shape):
    generator = torch.Generator().manual_seed(5)
    root = torch.rand(*shape, generator=generator, dtype=torch.float64) + 0.1
    root.view(-1)[3] = 0
    return root


def beam(dtype=torch.float64):
    return ParallelBeam(GEOMETRY, dtype=dtype)


CASES = {
    "one slice": lambda dtype: Whitened(beam(dtype), roots(6, 24)),
    "slices and channel": lambda dtype: Whitened(beam(dtype), roots(3, 1, 6, 24)),
    "volume": lambda dtype: Whitened(Volume(), roots(3, 5, 6)),
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def make(request):
    return request.param


def test_adjoint(make, assert_adjoint):
    assert_adjoint(make(torch.float64), 1e-12)
    assert_adjoint(make(torch.float32), 1e-5)


def test_gradients(make):
    weighted = make(torch.float64)
    x = torch.randn(2, *weighted.domain_shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(weighted.A, (x,), fast_mode=True)
    y = torch.randn(2, *weighted.range_shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(weighted.AT, (y,), fast_mode=True)


def test_data_are_multiplied_slice_by_slice():
    base, root = beam(), roots(3, 1, 6, 24)
    weighted = Whitened(base, root)
    x = torch.randn(2, 3, 1, 16, 14, dtype=torch.float64)
    for n in range(2):
        for s in range(3):
            torch.testing.assert_close(
                weighted.A(x)[n, s, 0], root[s, 0] * base.A(x[n, s, 0]), rtol=1e-12, atol=1e-12
            )
    torch.testing.assert_close(weighted.whiten(base.A(x)), weighted.A(x))


def test_norm_is_the_largest_singular_value_of_all_slices():
    root = roots(2, 1, 6, 24)
    root[1] *= 2
    weighted = Whitened(beam(), root)
    basis = torch.eye(16 * 14, dtype=torch.float64).reshape(-1, 16, 14)
    rows = beam().A(basis).reshape(16 * 14, -1).T
    largest = max(float(torch.linalg.matrix_norm(r.ravel()[:, None] * rows, 2)) for r in root)
    assert weighted.norm == pytest.approx(largest, rel=1e-3)


def test_direct_inverse_is_that_of_the_plain_data():
    base, root = beam(), roots(2, 1, 6, 24)
    weighted = Whitened(base, root)
    data = base.A(torch.rand(2, 1, 16, 14, dtype=torch.float64))
    used = torch.where(root > 0, data, 0)
    torch.testing.assert_close(weighted.pinv(weighted.whiten(data)), base.pinv(used))


def test_noise_of_known_variance_becomes_white():
    generator = torch.Generator().manual_seed(0)
    deviation = torch.logspace(-2, 0, 400, dtype=torch.float64)
    root = 1 / deviation
    root = root / root.square().mean().sqrt()
    base = Identity(DenoiseGeometry((20, 20)), dtype=torch.float64)
    weighted = Whitened(base, root.reshape(20, 20))
    noise = torch.randn(2000, 400, generator=generator, dtype=torch.float64) * deviation
    white = weighted.whiten(noise.reshape(-1, 20, 20)).std(0)
    torch.testing.assert_close(
        white, torch.full_like(white, float(white.mean())), rtol=0.08, atol=0
    )


@pytest.mark.parametrize(
    ("root", "message"),
    [
        (torch.ones(6, 23), "do not fit"),
        (torch.ones(24), "do not fit"),
        (torch.zeros(6, 24), "not all zero"),
        (-torch.ones(6, 24), "not negative"),
        (torch.full((6, 24), torch.nan), "finite"),
    ],
)
def test_impossible_weights(root, message):
    with pytest.raises(InputError, match=message):
        Whitened(beam(), root)


def test_offset_and_gain_do_not_disturb_the_weights():
    """The normalised problem of an image on another scale has the same residual."""
    base, root = beam(), roots(2, 1, 6, 24)
    image = 0.02 + 0.01 * torch.rand(2, 1, 16, 14, dtype=torch.float64)
    weighted = Whitened(base, root)
    data = weighted.whiten(base.A(image))
    problem = Problem(weighted, data, 1e-3, gain=0.05, offset=-0.02, shape=(2, 1, 16, 14))
    assert problem.residual((image + 0.02) / 0.05) < 1e-5
    assert problem.residual((image + 0.021) / 0.05) > 0.1


def test_weights_make_least_squares_better():
    """Behind a strong absorber few photons arrive: those rays must count less."""
    generator = torch.Generator().manual_seed(2)
    geometry = ParallelGeometry.standard(60, (24, 24), detectors=36)
    base = ParallelBeam(geometry, dtype=torch.float64)
    y, x = np.mgrid[:24, :24] - 11.5
    image = np.where(np.hypot(x, y) < 10, 0.05, 0.0) + np.where(np.hypot(x - 4, y) < 3, 1.0, 0.0)
    image = torch.from_numpy(image)
    clean = base.A(image)
    model = Poisson(2e3)
    variance = model.variance(clean)
    assert float(variance.max() / variance.min()) > 100
    errors = {"plain": [], "weighted": []}
    for _ in range(4):
        data = model.apply(clean, generator)
        for name, weights in (("plain", torch.ones_like(variance)), ("weighted", 1 / variance)):
            operator = Whitened(base, (weights / weights.mean()).sqrt())
            estimate = least_squares(operator, operator.whiten(data))
            errors[name].append(float((estimate - image).square().mean().sqrt()))
    assert np.mean(errors["weighted"]) < 0.6 * np.mean(errors["plain"])


def least_squares(operator, data):
    problem = Problem(operator, data[None, None], 1.0, 1.0, 0.0, (1, 1, *operator.domain_shape))
    zero = torch.zeros((1, *problem.shape), dtype=data.dtype)
    return proximal(problem, zero, 1e4, 200)[0, 0, 0]
