"""Plug-and-play ADMM: a denoiser in the place of a regulariser's proximal map."""

from __future__ import annotations

import torch
from torch import Tensor

from napari_padis.posterior.conjugate import TOLERANCE, proximal
from napari_padis.posterior.denoising_step import SteadyDenoiser
from napari_padis.posterior.evaluator import Evaluator, Level, Run
from napari_padis.posterior.method import Options
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.steps import cg_steps


def start(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Options
) -> Run:
    """Plug-and-play ADMM from the direct reconstruction; every sample is the same image.

    The denoiser of noise level ``sigma`` stands for the proximal map of ``sigma^2`` times
    minus the logarithm of the prior; ``strength`` multiplies that logarithm.
    """
    sigma, shifts = settings["sigma"], int(settings["shifts"])
    gamma = sigma**2 / (problem.sigma_y**2 * settings["strength"])
    rounds = max(1, round(steps / max(1, shifts)))
    denoise = SteadyDenoiser(evaluator, shifts)
    x = problem.start()[None].clone()
    x = yield from pnp_admm(problem, denoise, x, sigma, gamma, rounds, cg_steps(problem, settings))
    return x.expand(samples, *problem.shape).clone()


def pnp_admm(
    problem: Problem,
    denoise: SteadyDenoiser,
    x: Tensor,
    sigma: float,
    gamma: float,
    rounds: int,
    iterations: int,
) -> Run:
    """Alternating directions of ``gamma |A x - y|^2 / 2 + phi(z)`` with ``x = z``.

    Venkatakrishnan, Bouman and Wohlberg, "Plug-and-play priors for model based
    reconstruction", GlobalSIP 2013, with the scaled dual variable u and penalty 1:

        x = argmin_x gamma |A x - y|^2 / 2 + |x - (z - u)|^2 / 2
        z = D(x + u, sigma)
        u = u + x - z

    Where D is the proximal map of a convex phi, x and z meet in its minimiser. The data
    step is solved from the x of the round before, by ``iterations`` conjugate gradients at most.

    Parameters
    ----------
    problem : Problem
    denoise : SteadyDenoiser
    x : Tensor, shape (N, S, C, H, W)
        Start.
    sigma : float
        Noise level that the denoiser is told.
    gamma, rounds, iterations
        As above.

    Returns
    -------
    Tensor, shape (N, S, C, H, W)
        The x of the last round, which fits the data.
    """
    z, u = x, torch.zeros_like(x)
    for i in range(rounds):
        x = proximal(problem, z - u, gamma, iterations, start=x, tolerance=TOLERANCE)
        z = yield from denoise(x + u, sigma)
        u = u + x - z
        yield Level(denoise.evaluator.count, i, rounds, sigma, x, denoise.shift)
    return x
