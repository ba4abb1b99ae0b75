"""Images of which pixels are missing, and images as they are."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, interpolate, pad

from napari_padis.likelihood.linear_map import LinearMap
from napari_padis.scan.geometry import DenoiseGeometry, MaskGeometry

#: Smoothing steps on every scale when holes are filled.
RELAXATIONS = 8


class Mask(LinearMap):
    """Keeps the measured pixels and sets the missing ones to zero; its own transpose.

    Parameters
    ----------
    geometry : MaskGeometry
    device : str or torch.device
    dtype : torch.dtype
        float32, or float64 for verification.
    """

    def __init__(
        self,
        geometry: MaskGeometry,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(geometry.image_shape, geometry.data_shape, device, dtype)
        self.geometry = geometry
        self._mask = torch.from_numpy(geometry.mask).to(dtype).to(self.device)
        self.nbytes = self._mask.nbytes

    @property
    def norm(self) -> float:
        """Largest singular value, one."""
        return 1.0

    def pinv(self, y: Tensor) -> Tensor:
        """Measured pixels as they are, holes filled smoothly from what surrounds them.

        Normalised means on ever coarser grids until no hole is left, then back to the fine
        ones with a few steps of smoothing inside the holes (pull-push, Gortler et al.,
        SIGGRAPH 1996). Linear in ``y``; constant images come out exactly.
        """
        lead = self._check(y, self.range_shape)
        values = y.to(self.dtype).reshape(-1, 1, *self.range_shape)
        filled = _fill(values * self._mask, self._mask[None, None])
        return filled.reshape(*lead, *self.domain_shape)

    def _forward(self, x: Tensor) -> Tensor:
        return x * self._mask

    def _transpose(self, y: Tensor) -> Tensor:
        return y * self._mask

    def _move(self, device: torch.device) -> None:
        self._mask = self._mask.to(device)


class Identity(LinearMap):
    """The image itself.

    Parameters
    ----------
    geometry : DenoiseGeometry
    device : str or torch.device
    dtype : torch.dtype
        float32, or float64 for verification.
    """

    def __init__(
        self,
        geometry: DenoiseGeometry,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(geometry.image_shape, geometry.data_shape, device, dtype)
        self.geometry = geometry

    @property
    def norm(self) -> float:
        """Largest singular value, one."""
        return 1.0

    def pinv(self, y: Tensor) -> Tensor:
        """The data."""
        self._check(y, self.range_shape)
        return y.to(self.dtype)

    def _forward(self, x: Tensor) -> Tensor:
        return x.clone()

    def _transpose(self, y: Tensor) -> Tensor:
        return y.clone()


def _fill(values: Tensor, known: Tensor) -> Tensor:
    """Values (B, 1, rows, columns) with those where ``known`` is 0 made up smoothly."""
    if bool((known > 0).all()):
        return values
    padding = (0, values.shape[-1] % 2, 0, values.shape[-2] % 2)
    share = avg_pool2d(pad(known, padding), 2)
    coarse = avg_pool2d(pad(values, padding), 2) / torch.where(share > 0, share, 1)
    coarse = _fill(coarse, (share > 0).to(known.dtype))
    rows, columns = values.shape[-2:]
    fine = interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
    fine = torch.where(known > 0, values, fine[..., :rows, :columns])
    # Mean of the neighbours, again and again: the steady state is the harmonic filling.
    kernel = fine.new_tensor([[0.0, 0.25, 0.0], [0.25, 0.0, 0.25], [0.0, 0.25, 0.0]])[None, None]
    for _ in range(RELAXATIONS):
        mean = conv2d(pad(fine, (1, 1, 1, 1), mode="replicate"), kernel)
        fine = torch.where(known > 0, values, mean)
    return fine
