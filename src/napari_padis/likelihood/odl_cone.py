"""Between our cone-beam geometries and ODL's: units, axis order, and ODL's ray transform.

ODL's axes are (x, y, z) for volumes and (view, u, v) for data, u along the detector's columns
and v along its rows; ours are (z, y, x) and (view, row, column).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_padis.errors import InputError
from napari_padis.likelihood.odl_fence import fenced, import_odl
from napari_padis.scan.geometry import ConeGeometry


def odl_cone(geometry: ConeGeometry) -> tuple[Any, Any]:
    """ODL's description of a cone-beam geometry.

    Parameters
    ----------
    geometry : ConeGeometry
        Its angles must increase, as ODL's partitions do.

    Returns
    -------
    space : odl.DiscretizedSpace
        Volumes (x, y, z) in mm, float32.
    geometry : odl.applications.tomo.ConeBeamGeometry

    Raises
    ------
    InputError
        If the angles do not increase.
    """
    if (np.diff(geometry.angles) <= 0).any():
        raise InputError("ODL needs view angles in increasing order, each once.")
    odl = import_odl()
    shape = (*geometry.image_shape[::-1], geometry.slices)
    sides = (*geometry.pixel[::-1], geometry.slice_spacing)
    half = np.multiply(shape, sides) / 2
    count, pitch, shift = (
        np.array(pair[::-1])
        for pair in (geometry.detectors, geometry.detector_pitch, geometry.shift)
    )
    middle = (geometry.angles[0] + geometry.angles[-1]) / 2
    with fenced():
        space = odl.uniform_discr(-half, half, shape, dtype="float32")
        detector = odl.uniform_partition(
            shift - count * pitch / 2, shift + count * pitch / 2, count
        )
        described = odl.applications.tomo.ConeBeamGeometry(
            odl.nonuniform_partition(geometry.angles),
            detector,
            src_radius=geometry.source_origin,
            det_radius=geometry.source_detector - geometry.source_origin,
            pitch=geometry.travel,
            offset_along_axis=-geometry.travel * middle / (2 * np.pi),
        )
    return space, described


class OdlCone:
    """ODL's ray transform of a cone beam as a map between our arrays.

    Values pass through the host's memory, in single precision. ASTRA follows rays forward
    but reads voxels backward, so that :meth:`back` is only approximately the transpose of
    :meth:`project`: good for gradients, not for conjugate gradients to many digits.

    Parameters
    ----------
    geometry : ConeGeometry
    dtype : torch.dtype
        Of the results.
    impl : str or object
        Back end of ODL's ``RayTransform``.

    Raises
    ------
    InputError
        If ASTRA cannot use CUDA here, or the angles do not increase.
    """

    nbytes = 0

    def __init__(
        self, geometry: ConeGeometry, dtype: torch.dtype, impl: Any = "astra_cuda"
    ) -> None:
        odl = import_odl()
        if impl == "astra_cuda" and not odl.applications.tomo.ASTRA_CUDA_AVAILABLE:
            raise InputError(
                "ODL computes cone beams with ASTRA on a CUDA device, and there is none here "
                "(on the CPU ASTRA has no 3D): use the back end 'rays'."
            )
        self.dtype = dtype
        space, described = odl_cone(geometry)
        with fenced():
            self._transform = odl.applications.tomo.RayTransform(space, described, impl=impl)
        # ODL's adjoint belongs to weighted spaces; this turns it into the Euclidean transpose.
        self._scale = float(
            self._transform.domain.weighting.const / self._transform.range.weighting.const
        )

    def to(self, device: torch.device) -> OdlCone:
        """Itself: it takes tensors from any device."""
        return self

    def project(self, volume: Tensor) -> Tensor:
        """Line integrals (B, views, rows, columns) of volumes (B, S, H, W)."""
        return self._each(self._transform, volume, (2, 1, 0), (0, 2, 1))

    def back(self, data: Tensor) -> Tensor:
        """Back-projection of :meth:`project`: (B, views, rows, columns) to (B, S, H, W)."""
        return self._scale * self._each(self._transform.adjoint, data, (0, 2, 1), (2, 1, 0))

    def _each(
        self, operator: Any, batch: Tensor, before: tuple[int, ...], after: tuple[int, ...]
    ) -> Tensor:
        """Apply an operator to each array of a batch, axes permuted before and after."""
        results = []
        for array in batch.detach().to("cpu", torch.float32).numpy():
            element = operator.domain.element(np.ascontiguousarray(array.transpose(before)))
            result = np.asarray(operator(element).data).transpose(after)
            results.append(torch.from_numpy(np.array(result, order="C")))
        return torch.stack(results).to(batch.device, self.dtype)
