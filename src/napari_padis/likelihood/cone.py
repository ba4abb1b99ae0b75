"""Cone-beam CT of whole volumes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from napari_padis.errors import InputError
from napari_padis.likelihood.cone_rays import ConeRays
from napari_padis.likelihood.fdk import feldkamp
from napari_padis.likelihood.fdk_weights import widened
from napari_padis.likelihood.filters import ramp_filter
from napari_padis.likelihood.linear_map import LinearMap, largest_singular_value
from napari_padis.likelihood.odl_cone import OdlCone
from napari_padis.scan.geometry import ConeGeometry, Geometry

#: Scratch memory of projections and back-projections in bytes.
SCRATCH_BUDGET = 2**28


class ConeBeam(LinearMap):
    """Line integrals of an attenuation volume along the rays of a cone.

    ``A`` maps attenuation in 1/mm, shape (..., S, H, W), to dimensionless line integrals,
    shape (..., views, detector rows, detector columns), on a circle or a helix.

    Parameters
    ----------
    geometry : ConeGeometry
    device : str or torch.device
    dtype : torch.dtype
        float32, or float64 for verification.
    budget : int, optional
        Most memory in bytes for intermediate results, which come on top of a second copy of
        the volume; 256 MiB when missing.
    backend : {'auto', 'rays', 'odl'}
        'rays' follows every ray anew (:mod:`napari_padis.likelihood.cone_rays`), with an exact
        transpose; 'odl' is ODL's ray transform on ASTRA, which needs a CUDA device and whose
        transpose is approximate. 'auto' is 'rays'.

    Raises
    ------
    InputError
        If the back end is unknown or cannot run here.
    """

    def __init__(
        self,
        geometry: ConeGeometry,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        budget: int | None = None,
        backend: str = "auto",
    ) -> None:
        volume = (geometry.slices, *geometry.image_shape)
        super().__init__(volume, geometry.data_shape, device, dtype)
        self.geometry = geometry
        self.scratch = SCRATCH_BUDGET if budget is None else budget
        self._projector: ConeRays | OdlCone
        if backend in ("auto", "rays"):
            self._projector = ConeRays(geometry, self.device, dtype, self.scratch)
            self.how = (
                "rays followed one by one through the volume (Joseph), exact transpose: "
                "no matrix of a cone beam fits into memory"
            )
        elif backend == "odl":
            self._projector = OdlCone(geometry, dtype)
            self.how = "ODL's ray transform on ASTRA with CUDA, as asked for"
        else:
            raise InputError(
                f"Cone-beam CT has no back end '{backend}'; use 'auto', 'rays' or 'odl'."
            )
        self.backend = "odl" if backend == "odl" else "rays"
        self.nbytes = self._projector.nbytes

    @staticmethod
    def expected_bytes(geometry: Geometry, backend: str = "auto") -> int:
        """Scratch memory, a padded copy of the volume, and one of the data, in bytes."""
        assert isinstance(geometry, ConeGeometry)
        volume = math.prod(n + 2 for n in (geometry.slices, *geometry.image_shape))
        return SCRATCH_BUDGET + 4 * (volume + math.prod(geometry.data_shape))

    @property
    def norm(self) -> float:
        """Largest singular value, to about 1 %.

        Power iteration stops after 30 iterations or when the estimate changes by less than
        0.1 %; that is enough for step sizes and saves minutes on large volumes.
        """
        if self._norm is None:
            self._norm = largest_singular_value(self, iterations=30, tolerance=1e-3)
        return self._norm

    def pinv(self, y: Tensor, filter: str = "hann", cutoff: float = 0.9) -> Tensor:
        """Direct reconstruction by Feldkamp, Davis and Kress (:mod:`~.fdk`).

        On a circle: full turns, short scans (Parker's weights), smaller arcs (with the right
        amplitude), and detectors displaced to one side. On a helix it is approximate: each
        slice is back-projected from the turn of views around it. Not differentiable.

        Parameters
        ----------
        y : Tensor, shape (..., views, rows, columns)
            Line integrals.
        filter : str
            Window of the ramp filter, one of
            :data:`~napari_padis.likelihood.filters.FILTERS`.
        cutoff : float
            Share of the Nyquist frequency where the window ends.

        Returns
        -------
        Tensor, shape (..., S, H, W)
            Attenuation in 1/mm.

        Raises
        ------
        InputError
            On an unknown filter, or a cutoff that is not positive.
        """
        lead = self._check(y, self.range_shape)
        with torch.no_grad():
            flat = y.detach().reshape(math.prod(lead), *self.range_shape).to(self.dtype)
            geometry, flat = widened(self.geometry, flat)
            response = self._response(geometry, filter, cutoff)
            volumes = [feldkamp(geometry, one[None], response, self.scratch)[0] for one in flat]
            return torch.stack(volumes).reshape(*lead, *self.domain_shape)

    def _response(self, geometry: ConeGeometry, filter: str, cutoff: float) -> Tensor:
        """Ramp filter for the columns' distance at the rotation axis, up to what voxels carry."""
        pitch = geometry.detector_pitch[1] * geometry.source_origin / geometry.source_detector
        band = cutoff / (2 * max(pitch, *geometry.pixel))
        response = ramp_filter(geometry.detectors[1], pitch, band, torch.device("cpu"), filter)
        return response.to(self.dtype).to(self.device)

    def _forward(self, x: Tensor) -> Tensor:
        return self._projector.project(x)

    def _transpose(self, y: Tensor) -> Tensor:
        return self._projector.back(y)

    def _move(self, device: torch.device) -> None:
        self._projector = self._projector.to(device)
