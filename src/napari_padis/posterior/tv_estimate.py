"""Method 'tv': total variation whose weight follows from the noise level."""

from __future__ import annotations

import math
from collections.abc import Generator

import torch
from torch import Tensor

from napari_padis.posterior.evaluator import Evaluator, Level, Run, State, Tick
from napari_padis.posterior.method import Options
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.tv import PrimalDual, sums, total_variation

#: Of the iterations, the share of one weight that is tried.
SHARE = 1 / 15

#: Weights tried at most, and each relative to the one before.
TRIALS, FACTOR = 9, 0.5

#: Times that the first weight may be raised, and trials in a row that may be worse.
RAISED, PATIENCE = 3, 2

#: Disturbance of the data by which the effective parameters are counted, in noise levels.
DISTURBANCE = 0.1

#: Least weight that is tried, on the scale of the prior: weaker ones change the image by less
#: than they need further iterations for.
LEAST = 2e-6

#: Of the disturbance. Simulated noise starts from small seeds; the disturbance must not be
#: the noise itself, whose share in the solution it is to find.
SEED = 7_291_053_864

#: Iterations from picture to picture.
SHOWN = 10


def start(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Options
) -> Run:
    """Total variation from the direct reconstruction; every sample is the same image.

    A ``weight`` of 0 is chosen, for each problem by itself, by :func:`search`.
    """
    total, weight = int(settings["iterations"]), settings["weight"]
    rows = 1 if problem.coupled else problem.shape[0]
    x = problem.start()[None]
    if weight > 0:
        weights = x.new_full((rows,), weight)
        state, done = PrimalDual(problem, x, problem.y[None]), 0
    else:
        weights, state, done = yield from search(problem, x, total)
    yield from minimise(state, weights, total - done, done, total)
    return state.estimate.expand(samples, *problem.shape).clone()


def search(
    problem: Problem, x: Tensor, total: int
) -> Generator[State, None, tuple[Tensor, PrimalDual, int]]:
    """The weight of the least predicted risk, from strong to weak, each from the one before.

    The risk ``E |A x(y) - A x_true|^2`` has the unbiased estimate
    ``|A x - y|^2 + 2 sigma_y^2 f`` minus a constant (unbiased predictive risk; Vogel,
    Computational Methods for Inverse Problems, 2002, section 7.1), with the effective number
    of parameters f, the trace of ``d A x / d y``, from a second solution for data disturbed
    by white noise (Ramani, Blu and Unser, IEEE Trans. Image Process. 17, 2008). It needs no
    more than the discrepancy principle, ``|A x - y| = sigma_y sqrt(m)``, which leaves out that
    the solution adapts to the noise by its f parameters and so smooths too much.

    The first weight is three times that of the most probable image when the prior is
    ``exp(-TV(x) / b)`` with b estimated from the image itself, ``sigma_y^2`` over the mean
    magnitude of the gradient: seen to be above the best one for every forward model.

    Returns
    -------
    weights : Tensor, shape (S,), or (1,) for volumes
    state : PrimalDual
        Of the problem's data, to go on with.
    done : int
        Iterations that were made.
    """
    each = max(1, round(SHARE * total))
    noise = torch.randn(problem.y.shape, generator=torch.Generator().manual_seed(SEED))
    noise = noise.to(problem.y)
    disturbed = problem.y + DISTURBANCE * problem.sigma_y * noise
    pair = PrimalDual(problem, x.repeat(2, 1, 1, 1, 1), torch.stack([problem.y, disturbed]))
    weights = first_weight(problem, x)
    risks: list[Tensor] = []
    done = raised = worse = 0
    while worse < PATIENCE and len(risks) < TRIALS and done + 2 * each <= total:
        yield from minimise(pair, weights, each, done, total)
        done += each
        if not risks and raised < RAISED:
            stronger = raise_weight(pair, weights)
            if bool((stronger > weights).any()):
                weights, raised = stronger, raised + 1
                continue
        risks.append(predicted_risk(pair, noise))
        better = len(risks) == 1 or bool((risks[-1] < torch.stack(risks[:-1]).amin(0)).any())
        worse = 0 if better else worse + 1
        weights = FACTOR * weights
    if risks:
        weights = weights / FACTOR ** (len(risks) - lowest(torch.stack(risks)))
        weights = weights.clamp_min(LEAST)
    return weights, pair.only(0), done


def lowest(risks: Tensor) -> Tensor:
    """Where along the first axis values are least, by the parabola of three of them.

    It may lie half a step outside.
    """
    i = risks.argmin(0)
    if len(risks) < 3:
        return i.to(risks)
    inner = i.clamp(1, len(risks) - 2)
    before, at, after = (risks.gather(0, (inner + k)[None])[0] for k in (-1, 0, 1))
    bend = (before - 2 * at + after).clamp_min(torch.finfo(risks.dtype).tiny)
    return inner + ((before - after) / (2 * bend)).clamp(-1.5, 1.5)


def first_weight(problem: Problem, x: Tensor) -> Tensor:
    """First weight to try for x (1, S, C, H, W), see :func:`search`."""
    pixels = sums(problem, torch.ones_like(x[:, :, :1]))[0]
    mean = total_variation(problem, x)[0] / pixels
    return (3 * problem.sigma_y**2 / mean.clamp_min(1e-6)).clamp_min(LEAST)


def raise_weight(pair: PrimalDual, weights: Tensor) -> Tensor:
    """Stronger weights where the solution still has the gradients of the noise.

    Not where it already fits the data worse than the truth does, by the discrepancy
    principle.
    """
    problem, x = pair.problem, pair.estimate[:1]
    square = (problem.A(x) - problem.y).square()
    count = problem.measured * sums(problem, torch.ones_like(square))[0]
    fits = sums(problem, square)[0] < count * problem.sigma_y**2
    wanted = first_weight(problem, x).minimum(8 * weights)
    return torch.where(fits & (wanted > 1.5 * weights), wanted, weights)


def predicted_risk(pair: PrimalDual, noise: Tensor) -> Tensor:
    """Risk of each problem in units of the noise's variance, but for a constant."""
    problem = pair.problem
    fit = problem.A(pair.estimate)
    misfit = sums(problem, (fit[:1] - problem.y).square())[0] / problem.sigma_y**2
    change = sums(problem, noise * (fit[1:] - fit[:1]))[0]
    return misfit + 2 * change / (DISTURBANCE * problem.sigma_y)


def minimise(
    state: PrimalDual, weights: Tensor, iterations: int, done: int, total: int
) -> Generator[State, None, None]:
    """Iterations ``done + 1`` and on of ``total``; a picture every few of them."""
    for i in range(done, done + iterations):
        state.step(weights)
        if (i + 1) % SHOWN == 0 or i + 1 == total:
            yield Level(0, i, total, math.nan, state.estimate[:1], None)
        else:
            yield Tick(0, 0.0)
