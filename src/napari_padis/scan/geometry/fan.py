"""Fan-beam CT."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.geometry.base import LENGTHS, Geometry, checked_angles, even_angles

#: Simulated detectors are this much larger than the shadow of the image.
MARGIN = 1.02


@dataclass(frozen=True)
class FanGeometry(Geometry):
    """Fan-beam CT of a stack of axial slices, with a flat or curved detector.

    At view ``theta`` the source is at ``R (sin(theta), -cos(theta))`` in (x, y) and the
    middle of the detector line at ``(R - D) (sin(theta), -cos(theta))``, with R the distance
    from source to rotation axis and D that from source to detector. The detector axis
    points along ``(cos(theta), sin(theta))``. These are ODL's conventions, with x and y as
    in :class:`ParallelGeometry`: the central ray of view theta is the parallel ray s = 0.

    Parameters
    ----------
    angles : ndarray, shape (views,)
        View angles in radians, in any order.
    detectors : int
        Number of detector bins.
    detector_pitch : float
        Distance of neighbouring bins in mm, on the detector (along the arc if curved).
    source_origin : float
        Distance R from source to rotation axis in mm.
    source_detector : float
        Distance D from source to detector in mm, larger than ``source_origin``.
    image_shape, pixel, slice_spacing
        See :class:`Geometry`.
    curved : bool
        Whether the detector is an arc around the source, with equal fan angles from bin
        to bin, instead of a straight line.
    shift : float
        Position of the detector's centre along its axis in mm.
    """

    angles: NDArray[np.float64]
    detectors: int
    detector_pitch: float
    source_origin: float
    source_detector: float
    image_shape: tuple[int, int]
    pixel: tuple[float, float] = (1.0, 1.0)
    slice_spacing: float = 1.0
    curved: bool = False
    shift: float = 0.0

    kind = "fan"
    attenuation = True

    def __post_init__(self) -> None:
        self._set("angles", checked_angles(self.angles))
        super().__post_init__()
        self._whole("detectors", "Detector bins")
        self.positive("Detector pitch and source distances", self.detector_pitch,
                      self.source_origin, self.source_detector)  # fmt: skip
        check_source(self.source_origin, self.source_detector, self.image_shape, self.pixel)
        if not abs(self.shift) <= LENGTHS[1]:
            raise InputError("The detector shift must be a finite number (mm).")
        self._set("curved", bool(self.curved))

    @classmethod
    def standard(
        cls,
        views: int,
        image_shape: tuple[int, int],
        pixel: tuple[float, float] = (1.0, 1.0),
        slice_spacing: float = 1.0,
        detectors: int = 512,
        arc: float = 360.0,
        curved: bool = False,
    ) -> FanGeometry:
        """Views evenly over a full turn (or another arc) of a clinical-like scanner.

        The source is two image diagonals from the axis, the detector one more behind it;
        the fan covers the circle around the slice.
        """
        sides = [n * p for n, p in zip(image_shape, pixel, strict=True)]
        radius = math.hypot(*sides) / 2
        origin, detector = 4 * radius, 6 * radius
        return cls(
            angles=even_angles(views, arc),
            detectors=detectors,
            detector_pitch=detector_width(radius, origin, detector, curved) / max(detectors, 1),
            source_origin=origin,
            source_detector=detector,
            image_shape=image_shape,
            pixel=pixel,
            slice_spacing=slice_spacing,
            curved=curved,
        )

    @property
    def data_shape(self) -> tuple[int, int]:
        """Views and detector bins of one slice's sinogram."""
        return len(self.angles), self.detectors

    @property
    def magnification(self) -> float:
        """Size on the detector over size at the rotation axis."""
        return self.source_detector / self.source_origin


def detector_width(
    radius: float, source_origin: float, source_detector: float, curved: bool = False
) -> float:
    """Width in mm of a detector that sees a circle around the axis, and a little more.

    Parameters
    ----------
    radius : float
        Of the circle in mm.
    source_origin, source_detector : float
        Distances in mm from the source to rotation axis and detector.
    curved : bool
        Whether the width is measured along an arc around the source.

    Raises
    ------
    InputError
        If the source is inside the circle.
    """
    if not source_origin > radius:
        raise InputError(
            f"The source must be outside the circle around the image: more than "
            f"{radius:.0f} mm from the axis, not {source_origin:g} mm."
        )
    half = math.asin(radius / source_origin)
    return 2 * MARGIN * source_detector * (half if curved else math.tan(half))


def check_source(
    origin: float, detector: float, image_shape: tuple[int, int], pixel: tuple[float, float]
) -> None:
    """Raise InputError when source, image and detector cannot stand like this."""
    if detector <= origin:
        raise InputError(
            f"The detector must be farther from the source ({detector:g} mm) than the rotation "
            f"axis is ({origin:g} mm)."
        )
    half = max(n * p for n, p in zip(image_shape, pixel, strict=True)) / 2
    if origin <= half:
        raise InputError(
            f"The source is {origin:g} mm from the axis, inside the image of "
            f"{2 * half:g} mm; check the units (mm)."
        )
