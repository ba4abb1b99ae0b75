"""Coarse pixels: block averages of the image."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from napari_padis.likelihood.linear_map import LinearMap
from napari_padis.scan.geometry import DownsampleGeometry


class Downsample(LinearMap):
    """Mean over every block of ``factor x factor`` pixels.

    ``A`` maps (..., rows, columns) to (..., rows / factor, columns / factor) in the same
    unit; ``AT`` spreads every coarse pixel, divided by ``factor^2``, over its block.

    Parameters
    ----------
    geometry : DownsampleGeometry
    device : str or torch.device
    dtype : torch.dtype
        float32, or float64 for verification.
    """

    def __init__(
        self,
        geometry: DownsampleGeometry,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(geometry.image_shape, geometry.data_shape, device, dtype)
        self.geometry = geometry
        self.factor = geometry.factor

    @property
    def norm(self) -> float:
        """Largest singular value: ``A At = 1 / factor^2``."""
        return 1 / self.factor

    def pinv(self, y: Tensor) -> Tensor:
        """Bicubic enlargement, corrected so that its block averages are the data.

        ``x + A+ (y - A x)`` with x the enlargement and ``A+ = factor^2 At`` the
        pseudo-inverse. Like ``A+ y`` itself it is a linear right inverse of A, but without
        the blocks, which would be far from any image that a prior knows.
        """
        lead = self._check(y, self.range_shape)
        coarse = y.to(self.dtype).reshape(-1, 1, *self.range_shape)
        x = interpolate(coarse, scale_factor=self.factor, mode="bicubic", align_corners=False)
        x = x.reshape(*lead, *self.domain_shape)
        return x + self.factor**2 * self.AT(y - self.A(x))

    def _forward(self, x: Tensor) -> Tensor:
        return avg_pool2d(x[:, None], self.factor)[:, 0]

    def _transpose(self, y: Tensor) -> Tensor:
        blocks = y.repeat_interleave(self.factor, -2).repeat_interleave(self.factor, -1)
        return blocks / self.factor**2
