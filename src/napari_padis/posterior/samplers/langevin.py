"""Langevin dynamics with the data step at the noisy state, not through the network."""

from __future__ import annotations

from torch import Tensor

from napari_padis.posterior.evaluator import Evaluator, Level, Run
from napari_padis.posterior.guard import Guard
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.schedule import geometric
from napari_padis.posterior.steps import Settings, langevin, noisy_start, towards_data


def annealed_langevin(
    problem: Problem,
    evaluator: Evaluator,
    x: Tensor,
    sigmas: list[float],
    inner: int,
    epsilon: float,
    zeta: float,
) -> Run:
    """Annealed Langevin dynamics (the "Langevin" of Hu et al., PaDIS, NeurIPS 2024).

    A gradient step of the data at the state, then one of the prior with its score before it.
    In place of the paper's step of fixed length, tied to the units of its forward map, ``zeta``
    multiplies the gradient of ``|A x - y|^2 / 2``, with the weight that it has at each level.
    """
    guard = Guard(problem, x, sigmas[0])
    for i, sigma in enumerate(sigmas):
        for _ in range(inner):
            denoised, draw = yield from evaluator.denoise(x, sigma)
            residual = problem.A(x) - problem.y
            yield Level(evaluator.count, i, len(sigmas), sigma, denoised, draw.shift)
            moved = langevin(evaluator, x, denoised, sigma, epsilon, keeping=False)
            moved.add_(towards_data(problem, residual, sigma), alpha=guard.factor * zeta)
            x = yield from guard.watch(moved, sigma, residual)
    return x


def start(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """Geometric levels from noise."""
    inner = int(settings["inner"])
    sigmas = geometric(settings["sigma_max"], settings["sigma_min"], max(1, round(steps / inner)))
    x = noisy_start(problem, evaluator, samples, sigmas[0])
    epsilon, zeta = settings["epsilon"], settings["zeta"]
    return (yield from annealed_langevin(problem, evaluator, x, sigmas, inner, epsilon, zeta))
