"""From any voxel grid to (S, A, R)+ arrays, without resampling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.intensity import find_unit, looks_like, note_of
from napari_padis.scan.padding import fill_padding
from napari_padis.scan.volume import Volume

Affine = NDArray[np.float64]

#: Patient coordinates of DICOM, ITK and NRRD (Left, Posterior, Superior) to RAS+.
LPS_TO_RAS: Affine = np.diag([-1.0, -1.0, 1.0, 1.0])

_LETTERS = ("LR", "PA", "IS")


#: Angles between the axes of a grid that differ from 90 degrees by less than this are rounding.
_LEAN = 0.5


def voxel_sizes(affine: Affine) -> tuple[float, float, float]:
    """Length in mm of one step along each array axis."""
    a, b, c = np.linalg.norm(affine[:3, :3], axis=0).tolist()
    return a, b, c


def closest_axes(affine: Affine) -> tuple[int, int, int]:
    """Array axis that lies closest to each of the patient's R, A and S axes."""
    cosines = np.abs(affine[:3, :3]) / np.asarray(voxel_sizes(affine))

    def agreement(axes: tuple[int, ...]) -> float:
        return round(sum(float(cosines[world, axis]) for world, axis in enumerate(axes)), 6)

    best = max(permutations(range(3)), key=agreement)
    return best[0], best[1], best[2]


def axis_codes(affine: Affine) -> str:
    """Directions in which the three indices grow, such as 'LPS'."""
    codes = [""] * 3
    for world, axis in enumerate(closest_axes(affine)):
        codes[axis] = _LETTERS[world][int(affine[world, axis] > 0)]
    return "".join(codes)


def reorient(array: NDArray[Any], affine: Affine, codes: str) -> tuple[NDArray[Any], Affine]:
    """Permute and flip the first three axes so that the indices grow along ``codes``.

    Parameters
    ----------
    array : ndarray, shape (I, J, K, ...)
    affine : ndarray, shape (4, 4)
        Index to RAS+ mm.
    codes : str
        For instance 'SAR' or 'LPS'.

    Returns
    -------
    array : ndarray
        A view of the input.
    affine : ndarray, shape (4, 4)
        The same voxels are mapped to the same millimetres.
    """
    axes = closest_axes(affine)
    worlds = [next(w for w in range(3) if code in _LETTERS[w]) for code in codes]
    order = [axes[world] for world in worlds]
    turned = np.transpose(array, (*order, *range(3, array.ndim)))
    matrix = np.array(affine, dtype=np.float64)
    matrix[:, :3] = matrix[:, order]
    for axis, (world, code) in enumerate(zip(worlds, codes, strict=True)):
        if (matrix[world, axis] > 0) != (code == _LETTERS[world][1]):
            turned = np.flip(turned, axis)
            matrix[:3, 3] += matrix[:3, axis] * (turned.shape[axis] - 1)
            matrix[:3, axis] *= -1
    return turned, matrix + 0.0  # + 0.0 turns -0 into 0


def like(volume: Volume, affine: Affine) -> Volume:
    """The volume with the axes in the order and the directions of another one.

    Parameters
    ----------
    volume : Volume
    affine : ndarray, shape (4, 4)
        Of the other one.
    """
    array, turned = reorient(volume.array, np.asarray(volume.affine), axis_codes(affine))
    return replace(volume, array=array, affine=turned, spacing=voxel_sizes(turned))


def assemble(
    array: NDArray[Any],
    affine: Affine,
    *,
    path: Path,
    name: str,
    kind: str,
    unit: str | None = None,
    notes: tuple[str, ...] = (),
    metadata: Mapping[str, Any] | None = None,
    space: str = "unknown",
    intercept: float = 0.0,
    stated: bool = True,
) -> Volume:
    """Build the (S, A, R)+ volume of a file from its voxels and index-to-RAS+ affine.

    Parameters
    ----------
    array : ndarray, two- or three-dimensional
        Voxels in the file's order; two-dimensional input becomes one slice.
    affine : ndarray, shape (4, 4)
    path, name, kind
        File, layer name and format, for messages and metadata.
    unit : str, optional
        When None it is found from the values by :func:`~napari_padis.scan.intensity.find_unit`.
        Padding of values in HU is set to air.
    notes : tuple of str
    metadata : mapping, optional
    space : str
        Frame of coordinates in which ``affine`` stands, as in :class:`Volume`.
    intercept : float
        What the file adds to its stored values when their slope is 1, as evidence for the unit.
    stated : bool
        False where ``unit`` is only the format's default: what the values look like is noted.

    Raises
    ------
    InputError
        If the voxels or the affine cannot be used.
    """
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.size == 0:
        raise InputError(f"'{path.name}' has shape {array.shape}; a 3D volume is needed.")
    values, more = plain_numbers(array, path)
    notes += more
    affine = usable_affine(np.asarray(affine, dtype=np.float64), array.shape, path)
    source = axis_codes(affine)
    values, affine = reorient(values, affine, "SAR")
    if unit is None:
        unit, values, more = find_unit(values, intercept)
        notes += more
    elif unit == "HU":
        values, more = fill_padding(values)
        notes += more
    elif not stated:
        notes += note_of(looks_like(values))
    notes += _tilt_notes(affine, notes)
    return Volume(
        array=np.ascontiguousarray(values),
        spacing=voxel_sizes(affine),
        unit=unit,
        affine=affine,
        name=name,
        metadata={"path": str(path), "format": kind, "orientation": source, **(metadata or {})},
        notes=notes,
        space=space,
    )


