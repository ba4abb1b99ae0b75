"""How much of the spread of the samples lies where the data say nothing.

No test on the data can see a wrong prior there, so that this share belongs beside every
interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from napari_padis.posterior.conjugate import iterates
from napari_padis.posterior.problem import Problem

#: Square of the singular value, relative to the largest one, below which a direction counts
#: as not measured: 1 % of the norm of A.
RIDGE = 1e-4

#: Most iterations, and relative change of the solution at which they end.
ITERATIONS, TOLERANCE = 200, 1e-3


@dataclass(frozen=True)
class NullSpace:
    """Share of the samples' variance in the null space of the forward model.

    Attributes
    ----------
    share : float
        ``sum_i Var[P_N x_i] / sum_i Var[x_i]`` over all voxels i.
    ridge : float
    """

    share: float
    ridge: float


def null_part(
    problem: Problem,
    x: Tensor,
    ridge: float = RIDGE,
    iterations: int = ITERATIONS,
    tolerance: float = TOLERANCE,
    stopped: Callable[[], bool] = lambda: False,
) -> Tensor | None:
    """``P_N x = x - A^T (A A^T + d)^-1 A x``, the part of images that A does not see.

    A singular vector of A with singular value s is multiplied by ``d / (s^2 + d)``.

    Parameters
    ----------
    problem : Problem
        Of norm one.
    x : Tensor, shape (N, S, C, H, W)
    ridge : float
        The number d.
    iterations, tolerance : int, float
        Conjugate gradients end after so many iterations, or once eight of them change no
        image by more than this share of ``x``.
    stopped : callable
        Asked after each iteration; None is returned then.

    Notes
    -----
    The same as ``x - (A^T A + d)^-1 A^T A x``, which needs no array of the data's size but
    one; solved by conjugate gradients.
    """
    seen = torch.zeros_like(x)
    if not bool(x.any()):
        return seen
    size, before = problem.dot(x, x).sqrt(), seen
    steps = iterates(problem, problem.A(x), seen, ridge)
    for i, seen in enumerate(islice(steps, iterations)):
        if stopped():
            return None
        if i % 8 == 7:
            change = problem.dot(seen - before, seen - before).sqrt()
            if bool((change <= tolerance * size).all()):
                break
            before = seen
    return x - seen


def null_share(
    problem: Problem,
    samples: Iterable[Tensor],
    mean: Tensor,
    ridge: float = RIDGE,
    stopped: Callable[[], bool] = lambda: False,
) -> NullSpace | None:
    """Share of the variance in the null space.

    Parameters
    ----------
    problem : Problem
    samples : iterable of Tensor, each of shape (S, C, H, W)
        On the prior's scale. A few suffice: the sums go over all voxels.
    mean : Tensor, shape (S, C, H, W)
        Mean of all samples.
    ridge : float
    stopped : callable
        See :func:`null_part`; also asked between samples.

    Returns
    -------
    NullSpace or None
        None if it was stopped, or nothing varies.
    """
    within = total = 0.0
    for sample in samples:
        deviation = (sample - mean)[None]
        part = null_part(problem, deviation, ridge, stopped=stopped)
        if part is None:
            return None
        within += float(part.double().square().sum())
        total += float(deviation.double().square().sum())
    if not (total > 0 and math.isfinite(total)):
        return None
    return NullSpace(within / total, ridge)
