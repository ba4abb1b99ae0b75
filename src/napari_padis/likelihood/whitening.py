"""Noise that differs from datum to datum, made white."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from napari_padis.errors import InputError
from napari_padis.likelihood.linear_map import LinearMap

#: Power iteration for the norm: it only sets the scale of step sizes.
NORM_ITERATIONS = 50
NORM_TOLERANCE = 1e-4


class Whitened(LinearMap):
    """A map whose data are multiplied by the square roots of their weights.

    With ``d = B f + e`` and independent noise of variance ``v`` in each datum,
    ``root d = root B f + root e`` has white noise if ``root^2`` is proportional to ``1 / v``,
    and its least squares are the weighted least squares of the data (statistical
    reconstruction: Sauer and Bouman, IEEE Trans. Signal Process. 41, 1993).

    Parameters
    ----------
    base : LinearMap
        The map B.
    root : Tensor, shape (*lead, *base.range_shape)
        Square roots of the weights, zero where a datum is not to be used. With ``lead``,
        for instance slices and channel, the data differ along those axes too, which then
        belong to the shapes of this map: domain ``(*lead, *base.domain_shape)``.

    Raises
    ------
    InputError
        If the roots do not fit the map, are negative, or none is positive.
    """

    def __init__(self, base: LinearMap, root: Tensor) -> None:
        split = root.ndim - len(base.range_shape)
        if split < 0 or tuple(root.shape[split:]) != base.range_shape:
            raise InputError(
                f"Weights of shape {tuple(root.shape)} do not fit data of shape {base.range_shape}."
            )
        if not torch.isfinite(root).all() or bool((root < 0).any()) or not bool(root.any()):
            raise InputError("Weights must be finite, not negative and not all zero.")
        lead = tuple(root.shape[:split])
        super().__init__((*lead, *base.domain_shape), tuple(root.shape), base.device, base.dtype)
        self.base = base
        self.root = root.to(base.dtype).to(base.device)
        self.nbytes = base.nbytes + self.root.nbytes
        self.backend, self.how = base.backend, f"{base.how}, weighted by the noise"

    @property
    def norm(self) -> float:
        """Largest singular value, by power iteration on all problems at once."""
        if self._norm is None:
            self._norm = self._largest()
        return self._norm

    def whiten(self, data: Tensor) -> Tensor:
        """Data (..., *range_shape) of the base as data of this map."""
        return data * self.root

    def pinv(self, y: Tensor) -> Tensor:
        """The base's approximate inverse of the data without their weights."""
        self._check(y, self.range_shape)
        used = self.root > 0
        plain = torch.where(used, y.to(self.dtype) / torch.where(used, self.root, 1), 0)
        return self.base.pinv(plain)

    def _largest(self) -> float:
        # Along the leading axes the map is block-diagonal: each block iterates by itself.
        inner = tuple(range(-len(self.base.domain_shape), 0))
        outer = tuple(range(-len(self.base.range_shape), 0))
        generator = torch.Generator().manual_seed(0)
        x = torch.rand((1, *self.domain_shape), generator=generator).to(self.dtype).to(self.device)
        value = previous = 0.0
        with torch.no_grad():
            for _ in range(NORM_ITERATIONS):
                x = x / x.square().sum(inner, keepdim=True).sqrt().clamp_min(1e-30)
                y = self._forward(x)
                value = math.sqrt(float(y.square().sum(outer).max()))
                if abs(value - previous) <= NORM_TOLERANCE * value:
                    break
                previous = value
                x = self._transpose(y)
        return value

    def _forward(self, x: Tensor) -> Tensor:
        return self.root * self.base.A(x)

    def _transpose(self, y: Tensor) -> Tensor:
        return self.base.AT(self.root * y)

    def _move(self, device: torch.device) -> None:
        self.base, self.root = self.base.to(device), self.root.to(device)
