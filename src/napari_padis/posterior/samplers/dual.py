"""Posterior sampling with a dual variable that is carried down the noise levels."""

from __future__ import annotations

from itertools import pairwise

from napari_padis.posterior.evaluator import Evaluator, Level, Run
from napari_padis.posterior.plug_and_play import Halves
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.steps import ddim, noisy


def dual(
    problem: Problem,
    evaluator: Evaluator,
    halves: Halves,
    sigmas: list[float],
    rho_max: float,
    iterations: int,
    first: int = 0,
    levels: int | None = None,
) -> Run:
    """Ancestral sampling around E[x0 | x, y], with one step of ADMM at each noise level.

    The state x is a second measurement of x0, with the noise sigma. What is minimised,

        |A z - y|^2 / (2 sigma_y^2)  +  phi(z)  +  |z - x|^2 / (2 sigma^2),   phi = -log prior,

    is split into v = z with the penalty 1 / rho^2 of ADMM; the proximal map of the last two terms
    is the denoiser at a lower level s. The pull w of the data goes *through* the denoiser, so that
    nothing need be assumed of the denoiser's error.

        x = z + sigma n                                                                  # 0
        rho = min(sigma, rho_max),  s = (1 / sigma^2 + 1 / rho^2)^(-1/2)                 # 1
        v = argmin |A v - y|^2 / (2 sigma_y^2) + |v - (z - rho^2 w)|^2 / (2 rho^2)       # 2
        z = D(s^2 (x / sigma^2 + (v + rho^2 w) / rho^2), s)                              # 3
        w = w + (v - z) / rho^2                                                          # 4
        x = z + sqrt(sigma'^2 - t^2) (x - z) / sigma + t n                               # 5
            with t^2 = sigma'^2 (1 - sigma'^2 / sigma^2), n white noise

    Parameters
    ----------
    problem : Problem
    evaluator : Evaluator
    halves : Halves
        Of every chain; changed.
    sigmas : list of float
        Falling noise levels.
    rho_max : float
        Small ones meet the data soon but move little where the data say nothing.
    iterations : int
        Most conjugate gradients of a data step.
    first, levels : int
        Levels gone through before, and in all, for the progress.

    Returns
    -------
    Tensor, shape (N, S, C, H, W)
        z of the last level.
    """
    count = levels or first + len(sigmas)
    x = noisy(evaluator, halves.z, sigmas[0])  # 0
    for i, (sigma, below) in enumerate(pairwise((*sigmas, 0.0))):
        rho = min(sigma, rho_max)  # 1
        s = (sigma**-2 + rho**-2) ** -0.5
        pulled = halves.meet(problem, rho, iterations)  # 2
        mixed = (pulled / rho**2).add_(x, alpha=sigma**-2).mul_(s**2)
        z, draw = yield from evaluator.denoise(mixed, s)  # 3
        del mixed
        halves.pull(pulled, z, rho)  # 4
        yield Level(evaluator.count, first + i, count, sigma, z, draw.shift)
        if below:
            x = ddim(evaluator, z, (x - z).div_(sigma), sigma, below, eta=1.0)  # 5
    return halves.z
