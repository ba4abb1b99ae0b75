"""Method 'tv': the minimiser of its objective, and a weight that needs no tuning."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from skimage.restoration import denoise_tv_chambolle

from napari_padis.posterior import METHODS, tv, tv_estimate
from napari_padis.posterior.evaluator import Level, Tick
from napari_padis.posterior.problem import Problem

TV = METHODS["tv"]


class Identity:
    """The forward model of denoising."""

    norm = 1.0

    def A(self, x):
        return x

    AT = pinv = A


class Dense:
    """A matrix as a forward model of images (..., *shape)."""

    def __init__(self, matrix, shape):
        self.matrix, self.shape = matrix, shape
        self.norm = float(torch.linalg.matrix_norm(matrix, 2))

    def A(self, x):
        return x.flatten(-len(self.shape)) @ self.matrix.T

    def AT(self, y):
        return (y @ self.matrix).unflatten(-1, self.shape)

    def pinv(self, y):
        return self.AT(y) / self.norm**2


def run(problem, samples=1, **options):
    """States and the result of a run."""
    generator = TV.run(problem, None, samples, None, options)
    states = []
    while True:
        try:
            states.append(next(generator))
        except StopIteration as done:
            return states, done.value


def phantom(side=48):
    """A disc with a smaller one in it, values from 0.2 to 0.8."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    image = 0.2 + 0.4 * (x**2 + y**2 < 0.7) + 0.2 * (np.hypot(x - 0.2, y + 0.3) < 0.3)
    return torch.from_numpy(image)[None, None]


def denoising(sigma, side=48):
    truth = phantom(side)
    noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(3)).double()
    data = truth + sigma * noise
    return Problem(Identity(), data, sigma, 1.0, 0.0, tuple(truth.shape)), truth


def mse(x, truth):
    return float((x - truth).square().mean())


@pytest.mark.parametrize("along", [(-2, -1), (-4, -2, -1)])
def test_divergence_is_minus_the_transpose_of_the_gradient(along):
    x = torch.randn(2, 3, 1, 7, 9).double()
    p = torch.randn(len(along), *x.shape).double()
    left = (tv.gradient(x, along) * p).sum()
    assert float(left + (x * tv.divergence(p, along)).sum()) == pytest.approx(0, abs=1e-11)


@pytest.mark.parametrize("weight", [0.03, 0.2])
def test_denoising_reaches_the_objective_of_scikit_image(weight):
    problem, _ = denoising(0.1)
    image = denoise_tv_chambolle(problem.y[0, 0].numpy(), weight, eps=1e-9, max_num_iter=5000)
    reference = float(tv.objective(problem, torch.from_numpy(image)[None, None, None], weight))
    _, x = run(problem, weight=weight)
    assert float(tv.objective(problem, x, weight)) == pytest.approx(reference, rel=1e-3)
    assert mse(x[0, 0, 0], torch.from_numpy(image)) < 1e-3**2


@pytest.mark.parametrize(
    ("shape", "coupled", "axes"),
    [((1, 2, 6, 5), False, (2, 3)), ((3, 1, 5, 4), True, (0, 2, 3))],
    ids=["complex", "volume"],
)
def test_objective_is_as_low_as_that_of_another_solver(shape, coupled, axes):
    """Smoothed total variation of numpy's differences, minimised by L-BFGS-B."""
    g = torch.Generator().manual_seed(0)
    inner = (shape[0], *shape[2:]) if coupled else shape[1:]
    size = int(np.prod(inner))
    matrix = torch.randn((size, size), generator=g, dtype=torch.float64)
    operator = Dense(matrix, inner)
    data = torch.randn(size if coupled else (1, size), generator=g, dtype=torch.float64)
    problem = Problem(operator, data, 0.1, 1.0, 0.0, shape, coupled=coupled)
    weight = 0.01

    def value(flat):
        x = flat.reshape(shape)
        squares = np.zeros((shape[0], *shape[2:]))
        for axis in axes:
            edge = np.take(x, [-1], axis)
            squares += (np.diff(x, axis=axis, append=edge) ** 2).sum(1)
        r = (matrix.numpy() / operator.norm) @ flat - problem.y.numpy().ravel()
        return float(r @ r / 2 + weight * np.sqrt(squares + 1e-12).sum())

    bounds = None if shape[1] == 2 else [(0, None)] * int(np.prod(shape))
    start = problem.start().numpy().ravel()
    least = minimize(
        value, start, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500, "maxfun": 10**6}
    ).fun
    _, x = run(problem, weight=weight, iterations=4000)
    found = value(x.numpy().ravel())
    assert found == pytest.approx(float(tv.objective(problem, x, weight)), rel=1e-5)
    assert found < least * 1.001
    assert bounds is None or float(x.min()) >= 0


