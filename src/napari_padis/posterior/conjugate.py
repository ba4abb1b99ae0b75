"""Data steps: conjugate gradients on batches of images."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor

from napari_padis.posterior.problem import Problem


def iterates(
    problem: Problem,
    y: Tensor,
    centre: Tensor,
    ridge: float,
    start: Tensor | None = None,
    tolerance: float = 0.0,
) -> Iterator[Tensor]:
    """Towards ``argmin_x |A x - y|^2 / 2 + ridge |x - centre|^2 / 2``.

    Conjugate gradients on the normal equations, each problem of a batch by itself; without end
    unless there is a tolerance.

    Parameters
    ----------
    problem : Problem
    y : Tensor
        Data, which broadcast against ``A x``.
    centre : Tensor, shape (N, S, C, H, W)
    ridge : float
    start : Tensor, optional, shape (N, S, C, H, W)
        The centre when missing.
    tolerance : float
        An image stays as it is once its gradient is so small a share of that at the start, and
        when all do there are no more iterates: each ends up the same, whichever are beside it.

    Yields
    ------
    Tensor, shape (N, S, C, H, W)
        A new one each time; the start is not among them.

    Notes
    -----
    The curvature along p is ``|A p|^2 + ridge |p|^2`` (CGLS: Bjoerck, Numerical Methods for
    Least Squares Problems, 1996, algorithm 7.4.1), so that n iterations take n transposes. The
    residual is that of the centre or start, so that float32 keeps their digits.
    """
    x = centre if start is None else start
    tiny = torch.finfo(x.dtype).tiny
    r = problem.AT(y - problem.A(x))
    if start is not None:
        r = r + ridge * (centre - start)
    p, rr = r.clone(), problem.dot(r, r)
    enough = tolerance**2 * rr
    while True:
        projected = problem.A(p)
        seen = problem.dot(projected, projected).view_as(rr)
        # Once an image has converged it stays as it is.
        alpha = rr / (seen + ridge * problem.dot(p, p)).clamp_min(tiny)
        alpha = torch.where(rr > enough, alpha, 0)
        x = torch.addcmul(x, alpha, p)
        yield x
        r = torch.addcmul(r, alpha, problem.AT(projected).add_(p, alpha=ridge), value=-1)
        new = problem.dot(r, r)
        if tolerance and not bool((new > enough).any()):
            return
        p.mul_(new / rr.clamp_min(tiny)).add_(r)
        rr = new


def proximal(
    problem: Problem,
    centre: Tensor,
    gamma: float,
    iterations: int,
    start: Tensor | None = None,
    y: Tensor | None = None,
    tolerance: float = 0.0,
) -> Tensor:
    """``argmin_x |x - centre|^2 / 2 + gamma |A x - y|^2 / 2``, started at ``centre``.

    The data step of DDS (Chung et al., "Decomposed diffusion sampler", ICLR 2024). Repeated
    for centres that hardly move it may ``start`` from the solution before: the iterations
    then add up. The data are the problem's unless others ``y`` are given, one of each sample.
    Samples are taken in parts (:meth:`Problem.parts`), as it needs many arrays. There are no
    more ``iterations`` than it takes to reach the ``tolerance`` of :func:`iterates`.
    """
    if gamma == 0:
        return centre.clone()
    solution = torch.empty_like(centre)
    for part in problem.parts(centre):
        steps = iterates(
            problem,
            problem.y if y is None else y[part],
            centre[part],
            1 / gamma,
            None if start is None else start[part],
            tolerance,
        )
        solution[part] = deque(islice(steps, iterations), maxlen=1).pop()
    return solution
