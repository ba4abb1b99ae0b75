"""Every sampler on signals with jumps, whose posterior is not Gaussian but known by Gibbs sampling.

n = 64 unknowns with Bernoulli-Laplace increments, 24 random measurements, exact denoiser. Prints,
per method, how far the squared error of its mean is above that of the exact posterior mean (in dB;
10 log10(1 + 1/20) = 0.2 dB for the mean of 20 exact samples), the coverage of 90 % intervals, the
ratio of standard deviations and the residual. Last come data steps that take the error of the
denoiser for white, for the same at all places, and for as large as it is at each entry.

    python benchmarks/increments_toy.py --quick    # about ten minutes on a busy core
    python benchmarks/increments_toy.py            # methods of 1000 evaluations too: longer
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from increments import IncrementsDenoiser, gibbs, marginals, signals
from torch import Tensor
from toys import Matrix, Toy, random_map, run_method, sample, score

from napari_padis.posterior import METHODS
from napari_padis.posterior.evaluator import Evaluator, Run
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.schedule import geometric
from napari_padis.posterior.steps import ddim, noisy_start

NAMES = (
    "fbp",
    "pnp-admm",
    "red",
    "padis-fast",
    "padis-calibrated",
    "dds",
    "dpm-solver",
    "diffpir",
    "noise-aware",
    "split-gibbs",
    "langevin",
)


@dataclass(frozen=True)
class IncrementsToy(Toy):
    """With ``exact`` samples, shape (N, data sets, n), one of each chain."""

    exact: Tensor


def make_toy(
    datasets: int = 8,
    m: int = 24,
    seed: int = 0,
    sigma_y: float = 0.02,
    chains: int = 20,
    sweeps: int = 400,
) -> IncrementsToy:
    """The problem of the module docstring; a fifth of the sweeps is not counted."""
    g = torch.Generator().manual_seed(seed)
    a = random_map(m, 64, g)
    truth = signals((datasets, 64), g)
    y = truth @ a.T + sigma_y * torch.randn((datasets, m), generator=g, dtype=torch.float64)
    total = square = torch.zeros_like(truth)
    draws = gibbs(a, y, sigma_y, chains, g)
    for _ in range(sweeps // 5):
        centre, x = (t.mean(0) for t in next(draws))
    for _ in range(sweeps - sweeps // 5):
        mean, x = next(draws)
        total, square = total + mean.mean(0), square + (x - centre).square().mean(0)
    count = sweeps - sweeps // 5
    mean = total / count
    variance = square / count - (mean - centre).square()
    problem = Problem(Matrix(a), y, sigma_y, 1.0, 0.0, (datasets, 64), floor=0.0)
    return IncrementsToy(problem, IncrementsDenoiser(), truth, mean, variance, x)


def covariance_step(
    toy: Toy, covariance: Callable[[float], Tensor], samples: int = 20, levels: int = 100
) -> Tensor:
    """DDS whose data step takes the error for Gaussian with a ``covariance`` at each level.

    ``D + R A^T (A R A^T + sigma_y^2)^-1 (y - A D)``, R of the shape (n, n) or (..., n, n).
    """
    a = toy.problem.operator.matrix / toy.problem.operator.norm
    noise = toy.problem.sigma_y**2 * torch.eye(len(a), dtype=a.dtype)

    def start(e: Evaluator) -> Run:
        sigmas = geometric(10.0, 0.002, levels)
        x = noisy_start(toy.problem, e, samples, sigmas[0])
        for sigma, below in zip(sigmas, [*sigmas[1:], 0.0], strict=True):
            clean, _ = yield from e.denoise(x, sigma)
            r = covariance(sigma)
            missing = torch.linalg.solve(
                a @ r @ a.T + noise, (toy.problem.y - clean @ a.T)[..., None]
            )
            estimate = clean + (r @ (a.T @ missing))[..., 0]
            if below:
                x = ddim(e, estimate, (x - clean) / sigma, sigma, below, eta=0.85)
        return estimate

    return sample(toy, start)


def covariances(toy: Toy) -> dict[str, Callable[[float], Tensor]]:
    """White, of each frequency, and of each entry: all exact, on average or for themselves."""
    n, denoiser = toy.truth.shape[-1], toy.denoiser
    g = torch.Generator().manual_seed(3)
    clean = signals((200, n), g)
    dct = torch.cos(
        torch.pi / n * torch.arange(n, dtype=torch.float64)[:, None] * (torch.arange(n) + 0.5)
    )
    dct /= dct.square().sum(1, keepdim=True).sqrt()

    def frequencies(sigma: float) -> Tensor:
        noise = torch.randn(clean.shape, generator=g, dtype=torch.float64)
        error = marginals(clean + sigma * noise, sigma)[0] - clean
        return dct.T @ ((error @ dct.T).square().mean(0)[:, None] * dct)

    return {
        "white": lambda sigma: denoiser.error_variance(sigma) * torch.eye(n, dtype=torch.float64),
        "by frequency": frequencies,
        "local": lambda sigma: torch.diag_embed(denoiser.variance),
    }


def rows(toy: IncrementsToy, quick: bool) -> Iterator[tuple[str, Tensor]]:
    """Names and samples, one after another."""
    yield "exact samples", toy.exact
    for name in NAMES:
        method = METHODS[name]
        if not (quick and method.default_steps > 200):
            yield name, run_method(toy, name, 20 if method.sampler else 1)
    for name, covariance in covariances(toy).items():
        yield f"dds, error {name}", covariance_step(toy, covariance)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--datasets", type=int, default=8)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    toy = make_toy(given.datasets)
    print(f"{'method':28s} {'gap dB':>7s} {'cov90':>7s} {'sd ratio':>9s} {'resid/sy':>9s}")
    for name, x in rows(toy, given.quick):
        s = score(toy, x)
        print(
            f"{name:28s} {s.gap:7.2f} {s.coverage:7.3f} {s.sd_ratio:9.2f} {s.residual:9.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
