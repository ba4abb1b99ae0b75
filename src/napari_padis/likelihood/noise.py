"""Noise of the data: what a detector adds and how large it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from napari_padis.errors import InputError

#: Counts below this are raised to it before the logarithm: a ray without photons has no
#: logarithm, and half a photon is the largest count that rounds to none.
COUNT_FLOOR = 0.5


@dataclass(frozen=True)
class Gaussian:
    """White Gaussian noise.

    Parameters
    ----------
    std : float
        Standard deviation in the unit of the data; of real and imaginary part each where
        they are complex.
    """

    std: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.std) and self.std >= 0):
            raise InputError(f"The noise level must be zero or positive, not {self.std}.")

    def apply(self, data: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Noisy copy of ``data`` (any shape, real or complex)."""
        return data + self.std * _normal(data, generator)

    def variance(self, data: Tensor) -> Tensor:
        """Variance of every datum."""
        return torch.full_like(data, self.std**2)

    def sigma(self, data: Tensor) -> float:
        """Standard deviation."""
        return self.std


@dataclass(frozen=True)
class Poisson:
    """Photon counting with electronic noise, seen after the logarithm.

    ``counts ~ Poisson(I0 exp(-y)) + Normal(0, electronic^2)`` and the noisy line integral
    is ``-log(max(counts, COUNT_FLOOR) / I0)`` (Thibault et al., Proc. SPIE 6065, 2006).

    Parameters
    ----------
    photons : float
        Photons per ray without an object, I0.
    electronic : float
        Standard deviation of the electronic noise in photons.
    """

    photons: float
    electronic: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.photons) and self.photons > 0):
            raise InputError(f"The number of photons must be positive, not {self.photons}.")
        if not (math.isfinite(self.electronic) and self.electronic >= 0):
            raise InputError(
                f"The electronic noise must be zero or positive, not {self.electronic}."
            )

    def apply(self, data: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Noisy copy of the line integrals ``data`` (any shape)."""
        expected = self.photons * torch.exp(-data.double())
        counts = torch.poisson(expected, generator=generator)
        if self.electronic > 0:
            counts = counts + self.electronic * _normal(counts, generator)
        return -torch.log(counts.clamp(min=COUNT_FLOOR) / self.photons).to(data.dtype)

    def variance(self, data: Tensor) -> Tensor:
        """Variance of every line integral, ``(N + electronic^2) / N^2`` with N counts.

        First-order error propagation through the logarithm: good for a dozen counts or
        more. ``data`` may be noisy or clean.
        """
        counts = (self.photons * torch.exp(-data)).clamp(min=COUNT_FLOOR)
        return (counts + self.electronic**2) / counts**2

    def sigma(self, data: Tensor) -> float:
        """Root mean square of the standard deviations over all rays of ``data``."""
        return math.sqrt(float(self.variance(data.double()).mean()))


def _normal(data: Tensor, generator: torch.Generator | None) -> Tensor:
    """White noise of unit variance, in each part of complex data."""
    noise = torch.randn(data.shape, generator=generator, dtype=data.dtype, device=data.device)
    # The variance of torch's complex normal numbers is that of both parts together.
    return math.sqrt(2) * noise if data.is_complex() else noise
