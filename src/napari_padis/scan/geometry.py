"""Acquisition geometry as plain numbers, stored with every measurement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError


@dataclass(frozen=True)
class ParallelGeometry:
    """Parallel-beam CT of a stack of axial slices.

    A ray of view ``theta`` and detector position ``s`` is the line
    ``x cos(theta) + y sin(theta) = s``, with x towards the patient's right (columns)
    and y towards the front (rows), both in mm from the centre of the slice.

    Parameters
    ----------
    angles : ndarray, shape (views,)
        View angles in radians.
    detectors : int
        Number of detector bins.
    detector_pitch : float
        Distance of neighbouring bins in mm; the bins are centred on the rotation axis.
    image_shape : tuple of int
        Rows and columns of the reconstructed slices.
    pixel : tuple of float
        Row and column spacing in mm.
    slice_spacing : float
        Distance of neighbouring slices in mm.
    """

    angles: NDArray[np.float64]
    detectors: int
    detector_pitch: float
    image_shape: tuple[int, int]
    pixel: tuple[float, float]
    slice_spacing: float = 1.0

    kind = "parallel"

    def __post_init__(self) -> None:
        angles = np.atleast_1d(np.asarray(self.angles, dtype=np.float64))
        if angles.ndim != 1 or angles.size == 0 or not np.isfinite(angles).all():
            raise InputError("View angles must be a non-empty list of finite numbers (radians).")
        object.__setattr__(self, "angles", angles)
        object.__setattr__(self, "image_shape", tuple(int(n) for n in self.image_shape))
        object.__setattr__(self, "pixel", tuple(float(p) for p in self.pixel))
        if self.detectors < 1 or min(self.image_shape) < 1:
            raise InputError("Detector bins and image sides must be at least 1.")
        lengths = (self.detector_pitch, *self.pixel, self.slice_spacing)
        if not all(np.isfinite(v) and v > 0 for v in lengths):
            raise InputError("Detector pitch, pixel size and slice spacing must be positive (mm).")

    @classmethod
    def standard(
        cls,
        views: int,
        image_shape: tuple[int, int],
        pixel: tuple[float, float] = (1.0, 1.0),
        slice_spacing: float = 1.0,
        detectors: int = 512,
    ) -> ParallelGeometry:
        """Views evenly over 180 degrees, detector over twice the image width.

        The set-up of the PaDIS experiments (Hu et al., 2024).
        """
        if views < 1:
            raise InputError(f"At least one view is needed, not {views}.")
        width = max(n * p for n, p in zip(image_shape, pixel, strict=True))
        return cls(
            angles=(np.arange(views) + 0.5) * np.pi / views,
            detectors=detectors,
            detector_pitch=2 * width / detectors,
            image_shape=image_shape,
            pixel=pixel,
            slice_spacing=slice_spacing,
        )

    @property
    def data_shape(self) -> tuple[int, int]:
        """Views and detector bins of one slice's sinogram."""
        return len(self.angles), self.detectors

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "kind": self.kind,
            "angles": self.angles.tolist(),
            "detectors": self.detectors,
            "detector_pitch": self.detector_pitch,
            "image_shape": list(self.image_shape),
            "pixel": list(self.pixel),
            "slice_spacing": self.slice_spacing,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ParallelGeometry:
        """Inverse of :meth:`to_dict`; raises InputError on missing or wrong entries."""
        entries = dict(values)
        kind = entries.pop("kind", None)
        if kind != cls.kind:
            raise InputError(f"Unknown geometry '{kind}'; this version reads '{cls.kind}'.")
        try:
            return cls(**entries)
        except TypeError as error:
            raise InputError(f"The geometry is incomplete: {error}") from error
