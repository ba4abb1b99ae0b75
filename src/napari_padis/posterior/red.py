"""Regularisation by denoising, at a fixed noise level and along falling ones (MAP)."""

from __future__ import annotations

from torch import Tensor

from napari_padis.posterior.conjugate import TOLERANCE, proximal
from napari_padis.posterior.denoising_step import SteadyDenoiser
from napari_padis.posterior.evaluator import Evaluator, Level, Run
from napari_padis.posterior.method import Options
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.schedule import geometric
from napari_padis.posterior.steps import cg_steps
from napari_padis.posterior.warm import coupling


def start_red(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Options
) -> Run:
    """Regularisation by denoising at the level ``sigma``; every sample is the same image."""
    sigma, used = yield from coupling(problem, evaluator, settings, steps)
    return (yield from _start(problem, evaluator, samples, steps - used, settings, sigma))


def start_map(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Options
) -> Run:
    """Maximum a posteriori by annealing; every sample is the same image."""
    return (yield from _start(problem, evaluator, samples, steps, settings, None))


def _start(
    problem: Problem,
    evaluator: Evaluator,
    samples: int,
    steps: int,
    settings: Options,
    sigma: float | None,
) -> Run:
    """From the direct reconstruction, at one noise level or down the levels of the settings."""
    shifts = int(settings["shifts"])
    rounds = max(1, round(steps / max(1, shifts)))
    if sigma is None:
        sigmas = geometric(settings["sigma_max"], settings["sigma_min"], rounds)
    else:
        sigmas = [sigma] * rounds
    scale = 1 / (problem.sigma_y**2 * settings["strength"])
    x = problem.start()[None].clone()
    denoise = SteadyDenoiser(evaluator, shifts)
    x = yield from fixed_point(problem, denoise, x, sigmas, scale, cg_steps(problem, settings))
    return x.expand(samples, *problem.shape).clone()


def fixed_point(
    problem: Problem,
    denoise: SteadyDenoiser,
    x: Tensor,
    sigmas: list[float],
    scale: float,
    iterations: int,
) -> Run:
    """Fixed-point iteration of regularisation by denoising, one step per noise level.

    Romano, Elad and Milanfar, "The little engine that could: regularization by denoising",
    SIAM J. Imaging Sci. 10, 2017, section 4.2:

        x = argmin_x scale sigma^2 |A x - y|^2 / 2 + |x - D(x_before, sigma)|^2 / 2

    Its fixed points solve ``scale A^T (A x - y) + (x - D(x, sigma)) / sigma^2 = 0``. For the
    denoiser of least mean squared error the second term is minus the gradient of
    ``log p_sigma(x)`` (Tweedie), p_sigma being the prior blurred by noise of that level; with
    ``scale = 1 / sigma_y^2`` they are thus the stationary points of the posterior whose
    prior is p_sigma (score matching by denoising: Reehorst and Schniter, IEEE Trans. Comput.
    Imaging 5, 2019). No noise is added.

    At one level that is RED. Along falling levels the image follows the mode of a posterior
    that is smooth and simple at first, and is the mode of p(x|y) up to ``sigmas[-1]`` at the
    end: graduated non-convexity (Blake and Zisserman, 1987). The step at level sigma has
    length sigma^2, so that directions in which the prior is wider than sigma stand nearly
    still: what is not reached above stays.

    Parameters
    ----------
    problem : Problem
    denoise : SteadyDenoiser
    x : Tensor, shape (N, S, C, H, W)
        Start.
    sigmas : list of float
        Noise levels, one per step.
    scale : float
        Weight of the data.
    iterations : int
        Conjugate gradients of each step at most, from the x before.

    Returns
    -------
    Tensor, shape (N, S, C, H, W)
    """
    for i, sigma in enumerate(sigmas):
        clean = yield from denoise(x, sigma)
        x = proximal(problem, clean, scale * sigma**2, iterations, start=x, tolerance=TOLERANCE)
        yield Level(denoise.evaluator.count, i, len(sigmas), sigma, x, denoise.shift)
    return x
