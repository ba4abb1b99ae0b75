"""Projection by a cached pair of sparse matrices: the map and its stored transpose."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_padis.errors import ReconstructionError
from napari_padis.likelihood.rays import PlanarGeometry, Tracks, trace

#: Numbers of columns for which the CPU's sparse products have kernels of their own. They agree to
#: the bit, and are faster than others for fewer columns (4 in 18 ms, 3 in 33 ms).
WIDTHS = (4, 8, 12, 16, 24)

#: Slices projected at once on the CPU, so that the values of one pixel fill one line of its
#: cache. Measured: wider blocks fall out of it, narrower ones read the matrix too often.
COLUMNS = 16

#: Sinograms at once for the transpose, which reads its neighbouring bins together.
BACK_COLUMNS = 24

#: Either on a GPU, where only memory counts.
GPU_COLUMNS = 256

#: Samples of rays handled at once while building, so that temporaries stay in the cache.
_SAMPLES = 2**17

#: Views that stand for all of them when memory is foreseen.
_PROBES = 64


@dataclass(frozen=True)
class RayPair:
    """System matrix and its stored transpose, both in compressed row storage.

    Attributes
    ----------
    forward : scipy.sparse.csr_array, shape (views * bins, rows * columns)
        Path lengths in mm; rays and pixels in C order of (view, bin) and (row, column).
    transpose : scipy.sparse.csr_array, shape (rows * columns, views * bins)
    """

    forward: scipy.sparse.csr_array
    transpose: scipy.sparse.csr_array

    @property
    def nbytes(self) -> int:
        """Memory of both matrices in bytes."""
        parts = (self.forward, self.transpose)
        return sum(int(m.data.nbytes + m.indices.nbytes + m.indptr.nbytes) for m in parts)


def pair_entries(geometry: PlanarGeometry) -> int:
    """Expected entries of one matrix: two for each line of pixels that a ray crosses.

    Counted on some of the views when there are many.
    """
    views = len(geometry.angles)
    some = trace(geometry, slice(None, None, -(-views // _PROBES)))
    crossed = int((some.stop - some.first).sum())
    return 2 * crossed * views * geometry.detectors // len(some.start)


def pair_bytes(geometry: PlanarGeometry, itemsize: int = 4) -> int:
    """Expected memory of the matrix pair in bytes, without building it."""
    rows, columns = geometry.image_shape
    pointers = len(geometry.angles) * geometry.detectors + rows * columns + 2
    return 2 * pair_entries(geometry) * (itemsize + 4) + 4 * pointers


def default_budget() -> int:
    """Memory a matrix pair may take by default: half of the machine's, in bytes."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, OSError, ValueError):
        return 4 * 2**30


def too_large(geometry: PlanarGeometry, itemsize: int = 4, budget: int | None = None) -> str:
    """Why the matrix pair cannot be kept, as half a sentence; empty when it can."""
    limit = default_budget() if budget is None else budget
    need = pair_bytes(geometry, itemsize)
    if need > limit:
        return f"the matrix pair would need {in_words(need)}, {in_words(limit)} are allowed"
    if pair_entries(geometry) >= 2**31:
        return f"the matrix pair of {in_words(need)} has more entries than can be counted"
    return ""


def check_budget(geometry: PlanarGeometry, itemsize: int = 4, budget: int | None = None) -> None:
    """Raise ReconstructionError when the matrix pair of a geometry would be too large."""
    reason = too_large(geometry, itemsize, budget)
    if reason:
        views, detectors = geometry.data_shape
        raise ReconstructionError(
            f"For {views} views x {detectors} bins on {geometry.image_shape} pixels {reason}: "
            f"use the back end 'rays', fewer views or bins, or a smaller image."
        )