@pytest.mark.parametrize("sigma", [0.02, 0.1])
def test_automatic_weight_is_nearly_the_best(sigma):
    problem, truth = denoising(sigma)
    _, found = run(problem)
    tried = [run(problem, weight=sigma * w)[1] for w in np.geomspace(0.05, 5, 12)]
    best = min(mse(x[0], truth) for x in tried)
    assert 10 * np.log10(mse(found[0], truth) / best) < 0.5
    assert mse(found[0], truth) < 0.2 * mse(problem.y, truth)


def test_risk_counts_the_parameters_of_both_extremes():
    """Without a penalty the image is the data, with a strong one it is their mean."""
    problem, _ = denoising(0.1, side=32)
    noise = torch.randn(problem.y.shape, generator=torch.Generator().manual_seed(1)).double()
    disturbed = problem.y + tv_estimate.DISTURBANCE * problem.sigma_y * noise
    data = torch.stack([problem.y, disturbed])
    copy = tv.PrimalDual(problem, data, data)
    assert float(tv_estimate.predicted_risk(copy, noise)) == pytest.approx(2 * 32**2, rel=0.1)
    flat = data.mean((-2, -1), keepdim=True).expand(data.shape)
    mean = tv.PrimalDual(problem, flat, data)
    misfit = float((flat[0] - problem.y).square().sum()) / problem.sigma_y**2
    risk = float(tv_estimate.predicted_risk(mean, noise))
    # One parameter, whose estimate from one probe is a squared standard normal number.
    assert 0 < risk - misfit < 2 * 9


def test_slices_choose_their_weights_by_themselves():
    small, large = denoising(0.02, 32)[0], denoising(0.1, 32)[0]
    both = Problem(Identity(), torch.cat([small.y, large.y / 5]), 0.02, 1.0, 0.0, (2, 1, 32, 32))
    scaled = Problem(Identity(), large.y / 5, 0.02, 1.0, 0.0, (1, 1, 32, 32))
    weights, _, _ = drained(tv_estimate.search(both, both.start()[None], 600))
    assert weights.shape == (2,)
    for i, alone in enumerate((small, scaled)):
        weight, _, _ = drained(tv_estimate.search(alone, alone.start()[None], 600))
        # Alone and together differ by the probe's random numbers alone.
        assert 0.4 < float(weights[i] / weight) < 2.5


def drained(generator):
    while True:
        try:
            next(generator)
        except StopIteration as done:
            return done.value


def test_states_count_the_iterations():
    problem, _ = denoising(0.1, 16)
    states, x = run(problem, samples=3, iterations=60)
    assert TV.plan(None, {}) == (600, 0)
    assert TV.plan(40, {}) == (40, 0)
    assert len(states) == 60
    levels = [s for s in states if isinstance(s, Level)]
    assert [s.level for s in levels] == [9, 19, 29, 39, 49, 59]
    assert all(s.levels == 60 and s.evaluations == 0 for s in levels)
    assert all(isinstance(s, Tick) for s in states if s not in levels)
    assert x.shape == (3, 1, 1, 16, 16)
    assert torch.equal(x[2], levels[-1].estimate[0])


def test_least_value_lies_between_those_tried():
    at = torch.arange(5.0)
    curves = torch.stack([(at - 2.3) ** 2, 7 - (at - 5) ** 2, (at + 3) ** 2], dim=1)
    assert torch.allclose(tv_estimate.lowest(curves), torch.tensor([2.3, -0.5, -0.5]), atol=1e-5)
    assert tv_estimate.lowest(curves[:2]).tolist() == [1.0, 0.0, 0.0]
