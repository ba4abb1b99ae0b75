"""Error of each pixel: where it comes from, and what a data step gains by it."""

from __future__ import annotations

import pytest
import torch

from napari_padis.posterior.conjugate import proximal
from napari_padis.posterior.evaluator import Evaluator
from napari_padis.posterior.local_error import (
    LEAST,
    blurred,
    expected_error,
    local_gamma,
    variance_of_chains,
)
from napari_padis.posterior.problem import Problem
from napari_padis.prior.denoiser import Draw


class Foretelling:
    """Says the image is zero, and that its left half errs more than the right."""

    has_local_error = True

    def __init__(self, variance):
        self.variance = variance

    def draw(self, x, sigma, generator):
        return Draw()

    def denoise(self, x, sigma, draw):
        yield 0.5
        return torch.zeros_like(x)

    def denoise_with_error(self, x, sigma, draw):
        yield 0.5
        return torch.stack([torch.zeros_like(x), self.variance.expand_as(x)])

    def error_variance(self, sigma):
        return 0.04


class Sums:
    """Sums of neighbouring columns."""

    norm = 1.0

    def A(self, x):
        return x[..., ::2] + x[..., 1::2]

    def AT(self, y):
        return y.repeat_interleave(2, -1)


def result(run):
    while True:
        try:
            next(run)
        except StopIteration as done:
            return done.value


@pytest.fixture
def problem():
    y = torch.ones(1, 1, 4, 4)
    return Problem(Sums(), y, 0.1, 1.0, 0.0, (1, 1, 4, 8))


@pytest.fixture
def evaluator():
    variance = torch.tensor([0.09, 0.01]).repeat(4).expand(1, 1, 1, 4, 8)
    return Evaluator(Foretelling(variance), torch.Generator().manual_seed(0))


def test_data_move_the_pixels_that_may_err(problem, evaluator):
    """Conditional mean of two Gaussians whose noisy sum is known: 1 times 9:1 of 10/11."""
    x = torch.zeros(2, 1, 1, 4, 8)
    clean, error, _ = result(evaluator.denoise_with_error(x, 0.3))
    assert evaluator.count == 1
    gamma = local_gamma(problem, evaluator, clean, error, 0.3)
    moved = proximal(problem, clean, gamma, 20)
    wanted = torch.tensor([0.09, 0.01]).repeat(4) / (0.09 + 0.01 + 0.01)
    assert torch.allclose(moved, wanted.expand_as(moved), atol=1e-5)


def test_without_foretold_errors_the_step_is_white(problem, evaluator):
    """One chain, or several: that these depend on each other has to be asked for."""
    evaluator.denoiser.has_local_error = False
    x = torch.randn((4, 1, 1, 4, 8), generator=torch.Generator().manual_seed(1))
    clean, error, _ = result(evaluator.denoise_with_error(x, 0.3))
    assert error is None
    assert local_gamma(problem, evaluator, clean, error, 0.3) == pytest.approx(4)
    assert local_gamma(problem, evaluator, x[:2], error, 0.3, across=True) == pytest.approx(4)
    spread = local_gamma(problem, evaluator, x, error, 0.3, 0.5, across=True)
    assert float(spread.mean()) == pytest.approx(2, rel=1e-4)


def test_variance_of_chains_lies_where_they_differ():
    x = torch.zeros(4, 1, 1, 32, 32)
    x[:, ..., :8] += torch.randn((4, 1, 1, 1, 1), generator=torch.Generator().manual_seed(2))
    found = variance_of_chains(x, 0.01, 1.0)
    assert float(found.mean()) == pytest.approx(0.01, rel=1e-4)
    assert float(found[..., 20:].max()) == pytest.approx(0.01 * LEAST / (1 + LEAST), rel=1e-3)
    assert float(variance_of_chains(x, 0.01, 0.11).max()) == pytest.approx(0.11**2)
    assert variance_of_chains(x[:2], 0.01, 1.0) is None


def test_blur_is_a_gaussian_of_its_width():
    point = torch.zeros(1, 41, 41)
    point[0, 20, 20] = 1
    spot = blurred(point, 2.0)[0]
    axis = torch.arange(41) - 20.0
    assert float(spot.sum()) == pytest.approx(1, rel=1e-5)
    assert float((spot.sum(0) * axis**2).sum()) == pytest.approx(4, rel=0.03)


def test_preview_is_the_foretold_error(evaluator):
    shown = result(expected_error(evaluator, torch.zeros(1, 1, 1, 4, 8), 0.5))
    assert torch.allclose(shown, torch.tensor([0.3, 0.1]).repeat(4).expand_as(shown))
    evaluator.denoiser.has_local_error = False
    flat = result(expected_error(evaluator, torch.zeros(1, 1, 1, 4, 8), 0.5))
    assert torch.allclose(flat, torch.tensor(0.2))
