"""Noise-aware predictor and corrector."""

from __future__ import annotations

from torch import Tensor

from napari_padis.posterior.conjugate import TOLERANCE, proximal
from napari_padis.posterior.evaluator import Evaluator, Level, Run
from napari_padis.posterior.guard import Guard
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.steps import aware_gamma, ddim, langevin


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

    Approximates p(x0 | x_sigma) by N(D, r^2 I) with the tabulated denoising error
    r^2, so that the data step is proximal with gamma = r^2 / sigma_y^2.  At every
    level ``inner - 1`` Langevin steps correct the distribution and one deterministic
    DDIM step leads to the next level; without it the noise of the level above leaves
    too slowly and the spread comes out too wide.  The last level has ``inner``
    Langevin steps and keeps its noise.
    """
    guard = Guard(problem, x, sigmas[0])
    gamma = aware_gamma(problem, evaluator)
    for i, sigma in enumerate(sigmas):
        for j in range(inner):
            x = yield from guard.watch(x, sigma)
            clean, draw = yield from evaluator.denoise(x, sigma)
            estimate = proximal(
                problem, clean, guard.factor * gamma(sigma), iterations, tolerance=TOLERANCE
            )
            yield Level(
                evaluator.count, first + i, first + len(sigmas), sigma, estimate, draw.shift
            )
            if j == inner - 1 and i + 1 < len(sigmas):
                noise = (x - clean).div_(sigma)
                x = ddim(evaluator, estimate, noise, sigma, sigmas[i + 1], eta=0.0)
                del noise
            else:
                x = langevin(evaluator, x, estimate, sigma, epsilon)
            del clean
    return x
