"""Noise-aware predictor and corrector."""

from __future__ import annotations

from torch import Tensor

from napari_padis.posterior.conjugate import TOLERANCE, proximal
from napari_padis.posterior.evaluator import Evaluator, Level, Run
from napari_padis.posterior.guard import Guard
from napari_padis.posterior.local_error import local_gamma
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.steps import ddim, langevin


def aware_corrector(
    problem: Problem,
    evaluator: Evaluator,
    x: Tensor,
    sigmas: list[float],
    inner: int,
    epsilon: float,
    iterations: int,
    first: int = 0,
) -> Run:
    """Noise-aware predictor-corrector sampling without back-propagation.

    Approximates p(x0 | x_sigma) by N(D, R) with the squared error R of each pixel that the
    network foretells, or else the tabulated r^2 I, so that the data step is proximal with
    gamma = R / sigma_y^2.  At every
    level ``inner - 1`` Langevin steps correct the distribution and one deterministic
    DDIM step leads to the next level; without it the noise of the level above leaves
    too slowly and the spread comes out too wide.  The last level has ``inner``
    Langevin steps and keeps its noise.
    """
    guard = Guard(problem, x, sigmas[0])
    for i, sigma in enumerate(sigmas):
        for j in range(inner):
            x = yield from guard.watch(x, sigma)
            clean, error, draw = yield from evaluator.denoise_with_error(x, sigma)
            gamma = local_gamma(problem, evaluator, clean, error, sigma, guard.factor)
            estimate = proximal(problem, clean, gamma, iterations, tolerance=TOLERANCE)
            yield Level(
                evaluator.count, first + i, first + len(sigmas), sigma, estimate, draw.shift
            )
            if j == inner - 1 and i + 1 < len(sigmas):
                noise = (x - clean).div_(sigma)
                x = ddim(evaluator, estimate, noise, sigma, sigmas[i + 1], eta=0.0)
                del noise
            else:
                x = langevin(evaluator, x, estimate, sigma, epsilon)
            del clean, error, gamma
    return x
