"""Decomposed diffusion sampling: denoise, solve for the data, take a DDIM step."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from napari_padis.posterior.conjugate import TOLERANCE, proximal
from napari_padis.posterior.evaluator import Evaluator, Level, Run
from napari_padis.posterior.guard import Guard
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.schedule import geometric
from napari_padis.posterior.steps import Settings, aware_gamma, cg_steps, ddim, noisy_start
from napari_padis.posterior.warm import start_level


def dds(
    problem: Problem,
    evaluator: Evaluator,
    x: Tensor,
    sigmas: list[float],
    gamma: Callable[[float], float],
    iterations: int,
    eta: float,
    first: int = 0,
    tolerance: float = 0.0,
) -> Run:
    """Decomposed diffusion sampling in sigma space (Chung et al., ICLR 2024).

    ``x`` is a sample at noise level ``sigmas[0]``; DDIM steps around the proximal
    data step.  Returns the last data-consistent estimate.
    """
    guard = Guard(problem, x, sigmas[0])
    count = first + len(sigmas)
    for i, sigma in enumerate(sigmas):
        x = yield from guard.watch(x, sigma)
        denoised, draw = yield from evaluator.denoise(x, sigma)
        estimate = proximal(
            problem, denoised, guard.factor * gamma(sigma), iterations, tolerance=tolerance
        )
        yield Level(evaluator.count, first + i, count, sigma, estimate, draw.shift)
        if i + 1 < len(sigmas):
            direction = (x - denoised).div_(sigma)
            del denoised
            x = ddim(evaluator, estimate, direction, sigma, sigmas[i + 1], eta)
    return estimate


def start(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """Geometric levels from the direct reconstruction plus noise."""
    gamma = aware_gamma(problem, evaluator, settings["tau"])
    sigma_max, used = yield from start_level(problem, evaluator, settings)
    sigmas = geometric(sigma_max, settings["sigma_min"], max(1, steps - used))
    cg, eta = cg_steps(problem, settings), settings["eta"]
    # Without a name here, the start goes as soon as the sampler has left it.
    return (
        yield from dds(
            problem,
            evaluator,
            noisy_start(problem, evaluator, samples, sigma_max),
            sigmas,
            gamma,
            cg,
            eta,
            first=used,
            tolerance=TOLERANCE,
        )
    )
