"""Where the pictures of ISMRMRD acquisitions lie in the patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_padis.scan.orientation import LPS_TO_RAS

Array = NDArray[np.float64]

DIRECTIONS = ("read_dir", "phase_dir", "slice_dir")
#: Directions may differ by this much, as their rounding makes them.
ROUNDING = 1e-2
#: Share of the spacing by which slices may lie beside an even grid.
UNEVEN = 0.05
#: Degrees by which the row of slices may lean against their normal without a word.
LEANING = 1.0

CROSSING = "The directions of readout and phase encoding change during the scan: they are not used."
SKEWED = (
    "The header's directions of readout, phase encoding and slices are not at right angles to "
    "each other or not of length 1: they are not used."
)
MOVING = "The position of a slice changes during the scan: that of its first line is taken."
ALIKE = (
    "The file states one position for several slices: they are taken in the order of their "
    "numbers, one slice thickness apart."
)
SIEMENS = (
    "Siemens scanners count k-space against the stated directions, so the picture was placed the "
    "other way round."
)


@dataclass(frozen=True)
class Stack:
    """Slices, or one slab, of a file.

    Attributes
    ----------
    numbers : ndarray of int
        Slice numbers in the order in which the slices lie along the normal.
    axes : ndarray, shape (3, 3), or None
        Columns: the directions in which the pictures of an inverse Fourier transform grow
        with readout, first and second phase encoding, LPS; None where they are not known.
    first, step : ndarray, shape (3,)
        Centre of the first slice, and from each slice to the next, LPS in mm.
    spacing : float
        Distance of neighbouring slices in mm.
    space : str
        'scanner' where the positions are known too.
    notes : tuple of str
    """

    numbers: NDArray[np.int64]
    axes: Array | None
    first: Array
    step: Array
    spacing: float
    space: str
    notes: tuple[str, ...]

    def affine(self, steps: tuple[Array, Array, Array], centre: tuple[int, int, int]) -> Array:
        """Map array indices to RAS+ mm.

        Parameters
        ----------
        steps : three ndarrays of shape (3,)
            From one index to the next along slices, rows and columns, LPS in mm.
        centre : tuple of int
            Indices of what lies at ``first``.

        Returns
        -------
        ndarray, shape (4, 4)
        """
        matrix = np.eye(4)
        matrix[:3, :3] = np.stack(steps, axis=1)
        matrix[:3, 3] = self.first - matrix[:3, :3] @ centre
        return LPS_TO_RAS @ matrix + 0.0

    def slices_affine(self, pixel: tuple[float, float], shape: tuple[int, int]) -> Array | None:
        """Affine of (slices, readout, phase encoding); None where it is not known."""
        if self.axes is None:
            return None
        rows, columns = self.axes[:, 0] * pixel[0], self.axes[:, 1] * pixel[1]
        return self.affine((self.step, rows, columns), (0, shape[0] // 2, shape[1] // 2))

    def slab_affine(
        self, voxel: tuple[float, float, float], shape: tuple[int, int, int]
    ) -> Array | None:
        """Affine of a slab (readout, first, second phase encoding); None where not known."""
        if self.axes is None:
            return None
        a, b, c = (self.axes * voxel).T
        return self.affine((a, b, c), (shape[0] // 2, shape[1] // 2, shape[2] // 2))


def stack_of(heads: NDArray[np.void], thickness: float, vendor: str = "") -> Stack:
    """Place the slices of a file.

    ISMRMRD states the position of a slice (its centre, where the pixel ``n // 2`` of the
    Fourier transform lies) and the directions of readout, phase encoding and normal in
    the patient's coordinates, Left, Posterior, Superior in mm. It does not state the sign of
    the Fourier transform. It is taken as ``k(t) = sum x(r) exp(-2 pi i k r)``, k growing along
    the directions; data of Siemens scanners are known to have the opposite sign (mrpro pull
    request 833, SIRF pull request 441).

    Parameters
    ----------
    heads : structured ndarray
        Acquisition headers of one image.
    thickness : float
        Of a slice in mm, for single slices and those without positions.
    vendor : str
        Of the scanner, as the header names it.
    """
    axes, notes = _directions(heads)
    numbers, index, inverse = np.unique(
        heads["idx"]["slice"], return_index=True, return_inverse=True
    )
    every = np.asarray(heads["position"], dtype=np.float64)
    positions = every[index]
    known = bool(np.isfinite(every).all())
    if not known:
        positions = np.zeros_like(positions)
    elif np.abs(every - positions[inverse]).max() > UNEVEN * thickness:
        notes.append(MOVING)
        known = False
    absent = int(numbers[-1]) + 1 - len(numbers)
    if absent:
        notes.append(
            f"Of the slice numbers 0 to {numbers[-1]} the file holds {len(numbers)}: only these "
            "slices are read."
        )
    normal = axes[:, 2] if axes is not None else _unit(heads["slice_dir"][0])
    order, step, even = _row(positions, normal, thickness, notes)
    if axes is not None and vendor.lower().startswith("siemens"):
        axes = -axes
        notes.append(SIEMENS)
    return Stack(
        numbers=numbers[order].astype(np.int64),
        axes=axes,
        first=positions[order[0]],
        step=step,
        spacing=float(np.linalg.norm(step)),
        space="scanner" if axes is not None and known and even else "unknown",
        notes=tuple(notes),
    )


def _directions(heads: NDArray[np.void]) -> tuple[Array | None, list[str]]:
    """Columns readout, phase encoding, normal; None, and why, where they cannot be used."""
    if not set(DIRECTIONS) <= set(heads.dtype.names or ()):
        return None, []
    stated = np.stack([heads[name] for name in DIRECTIONS], axis=-1).astype(np.float64)
    axes = stated[0]
    if not np.isfinite(stated).all() or not axes[:, :2].any(axis=0).all():
        return None, []
    if np.abs(stated - axes).max() > ROUNDING:
        return None, [CROSSING]
    if not axes[:, 2].any():  # the standard: the normal is their cross product
        axes = np.column_stack([axes[:, :2], np.cross(axes[:, 0], axes[:, 1])])
    left, sizes, right = np.linalg.svd(axes)
    if np.abs(sizes - 1).max() > ROUNDING:
        return None, [SKEWED]
    return left @ right, []


def _unit(vector: NDArray[np.floating]) -> Array | None:
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0:
        return None
    return np.asarray(vector, dtype=np.float64) / length


def _row(
    positions: Array, normal: Array | None, thickness: float, notes: list[str]
) -> tuple[NDArray[np.intp], Array, bool]:
    """Order of slices along their normal, the mean step, and whether they lie evenly."""
    count = len(positions)
    order = np.arange(count)
    default = (np.array([0.0, 0.0, 1.0]) if normal is None else normal) * thickness
    if count == 1 or normal is None:
        return order, default, True
    order = np.argsort(positions @ normal, kind="stable")
    steps = np.diff(positions[order], axis=0)
    depths = steps @ normal
    if depths.min() <= 1e-3 * max(float(depths.max()), thickness):
        notes.append(ALIKE)
        return np.arange(count), default, False
    step = steps.mean(axis=0)
    grid = positions[order[0]] + np.arange(count)[:, None] * step
    spacing = float(np.linalg.norm(step))
    if np.linalg.norm(positions[order] - grid, axis=1).max() > UNEVEN * spacing:
        notes.append(
            f"The slices lie {depths.min():.4g} to {depths.max():.4g} mm apart along their normal "
            f"and not evenly: they are taken as {spacing:.4g} mm apart, and their position in the "
            "patient as unknown."
        )
        return order, step, False
    lean = float(np.degrees(np.arccos(np.clip(step @ normal / spacing, -1, 1))))
    if lean > LEANING:
        notes.append(
            f"The row of slices leans by {lean:.0f} degrees against their normal; the slices are "
            "shown as they are and written with their true position."
        )
    return order, step, True
