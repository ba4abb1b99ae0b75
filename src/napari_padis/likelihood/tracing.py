"""Projection without a matrix: every ray is traced anew, a block of rays at a time.

The ray model is that of :mod:`napari_padis.likelihood.rays`, so that the result equals the
matrix pair's up to rounding, in bounded memory.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse
import torch
from torch import Tensor

from napari_padis.likelihood.matrix import COLUMNS, sparse_tensor
from napari_padis.likelihood.rays import PlanarGeometry, trace

#: Samples traced at once: what the CPU's cache holds, and what fills a GPU.
_SAMPLES, _GPU_SAMPLES = 2**17, 2**20

#: Bytes kept for each ray: number, start, slope and length.
_PER_RAY = 32


def tracing_bytes(geometry: PlanarGeometry) -> int:
    """Most memory of the rays' tracks in bytes; the samples come on top, but never grow."""
    return _PER_RAY * len(geometry.angles) * geometry.detectors


@dataclass(frozen=True)
class _Bundle:
    """The rays that step along the same axis, those that miss the image left out.

    Parameters
    ----------
    steep : bool
        Whether they step from row to row.
    lines, across : int
        Lines of pixels they cross, and pixels on a line.
    rays : Tensor, shape (n,)
        Their numbers in C order of (view, bin).
    start, slope, length : Tensor, shape (n,)
    """

    steep: bool
    lines: int
    across: int
    rays: Tensor
    start: Tensor
    slope: Tensor
    length: Tensor

    def to(self, device: torch.device, precision: torch.dtype) -> _Bundle:
        floats = (v.to(precision).to(device) for v in (self.start, self.slope, self.length))
        return _Bundle(self.steep, self.lines, self.across, self.rays.to(device), *floats)

    def padded(self, images: Tensor) -> Tensor:
        """Images (B, rows, columns) as a table (pixels, B), a zero before and after each line."""
        lines = images if self.steep else images.transpose(1, 2)
        table = images.new_zeros((self.lines, self.across + 2, len(images)))
        table[:, 1:-1] = lines.permute(1, 2, 0)
        return table.flatten(0, 1)

    def unpadded(self, table: Tensor) -> Tensor:
        """Euclidean transpose of :meth:`padded`."""
        lines = table.unflatten(0, (self.lines, self.across + 2))[:, 1:-1].permute(2, 0, 1)
        return lines if self.steep else lines.transpose(1, 2)

    def sample(self, block: slice) -> tuple[Tensor, Tensor]:
        """Where some rays meet their lines: padded pixel, share of the next one; (n, lines)."""
        line = torch.arange(self.lines, device=self.start.device)
        place = self.start[block, None] + self.slope[block, None] * line
        # Off the image a ray lies on the zeros.
        place = place.clamp_(-1, self.across)
        low = place.floor().clamp_(max=self.across - 1)
        share = place.sub_(low)
        return low.long().add_(line * (self.across + 2) + 1), share


