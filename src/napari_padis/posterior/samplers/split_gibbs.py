"""Split Gibbs sampling (PnP-DM): exact draws of the likelihood and of the prior in turn."""

from __future__ import annotations

from torch import Tensor

from napari_padis.posterior.conjugate import TOLERANCE, proximal
from napari_padis.posterior.drawing import LAST, Drawing
from napari_padis.posterior.evaluator import Drawn, Evaluator, Level, Run
from napari_padis.posterior.guard import Guard
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.schedule import geometric
from napari_padis.posterior.steps import Settings, cg_steps, ddim, noisy_start

#: The prior's draw descends from the coupling rho to this share of it.
DESCENT = 0.05


def split_gibbs(
    problem: Problem,
    evaluator: Evaluator,
    x: Tensor,
    rhos: list[float],
    inner: int,
    iterations: int,
    drawing: Drawing = LAST,
) -> Run:
    """Plug-and-play diffusion models (Wu et al., PnP-DM, NeurIPS 2024, Alg. 1).

    Each iteration draws z from ``exp(-|A z - y|^2 / 2 sigma_y^2 - |z - x|^2 / 2 rho^2)``, by
    solving the least-squares problem of perturbed data (perturb and optimise, Orieux et al.,
    2012), then x from p(x | z) at the noise level rho, in ``inner`` network evaluations. Unbiased
    only as rho becomes small against the spread of the posterior, but the smaller it is, the
    less a draw differs from the one before.

    The solution is sought from the x before. The perturbed x is far from the data, and what
    conjugate gradients leave of that distance would spread the draws.
    """
    guard = Guard(problem, x, rhos[0])
    for i, rho in enumerate(rhos):
        y = problem.A(x)
        y = problem.y + problem.sigma_y * evaluator.noise(y)
        gamma = guard.factor * (rho / problem.sigma_y) ** 2
        centre = x + rho * evaluator.noise(x)
        z = proximal(problem, centre, gamma, iterations, start=x, y=y, tolerance=TOLERANCE)
        state = yield from guard.watch(z, rho)
        sigmas = geometric(rho, DESCENT * rho, inner)
        for j, sigma in enumerate(sigmas):
            x, draw = yield from evaluator.denoise(state, sigma)
            yield Level(evaluator.count, i, len(rhos), sigma, x, draw.shift)
            if j + 1 < len(sigmas):
                direction = (state - x).div_(sigma)
                state = ddim(evaluator, x, direction, sigma, sigmas[j + 1], 1.0)
        if drawing.due(len(rhos) - 1 - i):
            yield Drawn(x)
    return x


def start(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """The coupling falls for three quarters of the iterations and stays for the last.

    All these are burn-in if several draws are wanted; the published code takes 40 of 100
    iterations for that, and then a draw every third.
    """
    inner = int(settings["inner"])
    count = max(1, round(steps / inner))
    falling = max(1, round(0.75 * count))
    rhos = geometric(settings["rho_max"], settings["rho_min"], falling)
    rhos += [rhos[-1]] * (count - falling)
    x = noisy_start(problem, evaluator, samples, rhos[0])
    drawing, cg = Drawing.of(settings), cg_steps(problem, settings)
    return (yield from split_gibbs(problem, evaluator, x, drawing.levels(rhos), inner, cg, drawing))
