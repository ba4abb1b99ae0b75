"""Projection by ODL's ray transform on ASTRA, slice by slice."""

from __future__ import annotations

import copy
import dataclasses
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor

from napari_padis.errors import InputError
from napari_padis.likelihood.odl_bridge import ray_transform, to_odl_axes
from napari_padis.likelihood.rays import PlanarGeometry
from napari_padis.scan.geometry import FanGeometry


class OdlProjector:
    """ODL's ray transform with its Euclidean transpose, in single precision.

    ASTRA's rays differ from ours in a fan: there a pixel counts with the length of the ray
    inside it (Siddon's model). Its adjoint on a GPU is not the exact transpose of its forward
    map (pixels are projected onto the detector instead of rays through the image).

    Parameters
    ----------
    geometry : ParallelGeometry or FanGeometry
        With square pixels, and a flat detector; that of a parallel beam centred.
    dtype : torch.dtype
        float32.

    Raises
    ------
    InputError
        If ASTRA is not installed, or ODL cannot do the geometry.
    """

    name = "odl"
    nbytes = 0

    def __init__(self, geometry: PlanarGeometry, dtype: torch.dtype = torch.float32) -> None:
        check_geometry(geometry)
        if dtype != torch.float32:
            raise InputError("ASTRA computes in single precision; use the back end 'rays'.")
        # ODL's views must increase, each once; ours come in any order.
        angles, self._view = np.unique(geometry.angles, return_inverse=True)
        self._geometry = dataclasses.replace(geometry, angles=angles)
        self._use("astra_cpu")

    def _use(self, impl: str) -> None:
        self.impl = impl
        self._transform = ray_transform(self._geometry, impl)
        self._adjoint = self._transform.adjoint
        # ODL's adjoint lives in weighted spaces; divided by the weights it is the transpose.
        spaces = self._transform.domain, self._transform.range
        domain, range_ = (float(space.weighting.const) for space in spaces)
        self._scale = np.float32(domain / range_)

    def to(self, device: torch.device) -> OdlProjector:
        """The same transform, computed on a CUDA device where ASTRA can."""
        impl = "astra_cuda" if device.type == "cuda" and _cuda() else "astra_cpu"
        if impl == self.impl:
            return self
        moved = copy.copy(self)
        moved._use(impl)
        return moved

    def forward(self, x: Tensor) -> Tensor:
        """Line integrals (B, views, bins) of slices (B, rows, columns)."""
        result = np.empty((len(x), len(self._view), self._geometry.detectors), dtype=np.float32)
        for sinogram, image in zip(result, x.detach().cpu().numpy(), strict=True):
            element = self._transform.domain.element(np.ascontiguousarray(to_odl_axes(image)))
            sinogram[:] = np.asarray(self._transform(element).data)[self._view]
        return torch.from_numpy(result).to(x.device)

    def transpose(self, y: Tensor) -> Tensor:
        """Euclidean transpose of sinograms (B, views, bins)."""
        result = np.empty((len(y), *self._geometry.image_shape), dtype=np.float32)
        for image, sinogram in zip(result, y.detach().cpu().numpy(), strict=True):
            sums = np.zeros(self._geometry.data_shape, dtype=np.float32)
            np.add.at(sums, self._view, sinogram)
            back = self._adjoint(self._adjoint.domain.element(sums))
            image[:] = self._scale * to_odl_axes(np.asarray(back.data))
        return torch.from_numpy(result).to(y.device)


def check_geometry(geometry: PlanarGeometry) -> None:
    """Raise InputError where ASTRA is missing or ODL would fail or be silently wrong."""
    if find_spec("astra") is None:
        raise InputError(
            "The back end 'odl' needs the astra-toolbox: pip install 'napari-padis[astra]'."
        )
    row, column = geometry.pixel
    if not np.isclose(row, column, rtol=1e-5):
        raise InputError(
            f"ODL needs square pixels, not {row:g} x {column:g} mm; use the back end 'rays'."
        )
    if isinstance(geometry, FanGeometry):
        if geometry.curved:
            raise InputError("ODL has no curved detectors in the plane; use the back end 'rays'.")
    elif geometry.shift:
        # On the CPU it takes any parallel detector for a centred one, without a word.
        raise InputError("ODL shifts no parallel detectors; use the back end 'rays'.")


def _cuda() -> bool:
    import astra

    return bool(astra.use_cuda())
