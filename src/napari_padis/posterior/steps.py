"""Steps that several samplers share: what they differ in is which of them they take."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from torch import Tensor

from napari_padis.posterior.evaluator import Evaluator
from napari_padis.posterior.problem import Problem

Settings = Mapping[str, float]

#: Conjugate gradient steps of a weighted data step, relative to the method's ``cg``, which are
#: the most that it takes where it ends by a tolerance. Of photon noise (60 views, 3000 photons) the
#: mean of padis-fast had 29.4 dB with 5 steps and 30.5 dB with 20.
WEIGHTED = 4


def langevin(
    evaluator: Evaluator,
    x: Tensor,
    target: Tensor,
    sigma: float,
    epsilon: float,
    keeping: bool = True,
) -> Tensor:
    """One step of Langevin dynamics at a noise level whose score is (target - x) / sigma^2.

    The noise of a state, where the target does not depend on it, is multiplied by
    ``1 - epsilon / 2``. Added is what brings it back to ``sigma``, as an Ornstein-Uhlenbeck
    process does: ``(epsilon - epsilon^2 / 4) sigma^2``. The step of Euler and Maruyama, which
    publications take, adds ``epsilon sigma^2`` (``keeping`` = False): steps of 1 then leave a third
    more noise than the denoiser is told, and samples spread too far.
    """
    variance = epsilon - epsilon**2 / 4 if keeping else epsilon
    moved = evaluator.noise(x).mul_(math.sqrt(variance) * sigma)
    return moved.add_(x, alpha=1 - epsilon / 2).add_(target, alpha=epsilon / 2)


def ddim(
    evaluator: Evaluator,
    estimate: Tensor,
    direction: Tensor,
    sigma: float,
    below: float,
    eta: float,
) -> Tensor:
    """From noise level ``sigma`` to the one ``below`` it (Song et al., DDIM, ICLR 2021, eq. 12).

    Parameters
    ----------
    evaluator : Evaluator
    estimate : Tensor, shape (N, S, C, H, W)
        Of the clean image.
    direction : Tensor, shape (N, S, C, H, W)
        The noise in the state, of unit variance; overwritten by the result.
    sigma, below : float
    eta : float
        Share of new noise: 0 is deterministic, 1 forgets as much as ancestral sampling.
    """
    tau = eta * below * math.sqrt(1 - (below / sigma) ** 2)
    moved = direction.mul_(math.sqrt(below**2 - tau**2)).add_(estimate)
    return moved.add_(evaluator.noise(moved), alpha=tau) if tau else moved


def towards_data(problem: Problem, residual: Tensor, sigma: float) -> Tensor:
    """``A^T (y - A x)`` at a noise level, with the weight that the data have there.

    The likelihood of a noisy state has the variance sigma_y^2 + sigma^2 where norm(A) = 1
    (Jalal et al., "Robust compressed sensing MRI", NeurIPS 2021, eq. 4); times sigma^2 this is a
    step like those of the prior. Any multiple of less than 2 is stable.

    Parameters
    ----------
    problem : Problem
    residual : Tensor
        ``A x - y``.
    sigma : float
    """
    weight = sigma**2 / (sigma**2 + problem.sigma_y**2)
    return problem.AT(residual).mul_(-weight)


def error_variance(evaluator: Evaluator, tau: float) -> Callable[[float], float]:
    """Variance of the denoiser's error by noise level.

    That of white pixels of the spread ``tau``, ``sigma^2 tau^2 / (sigma^2 + tau^2)``; that
    measured when the prior was made where ``tau`` is 0. The measured one is a mean over all spatial
    frequencies, and too small where the data see most, in the coarse parts of the image.
    """
    if not tau:
        return evaluator.denoiser.error_variance
    return lambda sigma: (sigma * tau) ** 2 / (sigma**2 + tau**2)


def aware_gamma(
    problem: Problem, evaluator: Evaluator, tau: float = 0.0
) -> Callable[[float], float]:
    """Weight of the proximal data step: the denoiser's error over that of the data."""
    variance = error_variance(evaluator, tau)
    return lambda sigma: variance(sigma) / problem.sigma_y**2


def cg_steps(problem: Problem, settings: Settings) -> int:
    """Conjugate gradient steps of a data step."""
    return int(settings["cg"]) * (WEIGHTED if problem.weighted else 1)


def noisy_start(problem: Problem, evaluator: Evaluator, samples: int, sigma: float) -> Tensor:
    """Direct reconstruction plus noise, shape (N, S, C, H, W).

    At a noise level far above the image's range it is as good as noise alone; well above the
    error of the direct reconstruction it is enough for a sampler to go on from (Chung et al.,
    "Come-closer-diffuse-faster", CVPR 2022).
    """
    return noisy(evaluator, problem.start().expand(samples, *problem.shape), sigma)


def noisy(evaluator: Evaluator, x: Tensor, sigma: float) -> Tensor:
    """``x`` plus white noise of level ``sigma``, as a new tensor."""
    return evaluator.noise(x).mul_(sigma).add_(x)