def build_pair(
    geometry: PlanarGeometry,
    dtype: type[np.floating] = np.float32,
    budget: int | None = None,
) -> RayPair:
    """Build the matrix pair of a geometry.

    Parameters
    ----------
    geometry : ParallelGeometry or FanGeometry
    dtype : numpy float type
        Precision of the path lengths.
    budget : int, optional
        Most memory for the pair in bytes; half of the machine's memory when missing.

    Raises
    ------
    ReconstructionError
        If the pair would not fit into the budget.
    """
    check_budget(geometry, np.dtype(dtype).itemsize, budget)
    tracks = trace(geometry)
    pointers = np.zeros(len(tracks.start) + 1, dtype=np.int64)
    np.cumsum(2 * (tracks.stop - tracks.first), out=pointers[1:])
    pixels = np.empty((pointers[-1] // 2, 2), dtype=np.int32)
    values = np.empty((pointers[-1] // 2, 2), dtype=dtype)
    step = max(1, _SAMPLES // max(geometry.image_shape))
    for first in range(0, len(tracks.start), step):
        rays = slice(first, first + step)
        samples = slice(*pointers[[first, min(first + step, len(tracks.start))]] // 2)
        pixels[samples], values[samples] = _entries(geometry.image_shape, tracks.take(rays))
    shape = (len(tracks.start), int(np.prod(geometry.image_shape)))
    parts = (values.ravel(), pixels.ravel(), pointers.astype(np.int32))
    forward = scipy.sparse.csr_array(parts, shape=shape)
    return RayPair(forward, forward.T.tocsr())


def _entries(image_shape: tuple[int, int], tracks: Tracks) -> tuple[NDArray[Any], NDArray[Any]]:
    """Pixel indices and path lengths in mm, both of shape (samples, 2), ray by ray."""
    counts = tracks.stop - tracks.first
    behind = np.cumsum(counts) - counts - tracks.first
    line = np.arange(int(counts.sum())) - np.repeat(behind, counts)
    position = np.repeat(tracks.start, counts) + np.repeat(tracks.slope, counts) * line
    low = np.floor(position)
    length, upper = np.repeat(tracks.length, counts), position - low
    pixels = np.empty((len(line), 2), dtype=np.int64)
    values = np.empty((len(line), 2))
    along, beside, across = (np.repeat(v, counts) for v in tracks.strides(image_shape))
    line *= along
    for side, share in enumerate((1 - upper, upper)):
        pixel = low.astype(np.int64) + side
        outside = (pixel < 0) | (pixel >= across)
        # Neighbours outside the image stay as zeros at its edge: few, and cheaper than a gap.
        pixels[:, side] = line + beside * np.clip(pixel, 0, across - 1)
        values[:, side] = np.where(outside, 0, share * length)
    return pixels, values


class MatrixProjector:
    """A pair of sparse matrices in torch, applied to a few slices at a time.

    Parameters
    ----------
    pair : RayPair
    domain_shape, range_shape : tuple of int
        Shape of one slice and of its sinogram.
    """

    name = "matrix"

    def __init__(
        self, pair: RayPair, domain_shape: tuple[int, ...], range_shape: tuple[int, ...]
    ) -> None:
        self.domain_shape, self.range_shape = domain_shape, range_shape
        self.nbytes = pair.nbytes
        self._a, self._at = sparse_tensor(pair.forward), sparse_tensor(pair.transpose)

    def forward(self, x: Tensor) -> Tensor:
        """Line integrals (B, views, bins) of slices (B, rows, columns)."""
        return _multiply(self._a, x, COLUMNS).unflatten(1, self.range_shape)

    def transpose(self, y: Tensor) -> Tensor:
        """Euclidean transpose of sinograms (B, views, bins)."""
        return _multiply(self._at, y, BACK_COLUMNS).unflatten(1, self.domain_shape)

    def to(self, device: torch.device) -> MatrixProjector:
        """The same matrices on another device."""
        # Apple's GPU has no sparse products: there the matrices stay with the CPU.
        home = torch.device("cpu") if device.type == "mps" else device
        moved = object.__new__(MatrixProjector)
        moved.__dict__.update(self.__dict__)
        moved._a, moved._at = self._a.to(home), self._at.to(home)
        return moved


def _multiply(matrix: Tensor, batch: Tensor, columns: int) -> Tensor:
    """Rows of ``batch`` (B, ...) times a sparse matrix, a few at a time: (B, matrix rows)."""
    flat = batch.flatten(1)
    result = flat.new_empty((len(flat), matrix.shape[0]))
    on_cpu = matrix.device.type == "cpu"
    step = columns if on_cpu else GPU_COLUMNS
    for first in range(0, len(flat), step):
        block = flat[first : first + step].to(matrix.device)
        count = len(block)
        if count == 1:
            result[first] = matrix @ block[0]
        else:
            # Columns of zeros up to the next kernel, so that a slice's sums are always rounded in
            # the same way: otherwise it would depend a little on how many are beside it.
            width = next(w for w in WIDTHS if w >= count) if on_cpu else count
            padded = flat.new_zeros((block.shape[1], width), device=matrix.device)
            padded[:, :count] = block.T
            result[first : first + step] = (matrix @ padded)[:, :count].T
    return result


def sparse_tensor(matrix: scipy.sparse.csr_array) -> Tensor:
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


def in_words(count: int) -> str:
    """Bytes for people."""
    if count >= 2**30:
        return f"{count / 2**30:.1f} GiB"
    mebibytes = count / 2**20
    return f"{mebibytes:.0f} MiB" if mebibytes >= 10 else f"{mebibytes:.1f} MiB"
