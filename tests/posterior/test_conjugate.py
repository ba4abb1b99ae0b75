"""Conjugate gradients and the proximal data step against dense algebra."""

from __future__ import annotations

from collections import deque
from itertools import islice

import gaussian_toy
import pytest
import torch
from scipy.sparse.linalg import cg

from napari_padis.posterior import problem as problem_module
from napari_padis.posterior.conjugate import iterates, proximal
from napari_padis.posterior.preconditioner import preconditioner
from napari_padis.posterior.problem import Problem


class Dense:
    """A matrix as a forward model of images (..., 12)."""

    norm = 1.0

    def __init__(self, matrix):
        self.matrix = matrix

    def A(self, x):
        return x @ self.matrix.T

    def AT(self, y):
        return y @ self.matrix


def last(problem, y, centre, ridge, iterations, start=None):
    return next(islice(iterates(problem, y, centre, ridge, start), iterations - 1, None))


@pytest.fixture
def problem():
    g = torch.Generator().manual_seed(0)
    matrix, y = (
        torch.randn((n, k), generator=g, dtype=torch.float64) for n, k in ((9, 12), (2, 9))
    )
    return Problem(Dense(matrix), y, 1.0, 1.0, 0.0, (2, 12))


@pytest.mark.parametrize("begin", [False, True])
def test_iterates_reach_the_least_squares_solution_of_each_image(problem, begin):
    g = torch.Generator().manual_seed(1)
    centre, start = torch.randn((2, 3, 2, 12), generator=g, dtype=torch.float64)
    matrix, ridge = problem.operator.matrix, 0.3
    left = matrix.T @ matrix + ridge * torch.eye(12)
    exact = torch.linalg.solve(left, (problem.y @ matrix + ridge * centre).mT).mT
    x = last(problem, problem.y, centre, ridge, 30, start if begin else None)
    assert torch.allclose(x, exact, atol=1e-9)
    alone = last(problem, problem.y, centre[1:2], ridge, 30, start[1:2] if begin else None)
    assert torch.allclose(alone, x[1:2], atol=1e-12)


def test_iterations_are_those_of_conjugate_gradients(problem):
    """After k of them the best of the Krylov space, which scipy's solver finds too."""
    matrix, ridge = problem.operator.matrix, 0.3
    for iterations in (1, 3):
        x = last(problem, problem.y, torch.zeros(1, 2, 12).double(), ridge, iterations)
        for i in range(2):
            system = (matrix.T @ matrix + ridge * torch.eye(12).double()).numpy()
            theirs, _ = cg(system, (problem.y[i] @ matrix).numpy(), rtol=0, maxiter=iterations)
            assert x[0, i].numpy() == pytest.approx(theirs, abs=1e-10)


def test_converged_images_stay_finite(problem):
    zero = torch.zeros((2, 2, 12), dtype=torch.float64)
    x = last(problem, torch.zeros_like(problem.y), zero, 0.3, 4)
    assert torch.equal(x, zero)


@pytest.mark.parametrize("tolerance", [0.2, 0.05, 0.01])
def test_iterations_end_where_the_error_is_small_enough(problem, tolerance):
    """In the norm of the normal equations, which every iteration lowers."""
    g = torch.Generator().manual_seed(3)
    centre = torch.randn((1, 2, 12), generator=g, dtype=torch.float64)
    matrix, gamma = problem.operator.matrix, 4.0
    exact = last(problem, problem.y, centre, 1 / gamma, 30)

    def error(x):
        off = x - exact
        return ((off @ matrix.T).square().sum(-1) + off.square().sum(-1) / gamma)[0].sqrt()

    steps = [centre, *islice(iterates(problem, problem.y, centre, 1 / gamma), 12)]
    errors = torch.stack([error(x) for x in steps]) / error(centre)
    x = deque(iterates(problem, problem.y, centre, 1 / gamma, tolerance=tolerance), maxlen=1).pop()
    for i in range(2):
        taken = next(k for k, s in enumerate(steps) if torch.allclose(x[0, i], s[0, i], atol=1e-12))
        # Foreseen from two falls, so that it takes an iteration too few or too many at times.
        assert errors[taken, i] <= 2 * tolerance
        assert errors[taken - 2, i] > tolerance


