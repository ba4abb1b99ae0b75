"""Predictor-corrector sampling with data steps at the noisy state."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor

from napari_padis.posterior.evaluator import Evaluator, Level, Run
from napari_padis.posterior.guard import Guard
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.schedule import geometric
from napari_padis.posterior.steps import Settings, noisy_start, towards_data


def predictor_corrector(
    problem: Problem,
    evaluator: Evaluator,
    x: Tensor,
    sigmas: list[float],
    zeta: float,
    snr: float,
) -> Run:
    """Reverse diffusion and one Langevin step a level (Song et al., ICLR 2021, Alg. 2 and 4).

    A data step follows each of them, as in the comparison of Hu et al. (PaDIS, NeurIPS 2024).
    The size of the Langevin step comes from the ratio ``snr`` of score to noise. The levels are
    one more than the pairs of evaluations; the last one is the noise that stays.
    """
    guard, count = Guard(problem, x, sigmas[0]), len(sigmas) - 1
    for i, (sigma, below) in enumerate(pairwise(sigmas)):
        denoised, draw = yield from evaluator.denoise(x, sigma)
        share = 1 - (below / sigma) ** 2
        x = x + share * (denoised - x) + sigma * math.sqrt(share) * evaluator.noise(x)
        residual = problem.A(x) - problem.y
        x.add_(towards_data(problem, residual, below), alpha=guard.factor * zeta)
        x = yield from guard.watch(x, below, residual)
        yield Level(evaluator.count, i, count, sigma, denoised, draw.shift)

        denoised, draw = yield from evaluator.denoise(x, below)
        score, noise = (denoised - x) / below**2, evaluator.noise(x)
        ratio = problem.dot(noise, noise) / problem.dot(score, score).clamp_min(1e-12)
        epsilon = (2 * snr**2 * ratio).clamp_max(below**2)
        x = x + epsilon * score + (2 * epsilon).sqrt() * noise
        residual = problem.A(x) - problem.y
        x.add_(towards_data(problem, residual, below), alpha=guard.factor * zeta)
        x = yield from guard.watch(x, below, residual)
        yield Level(evaluator.count, i, count, below, denoised, draw.shift)
    return x


def start(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """Geometric levels from noise."""
    levels = max(1, round(steps / 2))
    sigmas = geometric(settings["sigma_max"], settings["sigma_min"], levels + 1)
    x = noisy_start(problem, evaluator, samples, sigmas[0])
    zeta, snr = settings["zeta"], settings["snr"]
    return (yield from predictor_corrector(problem, evaluator, x, sigmas, zeta, snr))
