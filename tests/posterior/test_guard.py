"""Runs that begin to diverge go on with a shorter step, say so, and stay finite."""

from __future__ import annotations

import dataclasses

import gaussian_toy
import pytest
import torch

from napari_padis.engine.events import Finished, Notice
from napari_padis.engine.recipe import Recipe
from napari_padis.engine.run import run as reconstruct
from napari_padis.errors import ReconstructionError
from napari_padis.posterior.evaluator import Adjusted, Evaluator
from napari_padis.posterior.guard import GROWTH, WINDOW, Guard
from napari_padis.posterior.methods_comparison import COMPARISON
from napari_padis.posterior.methods_samplers import SAMPLERS

METHODS = {method.name: method for method in (*SAMPLERS, *COMPARISON)}


@pytest.fixture(scope="module")
def toy():
    torch.set_num_threads(1)
    return gaussian_toy.make_toy(3)


def finish(work):
    """Messages and result."""
    messages = []
    while True:
        try:
            state = next(work)
        except StopIteration as done:
            return messages, done.value
        if isinstance(state, Adjusted):
            messages.append(state.message)


def run(toy, name, samples=4, steps=None, **options):
    evaluator = Evaluator(toy.denoiser, torch.Generator().manual_seed(0))
    return finish(METHODS[name].run(toy.problem, evaluator, samples, steps, options))


@pytest.mark.parametrize("zeta", [30.0, 1e6])
@pytest.mark.parametrize("name", ["padis", "langevin", "predictor-corrector"])
def test_absurd_steps_are_shortened_and_said(toy, name, zeta):
    messages, x = run(toy, name, steps=300, zeta=zeta)
    assert messages
    assert all("began to diverge" in message for message in messages)
    assert torch.isfinite(x).all()
    assert x.square().mean().sqrt() < 4


def test_overflow_is_survived(toy):
    """In single precision a step of 1e12 squares to infinity."""
    single = dataclasses.replace(
        toy.problem,
        operator=gaussian_toy.Matrix(toy.problem.operator.matrix.float()),
        data=toy.problem.data.float(),
    )
    denoiser = gaussian_toy.GaussianDenoiser(toy.covariance.float())
    evaluator = Evaluator(denoiser, torch.Generator().manual_seed(0))
    messages, x = finish(
        METHODS["padis"].run(single, evaluator, 2, 300, {"zeta": 1e12, "inner": 3})
    )
    assert messages
    assert x.dtype == torch.float32
    assert torch.isfinite(x).all()


@pytest.mark.parametrize("name", ["langevin", "predictor-corrector"])
def test_shortened_steps_still_find_the_posterior_mean(toy, name):
    _, x = run(toy, name, samples=20, zeta=1e4)
    assert gaussian_toy.score(toy, x).mean_distance < float(toy.covariance.diagonal().mean().sqrt())


@pytest.mark.parametrize("name", METHODS)
def test_healthy_runs_are_left_alone(toy, name):
    messages, _ = run(toy, name, steps=min(60, METHODS[name].default_steps))
    assert messages == []


def test_lost_states_are_replaced_by_the_last_sound_one(toy):
    x = torch.randn((2, *toy.problem.shape), generator=torch.Generator().manual_seed(0))
    guard = Guard(toy.problem, x, 1.0)
    sound = 1.1 * x
    assert finish(guard.watch(sound, 1.0)) == ([], sound)
    for lost in (torch.full_like(x, torch.nan), torch.full_like(x, torch.inf), 1e5 * x):
        before = guard.factor
        messages, found = finish(guard.watch(lost, 1.0))
        assert found is sound
        assert guard.factor <= before / 2
        assert f"{guard.factor:.2g} times" in messages[0]


def test_one_lost_image_of_many_counts(toy):
    x = torch.ones((2, *toy.problem.shape))
    guard, bad = Guard(toy.problem, x, 1.0), x.clone()
    bad[1, 2, 5] = torch.nan
    messages, found = finish(guard.watch(bad, 1.0))
    assert len(messages) == 1
    assert found is x


def test_growth_of_the_residual_is_found_over_a_window(toy):
    x = torch.ones((1, *toy.problem.shape))
    guard = Guard(toy.problem, x, 1.0)
    unit = torch.ones_like(toy.problem.y)[None] * toy.problem.sigma_y
    for size, growing in ((100.0, False), (2.0, False), (1.5 * GROWTH, False), (3 * GROWTH, True)):
        messages = [
            message
            for _ in range(WINDOW)
            for message in finish(guard.watch(x, 1.0, size * unit))[0]
        ]
        assert bool(messages) is growing
    assert guard.factor == pytest.approx(2 / 3, abs=0.2)


def test_a_prior_that_diverges_by_itself_is_an_error(toy):
    class Exploding(gaussian_toy.GaussianDenoiser):
        def denoise(self, x, sigma, draw):
            return 1e30 * x
            yield

    evaluator = Evaluator(Exploding(toy.covariance), torch.Generator().manual_seed(0))
    with pytest.raises(ReconstructionError, match="however short the data step"):
        finish(METHODS["padis"].run(toy.problem, evaluator, 1, None, {}))


def test_the_engine_passes_the_message_on(small_measurement, tiny_prior):
    recipe = Recipe(
        method="padis",
        prior=str(tiny_prior),
        samples=1,
        steps=20,
        device="cpu",
        options={"zeta": 1e9},
    )
    events = list(reconstruct(recipe, small_measurement))
    notices = [event.message for event in events if isinstance(event, Notice)]
    assert any("began to diverge" in message for message in notices)
    assert isinstance(events[-1], Finished)
    assert bool(torch.isfinite(torch.from_numpy(events[-1].result.samples)).all())
