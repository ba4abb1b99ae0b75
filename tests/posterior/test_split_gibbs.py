"""Split Gibbs sampling: its draws of the likelihood are those of the exact Gaussian."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from napari_padis.likelihood.parallel import ParallelBeam
from napari_padis.posterior.evaluator import Evaluator
from napari_padis.posterior.methods import find_method
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.samplers.split_gibbs import split_gibbs
from napari_padis.prior.denoiser import Draw, finish
from napari_padis.scan.geometry import ParallelGeometry
from napari_padis.scan.phantoms import shepp_logan_3d

N = 24


def keep(x, sigma, draw):
    """A denoiser that leaves everything as it is."""
    yield 1.0
    return x.clone()


@pytest.mark.parametrize("rho", [0.005, 0.02, 0.1])
def test_draws_of_the_likelihood_spread_as_they_must(rho):
    """Around their mean, which is the truth here, their energy is chi-squared.

    Conjugate gradients that begin at the perturbed image leave 1.15 to 70 times as much.
    """
    truth = torch.from_numpy(shepp_logan_3d((1, N, N)).array.copy())[:, None].float()
    truth = truth / truth.max()
    operator = ParallelBeam(ParallelGeometry.standard(20, (N, N), (1.0, 1.0), 1.0))
    problem = Problem(operator, operator.A(truth), 0.0, 1.0, 0.0, (1, 1, N, N))
    denoiser = SimpleNamespace(draw=lambda x, sigma, g: Draw(), denoise=keep)
    evaluator = Evaluator(denoiser, torch.Generator().manual_seed(0))
    most = int(find_method("split-gibbs").settings({})["cg"])
    z = finish(split_gibbs(problem, evaluator, truth.expand(50, 1, 1, N, N), [rho], 1, most))
    away = z - truth
    energy = problem.dot(problem.A(away), problem.A(away)).flatten() / problem.sigma_y**2
    energy += problem.dot(away, away).flatten() / rho**2
    assert float(energy.mean()) / N**2 == pytest.approx(1, abs=0.05)
