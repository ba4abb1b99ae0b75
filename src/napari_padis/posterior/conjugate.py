"""Data steps: conjugate gradients on batches of images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import torch
from torch import Tensor

from napari_padis.posterior.problem import Problem


def conjugate_gradients(
    apply: Callable[[Tensor], Tensor],
    rhs: Tensor,
    x: Tensor,
    iterations: int,
    dot: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """Solve ``apply(x) = rhs``, each problem of a batch by itself.

    Parameters
    ----------
    apply : callable
        Symmetric positive (semi-)definite map on tensors of shape (N, S, ...).
    rhs, x : Tensor, shape (N, S, ...)
        Right-hand side and start.
    iterations : int
        Number of iterations.
    dot : callable
        Inner product per problem, see :meth:`Problem.dot`.
    """
    solution = x
    for solution in islice(iterates(apply, rhs, x, dot), iterations):  # noqa: B007
        pass
    return solution


def iterates(
    apply: Callable[[Tensor], Tensor],
    rhs: Tensor,
    x: Tensor,
    dot: Callable[[Tensor, Tensor], Tensor],
) -> Iterator[Tensor]:
    """Iterates of :func:`conjugate_gradients` without end, the start not among them."""
    tiny = torch.finfo(x.dtype).tiny
    r = rhs - apply(x)
    p = r
    rr = dot(r, r)
    while True:
        q = apply(p)
        # Once an image has converged its residual is zero: it then stays as it is.
        alpha = rr / dot(p, q).clamp_min(tiny)
        x = x + alpha * p
        r = r - alpha * q
        new = dot(r, r)
        p = r + new / rr.clamp_min(tiny) * p
        rr = new
        yield x


def proximal(
    problem: Problem,
    centre: Tensor,
    gamma: float,
    iterations: int,
    start: Tensor | None = None,
    y: Tensor | None = None,
) -> Tensor:
    """``argmin_x |x - centre|^2 / 2 + gamma |A x - y|^2 / 2``, started at ``centre``.

    The data step of DDS (Chung et al., "Decomposed diffusion sampler", ICLR 2024). Repeated
    for centres that hardly move it may ``start`` from the solution before: the iterations
    then add up. The data are the problem's unless others ``y`` are given.
    """
    target = problem.y if y is None else y

    def apply(x: Tensor) -> Tensor:
        return x + gamma * problem.AT(problem.A(x))

    # In terms of the correction, so that float32 keeps the digits of the centre.
    rhs = gamma * problem.AT(target - problem.A(centre))
    first = torch.zeros_like(centre) if start is None else start - centre
    return centre + conjugate_gradients(apply, rhs, first, iterations, problem.dot)
