"""Parallel-beam CT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.geometry.base import LENGTHS, Geometry, checked_angles, even_angles


@dataclass(frozen=True)
class ParallelGeometry(Geometry):
    """Parallel-beam CT of a stack of axial slices.

    A ray of view ``theta`` and detector position ``s`` is the line
    ``x cos(theta) + y sin(theta) = s``, with x towards the patient's right (columns)
    and y towards the front (rows), both in mm from the centre of the slice.

    Parameters
    ----------
    angles : ndarray, shape (views,)
        View angles in radians, in any order.
    detectors : int
        Number of detector bins.
    detector_pitch : float
        Distance of neighbouring bins in mm.
    image_shape : tuple of int
        Rows and columns of the reconstructed slices.
    pixel : tuple of float
        Row and column spacing in mm.
    slice_spacing : float
        Distance of neighbouring slices in mm.
    shift : float
        Position of the detector's centre on the axis s in mm; 0 when the rotation axis
        is seen in the middle of the detector. With the axis at bin ``c`` (counted from
        0) it is ``((detectors - 1) / 2 - c) * detector_pitch``.
    """

    angles: NDArray[np.float64]
    detectors: int
    detector_pitch: float
    image_shape: tuple[int, int]
    pixel: tuple[float, float] = (1.0, 1.0)
    slice_spacing: float = 1.0
    shift: float = 0.0

    kind = "parallel"
    attenuation = True

    def __post_init__(self) -> None:
        self._set("angles", checked_angles(self.angles))
        super().__post_init__()
        self._whole("detectors", "Detector bins")
        self.positive("Detector pitch", self.detector_pitch)
        if not abs(self.shift) <= LENGTHS[1]:
            raise InputError("The detector shift must be a finite number (mm).")

    @classmethod
    def standard(
        cls,
        views: int,
        image_shape: tuple[int, int],
        pixel: tuple[float, float] = (1.0, 1.0),
        slice_spacing: float = 1.0,
        detectors: int = 512,
        arc: float = 180.0,
    ) -> ParallelGeometry:
        """Views evenly over 180 degrees (or another arc), detector over twice the image width.

        The set-up of the PaDIS experiments (Hu et al., 2024).
        """
        width = max(n * p for n, p in zip(image_shape, pixel, strict=True))
        return cls(
            angles=even_angles(views, arc),
            detectors=detectors,
            detector_pitch=2 * width / max(detectors, 1),
            image_shape=image_shape,
            pixel=pixel,
            slice_spacing=slice_spacing,
        )

    @property
    def data_shape(self) -> tuple[int, int]:
        """Views and detector bins of one slice's sinogram."""
        return len(self.angles), self.detectors
