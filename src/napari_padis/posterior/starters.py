"""From a method's settings to its sampler: start, levels and step sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import islice

import torch
from torch import Tensor

from napari_padis.posterior import samplers
from napari_padis.posterior.conjugate import iterates
from napari_padis.posterior.methods import split
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.samplers import Evaluator, Level, Run
from napari_padis.posterior.schedule import geometric

Settings = Mapping[str, float]

#: Conjugate gradient steps of a weighted data step, relative to the method's ``cg``. Of photon
#: noise (60 views, 3000 photons) the mean of padis-fast has 29.4 dB with 5 steps and 30.5 dB
#: with 20.
WEIGHTED = 4


def start_fbp(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """Direct reconstruction, not clipped."""
    yield from ()
    return problem.direct().expand(samples, *problem.shape).clone()


def start_cg(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """``argmin_x |A x - y|^2 / 2 + ridge |x - c|^2 / 2`` by conjugate gradients from c.

    The centre c is zero for complex images: CG-SENSE (Pruessmann et al., MRM 46:638, 2001).
    Otherwise it is the direct reconstruction, so that what the data do not show stays as it
    is there instead of being pulled to vacuum.
    """
    ridge, iterations = settings["ridge"], int(settings["iterations"])

    def apply(x: Tensor) -> Tensor:
        return problem.AT(problem.A(x)) + ridge * x

    centre = problem.direct()[None]
    if problem.shape[-3] == 2:
        centre = torch.zeros_like(centre)
    rhs = problem.AT(problem.y - problem.A(centre))
    steps_from_centre = iterates(apply, rhs, torch.zeros_like(rhs), problem.dot)
    for i, change in enumerate(islice(steps_from_centre, iterations)):
        x = centre + change
        yield Level(0, i, iterations, math.nan, x, None)
    return x.expand(samples, *problem.shape).clone()


def start_fast(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """Few steps; each sample's last data-consistent denoised estimate."""
    return (yield from _descend_and_correct(problem, evaluator, samples, steps, settings, True))


def start_calibrated(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """More levels; the samples themselves, with the noise of the last level."""
    return (yield from _descend_and_correct(problem, evaluator, samples, steps, settings, False))


def _descend_and_correct(
    problem: Problem,
    evaluator: Evaluator,
    samples: int,
    steps: int,
    settings: Settings,
    denoised: bool,
) -> Run:
    """DDS from FBP plus noise down to ``sigma_switch``, then the predictor-corrector part.

    The start follows come-closer-diffuse-faster (Chung et al., CVPR 2022): noise well
    above the error of the direct reconstruction. Weighted data get :data:`WEIGHTED` times the
    conjugate gradient steps.
    """
    descent, levels = split(steps, settings)
    cg, switch = int(settings["cg"]), settings["sigma_switch"]
    if problem.weighted:
        cg *= WEIGHTED

    def gamma(sigma: float) -> float:
        return evaluator.denoiser.error_variance(sigma) / problem.sigma_y**2

    x = problem.start().expand(samples, *problem.shape).clone()
    sigmas = geometric(settings["sigma_max"], switch, descent)
    x = x + sigmas[0] * evaluator.noise(x)
    x = yield from samplers.dds(
        problem, evaluator, x, sigmas, gamma, cg, eta=1.0, levels=descent + levels
    )
    x = x + switch * evaluator.noise(x)
    return (
        yield from samplers.predictor_corrector(
            problem,
            evaluator,
            x,
            geometric(switch, settings["sigma_min"], levels),
            int(settings["inner"]),
            settings["epsilon"],
            cg,
            first=descent,
            denoised=denoised,
        )
    )


def start_padis(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """The published preset: Gaussian start, geometric levels, norm gradient."""
    inner = int(settings["inner"])
    sigmas = geometric(settings["sigma_max"], settings["sigma_min"], max(1, round(steps / inner)))
    like = problem.start().expand(samples, *problem.shape)
    x = sigmas[0] * evaluator.noise(like)
    # The published zeta belongs to ODL's units, in which |A|^2 is 6.25 per view.
    views = problem.y.shape[-3 if problem.coupled else -2]
    scale = math.sqrt(settings["norm_squared_per_view"] * views)
    zeta = settings["zeta"] * scale
    return (
        yield from samplers.padis(problem, evaluator, x, sigmas, inner, settings["epsilon"], zeta)
    )


STARTERS: dict[str, Callable[[Problem, Evaluator, int, int, Settings], Run]] = {
    "fbp": start_fbp,
    "cg": start_cg,
    "padis-fast": start_fast,
    "padis-calibrated": start_calibrated,
    "padis": start_padis,
}
