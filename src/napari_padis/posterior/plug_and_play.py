"""Plug-and-play ADMM: a denoiser in the place of a regulariser's proximal map."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from napari_padis.posterior.conjugate import TOLERANCE, proximal
from napari_padis.posterior.denoising_step import SteadyDenoiser
from napari_padis.posterior.evaluator import Evaluator, Level, Run, State
from napari_padis.posterior.method import Options
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.steps import cg_steps
from napari_padis.posterior.warm import coupling

#: Share of the rounds that are over-relaxed: that brings them near sooner, but the grid of patches
#: that moves from round to round then moves the image more.
RELAXED = 2 / 3


@dataclass
class Halves:
    """Both halves of the split problem ``v = z``, and what pulls them together.

    Attributes
    ----------
    v, z : Tensor, shape (N, S, C, H, W)
        The image that meets the data, and the one that was denoised.
    w : Tensor, shape (N, S, C, H, W)
        Dual variable: ``A^T (y - A z) / sigma_y^2`` once v and z have met. It is kept without
        the penalty, so that the penalty may change.
    """

    v: Tensor
    z: Tensor
    w: Tensor

    @classmethod
    def at(cls, x: Tensor) -> Halves:
        """Both halves in one place, where nothing pulls yet."""
        return cls(x, x, torch.zeros_like(x))

    def repeated(self, samples: int) -> Halves:
        """The same for several chains."""
        size = (samples, *self.z.shape[1:])
        return Halves(self.v.expand(size), self.z.expand(size), self.w.expand(size))

    def meet(
        self, problem: Problem, rho: float, iterations: int, relaxation: float = 1.0
    ) -> Tensor:
        """Solve for the data with the penalty 1 / rho^2; returns what is to be denoised.

        ``argmin_v |A v - y|^2 / (2 sigma_y^2) + |v - (z - rho^2 w)|^2 / (2 rho^2)``, plus
        ``rho^2 w``. With a ``relaxation`` above 1 the solution is moved on beyond z by that
        share (Eckstein and Bertsekas, Math. Program. 55:293, 1992), and :meth:`pull` sees that.
        """
        u = self.w * rho**2
        self.v = proximal(
            problem,
            self.z - u,
            rho**2 / problem.sigma_y**2,
            iterations,
            start=self.v,
            tolerance=TOLERANCE,
        )
        if relaxation == 1:
            return u.add_(self.v)
        return u.add_(self.v, alpha=relaxation).add_(self.z, alpha=1 - relaxation)

    def pull(self, pulled: Tensor, z: Tensor, rho: float) -> None:
        """Take the denoised image of what was ``pulled``, and pull by what still parts them."""
        self.z = z
        self.w = (pulled - z).div_(rho**2)


def start(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Options
) -> Run:
    """Plug-and-play ADMM from the direct reconstruction; every sample is the same image."""
    sigma, used = yield from coupling(problem, evaluator, settings, steps)
    shifts = int(settings["shifts"])
    halves = Halves.at(problem.start()[None].clone())
    yield from pnp_admm(
        problem,
        SteadyDenoiser(evaluator, shifts),
        halves,
        sigma,
        max(1, round((steps - used) / max(1, shifts))),
        cg_steps(problem, settings),
        settings["relaxation"],
        settings["strength"],
    )
    return halves.z.expand(samples, *problem.shape).clone()


def pnp_admm(
    problem: Problem,
    denoise: SteadyDenoiser,
    halves: Halves,
    sigma: float,
    rounds: int,
    iterations: int,
    relaxation: float = 1.0,
    strength: float = 1.0,
    first: int = 0,
    levels: int | None = None,
) -> Generator[State, None, None]:
    """Alternating directions of ``|A v - y|^2 / (2 sigma_y^2) + strength phi(z)`` with ``v = z``.

    Venkatakrishnan, Bouman and Wohlberg, "Plug-and-play priors for model based
    reconstruction", GlobalSIP 2013. The denoiser of noise level ``sigma`` stands for the proximal
    map of ``sigma^2 phi``, phi being minus the logarithm of the prior, and the penalty is
    ``1 / sigma^2``:

        v = argmin_v |A v - y|^2 / (2 sigma_y^2) + |v - (z - sigma^2 w)|^2 / (2 sigma^2)
        z = D(v + sigma^2 w, sigma)
        w = w + (v - z) / sigma^2

    Where D is the proximal map of a convex phi, v and z meet in the minimiser.

    Parameters
    ----------
    problem : Problem
    denoise : SteadyDenoiser
    halves : Halves
        Where v, z and w begin; changed.
    sigma : float
        Noise level that the denoiser is told.
    rounds : int
    iterations : int
        Most conjugate gradients of a data step, which begins at the v of the round before.
    relaxation : float
        See :meth:`Halves.meet`; of the first rounds, RELAXED of all.
    strength : float
        Of the prior.
    first, levels : int
        Levels gone through before, and in all, for the progress.
    """
    rho = sigma / math.sqrt(strength)
    count = levels or first + rounds
    for i in range(rounds):
        by = relaxation if i < RELAXED * rounds else 1.0
        pulled = halves.meet(problem, rho, iterations, by)
        halves.pull(pulled, (yield from denoise(pulled, sigma)), rho)
        yield Level(denoise.evaluator.count, first + i, count, sigma, halves.z, denoise.shift)
