"""Where anybody's layer lies in the world, and how the patient lies there; without napari."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_padis.errors import InputError
from napari_padis.gui.world import WORLD_TO_RAS, to_ras
from napari_padis.scan.orientation import Affine, axis_codes, voxel_sizes
from napari_padis.scan.units import is_no_length, length_scale, millimetres

#: Key of our entry in a layer's metadata.
KEY = "napari_padis"

_NO_UNIT = "The layer has no length unit; its scale is taken as mm."
_AS_SHOWN = (
    "The layer does not say how the patient lies: as napari shows it, its slices are taken as "
    "going to the head, rows to the back and columns to the left side."
)
_FLAT = "The layer has no slice distance; 1 mm is taken."


def metadata_of(layer: Any) -> Mapping[str, Any]:
    """Metadata of anything that looks like a layer."""
    return getattr(layer, "metadata", None) or {}


def entry_of(layer: Any) -> Mapping[str, Any]:
    """Our entry in the metadata of a layer; empty for other layers."""
    entry = metadata_of(layer).get(KEY)
    return entry if isinstance(entry, Mapping) else {}


@dataclass(frozen=True)
class Where:
    """The geometry of a layer.

    Attributes
    ----------
    matrix : ndarray, shape (4, 4)
        Index along the layer's last three axes to the world in mm: the whole transform of the
        layer (scale, rotation, shear, position and affine), each axis in its own unit. A layer
        of two axes is one slice of 1 mm at 0.
    to_ras : ndarray, shape (4, 4)
        World in mm to the patient's RAS+ mm.
    labels : tuple of str
        Names of the world's three axes.
    units : {'mm', 'pixel'}
        Unit for layers that are to lie on this one: one in pixels among others in mm would
        make napari draw all of them without units.
    notes : tuple of str
        What had to be assumed.
    """

    matrix: Affine
    to_ras: Affine
    labels: tuple[str, ...]
    units: str
    notes: tuple[str, ...]

    @property
    def affine(self) -> Affine:
        """Index of the layer to RAS+ mm."""
        found: Affine = self.to_ras @ self.matrix
        return found


def where(layer: Any) -> Where:
    """Find out where a layer lies.

    How the patient lies in the world is known from our own metadata, which also follow a layer
    that is moved, turned or scaled in napari, or from axis labels that name directions of the
    body (:func:`napari_padis.gui.world.to_ras`), or from what napari-nifti says of its layers,
    which go from head to feet. Otherwise the picture is taken as it is seen
    in napari, front up and right side at the left, which is said in a note.

    Raises
    ------
    InputError
        If the transform of the layer squeezes an axis to nothing.
    """
    entry = entry_of(layer)
    ndim = np.ndim(layer.data[0] if getattr(layer, "multiscale", False) else layer.data)
    factors, notes = _millimetres(layer, ndim)
    matrix = _spatial(_transform(layer, ndim), factors)
    if abs(np.linalg.det(matrix[:3, :3])) <= 1e-12 * np.prod(voxel_sizes(matrix)):
        name = getattr(layer, "name", "layer")
        raise InputError(f"The transform of layer '{name}' is flat; reset it in napari.")
    labels = tuple(str(label) for label in getattr(layer, "axis_labels", None) or ())[-3:]
    anatomical = to_ras(labels)
    names = getattr(layer, "units", None)
    units = "pixel" if names is not None and str(names[-1]) == "pixel" else "mm"
    if ndim == 2:
        notes = (*notes, _FLAT)
    if "world" in entry:
        to_patient = np.asarray(entry["world"], dtype=np.float64)
    elif "affine" in entry:  # an (S, A, R) layer of an earlier version, wherever it was put
        affine = np.asarray(entry["affine"], dtype=np.float64)
        rest = np.diag([*voxel_sizes(affine), 1.0])
        rest[:3, 3] = matrix[:3, 3]
        to_patient = affine @ np.linalg.inv(rest)
    elif anatomical is not None:
        to_patient = anatomical
    elif (stated := _stated(layer, matrix)) is not None:
        to_patient = stated
    else:
        to_patient, notes = WORLD_TO_RAS, (*notes, _AS_SHOWN)
    if anatomical is None or len(labels) != 3:
        labels = tuple(axis_codes(to_patient))
    return Where(matrix, to_patient, labels, units, notes)


def _stated(layer: Any, matrix: Affine) -> Affine | None:
    """World to RAS+ by the metadata of napari-nifti, None where there are none that fit.

    It shows an array along (S, A, R) and keeps the affine of the same array along (R, A, S).
    """
    metadata = metadata_of(layer)
    affine = np.asarray(metadata.get("affine", 0))
    named = str(metadata.get("coordinate_system", "")).upper().startswith("RAS")
    if not named or affine.shape != (4, 4):
        return None
    found: Affine = affine.astype(np.float64)[:, [2, 1, 0, 3]] @ np.linalg.inv(matrix)
    rigid = np.abs(found[:3, :3].T @ found[:3, :3] - np.eye(3)).max() < 1e-3
    return found if rigid else None


def length_unit(layer: Any) -> float | None:
    """Millimetres per unit of the layer's last axis; None when it has no length unit."""
    units = getattr(layer, "units", None)
    return millimetres(str(units[-1])) if units is not None else None


def _millimetres(layer: Any, ndim: int) -> tuple[list[float], tuple[str, ...]]:
    """Millimetres per unit of the world along each of the layer's axes."""
    units = getattr(layer, "units", None)
    names = ["pixel"] * ndim if units is None else [str(unit) for unit in units][-ndim:]
    found = [length_scale(name, without=_NO_UNIT) for name in names]
    spatial = [notes for _, notes in found][-3:]
    if not all(is_no_length(name) for name in names[-3:]):
        spatial = [
            (f"Axis {i} of the layer has no length unit; its scale is taken as mm.",)
            if is_no_length(name)
            else notes
            for i, (name, notes) in enumerate(zip(names[-3:], spatial, strict=True))
        ]
    notes = dict.fromkeys(note for several in spatial for note in several)
    return [factor for factor, _ in found], tuple(notes)


def _transform(layer: Any, ndim: int) -> Affine:
    """Index to world in the layer's own units, shape (ndim + 1, ndim + 1)."""
    matrix = np.eye(ndim + 1)
    if hasattr(layer, "data_to_world"):
        matrix[:ndim, ndim] = origin = np.asarray(layer.data_to_world(np.zeros(ndim)))
        steps = [np.asarray(layer.data_to_world(step)) - origin for step in np.eye(ndim)]
        matrix[:ndim, :ndim] = np.stack(steps, axis=1)
        return matrix
    scale, translate = getattr(layer, "scale", None), getattr(layer, "translate", None)
    matrix[range(ndim), range(ndim)] = np.ones(ndim) if scale is None else scale
    matrix[:ndim, ndim] = 0 if translate is None else translate
    return matrix


def _spatial(transform: Affine, factors: list[float]) -> Affine:
    """The part of a transform that belongs to the last three axes, in mm."""
    ndim = len(factors)
    taken = min(ndim, 3)
    matrix = np.eye(4)
    last = slice(ndim - taken, ndim)
    scaled = transform[last] * np.asarray(factors)[last, None]
    matrix[3 - taken : 3, 3 - taken : 3] = scaled[:, last]
    matrix[3 - taken : 3, 3] = scaled[:, -1]
    return matrix
