"""Signals whose increments are mostly zero: their exact denoiser, and draws of their posterior.

Bernoulli-Laplace increments as in Zach, Haouchat and Unser, "A statistical benchmark for diffusion
posterior sampling algorithms", ICLR 2026: with the probability RATE a signal jumps from one entry
to the next, by a Laplace variable of the scale SCALE. The first entry is Gaussian.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from toys import MEAN

from napari_padis.prior.denoiser import Draw, Work

RATE, SCALE, FIRST = 0.1, 0.1, 0.2
#: Values that a signal may take, around MEAN.
REACH = 2.5


def signals(size: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Draws of the prior, along the last axis."""
    uniform = torch.rand((3, *size), generator=generator, dtype=torch.float64)
    jumps = SCALE * torch.log(uniform[0] / uniform[1])  # the difference of two exponentials
    jumps = jumps * (uniform[2] < RATE)
    jumps[..., 0] = MEAN + FIRST * torch.randn(size[:-1], generator=generator, dtype=torch.float64)
    return jumps.cumsum(-1)


class IncrementsDenoiser:
    """``E[x0 | x0 + sigma n]`` and the variance of each entry, by message passing.

    The signal is a Markov chain, so that one pass forwards and one backwards give the marginal of
    every entry (Baum et al., 1970). Messages are known on a lattice, near what was measured where
    that is precise; a jump is a Laplace kernel, which two cumulative sums apply.
    """

    def __init__(self) -> None:
        #: Of the last evaluation: the error's variance at each entry.
        self.variance = torch.zeros(())

    @cached_property
    def _table(self) -> tuple[list[float], list[float]]:
        """Logarithms of noise levels, and of the mean variance of the error over signals."""
        g = torch.Generator().manual_seed(0)
        clean = signals((48, 64), g)
        sigmas = torch.logspace(-4, 1, 21, dtype=torch.float64)
        errors = []
        for sigma in sigmas.tolist():
            noise = torch.randn(clean.shape, generator=g, dtype=torch.float64)
            errors.append(math.log(float(marginals(clean + sigma * noise, sigma)[1].mean())))
        return sigmas.log().tolist(), errors

    def draw(self, x: Tensor, sigma: float, generator: torch.Generator) -> Draw:
        """Nothing is random."""
        return Draw()

    def denoise(self, x: Tensor, sigma: float, draw: Draw) -> Work:
        """Exact but for the lattice."""
        mean, variance = marginals(x.reshape(-1, x.shape[-1]), sigma)
        self.variance = variance.reshape(x.shape)
        return mean.reshape(x.shape)
        yield

    def vjp(self, x: Tensor, sigma: float, draw: Draw, v: Tensor) -> Work:
        """The Jacobian is symmetric: a difference along ``v``."""
        step = 0.03 * sigma / v.abs().max()
        after, before = (marginals((x + s * v).flatten(0, -2), sigma)[0] for s in (step, -step))
        return ((after - before) / (2 * step)).reshape(x.shape)
        yield

    def error_variance(self, sigma: float) -> float:
        """Mean of the exact one over signals of the prior, log-log interpolated."""
        return min(math.exp(float(np.interp(math.log(sigma), *self._table))), sigma**2)

    def halve_batch(self) -> bool:
        """Nothing to save."""
        return False


def marginals(r: Tensor, sigma: float, rate: float = RATE) -> tuple[Tensor, Tensor]:
    """Mean and variance of every entry given ``r = x0 + sigma n``, shape (B, n) each."""
    r = r - MEAN
    near = 7 * sigma < REACH
    # Of a constant stretch of 36 entries, the mean is known to one distance of the lattice.
    h = min(sigma / 6, 0.02 if sigma > 0.12 else 0.01)
    half = math.ceil((7 * sigma if near else REACH) / h)
    centre = torch.round(r / h).long() if near else torch.zeros_like(r, dtype=torch.long)
    x = (centre[..., None] + torch.arange(-half, half + 1)) * h
    logs = (x - r[..., None]).square().mul_(-0.5 / sigma**2)
    seen = torch.exp(logs - logs.amax(-1, keepdim=True))
    # Forwards and, reversed, backwards at once.
    both = torch.cat([seen, seen.flip(1)])
    steps = torch.cat([centre, centre.flip(1)]).diff(dim=1)
    told = torch.ones_like(both)
    told[: len(r), 0] = torch.exp(-0.5 * (x[:, 0] / FIRST) ** 2)
    for t in range(1, r.shape[1]):
        message = told[:, t - 1] * both[:, t - 1]
        message /= message.sum(-1, keepdim=True)
        told[:, t] = transition(message, steps[:, t - 1], h, rate)
    weights = told[: len(r)] * seen * told[len(r) :].flip(1)
    weights /= weights.sum(-1, keepdim=True)
    mean = (weights * x).sum(-1)
    variance = (weights * (x - mean[..., None]).square()).sum(-1)
    return mean + MEAN, variance


