"""A volume of voxels with millimetre geometry and an intensity unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.units import UNITS

#: Index directions of arrays in this package: towards Superior, Anterior, Right. Only what is
#: reconstructed from sagittal or coronal slices of k-space keeps its plane until it is written.
AXIS_LABELS = ("S", "A", "R")

#: Frames of coordinates, by the names and in the order of NIfTI's xform codes 0 to 5.
SPACES = ("unknown", "scanner", "aligned", "talairach", "mni", "template")


@dataclass(frozen=True)
class Volume:
    """Voxels on a regular grid, held as (S, A, R)+.

    Parameters
    ----------
    array : ndarray, shape (slices, rows, columns)
        Voxel values; indices grow towards the patient's head, front and right side.
    spacing : tuple of float
        Distance between voxel centres along (S, A, R) in mm.
    unit : {'HU', '1/mm', 'arbitrary'}
        Intensity unit.
    affine : ndarray, shape (4, 4), optional
        Maps array indices (i, j, k) to RAS+ millimetres (NIfTI convention).
        Made from ``spacing`` when missing.
    name : str
        Shown as the layer's name.
    metadata : mapping
        Whatever the file said; kept for writing and for the record.
    notes : tuple of str
        What a reader should know about this volume (gantry tilt, missing slices, ...).
    space : {'unknown', 'scanner', 'aligned', 'talairach', 'mni', 'template'}
        The frame of coordinates in which ``affine`` stands: those of the patient in the
        scanner, those of another file, of an atlas. 'unknown' where no file states how the
        patient lies: then only the spacing is true, and origin and sides are assumed.

    Raises
    ------
    InputError
        If there are not three axes, or unit, spacing or space are none.
    """

    array: NDArray[Any]
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    unit: str = "arbitrary"
    affine: NDArray[np.float64] | None = None
    name: str = "volume"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    space: str = "unknown"

    def __post_init__(self) -> None:
        if self.array.ndim != 3:
            raise InputError(
                f"A volume needs three axes (slices, rows, columns); "
                f"'{self.name}' has shape {self.array.shape}."
            )
        if self.unit not in UNITS:
            raise InputError(
                f"Unknown intensity unit '{self.unit}'; use one of {', '.join(UNITS)}."
            )
        check_space(self.space)
        spacing = tuple(float(s) for s in self.spacing)
        if len(spacing) != 3 or not all(np.isfinite(s) and s > 0 for s in spacing):
            raise InputError(
                f"Voxel spacing must be three positive numbers in mm, not {self.spacing}."
            )
        object.__setattr__(self, "spacing", spacing)
        if self.affine is None:
            object.__setattr__(self, "affine", sar_affine(spacing))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of slices, rows and columns."""
        return self.array.shape


def check_space(space: str) -> None:
    """Raise InputError unless ``space`` is a frame of coordinates."""
    if space not in SPACES:
        raise InputError(f"Unknown frame of coordinates '{space}'; use one of {', '.join(SPACES)}.")


def sar_affine(spacing: tuple[float, ...]) -> NDArray[np.float64]:
    """Affine of an (S, A, R)+ array with its first voxel at the origin, in RAS+ mm."""
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2] = spacing
    affine[3, 3] = 1
    return affine
