"""What parallel and fan beams share: line integrals of slices, by one of three back ends."""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
import torch
from torch import Tensor

from napari_padis.errors import InputError
from napari_padis.likelihood import matrix
from napari_padis.likelihood.fbp import FilteredBackprojection
from napari_padis.likelihood.linear_map import LinearMap
from napari_padis.likelihood.rays import PlanarGeometry
from napari_padis.likelihood.tracing import TracingProjector, tracing_bytes
from napari_padis.scan.geometry import FanGeometry, Geometry, ParallelGeometry


class Projector(Protocol):
    """A back end: line integrals of a batch of slices, and their Euclidean transpose."""

    name: str
    nbytes: int

    def forward(self, x: Tensor) -> Tensor:
        """Line integrals (B, views, bins) of slices (B, rows, columns)."""
        ...

    def transpose(self, y: Tensor) -> Tensor:
        """Slices (B, rows, columns) of sinograms (B, views, bins)."""
        ...

    def to(self, device: torch.device) -> Self:
        """The same back end on another device."""
        ...


class PlanarBeam(LinearMap):
    """Line integrals of attenuation slices; base of parallel and fan beams.

    ``A`` maps attenuation in 1/mm, shape (..., rows, columns), to dimensionless line
    integrals, shape (..., views, bins), with the ray model of Joseph (see
    :mod:`napari_padis.likelihood.rays`).

    Parameters
    ----------
    geometry : ParallelGeometry or FanGeometry
    device : str or torch.device
    dtype : torch.dtype
        float32, or float64 for verification.
    budget : int, optional
        Most memory for the matrices in bytes; half of the machine's when missing.
    backend : str
        'matrix', a cached sparse pair; 'rays', traced anew each time; 'odl', ODL's ray
        transform on ASTRA; 'auto', the matrix if it fits the budget, else the rays.

    Raises
    ------
    InputError
        If the back end is unknown, or ODL's is missing or cannot do the geometry.
    ReconstructionError
        If the matrices were asked for and do not fit into memory.
    """

    geometry: PlanarGeometry

    def __init__(
        self,
        geometry: PlanarGeometry,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        budget: int | None = None,
        backend: str = "auto",
    ) -> None:
        super().__init__(geometry.image_shape, geometry.data_shape, device, dtype)
        self.geometry = geometry
        self._asked = backend
        self._projector, self.how = make_projector(geometry, backend, dtype, budget)
        self._move(self.device)

    @staticmethod
    def expected_bytes(geometry: Geometry, backend: str = "auto") -> int:
        """Memory of the back end in bytes, without making it."""
        assert isinstance(geometry, ParallelGeometry | FanGeometry)
        if backend == "odl":
            return 0
        if backend == "matrix" or (backend == "auto" and not matrix.too_large(geometry)):
            return matrix.pair_bytes(geometry)
        return tracing_bytes(geometry)

    def pinv(self, y: Tensor, filter: str = "hann", cutoff: float = 0.9) -> Tensor:
        """Filtered back-projection.

        The rows are filtered up to the finer of what bins and pixels can carry, then every
        pixel collects its linearly interpolated value from each view; see
        :mod:`napari_padis.likelihood.fbp`. Differentiable.

        Parameters
        ----------
        y : Tensor, shape (..., views, bins)
            Line integrals.
        filter : str
            Window on the ramp, one of :data:`napari_padis.likelihood.filters.FILTERS`.
        cutoff : float
            Share of the Nyquist frequency where the window ends.

        Returns
        -------
        Tensor, shape (..., rows, columns)
            Attenuation in 1/mm.
        """
        lead = self._check(y, self.range_shape)
        images = self._fbp(filter, cutoff)(y.to(self.dtype).reshape(-1, *self.range_shape))
        return images.reshape(*lead, *self.domain_shape)

    def _fbp(self, filter: str, cutoff: float) -> FilteredBackprojection:
        key = filter, cutoff
        if key not in self._inverses:
            plan = FilteredBackprojection(self.geometry, filter, cutoff, self.device, self.dtype)
            self._inverses[key] = plan
        return self._inverses[key]

    def _forward(self, x: Tensor) -> Tensor:
        return self._projector.forward(x)

    def _transpose(self, y: Tensor) -> Tensor:
        return self._projector.transpose(y)

    def _move(self, device: torch.device) -> None:
        if self._asked == "auto" and self._projector.name == "matrix" and device.type == "cuda":
            free = torch.cuda.mem_get_info(device)[0]
            if self._projector.nbytes > free // 2:
                need, rest = matrix.in_words(self._projector.nbytes), matrix.in_words(free)
                self._projector = TracingProjector(self.geometry, self.dtype)
                self.how = (
                    f"rays traced anew: the GPU has {rest} left, the matrix pair needs {need}"
                )
        self._projector = self._projector.to(device)
        self.backend, self.nbytes = self._projector.name, self._projector.nbytes
        self._inverses: dict[tuple[str, float], FilteredBackprojection] = {}


def make_projector(
    geometry: PlanarGeometry, backend: str, dtype: torch.dtype, budget: int | None = None
) -> tuple[Projector, str]:
    """A back end on the CPU by name, and how it computes as a sentence."""
    scalar = np.float64 if dtype == torch.float64 else np.float32
    shapes = geometry.image_shape, geometry.data_shape
    reason = "as chosen"
    if backend == "auto":
        reason = matrix.too_large(geometry, np.dtype(scalar).itemsize, budget)
        backend = "rays" if reason else "matrix"
    if backend == "matrix":
        pair = matrix.MatrixProjector(matrix.build_pair(geometry, scalar, budget), *shapes)
        return pair, f"sparse matrix pair of {matrix.in_words(pair.nbytes)}"
    if backend == "rays":
        return TracingProjector(geometry, dtype), f"rays traced anew: {reason}"
    if backend == "odl":
        from napari_padis.likelihood.odl_projector import OdlProjector

        odl = OdlProjector(geometry, dtype)
        return odl, f"ODL's ray transform on ASTRA ({odl.impl}), slice by slice"
    raise InputError(f"There is no back end '{backend}'; use auto, matrix, rays or odl.")
