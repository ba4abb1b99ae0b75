"""Momentum of the descent: what leads it, and what it is worth."""

from __future__ import annotations

import gaussian_toy
import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.posterior import METHODS
from napari_padis.posterior.chains import ChainEvaluator
from napari_padis.posterior.evaluator import Evaluator, Level
from napari_padis.posterior.leading import LedEvaluator
from napari_padis.posterior.method import LEADERS
from napari_padis.posterior.samplers.dds import dds
from napari_padis.posterior.schedule import geometric
from napari_padis.posterior.steps import aware_gamma, langevin, noisy_start
from napari_padis.prior.denoiser import finish, load_prior


@pytest.fixture(scope="module")
def toy():
    return gaussian_toy.make_toy(40)


def led(chains, denoiser=None):
    return LedEvaluator(ChainEvaluator(denoiser, 3, chains))


def test_leaders_are_opposite_and_the_same_in_every_group():
    like = torch.zeros(LEADERS + 4, 20_000)
    z = led(range(4)).noise(like)
    assert torch.equal(z[0], -z[1])
    assert torch.allclose(z.square().mean(1), torch.ones(6), atol=0.04)
    other = led(range(2, 4)).noise(like[: LEADERS + 2])
    assert torch.equal(other, z[[0, 1, 4, 5]])


@pytest.mark.parametrize("group", [range(1), range(1, 3)])
def test_evaluations_are_the_same_in_every_group(tiny_prior, group):
    """The noise of the border too, and for as many chains as there are leaders."""
    denoiser = load_prior(tiny_prior, (40, 36), "cpu")
    x = torch.rand((LEADERS + 3, 2, 1, 40, 36), generator=torch.Generator().manual_seed(0))

    def evaluate(chains):
        evaluator = led(chains, denoiser)
        rows = [*range(LEADERS), *(LEADERS + i for i in chains)]
        clean, _ = finish(evaluator.denoise(x[rows], 0.5))
        assert evaluator.counted.samples == len(rows)
        return clean

    together = evaluate(range(3))
    rows = [*range(LEADERS), *(LEADERS + i for i in group)]
    torch.testing.assert_close(evaluate(group), together[rows], atol=1e-5, rtol=0)


def test_chains_that_are_led_do_not_depend_on_each_other(toy):
    method = METHODS["padis-calibrated"]
    assert method.leaders({}) == LEADERS

    def run(chains):
        evaluator = ChainEvaluator(toy.denoiser, 7, chains)
        states = method.run(toy.problem, evaluator, len(chains), 40, {})
        return finish(states)

    together = run(range(4))
    torch.testing.assert_close(run(range(1, 3)), together[1:3], atol=1e-8, rtol=0)
    different = (together[0] - together[1]).square().mean().sqrt()
    assert different > 0.5 * toy.covariance.diagonal().mean().sqrt()


def test_led_states_are_those_of_the_chains_alone(toy):
    evaluator = ChainEvaluator(toy.denoiser, 7, range(3))
    for state in METHODS["padis-calibrated"].run(toy.problem, evaluator, 3, 40, {}):
        if isinstance(state, Level):
            assert len(state.estimate) == 3


@pytest.mark.parametrize("steps", [20, 50])
def test_momentum_brings_the_mean_nearer_to_that_of_the_posterior(toy, steps):
    def distance(momentum):
        evaluator = Evaluator(toy.denoiser, torch.Generator().manual_seed(1), coupled=True)
        states = dds(
            toy.problem,
            evaluator,
            noisy_start(toy.problem, evaluator, 8, 1.0),
            geometric(1.0, 0.01, steps),
            aware_gamma(toy.problem, evaluator),
            24,
            eta=1.0,
            momentum=momentum,
        )
        mean = finish(states).mean(0)
        return float((mean - toy.mean).square().mean().sqrt())

    assert distance(0.8) < 0.6 * distance(0.0)


def test_a_coupled_sample_alone_has_no_momentum(toy):
    """Its own noise would add up."""

    def run(**given):
        evaluator = Evaluator(toy.denoiser, torch.Generator().manual_seed(1), coupled=True)
        return finish(METHODS["padis-fast"].run(toy.problem, evaluator, 1, 40, given))

    assert torch.equal(run(), run(momentum=0.0))


def test_momentum_that_would_not_come_to_rest_is_refused():
    with pytest.raises(InputError, match=r"'momentum' of 'padis-fast' must be from 0 to 0\.95"):
        METHODS["padis-fast"].settings({"momentum": 1.0})


@pytest.mark.parametrize(("keeping", "variance"), [(True, 1.0), (False, 4 / 3)])
def test_langevin_keeps_the_noise_of_the_level(keeping, variance):
    """With the image known the state is the image plus noise of variance sigma^2."""
    evaluator = Evaluator(None, torch.Generator().manual_seed(0))
    image = torch.full((1, 100_000), 0.3)
    x = image
    for _ in range(12):
        x = langevin(evaluator, x, image, 0.2, epsilon=1.0, keeping=keeping)
    assert float((x - image).square().mean()) == pytest.approx(variance * 0.04, rel=0.03)
