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
#: Noise of the start relative to the error of the direct reconstruction.
FOR_MEAN = 2.5
#: Level of ADMM's denoiser relative to that error and, at least, to the noise of the data; its
#: least and largest value, and the one where too few evaluations are left to find it. A level near
#: the noise moves little where the data are blurred: deblurring had 31.8 dB at 6 times the noise
#: and 32.7 at 12 times.
FOR_ADMM, FOR_NOISE, COUPLINGS, MIDDLE = 1.5, 12.0, (0.02, 0.15), 0.05


def start_level(
    problem: Problem, evaluator: Evaluator, settings: Settings
) -> Generator[State, None, tuple[float, int]]:
    """The setting ``sigma_max``; where it is 0, FOR_MEAN times the error of the direct picture.

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
    return min(max(FOR_MEAN * error, 2 * settings["sigma_min"]), 10.0), PILOT


def coupling(
    problem: Problem, evaluator: Evaluator, settings: Settings, evaluations: int
) -> Generator[State, None, tuple[float, int]]:
    """The setting ``sigma``; where it is 0, FOR_ADMM times the error of the direct picture.

    The harder the problem, the larger the steps that the denoiser must take; it is FOR_NOISE times
    the noise in the picture at least, and kept within COUPLINGS. Of fewer than twice PILOT
    ``evaluations`` none are spent on it: then it is MIDDLE.

    Returns
    -------
    tuple of float and int
        The level, and the network evaluations that were spent on it.
    """
    if settings["sigma"] > 0:
        return settings["sigma"], 0
    if evaluations < 2 * PILOT:
        return MIDDLE, 0
    error = yield from direct_error(problem, evaluator)
    level = max(FOR_ADMM * error, FOR_NOISE * problem.noise, COUPLINGS[0])
    return min(level, COUPLINGS[1]), PILOT


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