def test_a_data_step_with_a_tolerance_is_preconditioned_and_no_longer_than_allowed(problem):
    g = torch.Generator().manual_seed(3)
    centre = torch.randn((1, 2, 12), generator=g, dtype=torch.float64)
    inverse = preconditioner(problem, 1 / 4.0)
    steps = [*islice(iterates(problem, problem.y, centre, 1 / 4.0, inverse=inverse), 2)]
    few = proximal(problem, centre, 4.0, 2, tolerance=1e-12)
    assert torch.allclose(few, steps[1], atol=1e-12)
    assert torch.equal(proximal(problem, centre, 4.0, 1, tolerance=1e-12), steps[0])


def test_an_image_ends_the_same_whichever_are_beside_it(problem):
    g = torch.Generator().manual_seed(4)
    centre = torch.randn((3, 2, 12), generator=g, dtype=torch.float64)
    exact = proximal(problem, centre[1:2], 4.0, 100)
    centre[1] = exact[0]  # done before the others
    every = proximal(problem, centre, 4.0, 100, tolerance=0.05)
    for i in range(3):
        alone = proximal(problem, centre[i : i + 1], 4.0, 100, tolerance=0.05)
        assert torch.allclose(alone[0], every[i], atol=1e-12)


def test_parts_change_nothing(problem, monkeypatch):
    g = torch.Generator().manual_seed(2)
    centre, start = torch.randn((2, 5, 2, 12), generator=g, dtype=torch.float64)
    y = torch.randn((5, 2, 9), generator=g, dtype=torch.float64)
    whole = proximal(problem, centre, 3.0, 4, start, y), problem.residual(centre)
    monkeypatch.setattr(problem_module, "PART", 2 * centre[0].nbytes)
    assert [len(centre[part]) for part in problem.parts(centre)] == [2, 2, 1]
    parts = proximal(problem, centre, 3.0, 4, start, y), problem.residual(centre)
    assert torch.allclose(parts[0], whole[0], atol=1e-12)
    assert parts[1] == pytest.approx(whole[1], rel=1e-12)
    rms = (problem.A(centre) - problem.y).square().mean().sqrt()
    assert whole[1] == pytest.approx(float(rms) / problem.sigma_y, rel=1e-12)


def test_proximal_equals_closed_form():
    toy = gaussian_toy.make_toy(4)
    p = toy.problem
    a = p.operator.matrix / p.operator.norm
    centre = torch.rand((2, 4, 64), generator=torch.Generator().manual_seed(1)).double()
    gamma = 30.0
    left = torch.eye(64, dtype=torch.float64) + gamma * a.T @ a
    expected = (centre + gamma * p.y @ a) @ torch.linalg.inv(left)
    assert torch.allclose(proximal(p, centre, gamma, 60), expected, atol=1e-8)


@pytest.mark.parametrize("tolerance", [0.0, 1e-6])
@pytest.mark.parametrize("begin", [False, True])
def test_data_step_of_pixels_that_are_not_equally_sure(problem, begin, tolerance):
    """Against the dense solution, with variances that differ by a factor of ten thousand."""
    g = torch.Generator().manual_seed(4)
    centre, start = torch.randn((2, 3, 2, 12), generator=g, dtype=torch.float64)
    gamma = 10 ** (4 * torch.rand((3, 1, 12), generator=g, dtype=torch.float64) - 2)
    matrix = problem.operator.matrix
    left = matrix.T @ matrix + torch.diag_embed(1 / gamma)
    right = problem.y @ matrix + centre / gamma
    exact = torch.linalg.solve(left.expand(3, 2, 12, 12), right[..., None])[..., 0]
    x = proximal(problem, centre, gamma, 60, start if begin else None, None, tolerance)
    assert torch.allclose(x, exact, atol=1e-6)


def test_equal_variances_are_one_weight(problem):
    g = torch.Generator().manual_seed(5)
    centre = torch.randn((3, 2, 12), generator=g, dtype=torch.float64)
    y = torch.randn((3, 2, 9), generator=g, dtype=torch.float64)
    one = proximal(problem, centre, 3.0, 40, y=y)
    assert torch.allclose(proximal(problem, centre, torch.tensor(3.0), 40, y=y), one, atol=1e-9)
