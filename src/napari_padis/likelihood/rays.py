"""Joseph's ray model as a pair of sparse matrices, built by vectorised numpy.

A ray is followed along the axis it is steeper against; on each line of pixel centres it
crosses, its value is interpolated linearly between the two neighbouring pixels and weighted
with the path length from line to line (Joseph, IEEE Trans. Med. Imaging 1(3), 1982, eq. 4-8).
Pixels outside the image count as zero. This is the model of ODL's ray transform on ASTRA.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from napari_padis.errors import ReconstructionError
from napari_padis.scan.geometry import ParallelGeometry


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


def pair_bytes(geometry: ParallelGeometry, itemsize: int = 4) -> int:
    """Expected memory of the matrix pair in bytes, without building it.

    Every pixel is met by ``2 * pixel / pitch`` rays of a view, measured across the rays
    along the axis of interpolation.
    """
    rows, columns = geometry.image_shape
    steep = _steep(geometry)
    pixel_y, pixel_x = geometry.pixel
    cosine, sine = np.abs(np.cos(geometry.angles)), np.abs(np.sin(geometry.angles))
    shadow = np.where(steep, pixel_x * cosine, pixel_y * sine)
    lines = np.where(steep, rows, columns)
    per_pixel = rows * columns * shadow / geometry.detector_pitch
    entries = 2 * np.minimum(per_pixel, geometry.detectors * lines).sum()
    pointers = geometry.angles.size * geometry.detectors + rows * columns + 2
    return int(2 * entries * (itemsize + 4) + 4 * pointers)


def default_budget() -> int:
    """Memory a matrix pair may take by default: half of the machine's, in bytes."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, OSError, ValueError):
        return 4 * 2**30


def check_budget(geometry: ParallelGeometry, itemsize: int = 4, budget: int | None = None) -> None:
    """Raise ReconstructionError when the matrix pair of a geometry would be too large."""
    limit = default_budget() if budget is None else budget
    need = pair_bytes(geometry, itemsize)
    if need > limit or need // (2 * (itemsize + 4)) >= 2**31:
        views, detectors = geometry.data_shape
        raise ReconstructionError(
            f"The forward model of {views} views x {detectors} bins on {geometry.image_shape} "
            f"pixels needs {need / 2**30:.1f} GiB, more than the {limit / 2**30:.1f} GiB allowed: "
            f"use fewer views or bins, a smaller image, or a machine with more memory."
        )


def build_pair(
    geometry: ParallelGeometry,
    dtype: type[np.floating] = np.float32,
    budget: int | None = None,
) -> RayPair:
    """Build the matrix pair of a parallel-beam geometry.

    Parameters
    ----------
    geometry : ParallelGeometry
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
    views = [_view(geometry, k, dtype) for k in range(len(geometry.angles))]
    counts = np.concatenate([v[0] for v in views])
    pointers = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=pointers[1:])
    columns = np.concatenate([v[1] for v in views])
    values = np.concatenate([v[2] for v in views])
    del views
    shape = (len(counts), int(np.prod(geometry.image_shape)))
    forward = scipy.sparse.csr_array((values, columns, pointers.astype(np.int32)), shape=shape)
    return RayPair(forward, forward.T.tocsr())


def _steep(geometry: ParallelGeometry) -> NDArray[np.bool_]:
    """Views whose rays cross more rows than columns, and so step from row to row."""
    pixel_y, pixel_x = geometry.pixel
    cosine, sine = np.abs(np.cos(geometry.angles)), np.abs(np.sin(geometry.angles))
    return np.asarray(cosine * pixel_x >= sine * pixel_y)


def _view(
    geometry: ParallelGeometry, index: int, dtype: type[np.floating]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[Any]]:
    """Entries per ray, pixel indices and path lengths of one view, ray after ray."""
    rows, columns = geometry.image_shape
    pixel_y, pixel_x = geometry.pixel
    cosine, sine = np.cos(geometry.angles[index]), np.sin(geometry.angles[index])
    s = centred(geometry.detectors, geometry.detector_pitch)[:, None]
    if _steep(geometry)[index]:
        y = centred(rows, pixel_y)[None, :]
        position = (s - y * sine) / (cosine * pixel_x) + (columns - 1) / 2
        length, across, stride = pixel_y / abs(cosine), columns, (columns, 1)
    else:
        x = centred(columns, pixel_x)[None, :]
        position = (s - x * cosine) / (sine * pixel_y) + (rows - 1) / 2
        length, across, stride = pixel_x / abs(sine), rows, (1, columns)
    low = np.floor(position)
    share = position - low
    neighbour = low.astype(np.int32)[..., None] + np.arange(2, dtype=np.int32)
    weight = np.stack((1 - share, share), axis=-1)
    line = np.arange(position.shape[1], dtype=np.int32)[None, :, None] * np.int32(stride[0])
    keep = (neighbour >= 0) & (neighbour < across) & (weight > 0)
    pixel = (line + neighbour * np.int32(stride[1]))[keep]
    return keep.sum(axis=(1, 2)), pixel, (weight[keep] * length).astype(dtype)


def centred(count: int, step: float) -> NDArray[np.float64]:
    """``count`` coordinates ``step`` apart and centred on zero."""
    return (np.arange(count, dtype=np.float64) - (count - 1) / 2) * step
