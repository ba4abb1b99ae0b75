"""The inverse problem as the samplers see it: unit norm, unit interval."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from napari_padis.posterior.preconditioner import gram_spectrum

#: Bytes of the samples that are worked on at once where that takes many arrays: 64 images of
#: 256 x 256 pixels, more than which no projector takes at once on a processor.
PART = 2**24


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
    data : Tensor
        The physical data d, shape (S, ...), or that of the whole volume if ``coupled``.
    sigma : float
        Standard deviation of e in physical units; 0 for exact data.
    gain, offset : float
        Physical values of the prior's scale.
    shape : tuple of int
        Shape of the image of one sample, (S, C, H, W).
    coupled : bool
        Whether the map acts on whole volumes (S, H, W) of one channel, so that all slices
        are one problem; otherwise each slice is a problem of its own.
    floor : float
        Least noise level used, as a share of the data's RMS: interpolation and beam
        model are never exact.
    measured : float
        Share of the data that were measured; the others are zero and say nothing.
    weighted : bool
        Whether the data were multiplied by weights of their own: B is then conditioned
        worse, and conjugate gradients need more iterations.
    ceiling : float
        Largest value of the image that the prior knows, on its scale.
    """

    operator: Operator
    data: Tensor
    sigma: float
    gain: float
    offset: float
    shape: tuple[int, ...]
    coupled: bool = False
    floor: float = 1e-3
    measured: float = 1.0
    weighted: bool = False
    ceiling: float = 1.0

    def __post_init__(self) -> None:
        flat = torch.full(self.shape, self.offset, device=self.data.device)
        background = self._physical(flat) if self.offset else torch.zeros((), device=flat.device)
        y = (self.data - background) / (self.gain * self.operator.norm)
        object.__setattr__(self, "y", y)
        object.__setattr__(self, "_background", background)
        sigma = self.sigma / (self.gain * self.operator.norm)
        rms = float(y.square().mean().sqrt())
        object.__setattr__(self, "sigma_y", max(sigma, self.floor * rms, 1e-12))

    y: Tensor = None  # type: ignore[assignment]
    sigma_y: float = 0.0
    _background: Tensor = None  # type: ignore[assignment]

    @property
    def first_axis(self) -> int:
        """First axis of x (N, S, C, H, W) and of A x that belongs to one problem."""
        return 1 if self.coupled else 2

    @property
    def noise(self) -> float:
        """Noise of the data as it reaches a picture: that of all places, measured or not."""
        return self.sigma_y * math.sqrt(self.measured)

    def dot(self, a: Tensor, b: Tensor) -> Tensor:
        """Inner product of each problem by itself, broadcastable against ``a``."""
        return (a * b).sum(tuple(range(self.first_axis, a.ndim)), keepdim=True)

    def image_axes(self, ndim: int) -> tuple[int, ...]:
        """The axes of rows and columns among ``ndim``, or the one axis of a signal."""
        return tuple(range(max(self.first_axis, ndim - 2), ndim))

    @cached_property
    def spectrum(self) -> Tensor:
        """How much the data see of each frequency, measured once; see :func:`gram_spectrum`."""
        return gram_spectrum(self)

    def parts(self, x: Tensor) -> Iterator[slice]:
        """Samples (N, S, C, H, W) in parts of :data:`PART`, but one at least."""
        each = max(1, PART // max(1, x[0].numel() * x.element_size()))
        return (slice(i, min(i + each, len(x))) for i in range(0, len(x), each))

    def A(self, x: Tensor) -> Tensor:
        """Normalised forward map of x (..., S, C, H, W)."""
        return self._physical(x) / self.operator.norm

    def AT(self, r: Tensor) -> Tensor:
        """Transpose of :meth:`A`."""
        x = self.operator.AT(r) / self.operator.norm
        return x.unsqueeze(-3) if self.coupled else x

    def direct(self, y: Tensor | None = None) -> Tensor:
        """Direct reconstruction on the prior's scale, shape (..., S, C, H, W).

        Parameters
        ----------
        y : Tensor, optional
            Normalised data such as :meth:`A` gives; those of the problem when missing.
        """
        scale = self.gain * self.operator.norm
        x = self.operator.pinv(self.data if y is None else y * scale + self._background)
        return ((x.unsqueeze(-3) if self.coupled else x) - self.offset) / self.gain

    def start(self) -> Tensor:
        """Direct reconstruction, real ones clipped to the prior's range."""
        x = self.direct()
        return (
            x if self.shape[1] == 2 else x.clamp(0, self.ceiling)
        )  # complex images have no such range

    def _physical(self, x: Tensor) -> Tensor:
        return self.operator.A(x.squeeze(-3) if self.coupled else x)

    def residual(self, x: Tensor) -> float:
        """RMS of ``A x - y`` over the measured data, in units of the noise level."""
        samples = x.reshape(-1, *self.shape)
        square = 0.0
        for part in self.parts(samples):
            difference = self.A(samples[part]).sub_(self.y)
            square += float(self.dot(difference, difference).double().sum())
        count = len(samples) * self.y.numel() * self.measured
        return math.sqrt(square / count) / self.sigma_y
