"""Where the rays of a cone-beam scan run: sources, detector, and columns of rays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_padis.scan.geometry import ConeGeometry

Array = NDArray[np.float64]


def source_heights(geometry: ConeGeometry) -> Array:
    """Position of source and detector along z in mm, one per view."""
    middle = (geometry.angles.min() + geometry.angles.max()) / 2
    return np.asarray(geometry.travel * (geometry.angles - middle) / (2 * np.pi))


def detector_axes(geometry: ConeGeometry) -> tuple[Array, Array]:
    """Positions v of the rows and u of the columns on the detector in mm, shift included."""
    lines = zip(geometry.detectors, geometry.detector_pitch, geometry.shift, strict=True)
    v, u = (np.asarray(d + (np.arange(n) - (n - 1) / 2) * p, np.float64) for n, p, d in lines)
    return v, u


@dataclass(frozen=True)
class Fans:
    """Detector columns, of all views, whose rays step along the same axis.

    Attributes
    ----------
    along_y : bool
        Whether the steps run along y (from row to row of the image), else along x.
    index : Tensor, shape (fans,)
        Number of the view times the number of detector columns plus that of the column.
    lines : Tensor, shape (fans, 7)
        Position across on plane j is ``lines[0] + j lines[1]`` in voxels of the padded
        volume; the share of the way from source to detector ``lines[2] + j lines[3]``; the
        source's height in voxels of the padded volume ``lines[4]``; path length from plane
        to plane ``lines[5] * sqrt(lines[6] + v^2)`` in mm.
    """

    along_y: bool
    index: Tensor
    lines: Tensor

    def to(self, device: torch.device) -> Fans:
        """The same on another device."""
        return Fans(self.along_y, self.index.to(device), self.lines.to(device))


def find_fans(geometry: ConeGeometry, dtype: torch.dtype) -> list[Fans]:
    """All detector columns of all views, by the axis along which their rays step."""
    (height, width), (pixel_y, pixel_x) = geometry.image_shape, geometry.pixel
    angle = geometry.angles[:, None]
    cosine, sine = np.cos(angle), np.sin(angle)
    u = detector_axes(geometry)[1][None, :]
    distance, origin = geometry.source_detector, geometry.source_origin
    whole = np.broadcast_arrays(
        -distance * sine + u * cosine,  # from source to detector, along x
        distance * cosine + u * sine,  # and along y
        origin * sine,
        -origin * cosine,
        source_heights(geometry)[:, None] / geometry.slice_spacing + (geometry.slices + 1) / 2,
        distance**2 + u**2,
    )
    dx, dy, x, y, z, square = (part.ravel() for part in whole)
    along_y = np.abs(dy) * pixel_x >= np.abs(dx) * pixel_y
    found = []
    for choice in (True, False):
        index = np.flatnonzero(along_y == choice)
        a = (y, dy, pixel_y, height) if choice else (x, dx, pixel_x, width)
        b = (x, dx, pixel_x, width) if choice else (y, dy, pixel_y, height)
        planes = _crossings(index, *a)
        place = [b[0][index] + planes[0] * b[1][index], planes[1] * b[1][index]]
        columns = [place[0] / b[2] + (b[3] + 1) / 2, place[1] / b[2], *planes]
        columns += [z[index], a[2] / np.abs(a[1][index]), square[index]]
        lines = torch.as_tensor(np.stack(columns, axis=-1), dtype=dtype)
        if index.size:
            found.append(Fans(choice, torch.as_tensor(index), lines))
    return found


def _crossings(
    index: NDArray[np.intp],
    source: Array,
    direction: Array,
    pixel: float,
    count: int,
) -> tuple[Array, Array]:
    """Share of the way to the detector where plane 0 is met, and its step to the next."""
    first = -(count - 1) / 2 * pixel
    return (first - source[index]) / direction[index], pixel / direction[index]