def transition(message: Tensor, step: Tensor, h: float, rate: float) -> Tensor:
    """Of messages (B, K) on lattices of distance ``h``, on those shifted by ``step`` (B,)."""
    count = message.shape[1]
    place = torch.arange(count)
    scale = torch.exp((place - count // 2) * (h / SCALE))
    index = place + step[:, None]
    inside = (index >= 0) & (index < count)
    stay = message.gather(1, index.clamp(0, count - 1)) * inside
    up = torch.nn.functional.pad((message * scale).cumsum(1), (1, 0))
    down = (message / scale).flip(1).cumsum(1).flip(1)
    down = torch.nn.functional.pad(down, (0, 1))
    distance = (index - count // 2) * (h / SCALE)
    after = (index + 1).clamp(0, count)
    jump = up.gather(1, after) * torch.exp(-distance.clamp_min(-80))
    jump += down.gather(1, after) * torch.exp(distance.clamp_max(80))
    return (1 - rate) * stay + rate * h / (2 * SCALE) * jump


def gibbs(
    a: Tensor, y: Tensor, sigma: float, chains: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Draws of p(x | y) for ``y = a x + sigma n``, without end.

    A Laplace variable is Gaussian with an exponential variance (Andrews and Mallows, 1974). In
    turn are drawn which increments are not zero, with all increments integrated out, the
    increments, and their variances.

    Yields
    ------
    tuple of Tensor, shape (chains, data sets, n)
        ``E[x | y]`` given what jumps and the variances, and a draw of x.
    """
    m, n = a.shape
    columns = a @ torch.ones((n, n), dtype=a.dtype).tril()
    y = (y - MEAN * a.sum(1)).expand(chains, *y.shape)
    size = (*y.shape[:-1], n)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=a.dtype)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=a.dtype).clamp_min(1e-300)

    tau = -2 * SCALE**2 * uniform(*size).log()
    # Chains begin with all increments and with none in turn.
    jumps = torch.zeros(size, dtype=a.dtype)
    jumps[::2] = 1
    jumps[..., 0], tau[..., 0] = 1, FIRST**2
    prior_odds = math.log(RATE / (1 - RATE))
    while True:
        v = jumps * tau
        p = torch.linalg.inv((columns * v[..., None, :]) @ columns.T + sigma**2 * torch.eye(m))
        for i in range(1, n):
            ph = p @ columns[:, i]
            s, q = ph @ columns[:, i], (ph * y).sum(-1)
            old = v[..., i].clone()
            s0, q0 = s / (1 - old * s), q / (1 - old * s)  # without the increment
            grown = 1 + tau[..., i] * s0
            odds = prior_odds - grown.log() / 2 + tau[..., i] * q0.square() / (2 * grown)
            jumps[..., i] = (uniform(*odds.shape) < torch.sigmoid(odds)).to(a.dtype)
            v[..., i] = jumps[..., i] * tau[..., i]
            change = v[..., i] - old
            scaled = ph * (change / (1 + change * s))[..., None]
            p = p - scaled[..., :, None] * ph[..., None, :]
        mean = v * ((p @ y[..., None])[..., 0] @ columns)
        u = v.sqrt() * normal(*size)
        left = y - u @ columns.T - sigma * normal(*y.shape)
        u = u + v * ((p @ left[..., None])[..., 0] @ columns)
        yield MEAN + mean.cumsum(-1), MEAN + u.cumsum(-1)
        drawn = 1 / inverse_gaussian(
            1 / (SCALE * u.abs().clamp_min(1e-12)), SCALE**-2, normal(*size), uniform(*size)
        )
        tau = torch.where(jumps > 0, drawn, -2 * SCALE**2 * uniform(*size).log())
        tau[..., 0] = FIRST**2


def inverse_gaussian(mean: Tensor, shape: float, normal: Tensor, uniform: Tensor) -> Tensor:
    """Draws by the method of Michael, Schucany and Haas (Am. Stat. 30:88, 1976)."""
    w = mean * normal.square() / shape
    small = mean / (1 + (w + (w * (w + 4)).sqrt()) / 2)
    return torch.where(uniform <= mean / (mean + small), small, mean.square() / small)
