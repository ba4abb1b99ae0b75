"""Posterior sampling with a dual variable that is carried down the noise levels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from napari_padis.posterior.conjugate import TOLERANCE, proximal
from napari_padis.posterior.denoising_step import SteadyDenoiser
from napari_padis.posterior.evaluator import Evaluator, Level, Run
from napari_padis.posterior.method import split as split_steps
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.schedule import geometric
from napari_padis.posterior.steps import Settings, cg_steps, ddim, noisy


@dataclass
class Split:
    """Both halves of the split problem ``v = z``, and what pulls them together.

    Attributes
    ----------
    v, z : Tensor, shape (N, S, C, H, W)
        The image that meets the data, and the one that was denoised.
    w : Tensor, shape (N, S, C, H, W)
        Dual variable: ``A^T (y - A z) / sigma_y^2`` once v and z have met.
    """

    v: Tensor
    z: Tensor
    w: Tensor

    @classmethod
    def at(cls, x: Tensor) -> Split:
        """Both halves in one place, where nothing pulls yet."""
        return cls(x, x, torch.zeros_like(x))

    def repeated(self, samples: int) -> Split:
        """The same for several chains."""
        size = (samples, *self.z.shape[1:])
        return Split(self.v.expand(size), self.z.expand(size), self.w.expand(size))

    def meet(self, problem: Problem, rho: float, iterations: int) -> Tensor:
        """Solve for the data; returns what is to be denoised, ``v + rho^2 w``."""
        u = self.w * rho**2
        self.v = proximal(
            problem,
            self.z - u,
            rho**2 / problem.sigma_y**2,
            iterations,
            start=self.v,
            tolerance=TOLERANCE,
        )
        return u.add_(self.v)

    def pull(self, z: Tensor, rho: float) -> None:
        """Take the denoised image, and pull harder by what still parts the halves."""
        self.z = z
        self.w = self.w + (self.v - z) / rho**2


def dual(
    problem: Problem,
    evaluator: Evaluator,
    x: Tensor,
    halves: Split,
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
    x : Tensor, shape (N, S, C, H, W)
        Samples at the noise level ``sigmas[0]``.
    halves : Split
        Where v, z and w begin; changed.
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
    for i, (sigma, below) in enumerate(pairwise((*sigmas, 0.0))):
        rho = min(sigma, rho_max)  # 1
        s = (sigma**-2 + rho**-2) ** -0.5
        pulled = halves.meet(problem, rho, iterations)  # 2
        mixed = pulled.div_(rho**2).add_(x, alpha=sigma**-2).mul_(s**2)
        z, draw = yield from evaluator.denoise(mixed, s)  # 3
        halves.pull(z, rho)  # 4
        yield Level(evaluator.count, first + i, count, sigma, z, draw.shift)
        if below:
            x = ddim(evaluator, z, (x - z).div_(sigma), sigma, below, eta=1.0)  # 5
    return halves.z


def start(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """Plug-and-play ADMM on one image, from whose end all chains go on with noise of their own."""
    shared, levels = split_steps(steps, settings)
    cg, sigma = cg_steps(problem, settings), settings["sigma"]
    # All of the start comes from the random numbers that every group of chains shares.
    common = Evaluator(evaluator.plain, evaluator.generator)
    common.counted = evaluator.counted
    denoise = SteadyDenoiser(common, shifts=1)
    halves = Split.at(problem.start()[None].clone())
    for i in range(shared):
        pulled = halves.meet(problem, sigma, cg)
        halves.pull((yield from denoise(pulled, sigma)), sigma)
        estimate = halves.z.expand(samples, *problem.shape)
        yield Level(evaluator.count, i, shared + levels, sigma, estimate, denoise.shift)
    halves = halves.repeated(samples)
    sigmas = geometric(settings["sigma_max"], settings["sigma_min"], levels)
    return (
        yield from dual(
            problem,
            evaluator,
            noisy(evaluator, halves.z, sigmas[0]),
            halves,
            sigmas,
            settings["rho_max"],
            cg,
            first=shared,
            levels=shared + levels,
        )
    )
