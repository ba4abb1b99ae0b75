"""PnP-ADMM, RED and MAP with a Gaussian prior, where their limits have closed forms."""

from __future__ import annotations

import gaussian_toy
import pytest
import torch

from napari_padis.likelihood.parallel import ParallelBeam
from napari_padis.posterior import METHODS
from napari_padis.posterior.evaluator import Evaluator, Level
from napari_padis.posterior.problem import Problem
from napari_padis.prior.denoiser import Draw, finish, load_prior
from napari_padis.scan.geometry import ParallelGeometry
from napari_padis.scan.phantoms import shepp_logan_3d


@pytest.fixture(scope="module")
def toy():
    return gaussian_toy.make_toy(5)


def result(toy, name, steps, **options):
    x = gaussian_toy.run_method(toy, name, 3, steps, **options)
    assert x.shape == (3, *toy.problem.shape)
    assert torch.equal(x[0], x[2])
    return x[0]


def posterior_mean(toy, blur=0.0, strength=1.0):
    """Mean of p(x|y) with the prior's covariance plus ``blur^2``, divided by ``strength``."""
    a, y = toy.problem.operator.matrix, toy.problem.data
    values, vectors = toy.denoiser.values, toy.denoiser.vectors
    precision = (vectors * (strength / (values + blur**2))) @ vectors.T
    noise = toy.problem.sigma**2
    right = (y - gaussian_toy.MEAN * a.sum(1)) @ a / noise
    return gaussian_toy.MEAN + torch.linalg.solve(a.T @ a / noise + precision, right.T).T


def rms(x):
    return float(x.square().mean().sqrt())


def test_the_closed_form_is_that_of_the_toy(toy):
    assert torch.allclose(posterior_mean(toy), toy.mean, atol=1e-9)


@pytest.mark.parametrize(("sigma", "strength"), [(0.05, 1.0), (0.2, 1.0), (0.2, 3.0)])
def test_pnp_admm_ends_at_the_posterior_mean(toy, sigma, strength):
    """The Wiener filter is the proximal map of sigma^2 times minus the Gaussian's logarithm."""
    x = result(toy, "pnp-admm", 400, sigma=sigma, strength=strength, cg=20)
    assert rms(x - posterior_mean(toy, strength=strength)) < 1e-4


@pytest.mark.parametrize(("sigma", "strength"), [(0.1, 1.0), (0.3, 1.0), (0.3, 2.0)])
def test_red_ends_at_the_posterior_mean_of_the_blurred_prior(toy, sigma, strength):
    x = result(toy, "red", 400, sigma=sigma, strength=strength, cg=20)
    expected = posterior_mean(toy, sigma, strength)
    assert rms(x - expected) < 1e-4
    assert rms(expected - toy.mean) > 1e-3  # the blur of the prior is not negligible


def test_map_ends_at_the_mode_of_the_posterior(toy):
    """Mode and mean of a Gaussian are the same; slower annealing comes nearer."""
    spread = float(toy.covariance.diagonal().mean().sqrt())
    near, far = (
        rms(result(toy, "map", steps, sigma_max=1, sigma_min=0.002, cg=20) - toy.mean)
        for steps in (400, 40)
    )
    assert near < 0.25 * spread
    assert 3 * near < far < spread


def test_pnp_admm_solves_its_data_steps():
    """20 exact views: ten plain conjugate gradients a step left a seventh of the FBP's error."""
    truth = torch.from_numpy(shepp_logan_3d((1, 64, 64)).array.copy())[:, None].float()
    truth = (truth - truth.min()) / (truth.max() - truth.min())
    operator = ParallelBeam(ParallelGeometry.standard(20, (64, 64), (1.0, 1.0), 1.0))
    problem = Problem(operator, operator.A(truth), 0.0, 1.0, 0.0, (1, 1, 64, 64))
    evaluator = Evaluator(load_prior("ct-small", (64, 64)), torch.Generator().manual_seed(0))
    x = finish(METHODS["pnp-admm"].run(problem, evaluator, 1, None, {}))
    assert rms(x - truth) < 0.06 * rms(problem.start() - truth)


class Watched(gaussian_toy.GaussianDenoiser):
    """Draws a random number in the place of the grid's shift, and remembers it."""

    def __init__(self, toy):
        self.values, self.vectors = toy.denoiser.values, toy.denoiser.vectors
        self.seen = []

    def draw(self, x, sigma, generator):
        return Draw((int(torch.randint(10**6, (), generator=generator)), 0))

    def denoise(self, x, sigma, draw):
        self.seen.append(draw.shift[0])
        return (yield from super().denoise(x, sigma, draw))


@pytest.mark.parametrize(("shifts", "different", "rounds"), [(0, 1, 12), (1, 12, 12), (3, 12, 4)])
def test_grids_of_patches_are_kept_or_averaged(toy, shifts, different, rounds):
    denoiser = Watched(toy)
    method = METHODS["red"]
    evaluator = Evaluator(denoiser, torch.Generator().manual_seed(0))
    states = method.run(toy.problem, evaluator, 1, 12, {"shifts": shifts})
    levels = [s for s in states if isinstance(s, Level)]
    assert len(denoiser.seen) == evaluator.count == 12
    assert len(set(denoiser.seen)) == different
    assert [s.level for s in levels] == list(range(rounds))
    assert {s.levels for s in levels} == {rounds}
    assert method.plan(12, {"shifts": shifts}) == (rounds, 12)
