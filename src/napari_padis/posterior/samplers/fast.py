"""PaDIS fast and calibrated: a descent by DDS, then a noise-aware predictor and corrector."""

from __future__ import annotations

from torch import Tensor

from napari_padis.posterior.conjugate import TOLERANCE, proximal
from napari_padis.posterior.evaluator import Evaluator, Level, Run
from napari_padis.posterior.guard import Guard
from napari_padis.posterior.leading import LedEvaluator
from napari_padis.posterior.method import leaders, split
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.samplers.dds import dds
from napari_padis.posterior.schedule import geometric
from napari_padis.posterior.steps import (
    Settings,
    aware_gamma,
    cg_steps,
    ddim,
    langevin,
    noisy,
    noisy_start,
)
from napari_padis.posterior.warm import FOR_MEAN, FOR_SPREAD, start_level


def aware_corrector(
    problem: Problem,
    evaluator: Evaluator,
    x: Tensor,
    sigmas: list[float],
    inner: int,
    epsilon: float,
    iterations: int,
    first: int = 0,
    denoised: bool = False,
) -> Run:
    """Noise-aware predictor-corrector sampling without back-propagation.

    Approximates p(x0 | x_sigma) by N(D, r^2 I) with the tabulated denoising error
    r^2, so that the data step is proximal with gamma = r^2 / sigma_y^2.  At every
    level ``inner - 1`` Langevin steps correct the distribution and one deterministic
    DDIM step leads to the next level; without it the noise of the level above leaves
    too slowly and the spread comes out too wide.  The last level has ``inner``
    Langevin steps and keeps its noise, unless the ``denoised`` estimate is wanted.
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
    return estimate if denoised else x


def start_fast(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """Few steps; each sample's last data-consistent denoised estimate."""
    sigma_max, used = yield from start_level(problem, evaluator, settings, FOR_MEAN)
    return (
        yield from _descend(problem, evaluator, samples, steps, settings, sigma_max, used, True)
    )


def start_calibrated(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """More levels; the samples themselves, with the noise of the last level."""
    sigma_max, used = yield from start_level(problem, evaluator, settings, FOR_SPREAD)
    return (
        yield from _descend(problem, evaluator, samples, steps, settings, sigma_max, used, False)
    )


def _descend(
    problem: Problem,
    evaluator: Evaluator,
    samples: int,
    steps: int,
    settings: Settings,
    sigma_max: float,
    used: int,
    denoised: bool,
) -> Run:
    """DDS from the direct reconstruction plus noise to ``sigma_switch``, then the corrector."""
    descent, levels = split(steps, settings)
    cg, switch, inner = cg_steps(problem, settings), settings["sigma_switch"], settings["inner"]
    ahead = leaders(settings, evaluator.coupled)
    begins = LedEvaluator(evaluator) if ahead else evaluator
    # A coupled sample alone has no momentum, as nothing would take its noise away.
    momentum = settings["momentum"] if ahead + samples > 1 else 0.0
    # States get no name here, so that they go as soon as the samplers have left them.
    first_stage = dds(
        problem,
        begins,
        noisy_start(problem, begins, ahead + samples, sigma_max),
        geometric(sigma_max, switch, max(1, descent - used)),
        aware_gamma(problem, evaluator),
        cg,
        eta=1.0,
        first=used,
        levels=descent + levels,
        tolerance=TOLERANCE,
        momentum=momentum,
        leaders=ahead,
    )
    return (
        yield from aware_corrector(
            problem,
            evaluator,
            noisy(evaluator, (yield from first_stage), switch),
            geometric(switch, settings["sigma_min"], levels),
            int(inner),
            settings["epsilon"],
            cg,
            first=descent,
            denoised=denoised,
        )
    )
