"""Every sampler on a Gaussian problem whose posterior is known in closed form.

n = 64 unknowns with squared-exponential covariance, 24 random measurements, exact
denoiser. Prints, per sampler, the ratio of the samples' standard deviation to the exact
one, the coverage of 90 % intervals and the distance of the mean to the posterior mean.

    python benchmarks/gaussian_toy.py
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from toys import MEAN, Matrix, Scores, Toy, random_map, run_method, sample, score

from napari_padis.posterior.evaluator import Evaluator, Run
from napari_padis.posterior.methods_comparison import COMPARISON
from napari_padis.posterior.methods_samplers import SAMPLERS
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.samplers.padis import padis
from napari_padis.posterior.schedule import geometric
from napari_padis.prior.denoiser import Draw, Work

__all__ = ["MEAN", "Matrix", "Scores", "run_method", "sample", "score"]


class GaussianDenoiser:
    """``E[x0 | x0 + sigma n]`` for x0 ~ N(MEAN, C): exact, no patches."""

    def __init__(self, covariance: Tensor) -> None:
        self.values, self.vectors = torch.linalg.eigh(covariance)

    def draw(self, x: Tensor, sigma: float, generator: torch.Generator) -> Draw:
        """Nothing is random."""
        return Draw()

    def denoise(self, x: Tensor, sigma: float, draw: Draw) -> Work:
        """Wiener filter."""
        return MEAN + (x - MEAN) @ self._jacobian(sigma)
        yield

    def vjp(self, x: Tensor, sigma: float, draw: Draw, v: Tensor) -> Work:
        """The Jacobian is symmetric."""
        return v @ self._jacobian(sigma)
        yield

    def error_variance(self, sigma: float) -> float:
        """Exact mean squared error per entry."""
        gains = self.values / (self.values + sigma**2)
        return float(sigma**2 * gains.mean())

    def halve_batch(self) -> bool:
        """Nothing to save."""
        return False

    def _jacobian(self, sigma: float) -> Tensor:
        return (self.vectors * (self.values / (self.values + sigma**2))) @ self.vectors.T


@dataclass(frozen=True)
class GaussianToy(Toy):
    """The posterior's ``covariance`` is that of all data sets."""

    covariance: Tensor


def make_toy(
    datasets: int = 80, n: int = 64, m: int = 24, seed: int = 0, sigma_y: float = 0.02
) -> GaussianToy:
    """The problem of the module docstring (length 4)."""
    g = torch.Generator().manual_seed(seed)
    i = torch.arange(n, dtype=torch.float64)
    c = 0.0625 * torch.exp(-0.5 * ((i[:, None] - i) / 4) ** 2) + 1e-4 * torch.eye(n)
    a = random_map(m, n, g)
    chol = torch.linalg.cholesky(c)
    truth = MEAN + torch.randn((datasets, n), generator=g, dtype=torch.float64) @ chol.T
    y = truth @ a.T + sigma_y * torch.randn((datasets, m), generator=g, dtype=torch.float64)
    gain = c @ a.T @ torch.linalg.inv(a @ c @ a.T + sigma_y**2 * torch.eye(m))
    mean = MEAN + (y - (MEAN * torch.ones(n, dtype=torch.float64)) @ a.T) @ gain.T
    problem = Problem(Matrix(a), y, sigma_y, 1.0, 0.0, (datasets, n), floor=0.0)
    covariance = c - gain @ a @ c
    denoiser = GaussianDenoiser(c)
    return GaussianToy(problem, denoiser, truth, mean, covariance.diagonal(), covariance)


def published(toy: Toy, zeta: float, samples: int = 20) -> Tensor:
    """The published data step; ``zeta`` refers to the unnormalised matrix."""
    step = zeta * toy.problem.operator.norm
    like = toy.problem.start().expand(samples, *toy.problem.shape)

    def start(e: Evaluator) -> Run:
        return padis(toy.problem, e, 10 * e.noise(like), geometric(10, 0.002, 100), 10, 1.0, step)

    return sample(toy, start)


def rows(toy: GaussianToy) -> Iterator[tuple[str, Tensor]]:
    """Names and samples, one after another."""
    chol = torch.linalg.cholesky(toy.covariance + 1e-12 * torch.eye(len(toy.covariance)))
    generator = torch.Generator().manual_seed(2)
    white = torch.randn((20, *toy.mean.shape), generator=generator, dtype=torch.float64)
    yield "exact samples", toy.mean + white @ chol.T
    yield "fbp (minimum norm)", run_method(toy, "fbp", 1)
    for method in (*SAMPLERS, *COMPARISON):
        yield method.name, run_method(toy, method.name)
    for zeta in (0.01, 0.03, 0.1, 0.3):
        yield f"padis data step, zeta {zeta:g}", published(toy, zeta)
    for name in ("dds", "diffpir"):
        yield f"{name}, automatic start", run_method(toy, name, sigma_max=0)
    for sigma in (0.05, 0.1, 0.2):
        yield f"padis-fast, sigma {sigma:g}", run_method(toy, "padis-fast", sigma=sigma)
        yield f"padis-calibrated, sigma {sigma:g}", run_method(toy, "padis-calibrated", sigma=sigma)
    for name in ("dds", "dpm-solver", "noise-aware-gradient"):
        yield f"{name}, measured error", run_method(toy, name, tau=0)
    yield "dpm-solver, deterministic", run_method(toy, "dpm-solver", eta=0)
    more = run_method(toy, "padis-calibrated", steps=500, inner=10)
    yield "padis-calibrated, 500 steps, inner 10", more


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=80)
    toy = make_toy(parser.parse_args().datasets)
    print(f"{'method':40s} {'sd ratio':>9s} {'cov90':>7s} {'mean dist':>10s} {'resid/sy':>9s}")
    for name, x in rows(toy):
        s = score(toy, x)
        print(
            f"{name:40s} {s.sd_ratio:9.2f} {s.coverage:7.3f} "
            f"{s.mean_distance:10.4f} {s.residual:9.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
