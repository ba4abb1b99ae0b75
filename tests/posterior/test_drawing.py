"""Several draws of each chain: which they are, what they cost, and a closed form."""

from __future__ import annotations

import math

import gaussian_toy as toy_module
import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.posterior import METHODS
from napari_padis.posterior.drawing import FEWEST, LAST, Drawing
from napari_padis.posterior.evaluator import Drawn, Evaluator, Level
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.statistics import chain_moments

#: Methods that go on after their burn-in.
NAMES = [name for name, method in METHODS.items() if "draws" in method.options]


def collect(problem, denoiser, name, chains, steps, **options):
    """Draws of shape (chains, draws, ...), the levels seen, and evaluations."""
    evaluator = Evaluator(denoiser, torch.Generator().manual_seed(1))
    run = METHODS[name].run(problem, evaluator, chains, steps, options)
    draws, levels = [], []
    while True:
        try:
            state = next(run)
        except StopIteration as done:
            return torch.stack([*draws, done.value], 1), levels, evaluator.count
        if isinstance(state, Drawn):
            draws.append(state.samples.clone())
        elif isinstance(state, Level):
            levels.append(state)


def test_levels_and_draws_after_burn_in():
    drawing = Drawing(draws=3, apart=2)
    levels = drawing.levels([4.0, 2.0, 1.0])
    assert levels == [4.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    # The last one is what the sampler returns.
    assert [i for i in range(7) if drawing.due(6 - i)] == [2, 4]
    assert LAST.levels([2.0, 1.0]) == [2.0, 1.0]
    assert not any(LAST.due(left) for left in range(5))


def test_methods_that_draw_have_independent_chains():
    assert {"split-gibbs", "noise-aware"} <= set(NAMES)
    for name in NAMES:
        assert METHODS[name].options["draws"] == 1
        assert not METHODS[name].coupled


@pytest.mark.parametrize("name", NAMES)
def test_first_draw_ends_the_burn_in_and_the_rest_is_planned(name):
    toy = toy_module.make_toy(2)
    options = {"inner": 4, "apart": 2}
    single, _, count = collect(toy.problem, toy.denoiser, name, 2, 40, **options)
    more, levels, evaluations = collect(toy.problem, toy.denoiser, name, 2, 40, **options, draws=8)
    assert single.shape[:2] == (2, 1)
    assert more.shape[:2] == (2, 8)
    assert torch.equal(more[:, 0], single[:, 0])
    assert all(not torch.equal(more[:, k], more[:, k + 1]) for k in range(7))
    assert count == METHODS[name].plan(40, options)[1] == 40
    planned = METHODS[name].plan(40, {**options, "draws": 8})
    assert planned == (levels[-1].levels, evaluations) == (10 + 14, 40 + 14 * 4)


def test_so_few_draws_that_nothing_could_be_judged_are_refused():
    method = METHODS["split-gibbs"]
    assert method.draws({}) == 1
    assert method.draws({"draws": FEWEST}) == FEWEST
    for few in (2, FEWEST - 1):
        with pytest.raises(InputError, match=f"must be 1, or at least {FEWEST}"):
            method.plan(None, {"draws": few})
    with pytest.raises(InputError, match="no option 'draws'"):
        METHODS["padis-fast"].plan(None, {"draws": FEWEST})


@pytest.fixture(scope="module")
def independent_pixels():
    """60 data sets of 16 unknowns that were all seen, with the posterior's mean and variance."""
    torch.set_num_threads(1)
    g, n, sigma, spread = torch.Generator().manual_seed(0), 16, 0.1, 0.2
    white = torch.randn((n, n), generator=g, dtype=torch.float64)
    u, _, v = torch.linalg.svd(white)
    a = u * torch.linspace(0.5, 1, n, dtype=torch.float64) @ v
    truth = toy_module.MEAN + spread * torch.randn((60, n), generator=g, dtype=torch.float64)
    y = truth @ a.T + sigma * torch.randn((60, n), generator=g, dtype=torch.float64)
    precision = torch.eye(n, dtype=torch.float64) / spread**2 + a.T @ a / sigma**2
    covariance = torch.linalg.inv(precision)
    right = toy_module.MEAN / spread**2 + y @ a / sigma**2
    problem = Problem(toy_module.Matrix(a), y, sigma, 1.0, 0.0, (60, n))
    denoiser = toy_module.GaussianDenoiser(spread**2 * torch.eye(n, dtype=torch.float64))
    return problem, denoiser, right @ covariance, covariance.diagonal()


def test_split_gibbs_reproduces_a_closed_form(independent_pixels):
    """Mean within its Monte-Carlo error, spread within five percent, in 960 values."""
    problem, denoiser, mean, variance = independent_pixels
    options = {"rho_max": 1.0, "rho_min": 0.05, "inner": 60, "cg": 16, "draws": 10, "apart": 1}
    draws, _, _ = collect(problem, denoiser, "split-gibbs", 4, 40 * 60, **options)
    assert draws.shape == (4, 10, 60, 16)
    found, spread = chain_moments(draws)
    assert math.sqrt(float(spread.mean() / variance.mean())) == pytest.approx(1, abs=0.05)
    # Means of chains are independent of each other, however slowly each of them moves.
    error = draws.mean(1).var(0) / 4
    assert float((found - mean).square().mean() / error.mean()) == pytest.approx(1, abs=0.15)
    # The draws are correlated: taken for independent they would claim too small an error.
    assert float((found - mean).square().mean() / (variance.mean() / 40)) > 2