def _tilt_notes(affine: Affine, known: tuple[str, ...]) -> tuple[str, ...]:
    """Notes on axes of an (S, A, R)+ grid that are no axes of the patient, or not upright."""
    notes: tuple[str, ...] = ()
    steps = affine[:3, :3] / np.asarray(voxel_sizes(affine))
    lean = float(np.degrees(np.arcsin(np.clip(np.abs(np.triu(steps.T @ steps, 1)).max(), 0, 1))))
    oblique = obliquity(affine)
    if lean > _LEAN:
        if not any("sheared" in note for note in known):
            notes += (
                f"The voxels are no right-angled boxes: the grid is sheared by {lean:.1f} degrees, "
                "which is kept in the affine but not resampled.",
            )
        oblique = obliquity(affine, axes=(1, 2))  # the planes themselves may lie straight
    if oblique > 1:
        notes += (
            f"The slices are oblique by {oblique:.0f} degrees; they are shown along the nearest "
            "axes and written with their true position.",
        )
    return notes


def plain_numbers(array: NDArray[Any], source: Path | str) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Native byte order, integers of at most 32 bits or float32, all finite.

    Integers stay integers. Voxels that are not finite become the smallest finite
    value, which is said in the returned notes.
    """
    label = source.name if isinstance(source, Path) else source
    if array.dtype.kind == "c":
        raise InputError(f"'{label}' holds complex voxels; save their magnitude instead.")
    if array.dtype.kind not in "biuf":
        raise InputError(f"'{label}' holds colours or records; a greyscale image is needed.")
    if array.dtype.kind == "b":
        return array.astype(np.uint8), ()
    if array.dtype.kind in "iu":
        if array.dtype.itemsize < 8 and array.dtype != np.uint32:
            return array.astype(array.dtype.newbyteorder("="), copy=False), ()
        limits = np.iinfo(np.int32)
        small = int(array.min()) >= limits.min and int(array.max()) <= limits.max
        return array.astype(np.int32 if small else np.float32), ()
    with np.errstate(over="ignore", invalid="ignore"):
        values = array.astype(np.float32, copy=False)
    finite = np.isfinite(values)
    bad = int(values.size - np.count_nonzero(finite))
    if bad == values.size:
        raise InputError(f"'{label}' holds no finite voxel.")
    if bad:
        lowest = values[finite].min()
        values = np.where(finite, values, lowest)
        return values, (f"{bad} voxels were not finite and were set to {lowest:g}.",)
    return values, ()


def usable_affine(affine: Affine, shape: tuple[int, ...], path: Path) -> Affine:
    """The affine, with a step of 1 mm for one-voxel axes that have none."""
    affine = affine.copy()
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise InputError(f"'{path.name}' has no usable voxel spacing or orientation in its header.")
    lengths = np.asarray(voxel_sizes(affine))
    flat = [axis for axis in range(3) if lengths[axis] == 0 and shape[axis] == 1]
    if len(flat) == 1:
        a, b = (affine[:3, axis] for axis in range(3) if axis not in flat)
        normal = np.cross(a, b)
        size = np.linalg.norm(normal)
        if size > 0:
            affine[:3, flat[0]] = normal / size
            lengths = np.asarray(voxel_sizes(affine))
    if not (lengths > 0).all() or abs(np.linalg.det(affine[:3, :3] / lengths)) < 1e-3:
        raise InputError(f"'{path.name}' has no usable voxel spacing or orientation in its header.")
    return affine


def obliquity(affine: Affine, axes: tuple[int, ...] = (0, 1, 2)) -> float:
    """Largest angle in degrees between an array axis, one of ``axes``, and its patient axis."""
    cosines = np.abs(affine[:3, :3]) / np.asarray(voxel_sizes(affine))
    closest = [cosines[w, axis] for w, axis in enumerate(closest_axes(affine)) if axis in axes]
    return float(np.degrees(np.arccos(np.clip(min(closest), 0, 1))))
