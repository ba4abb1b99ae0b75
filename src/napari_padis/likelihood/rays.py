"""Joseph's ray model in the plane, for any list of rays.

A ray is followed along the axis it is steeper against; on each line of pixel centres it
crosses, its value is interpolated linearly between the two neighbouring pixels and weighted
with the path length from line to line (Joseph, IEEE Trans. Med. Imaging 1(3), 1982, eq. 4-8).
Pixels outside the image count as zero. For parallel beams this is the model of ODL's ray
transform on ASTRA.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.scan.geometry import FanGeometry, ParallelGeometry

#: Geometries of slices that are measured one by one.
PlanarGeometry = ParallelGeometry | FanGeometry

Floats = NDArray[np.float64]


def centred(count: int, step: float) -> Floats:
    """``count`` coordinates ``step`` apart and centred on zero."""
    return (np.arange(count, dtype=np.float64) - (count - 1) / 2) * step


def bin_positions(geometry: PlanarGeometry) -> Floats:
    """Positions of the bins on the detector in mm, shape (bins,)."""
    return centred(geometry.detectors, geometry.detector_pitch) + geometry.shift


def fan_angles(geometry: FanGeometry) -> Floats:
    """Angle of each bin's ray against the central ray, in radians, shape (bins,)."""
    positions = bin_positions(geometry) / geometry.source_detector
    return positions if geometry.curved else np.arctan(positions)


def ray_coordinates(geometry: PlanarGeometry, views: slice = slice(None)) -> tuple[Floats, Floats]:
    """Angles and offsets of rays: each is the line ``x cos(phi) + y sin(phi) = s``.

    A ray that leaves the source of view ``theta`` at fan angle ``gamma`` has
    ``phi = theta - gamma`` and ``s = R sin(gamma)`` (Kak and Slaney, Principles of
    Computerized Tomographic Imaging, 1988, section 3.4, with their gamma turned round).

    Returns
    -------
    phi, s : ndarray, shape (views, bins) or one that broadcasts to it
        In radians and mm.
    """
    theta = geometry.angles[views, None]
    if isinstance(geometry, FanGeometry):
        gamma = fan_angles(geometry)
        return theta - gamma, geometry.source_origin * np.sin(gamma)[None, :]
    return theta, bin_positions(geometry)[None, :]


@dataclass(frozen=True)
class Tracks:
    """Rays as tracks from one line of pixel centres to the next; all arrays (rays,).

    Attributes
    ----------
    steep : ndarray of bool
        Whether the ray steps from row to row; otherwise from column to column.
    start, slope : ndarray
        Where it meets line k, counted in pixels along the line: ``start + slope k``.
        Never steeper than one pixel per line.
    length : ndarray
        Path from line to line in mm.
    first, stop : ndarray of int
        The lines on which it comes within one pixel of the image.
    """

    steep: NDArray[np.bool_]
    start: Floats
    slope: Floats
    length: Floats
    first: NDArray[np.int64]
    stop: NDArray[np.int64]

    def take(self, rays: slice | NDArray[Any]) -> Tracks:
        """Some of the rays."""
        return Tracks(*(getattr(self, field.name)[rays] for field in fields(self)))

    def strides(self, image_shape: tuple[int, int]) -> tuple[NDArray[np.int64], ...]:
        """Pixels from line to line and along a line, and their number on a line; per ray."""
        rows, columns = image_shape
        along = np.where(self.steep, columns, 1)
        return along, np.where(self.steep, 1, columns), np.where(self.steep, columns, rows)


def trace(geometry: PlanarGeometry, views: slice = slice(None)) -> Tracks:
    """Tracks of the rays of some views, in C order of (view, bin)."""
    (rows, columns), (pixel_y, pixel_x) = geometry.image_shape, geometry.pixel
    phi, s = ray_coordinates(geometry, views)
    cosine, sine = np.cos(phi), np.sin(phi)
    steep = np.abs(cosine) * pixel_x >= np.abs(sine) * pixel_y
    along, beside = np.where(steep, pixel_y, pixel_x), np.where(steep, pixel_x, pixel_y)
    lines, across = np.where(steep, rows, columns), np.where(steep, columns, rows)
    main, other = np.where(steep, cosine, sine), np.where(steep, sine, cosine)
    slope = -other * along / (main * beside)
    start = s / (main * beside) - slope * (lines - 1) / 2 + (across - 1) / 2
    shape = start.shape
    first, stop = _lines_met(start, slope, lines, across)
    parts = (steep, start, slope, along / np.abs(main), first, stop)
    return Tracks(*(np.broadcast_to(part, shape).ravel() for part in parts))


def _lines_met(
    start: Floats, slope: Floats, lines: NDArray[np.int64], across: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Range of the lines k with ``-1 < start + slope k < across``."""
    # A ray along an axis meets all lines or none; so does this slope within the image.
    tilt = np.where(np.abs(slope) < 1e-12, 1e-12, slope)
    ends = (-1 - start) / tilt, (across - start) / tilt
    first = np.clip(np.floor(np.minimum(*ends)) + 1, 0, lines)
    stop = np.clip(np.ceil(np.maximum(*ends)), first, lines)
    return first.astype(np.int64), stop.astype(np.int64)
