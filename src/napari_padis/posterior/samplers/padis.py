"""PaDIS with its published data step, through the network (DPS and Langevin)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from napari_padis.posterior.evaluator import Evaluator, Level, Run
from napari_padis.posterior.guard import Guard
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.schedule import geometric
from napari_padis.posterior.steps import Settings

#: Side of a pixel in the paper's geometry: 256 of them on an axis of length 40.
PIXEL = 40 / 256


def padis(
    problem: Problem,
    evaluator: Evaluator,
    x: Tensor,
    sigmas: list[float],
    inner: int,
    epsilon: float,
    zeta: float,
) -> Run:
    """PaDIS with its published data step (Hu et al., NeurIPS 2024, Algorithm 1).

    Langevin steps of the prior and steps of length ``zeta`` along the gradient of
    ``|y - A D(x)|``, taken through the network.  The score is that of the state before
    the data step; the noise is left out at the very last step.
    """
    guard = Guard(problem, x, sigmas[0])
    for i, sigma in enumerate(sigmas):
        for j in range(inner):
            denoised, draw = yield from evaluator.denoise(x, sigma, again=True)
            yield Level(evaluator.count, i, len(sigmas), sigma, denoised, draw.shift)
            r = problem.A(denoised) - problem.y
            back = problem.AT(r / problem.dot(r, r).sqrt().clamp_min(1e-12))
            gradient = yield from evaluator.vjp(x, sigma, draw, back)
            del back, draw
            moved = gradient.mul_(-guard.factor * zeta).add_(x, alpha=1 - epsilon / 2)
            moved.add_(denoised, alpha=epsilon / 2)
            if (i, j) != (len(sigmas) - 1, inner - 1):
                moved.add_(evaluator.noise(x), alpha=math.sqrt(epsilon) * sigma)
            x = yield from guard.watch(moved, sigma, r)
    return x


def step_length(problem: Problem, zeta: float) -> float:
    """Length of the data step where norm(A) = 1, from the paper's ``zeta``.

    The published zeta of 0.3 multiplies a gradient in the units of the paper's forward map, so
    that its step is ``zeta norm(A)`` where the norm is 1. That map has norm(A)^2 = 40^2 / 256 =
    6.25 a view: :data:`PIXEL`^2 for each of the 256 rays of a view that meet the image. Hence
    ``zeta PIXEL sqrt(rays)``, which is taken for every forward model, ``rays`` being the
    effective number of its data. Images and data put side by side then move as each of them
    would alone, and the residual comes to rest, where the steps overshoot, at a root mean
    square of at most ``zeta PIXEL / 2`` a datum, for every number of pixels, views and samples
    of k-space. ``benchmarks/padis_step.py`` finds the best zeta between 0.1 and 0.3 for views,
    blurred, coarse and incomplete images and for MRI.
    """
    return zeta * PIXEL * math.sqrt(effective_data(problem))


def effective_data(problem: Problem, probes: int = 4) -> float:
    """Number of data, each weighted by how much it sees: ``(sum w)^2 / sum w^2``.

    The weights w are the squared norms of the rows of A, found by applying it to white noise;
    the squares of such estimates are too large by a factor of 1 + 2 / ``probes``.
    """
    generator = torch.Generator().manual_seed(0)
    size = (probes, *problem.shape)
    noise = torch.randn(size, generator=generator, dtype=problem.y.dtype)
    w = problem.A(noise.to(problem.y.device)).square().mean(0)
    axes = tuple(range(problem.first_axis - 1, w.ndim))
    counts = w.sum(axes) ** 2 / w.square().sum(axes).clamp_min(torch.finfo(w.dtype).tiny)
    return float(counts.mean()) * (1 + 2 / probes)


def start(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """The published preset: Gaussian start, geometric levels, norm gradient."""
    inner = int(settings["inner"])
    sigmas = geometric(settings["sigma_max"], settings["sigma_min"], max(1, round(steps / inner)))
    like = torch.empty(problem.shape, dtype=problem.y.dtype, device=problem.y.device)
    x = sigmas[0] * evaluator.noise(like.expand(samples, *problem.shape))
    zeta = step_length(problem, settings["zeta"])
    return (yield from padis(problem, evaluator, x, sigmas, inner, settings["epsilon"], zeta))