class TracingProjector:
    """Line integrals by tracing, on any device; ``transpose`` is exact.

    On a GPU the transpose adds in no fixed order, so that its last digits may differ from
    run to run.

    Parameters
    ----------
    geometry : ParallelGeometry or FanGeometry
    dtype : torch.dtype
        Of images and sinograms.
    """

    name = "rays"

    def __init__(self, geometry: PlanarGeometry, dtype: torch.dtype = torch.float32) -> None:
        self.domain_shape, self.range_shape = geometry.image_shape, geometry.data_shape
        self.dtype = dtype
        # On the CPU, blocks of rays are fastest as products with sparse matrices.
        self._products = True
        self._bundles = tuple(_bundles(geometry))
        self.nbytes = _PER_RAY * sum(len(bundle.rays) for bundle in self._bundles)

    def to(self, device: torch.device) -> TracingProjector:
        """The same rays on another device."""
        # Places on the detector are computed in double precision where there is one.
        precision = torch.float32 if device.type == "mps" else torch.float64
        moved = copy.copy(self)
        moved._products = device.type == "cpu"
        moved._bundles = tuple(bundle.to(device, precision) for bundle in self._bundles)
        return moved

    def forward(self, x: Tensor) -> Tensor:
        """Line integrals (B, views, bins) of slices (B, rows, columns)."""
        result = x.new_zeros((math.prod(self.range_shape), len(x)))
        for part, images in zip(result.split(COLUMNS, 1), x.split(COLUMNS), strict=True):
            for bundle in self._bundles:
                table = bundle.padded(images)
                for rays, index, share, length in self._blocks(bundle):
                    part[rays] = self._gather(index, share, table) * length
        return result.T.reshape(len(x), *self.range_shape)

    def transpose(self, y: Tensor) -> Tensor:
        """Euclidean transpose of sinograms (B, views, bins)."""
        result = y.new_zeros((len(y), *self.domain_shape))
        for part, sinograms in zip(result.split(COLUMNS), y.split(COLUMNS), strict=True):
            values = sinograms.flatten(1).T.contiguous()
            for bundle in self._bundles:
                table = y.new_zeros((bundle.lines * (bundle.across + 2), len(part)))
                for rays, index, share, length in self._blocks(bundle):
                    self._scatter(index, share, values[rays] * length, table)
                part += bundle.unpadded(table)
        return result

    def _blocks(self, bundle: _Bundle) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Numbers, samples and lengths of a few rays at a time."""
        samples = _SAMPLES if self._products else _GPU_SAMPLES
        size = max(1, samples // bundle.lines)
        for first in range(0, len(bundle.rays), size):
            block = slice(first, first + size)
            index, share = bundle.sample(block)
            length = bundle.length[block, None].to(self.dtype)
            yield bundle.rays[block], index, share.to(self.dtype), length

    def _gather(self, index: Tensor, share: Tensor, table: Tensor) -> Tensor:
        """Sum of the interpolated values along each ray: (n, B)."""
        if self._products:
            return sparse_tensor(_samples(index, share, len(table))) @ table
        low = index.ravel()
        near, far = table.index_select(0, low), table.index_select(0, low + 1)
        value = torch.lerp(near, far, share.reshape(-1, 1))
        return value.unflatten(0, index.shape).sum(dim=1)

    def _scatter(self, index: Tensor, share: Tensor, values: Tensor, table: Tensor) -> None:
        """Add the transpose of :meth:`_gather` of ``values`` (n, B) to ``table``."""
        if self._products:
            table += torch.from_numpy(_samples(index, share, len(table)).T @ values.numpy())
            return
        upper = share[..., None] * values[:, None]
        table.index_add_(0, index.ravel(), (values[:, None] - upper).flatten(0, 1))
        table.index_add_(0, index.ravel() + 1, upper.flatten(0, 1))


def _samples(index: Tensor, share: Tensor, pixels: int) -> scipy.sparse.csr_array:
    """Samples of a few rays as a sparse matrix (n, pixels) for the CPU, made without sorting."""
    columns = torch.stack((index, index + 1), dim=-1).to(torch.int32)
    weights = torch.stack((1 - share, share), dim=-1)
    rays, lines = index.shape
    pointers = np.arange(0, 2 * rays * lines + 1, 2 * lines, dtype=np.int32)
    parts = (weights.numpy().ravel(), columns.numpy().ravel(), pointers)
    return scipy.sparse.csr_array(parts, shape=(rays, pixels))


def _bundles(geometry: PlanarGeometry) -> Iterator[_Bundle]:
    """All rays that meet the image, by the axis they step along."""
    rows, columns = geometry.image_shape
    tracks = trace(geometry)
    for steep, lines, across in ((True, rows, columns), (False, columns, rows)):
        rays = np.flatnonzero((tracks.steep == steep) & (tracks.stop > tracks.first))
        parts = rays, tracks.start[rays], tracks.slope[rays], tracks.length[rays]
        yield _Bundle(steep, lines, across, *(torch.from_numpy(part) for part in parts))
