"""The start's noise level from the data."""

from __future__ import annotations

import gaussian_toy
import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.posterior.evaluator import Evaluator, Level
from napari_padis.posterior.methods import METHODS
from napari_padis.posterior.warm import (
    COUPLINGS,
    FOR_MEAN,
    MIDDLE,
    PILOT,
    coupling,
    direct_error,
    start_level,
)


@pytest.fixture(scope="module")
def toy():
    return gaussian_toy.make_toy(12)


def finish(work):
    levels = []
    while True:
        try:
            state = next(work)
        except StopIteration as done:
            return levels, done.value
        if isinstance(state, Level):
            levels.append(state)


def evaluator(toy):
    return Evaluator(toy.denoiser, torch.Generator().manual_seed(0))


def test_estimated_error_of_the_direct_reconstruction(toy):
    true = (toy.problem.start() - toy.truth).square().mean(1).sqrt().max()
    _, error = finish(direct_error(toy.problem, evaluator(toy)))
    assert error == pytest.approx(float(true), rel=0.25)


def test_a_setting_counts_more(toy):
    e = evaluator(toy)
    settings = {"sigma_max": 0.7, "sigma_min": 0.002, "sigma": 0.03}
    assert finish(start_level(toy.problem, e, settings)) == ([], (0.7, 0))
    assert finish(coupling(toy.problem, e, settings, 40)) == ([], (0.03, 0))
    assert e.count == 0


def test_the_level_is_a_multiple_of_the_error_above_the_last(toy):
    _, error = finish(direct_error(toy.problem, evaluator(toy)))
    settings = {"sigma_max": 0.0, "sigma_min": 0.002}
    _, (level, used) = finish(start_level(toy.problem, evaluator(toy), settings))
    assert level == pytest.approx(FOR_MEAN * error)
    assert used == PILOT
    settings["sigma_min"] = 0.9
    assert finish(start_level(toy.problem, evaluator(toy), settings))[1][0] == 1.8


def test_the_coupling_follows_the_error_within_limits(toy):
    _, (level, used) = finish(coupling(toy.problem, evaluator(toy), {"sigma": 0}, 40))
    assert COUPLINGS[0] < level <= COUPLINGS[1]
    assert used == PILOT
    few = finish(coupling(toy.problem, evaluator(toy), {"sigma": 0}, 2 * PILOT - 1))
    assert few == ([], (MIDDLE, 0))


@pytest.mark.parametrize("name", ["dds", "diffpir", "dpm-solver", "padis-fast", "pnp-admm", "red"])
def test_automatic_starts_take_part_of_the_evaluations(toy, name):
    e, method = evaluator(toy), METHODS[name]
    given = {"sigma_max": 0} if method.warm else {"sigma": 0}
    levels, x = finish(method.run(toy.problem, e, 2, 40, given))
    assert torch.isfinite(x).all()
    assert e.count == method.plan(40, {})[1]
    assert len(levels) == e.count - PILOT
    assert levels[-1].level == levels[-1].levels - 1


def test_methods_that_start_from_noise_have_no_automatic_start(toy):
    with pytest.raises(InputError, match="must fall from sigma_max"):
        finish(METHODS["padis"].run(toy.problem, evaluator(toy), 1, None, {"sigma_max": 0}))
