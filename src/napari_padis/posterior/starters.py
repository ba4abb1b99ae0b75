"""From a method's settings to its sampler: start, levels and step sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from napari_padis.posterior import samplers
from napari_padis.posterior.methods import split
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.samplers import Evaluator, Run
from napari_padis.posterior.schedule import geometric

Settings = Mapping[str, float]


def noise_aware(
    problem: Problem, evaluator: Evaluator, trust: float = 1.0
) -> Callable[[float], float]:
    """Weight of the data, r_t^2 / sigma_y^2: the denoiser's error against the noise.

    ``trust`` above 1 pulls harder towards the data than the noise level warrants.
    """
    return lambda sigma: trust * evaluator.denoiser.error_variance(sigma) / problem.sigma_y**2


def start_fbp(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """Direct reconstruction, not clipped."""
    yield from ()
    x = (problem.operator.pinv(problem.data) - problem.offset) / problem.gain
    return x.expand(samples, *problem.shape).clone()


def start_fast(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """DDS from the direct reconstruction plus noise (come-closer-diffuse-faster)."""
    sigmas = geometric(settings["sigma_max"], settings["sigma_min"], steps)
    gamma = noise_aware(problem, evaluator, settings["trust"])
    x = samplers.initial(problem, samples)
    x = x + sigmas[0] * evaluator.noise(x)
    return (
        yield from samplers.dds(
            problem, evaluator, x, sigmas, gamma, int(settings["cg"]), settings["eta"]
        )
    )


def start_calibrated(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """DDS down to ``sigma_switch``, then noise-aware Langevin dynamics."""
    descent, levels = split(steps, settings)
    cg, switch = int(settings["cg"]), settings["sigma_switch"]
    gamma = noise_aware(problem, evaluator)
    x = samplers.initial(problem, samples)
    sigmas = geometric(settings["sigma_max"], switch, descent)
    x = x + sigmas[0] * evaluator.noise(x)
    x = yield from samplers.dds(
        problem, evaluator, x, sigmas, gamma, cg, eta=1.0, levels=descent + levels
    )
    x = x + switch * evaluator.noise(x)
    return (
        yield from samplers.langevin(
            problem,
            evaluator,
            x,
            geometric(switch, settings["sigma_min"], levels),
            int(settings["inner"]),
            settings["epsilon"],
            cg,
            first=descent,
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
    scale = math.sqrt(settings["norm_squared_per_view"] * problem.y.shape[-2])
    zeta = settings["zeta"] * scale
    return (
        yield from samplers.padis(problem, evaluator, x, sigmas, inner, settings["epsilon"], zeta)
    )


STARTERS: dict[str, Callable[[Problem, Evaluator, int, int, Settings], Run]] = {
    "fbp": start_fbp,
    "padis-fast": start_fast,
    "padis-calibrated": start_calibrated,
    "padis": start_padis,
}
