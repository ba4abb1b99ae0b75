"""VE-DDNM: what the data determine from their direct reconstruction, the rest from the prior."""

from __future__ import annotations

from torch import Tensor

from napari_padis.posterior.evaluator import Evaluator, Level, Run
from napari_padis.posterior.guard import Guard
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.schedule import geometric
from napari_padis.posterior.steps import Settings, langevin, noisy_start


def ve_ddnm(
    problem: Problem,
    evaluator: Evaluator,
    x: Tensor,
    sigmas: list[float],
    inner: int,
    epsilon: float,
) -> Run:
    """Range and null space of A taken apart (Wang et al., DDNM, ICLR 2023, eq. 13).

    ``D + A^+ (y - A D)`` stands in for the denoised image in Langevin dynamics, as in the
    comparison of Hu et al. (PaDIS, NeurIPS 2024). ``A^+`` is the direct reconstruction, such as
    FBP, which is no exact inverse: where ``A A^+ A`` differs much from A the correction grows
    from step to step, and the guard shortens it.
    """
    guard, direct = Guard(problem, x, sigmas[0]), problem.direct()
    for i, sigma in enumerate(sigmas):
        for _ in range(inner):
            denoised, draw = yield from evaluator.denoise(x, sigma)
            projected = problem.A(denoised)
            change = problem.direct(projected).neg_().add_(direct)
            estimate = change.mul_(guard.factor).add_(denoised)
            del denoised, change
            yield Level(evaluator.count, i, len(sigmas), sigma, estimate, draw.shift)
            moved = langevin(evaluator, x, estimate, sigma, epsilon, keeping=False)
            x = yield from guard.watch(moved, sigma, projected.sub_(problem.y))
            del moved
    return estimate


def start(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """Geometric levels from noise."""
    inner = int(settings["inner"])
    sigmas = geometric(settings["sigma_max"], settings["sigma_min"], max(1, round(steps / inner)))
    x = noisy_start(problem, evaluator, samples, sigmas[0])
    return (yield from ve_ddnm(problem, evaluator, x, sigmas, inner, settings["epsilon"]))
