"""Noise-aware Langevin dynamics, with and without a gradient through the network."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from napari_padis.posterior.conjugate import TOLERANCE, proximal
from napari_padis.posterior.drawing import LAST, Drawing
from napari_padis.posterior.evaluator import Drawn, Evaluator, Level, Run
from napari_padis.posterior.guard import Guard
from napari_padis.posterior.local_error import local_gamma
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.schedule import geometric
from napari_padis.posterior.steps import (
    Settings,
    cg_steps,
    error_variance,
    langevin,
    noisy_start,
)


def aware_langevin(
    problem: Problem,
    evaluator: Evaluator,
    x: Tensor,
    sigmas: list[float],
    inner: int,
    epsilon: float,
    iterations: int,
    variance: Callable[[float], float],
    gradient: bool,
    drawing: Drawing = LAST,
    local: bool = False,
) -> Run:
    """Langevin dynamics of the posterior, p(x0 | x_sigma) being taken for N(D, r^2 I).

    The likelihood's score then moves the denoised image by
    ``sigma^2 J^T A^T (sigma_y^2 I + r^2 A A^T)^-1 (y - A D)`` with the Jacobian J of the
    denoiser and its error r^2, the ``variance`` at a level. Without the ``gradient`` J is taken
    for r^2 / sigma^2, and what remains is the proximal step with gamma = r^2 / sigma_y^2; with
    it, that step is multiplied by ``sigma^2 / r^2 J^T``. The noise of the last level stays.

    Without the gradient r^2 may be ``local``: the squared error of each pixel that the network
    foretells, where it does.
    """
    guard = Guard(problem, x, sigmas[0])
    for i, sigma in enumerate(sigmas):
        r2 = variance(sigma)
        for _ in range(inner):
            gamma: float | Tensor = r2 / problem.sigma_y**2
            if local:
                denoised, error, draw = yield from evaluator.denoise_with_error(x, sigma)
                gamma = local_gamma(problem, evaluator, denoised, error, sigma)
                del error
            else:
                denoised, draw = yield from evaluator.denoise(x, sigma, again=gradient)
            residual = problem.A(denoised).sub_(problem.y)
            estimate = proximal(problem, denoised, gamma, iterations, tolerance=TOLERANCE)
            yield Level(evaluator.count, i, len(sigmas), sigma, estimate, draw.shift)
            target = estimate - denoised
            if gradient:
                target = yield from evaluator.vjp(x, sigma, draw, target.mul_(sigma**2 / r2))
            target.mul_(guard.factor).add_(denoised)
            del denoised, draw, gamma
            x = yield from guard.watch(
                langevin(evaluator, x, target, sigma, epsilon), sigma, residual
            )
            del target
        if drawing.due(len(sigmas) - 1 - i):
            yield Drawn(x)
    return x


def start(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """Without a gradient: many cheap steps."""
    return (yield from _start(problem, evaluator, samples, steps, settings, gradient=False))


def start_gradient(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """With the gradient through the network: fewer, dearer steps.

    Their data step is divided by the error, so that the measured one, too small for the coarse
    parts of an image, makes it too long there: ``tau`` has to be above the spread of these.
    """
    return (yield from _start(problem, evaluator, samples, steps, settings, gradient=True))


def _start(
    problem: Problem,
    evaluator: Evaluator,
    samples: int,
    steps: int,
    settings: Settings,
    gradient: bool,
) -> Run:
    inner = int(settings["inner"])
    sigmas = geometric(settings["sigma_max"], settings["sigma_min"], max(1, round(steps / inner)))
    x = noisy_start(problem, evaluator, samples, sigmas[0])
    variance = error_variance(evaluator, settings["tau"])
    epsilon, cg, drawing = settings["epsilon"], cg_steps(problem, settings), Drawing.of(settings)
    sigmas = drawing.levels(sigmas)
    return (
        yield from aware_langevin(
            problem,
            evaluator,
            x,
            sigmas,
            inner,
            epsilon,
            cg,
            variance,
            gradient,
            drawing,
            local=not gradient and not settings["tau"],
        )
    )
