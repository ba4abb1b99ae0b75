"""Cartesian MRI with one or several receive coils."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from napari_padis.errors import InputError
from napari_padis.likelihood.fourier import as_channels, as_complex, to_image, to_kspace
from napari_padis.likelihood.linear_map import LinearMap
from napari_padis.scan.geometry import CartesianGeometry, Geometry

#: Share by which a bound may exceed the norm found so far without being looked into.
CLOSE = 1e-3


class CartesianMRI(LinearMap):
    """k-space of complex images: coil maps, centred orthonormal FFT, sampling mask.

    ``A`` maps real and imaginary part of the image to those of each coil's k-space, which is
    zero where it was not measured. With coil maps of several slices it acts on all slices
    together, shape (..., slices, 2, rows, columns) to (..., slices, coils, 2, rows,
    columns); with maps of one slice, or without maps, it acts on each slice alone, shape
    (..., 2, rows, columns) to (..., coils, 2, rows, columns), and fits any number of them.
    The encoding model of SENSE (Pruessmann et al., MRM 1999, eq. 1).

    Parameters
    ----------
    geometry : CartesianGeometry
    device : str or torch.device
    dtype : torch.dtype
        float32, or float64 for verification.

    Raises
    ------
    InputError
        If there are several coils and no maps of them.
    """

    def __init__(
        self,
        geometry: CartesianGeometry,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if geometry.maps is None and geometry.coils > 1:
            raise InputError(
                f"k-space of {geometry.coils} coils needs coil maps; estimate them first "
                "(napari_padis.likelihood.coils.with_maps)."
            )
        image = (2, *geometry.image_shape)
        data = (geometry.coils, *image)
        slices = 1 if geometry.maps is None else len(geometry.maps)
        lead = (slices,) if slices > 1 else ()
        super().__init__((*lead, *image), (*lead, *data), device, dtype)
        self.geometry = geometry
        kind = torch.complex128 if dtype == torch.float64 else torch.complex64
        if geometry.maps is None:
            maps = torch.ones((1, 1, 1, 1), dtype=kind)
        else:
            maps = torch.as_tensor(geometry.maps.copy()).to(kind)
        # Energy that the coils receive together from a pixel; zero outside the maps' support.
        self._energy = maps.abs().square().sum(-3)
        self._maps, self._mask = maps, torch.as_tensor(geometry.mask.copy()).to(dtype)
        self.nbytes = sum(t.nbytes for t in (maps, self._mask, self._energy))
        self._move(self.device)
        self.how = "computed by FFT" + ("" if geometry.maps is None else " and coil maps (SENSE)")

    @staticmethod
    def expected_bytes(geometry: Geometry, backend: str = "auto") -> int:
        """Memory of the coil maps, their energy and the mask in bytes."""
        assert isinstance(geometry, CartesianGeometry)
        pixels = math.prod(geometry.image_shape)
        if geometry.maps is None:
            return 4 * pixels + 12
        return 4 * pixels + len(geometry.maps) * pixels * (8 * geometry.coils + 4)

    @property
    def norm(self) -> float:
        """Largest singular value; analytic without maps or without gaps in the mask.

        The FFT is unitary, so that the root of the largest coil energy of a pixel bounds the
        norm; it is attained when every sample is measured, and without maps for any mask.
        Otherwise power iteration slice by slice, as far as the bounds of the others demand.
        """
        if self._norm is None:
            bounds = self._energy.flatten(-2).amax(-1).sqrt()
            maps, best = self.geometry.maps, 0.0
            if maps is None or self.geometry.mask.all():
                self._norm = float(bounds.max())
            elif len(maps) > 1:
                for k in bounds.argsort(descending=True).tolist():
                    if float(bounds[k]) <= best * (1 + CLOSE):
                        break
                    one = replace(self.geometry, maps=maps[k : k + 1])
                    best = max(best, CartesianMRI(one, self.device, self.dtype).norm)
                self._norm = best
        return super().norm

    def pinv(self, y: Tensor) -> Tensor:
        """Zero-filled reconstruction, coils combined by their maps.

        The least-squares solution when every sample was measured (Roemer et al., MRM 1990);
        otherwise the unmeasured samples count as zero. Zero outside the maps' support.
        """
        lead = self._check(y, self.range_shape)
        flat = y.reshape(math.prod(lead), *self.range_shape).to(self.dtype)
        energy = self._energy.unsqueeze(-3)
        weight = torch.where(energy > 0, 1 / energy, 0)
        return (self._transpose(flat) * weight).reshape(*lead, *self.domain_shape)

    # Slice by slice, so that the coils' images of one slice alone stand in memory.

    def _forward(self, x: Tensor) -> Tensor:
        images = x.reshape(-1, *x.shape[-3:])
        y = x.new_empty((len(images), *self.range_shape[-4:]))
        for k, image in enumerate(images):
            coils = as_complex(image) * self._maps[k % len(self._maps)]
            y[k] = as_channels(to_kspace(coils) * self._mask)
        return y.reshape(len(x), *self.range_shape)

    def _transpose(self, y: Tensor) -> Tensor:
        data = y.reshape(-1, *y.shape[-4:])
        x = y.new_empty((len(data), *self.domain_shape[-3:]))
        for k, kspace in enumerate(data):
            coils = to_image(as_complex(kspace) * self._mask)
            x[k] = as_channels((coils * self._maps[k % len(self._maps)].conj()).sum(-3))
        return x.reshape(len(y), *self.domain_shape)

    def _move(self, device: torch.device) -> None:
        self._maps, self._mask = self._maps.to(device), self._mask.to(device)
        self._energy = self._energy.to(device)
