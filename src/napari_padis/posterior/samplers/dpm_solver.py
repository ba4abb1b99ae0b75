"""DPM-Solver++ of second order in sigma space, around the data-corrected denoiser."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor

from napari_padis.posterior.conjugate import TOLERANCE, proximal
from napari_padis.posterior.evaluator import Evaluator, Level, Run
from napari_padis.posterior.guard import Guard
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.schedule import geometric
from napari_padis.posterior.steps import Settings, aware_gamma, cg_steps, noisy_start
from napari_padis.posterior.warm import start_level
from napari_padis.prior.denoiser import Draw


def dpm_solver(
    problem: Problem,
    evaluator: Evaluator,
    x: Tensor,
    sigmas: list[float],
    gamma: Callable[[float], float],
    iterations: int,
    eta: float,
    hold: int,
    first: int = 0,
    tolerance: float = 0.0,
) -> Run:
    """DPM-Solver++(2M) (Lu et al., 2022, Alg. 2), its SDE form where ``eta`` is 1.

    With h = log(sigma / sigma') and the estimate moved on by half its last change, relative to
    the steps. The grid of patches is held for ``hold`` evaluations: a change of the grid changes
    the estimate too, which the solver would take for its slope, so that the step after it is of
    first order. Returns the last estimate.
    """
    guard = Guard(problem, x, sigmas[0])
    draw: Draw | None = None
    previous, step = x, 0.0
    for i, sigma in enumerate(sigmas):
        x = yield from guard.watch(x, sigma)
        last = draw
        denoised, draw = yield from evaluator.denoise(x, sigma, last if i % hold else None)
        estimate = proximal(
            problem, denoised, guard.factor * gamma(sigma), iterations, tolerance=tolerance
        )
        yield Level(evaluator.count, first + i, first + len(sigmas), sigma, estimate, draw.shift)
        if i + 1 < len(sigmas):
            h = math.log(sigma / sigmas[i + 1])
            target = estimate
            if last is not None and last.shift == draw.shift:
                target = estimate + h / (2 * step) * (estimate - previous)
            kept = math.exp(-(1 + eta) * h)
            x = kept * x + (1 - kept) * target
            if eta:
                spread = sigmas[i + 1] * math.sqrt(1 - math.exp(-2 * eta * h))
                x = x + spread * evaluator.noise(x)
            previous, step = estimate, h
    return estimate


def start(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """Geometric levels from the direct reconstruction plus noise."""
    sigma_max, used = yield from start_level(problem, evaluator, settings)
    sigmas = geometric(sigma_max, settings["sigma_min"], max(1, steps - used))
    x = noisy_start(problem, evaluator, samples, sigma_max)
    gamma, cg = aware_gamma(problem, evaluator, settings["tau"]), cg_steps(problem, settings)
    eta, hold = settings["eta"], int(settings["hold"])
    return (
        yield from dpm_solver(
            problem, evaluator, x, sigmas, gamma, cg, eta, hold, first=used, tolerance=TOLERANCE
        )
    )
