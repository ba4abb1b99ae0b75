"""Parallel-beam CT of stacks of slices."""

from __future__ import annotations

import math
import warnings

import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_padis.likelihood.filters import filter_rows, ramp_filter, view_weights
from napari_padis.likelihood.linear_map import LinearMap
from napari_padis.likelihood.rays import build_pair, centred, pair_bytes
from napari_padis.scan.geometry import Geometry, ParallelGeometry

#: Slices multiplied at once on the CPU; wider blocks fall out of its cache and are slower.
COLUMNS = 8


class ParallelBeam(LinearMap):
    """Line integrals of attenuation slices along parallel rays.

    ``A`` maps attenuation in 1/mm, shape (..., rows, columns), to dimensionless line
    integrals, shape (..., views, bins). It is a sparse matrix, ``AT`` its stored
    transpose (see :mod:`napari_padis.likelihood.rays`).

    Parameters
    ----------
    geometry : ParallelGeometry
    device : str or torch.device
    dtype : torch.dtype
        float32, or float64 for verification.
    budget : int, optional
        Most memory for the matrices in bytes; half of the machine's when missing.

    Raises
    ------
    ReconstructionError
        If the matrices would not fit into memory.
    """

    def __init__(
        self,
        geometry: ParallelGeometry,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        budget: int | None = None,
        backend: str = "auto",
    ) -> None:
        super().__init__(geometry.image_shape, geometry.data_shape, device, dtype)
        self.geometry = geometry
        scalar = np.float64 if dtype == torch.float64 else np.float32
        pair = build_pair(geometry, scalar, budget)
        self._a, self._at = _sparse(pair.forward), _sparse(pair.transpose)
        self._move(self.device)
        self.nbytes = pair.nbytes

    @staticmethod
    def expected_bytes(geometry: Geometry, backend: str = "auto") -> int:
        """Memory of the matrix pair in bytes."""
        assert isinstance(geometry, ParallelGeometry)
        return pair_bytes(geometry)

    def pinv(self, y: Tensor, cutoff: float = 0.9) -> Tensor:
        """Filtered back-projection with a Hann window.

        The rows are filtered up to the finer of what bins and pixels can carry, then every
        pixel collects its linearly interpolated value from each view (Kak and Slaney,
        1988, section 3.3). Differentiable.

        Parameters
        ----------
        y : Tensor, shape (..., views, bins)
            Line integrals.
        cutoff : float
            Share of the Nyquist frequency where the Hann window reaches zero.

        Returns
        -------
        Tensor, shape (..., rows, columns)
            Attenuation in 1/mm.
        """
        lead = self._check(y, self.range_shape)
        rows = filter_rows(y.to(self.dtype), self._response(cutoff))
        blocks = rows.reshape(math.prod(lead), *self.range_shape).split(2 * COLUMNS)
        images = [self._backproject(block.movedim(0, -1).contiguous()) for block in blocks]
        return torch.cat(images, dim=-1).movedim(-1, 0).reshape(*lead, *self.domain_shape)

    def _response(self, cutoff: float) -> Tensor:
        if cutoff not in self._responses:
            pitch = self.geometry.detector_pitch
            band = cutoff / (2 * max(pitch, *self.geometry.pixel))
            response = ramp_filter(self.geometry.detectors, pitch, band, torch.device("cpu"))
            self._responses[cutoff] = response.to(self.dtype).to(self.device)
        return self._responses[cutoff]

    def _backproject(self, columns: Tensor) -> Tensor:
        """Weighted sum over the views of ``columns`` (views, bins, B), read at every pixel."""
        geometry = self.geometry
        (rows, cols), (pixel_y, pixel_x) = geometry.image_shape, geometry.pixel
        y = self._tensor(centred(rows, pixel_y / geometry.detector_pitch))[:, None]
        x = self._tensor(centred(cols, pixel_x / geometry.detector_pitch))[None, :]
        image = columns.new_zeros((rows * cols, columns.shape[-1]))
        # One zero bin stands on either side, so that whatever lies outside reads zero.
        padded = torch.nn.functional.pad(columns, (0, 0, 1, 1))
        last = geometry.detectors + 1
        weights = view_weights(geometry.angles)
        for row, angle, weight in zip(padded, geometry.angles, weights, strict=True):
            position = (x * math.cos(angle) + y * math.sin(angle) + last / 2).clamp(0, last).ravel()
            low = position.long().clamp(max=last - 1)
            share = (position - low)[:, None]
            image = image + float(weight) * torch.lerp(row[low], row[low + 1], share)
        return image.reshape(rows, cols, -1)

    def _tensor(self, array: NDArray[np.float64]) -> Tensor:
        return torch.as_tensor(array, dtype=self.dtype).to(self.device)

    def _forward(self, x: Tensor) -> Tensor:
        return _multiply(self._a, x).unflatten(1, self.range_shape)

    def _transpose(self, y: Tensor) -> Tensor:
        return _multiply(self._at, y).unflatten(1, self.domain_shape)

    def _move(self, device: torch.device) -> None:
        # Apple's GPU has no sparse products: there the matrices stay with the CPU.
        home = torch.device("cpu") if device.type == "mps" else device
        self._a, self._at = self._a.to(home), self._at.to(home)
        self._responses: dict[float, Tensor] = {}


def _multiply(matrix: Tensor, batch: Tensor) -> Tensor:
    """Rows of ``batch`` (B, ...) times a sparse matrix, a few at a time: (B, matrix rows)."""
    flat = batch.flatten(1)
    result = flat.new_empty((len(flat), matrix.shape[0]))
    width = COLUMNS if matrix.device.type == "cpu" else max(len(flat), 1)
    for first in range(0, len(flat), width):
        block = flat[first : first + width]
        result[first : first + width] = (matrix @ block.to(matrix.device).T.contiguous()).T
    return result


def _sparse(matrix: scipy.sparse.csr_array) -> Tensor:
    """A scipy matrix as a torch one that shares its memory."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr),
            torch.from_numpy(matrix.indices),
            torch.from_numpy(matrix.data),
            size=matrix.shape,
            check_invariants=False,
        )
