"""Linear forward models as batched, differentiable torch maps with exact transposes."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor

from napari_padis.errors import InputError
from napari_padis.scan.geometry import Geometry

Shape = tuple[int, ...]


class Apply(torch.autograd.Function):
    """``y = A x`` whose backward pass is the same function with ``A`` and ``At`` exchanged.

    Because the backward pass is itself an application, derivatives of any order exist.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, a: Callable[[Tensor], Tensor], at: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """Apply ``a``; both maps are kept for the backward pass."""
        ctx.pair = (a, at)
        return a(x)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Vector-Jacobian product: the Euclidean transpose."""
        a, at = ctx.pair
        return Apply.apply(grads[0], at, a), None, None


class LinearMap:
    """A linear map between image slices and data, applied to any number of them at once.

    Subclasses give ``_forward`` and ``_transpose`` on batches ``(B, *shape)`` and, where one
    exists, a pseudo-inverse. Only the Euclidean transpose exists here: ``AT`` is the
    matrix transpose, without the quadrature weights of function spaces.

    Parameters
    ----------
    domain_shape, range_shape : tuple of int
        Shape of one image slice and of its data.
    device : str or torch.device
        Where the arithmetic happens. Input on another device is an error.
    dtype : torch.dtype
        Precision of the map, float32 unless something is to be verified.

    Attributes
    ----------
    nbytes : int
        Memory held by the map.
    backend : str
        How it is computed ('direct' where there is only one way).
    how : str
        The same as a sentence for the log and the dock, with the reason of the choice.
    """

    def __init__(
        self,
        domain_shape: Shape,
        range_shape: Shape,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.domain_shape = tuple(domain_shape)
        self.range_shape = tuple(range_shape)
        self.device = torch.device(device)
        self.dtype = dtype
        self.nbytes = 0
        self.backend = "direct"
        self.how = "computed directly"
        self._norm: float | None = None

    @staticmethod
    def expected_bytes(geometry: Geometry, backend: str = "auto") -> int:
        """Memory that the map of a geometry will hold, in bytes, without building it."""
        return 0

    def A(self, x: Tensor) -> Tensor:
        """Forward map of ``x`` (..., *domain_shape) to (..., *range_shape)."""
        return self._batched(x, self.domain_shape, self._forward, self._transpose)

    def AT(self, y: Tensor) -> Tensor:
        """Euclidean transpose of ``y`` (..., *range_shape) to (..., *domain_shape)."""
        return self._batched(y, self.range_shape, self._transpose, self._forward)

    def pinv(self, y: Tensor) -> Tensor:
        """Approximate inverse of ``y`` (..., *range_shape); the scaled transpose by default."""
        return self.AT(y) / self.norm**2

    @property
    def norm(self) -> float:
        """Largest singular value, by power iteration; computed once."""
        if self._norm is None:
            self._norm = largest_singular_value(self)
        return self._norm

    def to(self, device: str | torch.device) -> Self:
        """The same map on another device (itself when it is there already)."""
        device = torch.device(device)
        if device == self.device:
            return self
        moved = copy.copy(self)
        moved.device = device
        moved._move(device)
        return moved

    def _move(self, device: torch.device) -> None:
        """Replace the tensors of a shallow copy by copies on ``device``."""

    def _forward(self, x: Tensor) -> Tensor:
        raise TypeError(f"{type(self).__name__} does not define its forward map.")

    def _transpose(self, y: Tensor) -> Tensor:
        raise TypeError(f"{type(self).__name__} does not define its transpose.")

    def _batched(
        self,
        x: Tensor,
        shape: Shape,
        a: Callable[[Tensor], Tensor],
        at: Callable[[Tensor], Tensor],
    ) -> Tensor:
        """Check ``x``, flatten its leading axes, apply, and restore them."""
        lead = self._check(x, shape)
        flat = x.reshape(math.prod(lead), *shape).to(self.dtype)
        result: Tensor = Apply.apply(flat, a, at)
        return result.reshape(*lead, *result.shape[1:])

    def _check(self, x: Tensor, shape: Shape) -> Shape:
        """Leading axes of ``x``; raises InputError when it does not fit the map."""
        if x.device.type != self.device.type:
            raise InputError(
                f"{type(self).__name__} is on '{self.device}', its input on '{x.device}'; "
                f"move one of them."
            )
        split = x.ndim - len(shape)
        if split < 0 or tuple(x.shape[split:]) != shape:
            expected = ", ".join(str(n) for n in shape)
            raise InputError(
                f"{type(self).__name__} needs an array of shape (..., {expected}), "
                f"not {tuple(x.shape)}."
            )
        return tuple(x.shape[:split])


def largest_singular_value(
    linear_map: LinearMap, iterations: int = 300, tolerance: float = 1e-6
) -> float:
    """Largest singular value of a map by power iteration on ``At A``.

    Deterministic: starts from the same non-negative vector each time, which can never be
    orthogonal to the leading singular vector of a non-negative matrix.

    Parameters
    ----------
    linear_map : LinearMap
    iterations : int
        Most iterations.
    tolerance : float
        Stop when the estimate changes by less than this share in one iteration; 1e-6
        leaves an error well under 1e-4.
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(linear_map.domain_shape, generator=generator, dtype=torch.float64)
    x = x.to(linear_map.dtype).to(linear_map.device)
    previous = 0.0
    with torch.no_grad():
        for _ in range(iterations):
            length = float(x.norm())
            if length == 0:
                return 0.0
            y = linear_map.A(x / length)
            value = float(y.norm())
            if abs(value - previous) <= tolerance * value:
                break
            previous = value
            x = linear_map.AT(y)
    return value
