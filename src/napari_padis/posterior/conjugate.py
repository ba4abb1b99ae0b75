"""Data steps: conjugate gradients on batches of images."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Protocol

import torch
from torch import Tensor

from napari_padis.posterior.preconditioner import preconditioner
from napari_padis.posterior.problem import Problem

#: Where the conjugate gradients of a data step end, see :func:`iterates`, in methods that want its
#: solution and not a number of iterations that was published. Parallel views take three. The
#: talk's fan beam, which sees the corners from few directions, takes more and needs them: a looser
#: rule cost ``padis-fast`` 0.8 dB there and up to 0.1 dB elsewhere.
TOLERANCE = 0.05


class Linear(Protocol):
    """What conjugate gradients know of a :class:`Problem`."""

    def A(self, x: Tensor) -> Tensor:
        """Forward map."""

    def AT(self, r: Tensor) -> Tensor:
        """Its transpose."""

    def dot(self, a: Tensor, b: Tensor) -> Tensor:
        """Inner product of each problem by itself."""


def iterates(
    problem: Linear,
    y: Tensor,
    centre: Tensor,
    ridge: float,
    start: Tensor | None = None,
    tolerance: float = 0.0,
    inverse: Callable[[Tensor], Tensor] | None = None,
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
        An image stays as it is once its error, in the norm of the normal equations, is about
        this share of that at the start, and when all do there are no more iterates: each ends up
        the same, whichever are beside it.
    inverse : callable, optional
        An approximate inverse of ``A^T A + ridge``, symmetric and positive.

    Yields
    ------
    Tensor, shape (N, S, C, H, W)
        A new one each time; the start is not among them.

    Notes
    -----
    The curvature along p is ``|A p|^2 + ridge |p|^2`` (CGLS: Bjoerck, Numerical Methods for
    Least Squares Problems, 1996, algorithms 7.4.1 and, preconditioned, 7.4.3), so that n
    iterations take n transposes. The residual is that of the centre or start, so that float32
    keeps their digits.

    The squared error falls by ``alpha r^T inverse(r)`` in an iteration (Hestenes and Stiefel,
    "Methods of conjugate gradients", 1952, theorem 6:1). What is left of it is foreseen as if it
    went on falling at the present rate, so that no gradient is computed only to be found small.
    """
    x = centre if start is None else start
    tiny = torch.finfo(x.dtype).tiny
    r = problem.AT(y - problem.A(x))
    if start is not None:
        r = r + ridge * (centre - start)
    p = inverse(r) if inverse else r.clone()
    size = problem.dot(r, p)
    active = size > 0
    lowered, before = torch.zeros_like(size), torch.zeros_like(size)
    while True:
        projected = problem.A(p)
        seen = problem.dot(projected, projected).view_as(size)
        alpha = size / (seen + ridge * problem.dot(p, p)).clamp_min(tiny)
        # Once an image has converged it stays as it is.
        alpha = torch.where(active, alpha, 0)
        x = torch.addcmul(x, alpha, p)
        yield x
        fall = alpha * size
        lowered += fall
        # The sum of all falls to come, fall (q + q^2 + ...) with q = fall / before < 1.
        left = torch.where(fall < before, fall * (fall / (before - fall)), math.inf)
        active &= left > tolerance**2 * lowered
        if tolerance and not bool(active.any()):
            return
        r = torch.addcmul(r, alpha, problem.AT(projected).add_(p, alpha=ridge), value=-1)
        z = inverse(r) if inverse else r
        new = problem.dot(r, z)
        p.mul_(new / size.clamp_min(tiny)).add_(z)
        size, before = new, fall


class _Scaled:
    """A problem in units of what each pixel may move: ``A'`` of ``q`` is ``A`` of ``root q``."""

    def __init__(self, problem: Problem, root: Tensor) -> None:
        self.problem, self.root = problem, root

    def A(self, q: Tensor) -> Tensor:
        return self.problem.A(self.root * q)

    def AT(self, r: Tensor) -> Tensor:
        return self.problem.AT(r).mul_(self.root)

    def dot(self, a: Tensor, b: Tensor) -> Tensor:
        return self.problem.dot(a, b)


def proximal(
    problem: Problem,
    centre: Tensor,
    gamma: float | Tensor,
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
    more ``iterations`` than it takes to reach the ``tolerance`` of :func:`iterates`; with a
    tolerance they are preconditioned, as then only the solution counts and not the way to it.

    Where the pixels of the centre are not equally sure, ``gamma`` is a tensor that broadcasts
    against it, variances ``r_i^2 / sigma_y^2``: of
    ``sum_i (x_i - centre_i)^2 / (2 gamma_i) + |A x - y|^2 / 2`` (:func:`_of_pixels`).
    """
    if isinstance(gamma, Tensor):
        given = gamma.to(centre).expand_as(centre)
        return _of_pixels(problem, centre, given, iterations, start, y, tolerance)
    if gamma == 0:
        return centre.clone()
    inverse = preconditioner(problem, 1 / gamma) if tolerance else None
    solution = torch.empty_like(centre)
    for part in problem.parts(centre):
        steps = iterates(
            problem,
            problem.y if y is None else y[part],
            centre[part],
            1 / gamma,
            None if start is None else start[part],
            tolerance,
            inverse,
        )
        solution[part] = deque(islice(steps, iterations), maxlen=1).pop()
    return solution


def _of_pixels(
    problem: Problem,
    centre: Tensor,
    gamma: Tensor,
    iterations: int,
    start: Tensor | None,
    y: Tensor | None,
    tolerance: float,
) -> Tensor:
    """The step in ``q`` of ``x = centre + gamma^(1/2) q``, whose ridge is 1.

    Its matrix is ``gamma^(1/2) (A^T A + 1/gamma) gamma^(1/2)``. Preconditioned with the circulant
    inverse, for the mean of gamma, between powers ``gamma^(-1/4)``: with none, six iterations left
    .055 to .244 of the distance to the solution (20 views, exact and with noise) where these
    leave .009 to .040; with the full ``gamma^(-1/2)`` .038 to .148, as pixels that hardly move then
    weigh as much as the others.
    """
    solution = torch.empty_like(centre)
    for part in problem.parts(centre):
        root = gamma[part].clamp_min(torch.finfo(centre.dtype).tiny).sqrt()
        middle = centre[part]
        first = torch.zeros_like(middle) if start is None else (start[part] - middle).div_(root)
        rest = (problem.y if y is None else y[part]) - problem.A(middle)
        inverse = None
        if tolerance:
            axes = tuple(range(problem.first_axis, middle.ndim))
            mean = root.square().mean(axes, keepdim=True)
            inverse = _between(preconditioner(problem, 1 / mean), (mean.sqrt() / root).sqrt())
        steps = iterates(
            _Scaled(problem, root), rest, torch.zeros_like(middle), 1.0,
            first, tolerance, inverse,
        )  # fmt: skip
        solution[part] = deque(islice(steps, iterations), maxlen=1).pop().mul_(root).add_(middle)
    return solution


def _between(inverse: Callable[[Tensor], Tensor], factor: Tensor) -> Callable[[Tensor], Tensor]:
    """An inverse with a diagonal on both sides."""
    return lambda r: inverse(r * factor).mul_(factor)
