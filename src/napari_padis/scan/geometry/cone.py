"""Circular and helical cone-beam CT."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.geometry.base import LENGTHS, Geometry, checked_angles, even_angles
from napari_padis.scan.geometry.fan import MARGIN, check_source, detector_width


@dataclass(frozen=True)
class ConeGeometry(Geometry):
    """Cone-beam CT of a volume with a flat detector, on a circle or a helix.

    In the plane z = 0 it is :class:`FanGeometry`; the detector's rows follow each other
    towards the head (+z, increasing slice index). On a helix source and detector move by
    ``travel`` along z in every turn; the middle of the angles sees z = 0.

    Parameters
    ----------
    angles : ndarray, shape (views,)
        View angles in radians; on a helix they go on beyond a full turn.
    detectors : tuple of int
        Detector rows and columns.
    detector_pitch : tuple of float
        Distance of neighbouring rows and columns in mm, on the detector.
    source_origin, source_detector : float
        Distances in mm from the source to rotation axis and detector.
    slices : int
        Slices of the reconstructed volume, centred on z = 0.
    image_shape, pixel, slice_spacing
        See :class:`Geometry`.
    shift : tuple of float
        Position of the detector's centre in mm: along z, and along its columns.
    travel : float
        Feed of a helix per turn in mm; 0 for a circle.
    """

    angles: NDArray[np.float64]
    detectors: tuple[int, int]
    detector_pitch: tuple[float, float]
    source_origin: float
    source_detector: float
    slices: int
    image_shape: tuple[int, int]
    pixel: tuple[float, float] = (1.0, 1.0)
    slice_spacing: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    travel: float = 0.0

    kind = "cone"
    attenuation = True
    slicewise = False

    def __post_init__(self) -> None:
        self._set("angles", checked_angles(self.angles))
        super().__post_init__()
        self._set("detectors", tuple(int(n) for n in self.detectors))
        for name in ("detector_pitch", "shift"):
            self._set(name, tuple(float(v) for v in getattr(self, name)))
        self._whole("slices", "Slices")
        if len(self.detectors) != 2 or min(self.detectors) < 1:
            raise InputError("Detector rows and columns must be at least 1.")
        self.positive("Detector pitch and source distances", *self.detector_pitch,
                      self.source_origin, self.source_detector)  # fmt: skip
        check_source(self.source_origin, self.source_detector, self.image_shape, self.pixel)
        if not all(abs(v) <= LENGTHS[1] for v in (*self.shift, self.travel)):
            raise InputError("Detector shift and helix feed must be finite numbers (mm).")

    @classmethod
    def standard(
        cls,
        views: int,
        volume_shape: tuple[int, int, int],
        spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
        detectors: tuple[int, int] | None = None,
    ) -> ConeGeometry:
        """A full circle whose detector sees the whole volume, magnified 1.5 times."""
        height, *sides = (n * p for n, p in zip(volume_shape, spacing, strict=True))
        radius = math.hypot(*sides) / 2
        origin, detector = 4 * radius, 6 * radius
        count = detectors or (2 * volume_shape[0], 2 * max(volume_shape[1:]))
        width = detector_width(radius, origin, detector)
        tall = MARGIN * detector * height / (origin - radius)
        return cls(
            angles=even_angles(views, 360.0, offset=0.0),
            detectors=count,
            detector_pitch=(tall / max(count[0], 1), width / max(count[1], 1)),
            source_origin=origin,
            source_detector=detector,
            slices=volume_shape[0],
            image_shape=volume_shape[1:],
            pixel=spacing[1:],
            slice_spacing=spacing[0],
        )

    @property
    def data_shape(self) -> tuple[int, int, int]:
        """Views, detector rows and columns."""
        return len(self.angles), *self.detectors

    @property
    def key(self) -> tuple[object, ...]:
        """As for all geometries; here the slices' distance counts too."""
        return (*super().key, self.slice_spacing)

    def volume_shape(self, data_shape: tuple[int, ...]) -> tuple[int, int, int]:
        """Shape (S, A, R) of the reconstruction."""
        return self.slices, *self.image_shape

    def take(self, start: int, stop: int) -> ConeGeometry:
        """All slices at once; raises InputError for a part of them."""
        if (start, stop) != (0, self.slices):
            raise InputError(
                "A cone beam measures all slices together: single ones cannot be chosen."
            )
        return self
