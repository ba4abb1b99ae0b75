"""Samplers of p(x|y): pure functions of a problem, a denoiser and noise levels.

Each is a generator of :class:`Tick` (inside a network evaluation) and
:class:`Level` (after one) and returns the samples, shape (N, S, C, H, W).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from napari_padis.posterior.conjugate import proximal
from napari_padis.posterior.problem import Problem
from napari_padis.prior.denoiser import Denoiser, Draw, Work
from napari_padis.prior.patches import Shift


@dataclass(frozen=True)
class Tick:
    """Share done of the network evaluation under way, and how many are finished."""

    evaluations: int
    share: float


@dataclass(frozen=True)
class Level:
    """State after a network evaluation.

    ``estimate`` is the current data-consistent denoised estimate of every sample,
    shape (N, S, C, H, W).
    """

    evaluations: int
    level: int
    levels: int
    sigma: float
    estimate: Tensor
    shift: Shift | None


State = Tick | Level
Run = Generator[State, None, Tensor]


class Evaluator:
    """Counts network evaluations, reports their progress, retries when memory is short.

    With ``coupled`` noise the samples' noises add up to zero: each of them is white
    noise of unit variance for itself, but their mean carries none of it to first order
    (antithetic variates), so that few samples give nearly the mean of many.
    """

    def __init__(
        self, denoiser: Denoiser, generator: torch.Generator, coupled: bool = False
    ) -> None:
        self.denoiser, self.generator, self.count = denoiser, generator, 0
        self.coupled = coupled

    def noise(self, like: Tensor) -> Tensor:
        """White noise drawn on the generator's device: the same for every device."""
        z = torch.randn(like.shape, generator=self.generator, dtype=like.dtype)
        count = len(z)
        if self.coupled and count > 1:
            z = (z - z.mean(0)) * math.sqrt(count / (count - 1))
        return z.to(like.device)

    def denoise(self, x: Tensor, sigma: float) -> Generator[State, None, tuple[Tensor, Draw]]:
        """Evaluate the denoiser with a new random draw."""
        draw = self.denoiser.draw(x, sigma, self.generator)
        result = yield from self._run(lambda: self.denoiser.denoise(x, sigma, draw))
        self.count += 1
        return result, draw

    def vjp(self, x: Tensor, sigma: float, draw: Draw, v: Tensor) -> Run:
        """Transposed Jacobian of the evaluation that used ``draw``, times ``v``."""
        return (yield from self._run(lambda: self.denoiser.vjp(x, sigma, draw, v)))

    def _run(self, start: Callable[[], Work]) -> Run:
        work = start()
        while True:
            try:
                share = next(work)
            except StopIteration as done:
                result: Tensor = done.value
                return result
            except RuntimeError as error:
                if not out_of_memory(error) or not self.denoiser.halve_batch():
                    raise
                work = start()
                continue
            yield Tick(self.count, share)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on any device."""
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or any(
        words in text for words in ("out of memory", "can't allocate memory", "not enough memory")
    )


def dds(
    problem: Problem,
    evaluator: Evaluator,
    x: Tensor,
    sigmas: list[float],
    gamma: Callable[[float], float],
    iterations: int,
    eta: float,
    levels: int | None = None,
) -> Run:
    """Decomposed diffusion sampling in sigma space (Chung et al., ICLR 2024).

    ``x`` is a sample at noise level ``sigmas[0]``; DDIM steps around the proximal
    data step.  Returns the last data-consistent estimate.
    """
    count = levels or len(sigmas)
    for i, sigma in enumerate(sigmas):
        denoised, draw = yield from evaluator.denoise(x, sigma)
        estimate = proximal(problem, denoised, gamma(sigma), iterations)
        yield Level(evaluator.count, i, count, sigma, estimate, draw.shift)
        if i + 1 < len(sigmas):
            below = sigmas[i + 1]
            tau = eta * below * math.sqrt(1 - (below / sigma) ** 2)
            direction = (x - denoised) / sigma
            x = estimate + math.sqrt(below**2 - tau**2) * direction + tau * evaluator.noise(x)
    return estimate


def predictor_corrector(
    problem: Problem,
    evaluator: Evaluator,
    x: Tensor,
    sigmas: list[float],
    inner: int,
    epsilon: float,
    iterations: int,
    first: int = 0,
    denoised: bool = False,
) -> Run:
    """Noise-aware predictor-corrector sampling without back-propagation.

    Approximates p(x0 | x_sigma) by N(D, r^2 I) with the tabulated denoising error
    r^2, so that the data step is proximal with gamma = r^2 / sigma_y^2.  At every
    level ``inner - 1`` Langevin steps correct the distribution and one deterministic
    DDIM step leads to the next level; without it the noise of the level above leaves
    too slowly and the spread comes out too wide.  The last level has ``inner``
    Langevin steps and keeps its noise, unless the ``denoised`` estimate is wanted.
    """
    for i, sigma in enumerate(sigmas):
        gamma = evaluator.denoiser.error_variance(sigma) / problem.sigma_y**2
        for j in range(inner):
            clean, draw = yield from evaluator.denoise(x, sigma)
            estimate = proximal(problem, clean, gamma, iterations)
            if j == inner - 1 and i + 1 < len(sigmas):
                x = estimate + sigmas[i + 1] * (x - clean) / sigma
            else:
                noise = math.sqrt(epsilon) * sigma * evaluator.noise(x)
                x = x + epsilon / 2 * (estimate - x) + noise
            yield Level(
                evaluator.count, first + i, first + len(sigmas), sigma, estimate, draw.shift
            )
    return estimate if denoised else x


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
    for i, sigma in enumerate(sigmas):
        for j in range(inner):
            denoised, draw = yield from evaluator.denoise(x, sigma)
            r = problem.A(denoised) - problem.y
            back = problem.AT(r / problem.dot(r, r).sqrt().clamp_min(1e-12))
            gradient = yield from evaluator.vjp(x, sigma, draw, back)
            alpha = epsilon * sigma**2
            x = x - zeta * gradient + alpha / 2 * (denoised - x) / sigma**2
            if (i, j) != (len(sigmas) - 1, inner - 1):
                x = x + math.sqrt(alpha) * evaluator.noise(x)
            yield Level(evaluator.count, i, len(sigmas), sigma, denoised, draw.shift)
    return x
