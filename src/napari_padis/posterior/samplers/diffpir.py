"""DiffPIR: a proximal data step, and noise that is part old, part new."""

from __future__ import annotations

import math

from torch import Tensor

from napari_padis.posterior.conjugate import TOLERANCE, proximal
from napari_padis.posterior.evaluator import Evaluator, Level, Run
from napari_padis.posterior.guard import Guard
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.schedule import geometric
from napari_padis.posterior.steps import Settings, cg_steps, noisy_start
from napari_padis.posterior.warm import start_level


def diffpir(
    problem: Problem,
    evaluator: Evaluator,
    x: Tensor,
    sigmas: list[float],
    weight: float,
    refresh: float,
    iterations: int,
    first: int = 0,
    tolerance: float = 0.0,
) -> Run:
    """Denoising diffusion models for plug-and-play restoration (Zhu et al., CVPRW 2023, Alg. 1).

    Half-quadratic splitting with ``rho = weight sigma_y^2 / sigma^2`` (the paper's lambda); the
    noise of the next level is what the data-consistent estimate leaves of the old one, and a
    share ``refresh`` (the paper's zeta) of new noise.
    """
    guard = Guard(problem, x, sigmas[0])
    for i, sigma in enumerate(sigmas):
        x = yield from guard.watch(x, sigma)
        denoised, draw = yield from evaluator.denoise(x, sigma)
        gamma = guard.factor * sigma**2 / (weight * problem.sigma_y**2)
        estimate = proximal(problem, denoised, gamma, iterations, tolerance=tolerance)
        yield Level(evaluator.count, first + i, first + len(sigmas), sigma, estimate, draw.shift)
        if i + 1 < len(sigmas):
            old = math.sqrt(1 - refresh) * (x - estimate) / sigma
            x = estimate + sigmas[i + 1] * (old + math.sqrt(refresh) * evaluator.noise(x))
    return estimate


def start(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """Geometric levels from the direct reconstruction plus noise."""
    sigma_max, used = yield from start_level(problem, evaluator, settings)
    sigmas = geometric(sigma_max, settings["sigma_min"], max(1, steps - used))
    x = noisy_start(problem, evaluator, samples, sigma_max)
    weight, refresh = settings["lambda"], settings["refresh"]
    cg = cg_steps(problem, settings)
    return (
        yield from diffpir(
            problem, evaluator, x, sigmas, weight, refresh, cg, first=used, tolerance=TOLERANCE
        )
    )
