"""Circulant preconditioning against operators whose spectrum is known."""

from __future__ import annotations

from itertools import islice

import pytest
import torch

from napari_padis.likelihood.parallel import ParallelBeam
from napari_padis.posterior.conjugate import iterates, proximal
from napari_padis.posterior.preconditioner import gram_spectrum, preconditioner
from napari_padis.posterior.problem import Problem
from napari_padis.scan.geometry import ParallelGeometry
from napari_padis.scan.phantoms import shepp_logan_3d


class Convolution:
    """Periodic convolution whose eigenvalues are given, for images (..., 24, 32)."""

    norm = 1.0

    def __init__(self, eigenvalues):
        self.eigenvalues = eigenvalues

    def A(self, x):
        return torch.fft.irfft2(torch.fft.rfft2(x) * self.eigenvalues, s=x.shape[-2:])

    AT = A


def convolution(slices: int = 1) -> Problem:
    rows, columns = torch.fft.fftfreq(24).double(), torch.fft.rfftfreq(32).double()
    eigenvalues = 1 / (1 + 4 * (rows[:, None] ** 2 + columns**2))
    y = torch.zeros((slices, 1, 24, 32), dtype=torch.float64)
    return Problem(Convolution(eigenvalues), y, 0.01, 1.0, 0.0, (slices, 1, 24, 32))


@pytest.fixture(scope="module")
def beam() -> tuple[Problem, torch.Tensor]:
    """40 views of a phantom that the centre of the data step does not know."""
    truth = torch.from_numpy(shepp_logan_3d((1, 64, 64)).array.copy())[:, None].float()
    truth = (truth - truth.min()) / (truth.max() - truth.min())
    operator = ParallelBeam(ParallelGeometry.standard(40, (64, 64), (1.0, 1.0), 1.0))
    problem = Problem(operator, operator.A(truth), 0.0, 1.0, 0.0, (1, 1, 64, 64))
    g = torch.Generator().manual_seed(1)
    noise = torch.randn((2, 1, 1, 64, 64), generator=g)
    return problem, truth + 0.1 * noise


@pytest.mark.parametrize("slices", [1, 40])
def test_spectrum_of_a_convolution_is_that_of_its_kernel(slices):
    problem = convolution(slices)
    expected = problem.operator.eigenvalues**2
    measured = gram_spectrum(problem)
    assert measured.shape == expected.shape
    # Averaged over about one frequency, which changes a smooth spectrum by its curvature only.
    assert (measured - expected).abs().max() < 0.04
    assert torch.equal(measured, gram_spectrum(problem))


def test_inverse_is_symmetric_and_positive(beam):
    problem, _ = beam
    inverse = preconditioner(problem, 1e-3)
    g = torch.Generator().manual_seed(2)
    a, b = torch.randn((2, 1, 1, 1, 64, 64), generator=g)
    assert float((a * inverse(b)).sum()) == pytest.approx(float((b * inverse(a)).sum()), rel=1e-3)
    assert (a * inverse(a)).sum() > 0


@pytest.mark.parametrize("gamma", [100.0, 1000.0])
def test_same_solution_in_less_than_half_the_iterations(beam, gamma):
    problem, centre = beam
    exact = next(islice(iterates(problem, problem.y, centre, 1 / gamma), 120, None))
    far = (centre - exact).norm()

    def iterations(inverse):
        steps = iterates(problem, problem.y, centre, 1 / gamma, inverse=inverse)
        return next(i for i, x in enumerate(steps, 1) if (x - exact).norm() < 0.02 * far)

    assert iterations(preconditioner(problem, 1 / gamma)) < iterations(None) / 2
    x = proximal(problem, centre, gamma, 200, tolerance=1e-5)
    assert (x - exact).norm() < 1e-3 * far


def test_problems_of_a_batch_do_not_mix():
    """Signals of one axis are transformed along it only; slices each by themselves."""
    matrix = torch.randn((9, 12), generator=torch.Generator().manual_seed(0)).double()

    class Dense:
        norm = 1.0

        def A(self, x):
            return x @ matrix.T

        def AT(self, y):
            return y @ matrix

    signals = Problem(Dense(), torch.ones((2, 9)).double(), 1.0, 1.0, 0.0, (2, 12))
    assert signals.spectrum.shape == (7,)
    r = torch.zeros((1, 2, 12), dtype=torch.float64)
    r[0, 0, 3] = 1.0
    assert preconditioner(signals, 0.1)(r)[0, 1].abs().max() == 0
    slices = torch.zeros((1, 3, 1, 24, 32), dtype=torch.float64)
    slices[0, 1, 0, 5, 5] = 1.0
    moved = preconditioner(convolution(3), 0.1)(slices)
    assert moved[0, 1].abs().max() > 0
    assert moved[0, [0, 2]].abs().max() == 0
