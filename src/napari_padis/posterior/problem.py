"""The inverse problem as the samplers see it: unit norm, unit interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Operator(Protocol):
    """What the samplers need of a forward model."""

    @property
    def norm(self) -> float:
        """Largest singular value."""

    def A(self, x: Tensor) -> Tensor:
        """Forward projection, batched over leading axes."""

    def AT(self, y: Tensor) -> Tensor:
        """Euclidean transpose."""

    def pinv(self, y: Tensor) -> Tensor:
        """Direct reconstruction (FBP)."""


@dataclass(frozen=True)
class Problem:
    """``y = A x + e`` with ``x`` on the prior's scale and ``norm(A) = 1``.

    With physical image ``f = offset + gain x`` and physical data ``d = B f + e``,
    ``A = B / norm(B)`` and ``y = (d - B offset) / (gain norm(B))``.

    Parameters
    ----------
    operator : Operator
        The physical map B.
    data : Tensor, shape (S, C, ...)
        The physical data d.
    sigma : float
        Standard deviation of e in physical units; 0 for exact data.
    gain, offset : float
        Physical values of the prior's scale.
    shape : tuple of int
        Shape of the image of one sample, (S, C, ...).
    floor : float
        Least noise level used, as a share of the data's RMS: interpolation and beam
        model are never exact.
    """

    operator: Operator
    data: Tensor
    sigma: float
    gain: float
    offset: float
    shape: tuple[int, ...]
    floor: float = 1e-3

    def __post_init__(self) -> None:
        flat = torch.full(self.shape[-2:], self.offset, device=self.data.device)
        background = self.operator.A(flat) if self.offset else torch.zeros((), device=flat.device)
        y = (self.data - background) / (self.gain * self.operator.norm)
        object.__setattr__(self, "y", y)
        sigma = self.sigma / (self.gain * self.operator.norm)
        rms = float(y.square().mean().sqrt())
        object.__setattr__(self, "sigma_y", max(sigma, self.floor * rms, 1e-12))

    y: Tensor = None  # type: ignore[assignment]
    sigma_y: float = 0.0

    def A(self, x: Tensor) -> Tensor:
        """Normalised forward map."""
        return self.operator.A(x) / self.operator.norm

    def AT(self, r: Tensor) -> Tensor:
        """Transpose of :meth:`A`."""
        return self.operator.AT(r) / self.operator.norm

    def start(self) -> Tensor:
        """Direct reconstruction, clipped to the prior's range, shape (S, C, ...)."""
        x = (self.operator.pinv(self.data) - self.offset) / self.gain
        return x.clamp(0, 1)

    def residual(self, x: Tensor) -> float:
        """RMS of ``A x - y`` in units of the noise level."""
        return float((self.A(x) - self.y).square().mean().sqrt()) / self.sigma_y
