"""How much noise a warm start needs: the error of the direct reconstruction, from the data."""

from __future__ import annotations

import math
from collections.abc import Generator
from itertools import pairwise

from napari_padis.posterior.conjugate import proximal
from napari_padis.posterior.evaluator import Evaluator, State
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.schedule import geometric
from napari_padis.posterior.steps import Settings, aware_gamma

#: Network evaluations, of one sample, that finding the level takes.
PILOT = 4
#: First and last noise level of the pilot, and conjugate gradient steps of its data steps.
PILOT_LEVELS = (1.0, 0.1)
PILOT_CG = 5
#: Noise of the start relative to the error of the direct reconstruction, for a mean picture and
#: for its uncertainty. Measured on a Gaussian problem: with less noise the samples remember
#: where they came from, and their intervals are too narrow.
FOR_MEAN, FOR_SPREAD = 2.5, 5.0


def start_level(
    problem: Problem, evaluator: Evaluator, settings: Settings, factor: float
) -> Generator[State, None, tuple[float, int]]:
    """The setting ``sigma_max``; where it is 0, ``factor`` times the error of the direct picture.

    That error is the distance to the end of a short deterministic descent (PILOT evaluations
    of one sample). Chung et al. ("Come-closer-diffuse-faster", CVPR 2022) start from noise that
    dominates it.

    Returns
    -------
    tuple of float and int
        The level, and the network evaluations that were spent on it.
    """
    if settings["sigma_max"] > 0:
        return settings["sigma_max"], 0
    error = yield from direct_error(problem, evaluator)
    least = 2 * settings.get("sigma_switch", settings["sigma_min"])
    return min(max(factor * error, least), 10.0), PILOT


def direct_error(problem: Problem, evaluator: Evaluator) -> Generator[State, None, float]:
    """RMS error of the direct reconstruction on the prior's scale, that of the worst image."""
    gamma = aware_gamma(problem, evaluator)
    first = problem.start()[None]
    sigmas = geometric(*PILOT_LEVELS, PILOT)
    x = first + sigmas[0] * evaluator.noise(first)
    for sigma, below in pairwise((*sigmas, 0.0)):
        denoised, _ = yield from evaluator.denoise(x, sigma)
        estimate = proximal(problem, denoised, gamma(sigma), PILOT_CG)
        x = estimate + below * (x - denoised) / sigma
    difference = estimate - first
    axes = tuple(range(problem.first_axis, difference.ndim))
    return math.sqrt(float(difference.square().mean(axes).max()))
