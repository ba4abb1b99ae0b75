"""What the problems with a known posterior have in common: data, scores, and how samplers run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from scipy.stats import t as student
from torch import Tensor

from napari_padis.posterior import METHODS
from napari_padis.posterior.evaluator import Evaluator, Run
from napari_padis.posterior.problem import Problem
from napari_padis.prior.denoiser import Denoiser

MEAN = 0.5


@dataclass(frozen=True)
class Matrix:
    """A dense forward map with the interface of a LinearMap."""

    matrix: Tensor

    @property
    def norm(self) -> float:
        """Largest singular value."""
        return float(torch.linalg.matrix_norm(self.matrix, 2))

    def A(self, x: Tensor) -> Tensor:
        """Apply to the last axis."""
        return x @ self.matrix.T

    def AT(self, y: Tensor) -> Tensor:
        """Transpose."""
        return y @ self.matrix

    def pinv(self, y: Tensor) -> Tensor:
        """Minimum-norm solution around the prior mean."""
        mean = torch.full(self.matrix.shape[1:], MEAN, dtype=y.dtype)
        return mean + (y - self.A(mean)) @ torch.linalg.pinv(self.matrix).T


@dataclass(frozen=True)
class Toy:
    """Truths, data and exact posterior of many data sets.

    ``truth`` and ``mean`` have the shape (data sets, n); ``variance``, of the posterior, has it
    or is common to all data sets, (n,).
    """

    problem: Problem
    denoiser: Denoiser
    truth: Tensor
    mean: Tensor
    variance: Tensor


def random_map(m: int, n: int, generator: torch.Generator) -> Tensor:
    """White entries, each row of about unit norm."""
    return torch.randn((m, n), generator=generator, dtype=torch.float64) / math.sqrt(n)


@dataclass(frozen=True)
class Scores:
    """Agreement of samples with the exact posterior.

    ``gap`` is how far the expected squared error of the samples' mean, the variance of the
    posterior plus the squared distance to its mean, is above that of the posterior mean, in dB.
    """

    sd_ratio: float
    coverage: float
    mean_distance: float
    residual: float
    gap: float


def score(toy: Toy, x: Tensor) -> Scores:
    """Compare samples of shape (N, datasets, n) with the exact posterior."""
    count = len(x)
    mean = x.mean(0)
    if count > 1:
        sd = x.std(0)
        factor = float(student.ppf(0.95, count - 1)) * math.sqrt(1 + 1 / count)
        coverage = float(((toy.truth - mean).abs() <= factor * sd).double().mean())
        ratio = math.sqrt(float(sd.square().mean() / toy.variance.mean()))
    else:
        coverage = ratio = math.nan
    distance = float((mean - toy.mean).square().mean().sqrt())
    gap = 10 * math.log10(1 + distance**2 / float(toy.variance.mean()))
    return Scores(ratio, coverage, distance, toy.problem.residual(x), gap)


def sample(
    toy: Toy,
    start: Callable[[Evaluator], Run],
    seed: int = 1,
    coupled: bool = False,
) -> Tensor:
    """Run a sampler to its end."""
    run = start(Evaluator(toy.denoiser, torch.Generator().manual_seed(seed), coupled))
    while True:
        try:
            next(run)
        except StopIteration as done:
            result: Tensor = done.value
            return result


def run_method(
    toy: Toy, name: str, samples: int = 20, steps: int | None = None, **options: float
) -> Tensor:
    """Samples of one of the plugin's methods."""
    method = METHODS[name]
    return sample(
        toy, lambda e: method.run(toy.problem, e, samples, steps, options), coupled=method.coupled
    )
