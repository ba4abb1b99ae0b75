"""The axes of a NRRD header: which are spatial, how long their steps are, where they lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.orientation import LPS_TO_RAS
from napari_padis.scan.units import length_scale

#: Signs that turn a NRRD space's axes into Right, Anterior, Superior.
_SPACES = {
    "right-anterior-superior": (1, 1, 1),
    "ras": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1),
    "las": (-1, 1, 1),
    "left-posterior-superior": (-1, -1, 1),
    "lps": (-1, -1, 1),
}

#: Spaces that do not say how the patient lies.
_NO_PATIENT = ("scanner-xyz", "3d-right-handed", "3d-left-handed")

#: Kinds of axes along which whole volumes are counted.
_COUNTING = ("list", "time")

Steps = list[NDArray[np.float64] | None]


def placed(
    path: Path, header: dict[str, Any], shape: tuple[int, ...]
) -> tuple[list[int], NDArray[np.float64], str, tuple[str, ...]]:
    """Place the voxels of a header in space.

    Returns
    -------
    axes : list of int
        The two or three spatial axes.
    affine : ndarray, shape (4, 4)
        Index along ``axes`` to RAS+ mm; the third column is 0 where there are two.
    space : str
        Frame of coordinates, as in :class:`~napari_padis.scan.volume.Volume`.
    notes : tuple of str
        What was assumed.

    Raises
    ------
    InputError
        If the space is unknown or the axes are not those of greyscale volumes.
    """
    signs, notes = _signs(header)
    directed = header.get("space directions") is not None
    if directed:
        steps, origin, more = _directed(header)
    else:
        steps, origin, more = _spaced(header, len(shape))
        if signs is not None:
            origin, also = _space_origin(header, origin)
            more += also
    notes += more
    axes = [axis for axis, step in enumerate(steps) if step is not None]
    kinds = [str(kind).lower() for kind in header.get("kinds", [])]
    others = {axis for axis in range(len(shape)) if axis not in axes and shape[axis] > 1}
    counted = all(axis < len(kinds) and kinds[axis] in _COUNTING for axis in others)
    times = str(header.get("space", "")).lower().strip().endswith(("-time", "t"))
    if not 2 <= len(axes) <= 3 or not (counted or times):
        raise InputError(
            f"'{path.name}' has shape {shape}; a greyscale volume with two or three axes is needed."
        )
    matrix = np.eye(4)
    matrix[2, 2] = len(axes) == 3  # a missing third axis is completed by assemble
    for column, axis in enumerate(axes):
        matrix[:3, column] = steps[axis]
    matrix[:3, 3] = origin
    if signs is None:
        return axes, LPS_TO_RAS @ matrix, "unknown", notes
    return axes, np.diag([*signs, 1.0]) @ matrix, "scanner" if directed else "unknown", notes


def _signs(header: dict[str, Any]) -> tuple[tuple[int, ...] | None, tuple[str, ...]]:
    stated = str(header.get("space", "")).strip().lower()
    space = stated.removesuffix("-time")
    if space.endswith("t") and space[:-1] in _SPACES:
        space = space[:-1]  # RAST, LAST, LPST
    if space in _SPACES:
        return _SPACES[space], ()
    if space and space not in _NO_PATIENT:
        raise InputError(f"The NRRD space '{stated}' is none that the format defines.")
    lead = f"The space '{stated}' says nothing about the patient" if space else (
        "The header has no orientation")  # fmt: skip
    return None, (f"{lead}; left-posterior-superior is assumed.",)


def _factors(words: Any, count: int, lead: str) -> tuple[list[float], tuple[str, ...]]:
    """Millimetres of each axis' unit, in mm where none is stated."""
    stated = [str(word) for word in words or []]
    factors: list[float] = []
    notes: list[str] = []
    for axis in range(count):
        word = stated[axis] if axis < len(stated) else ""
        factor, more = length_scale("" if word.strip('"') == "???" else word)
        factors.append(factor)
        notes += more
    if not any(word.strip('" ?') for word in stated):
        notes.append(f"{lead} without a unit; they are taken as mm.")
    return factors, tuple(dict.fromkeys(notes))


def _directed(header: dict[str, Any]) -> tuple[Steps, NDArray[np.float64], tuple[str, ...]]:
    """Steps (None for axes that are not spatial) and origin of ``space directions`` in mm.

    Each coordinate of the space has its own unit. The fourth one, if any, is time.
    """
    rows = header["space directions"]
    length = max((len(row) for row in rows if row is not None), default=3)
    words = header.get("space units")
    if words is None:  # not as the format has it, but programs write the units of the axes
        per_axis = zip(header.get("units", ()), rows, strict=False)
        words = [word for word, row in per_axis if row is not None and np.isfinite(row).all()]
        words = words if len(set(words)) == 1 else None
    factors, notes = _factors(words, min(length, 3), "Lengths are stated")
    if words is None:
        notes = ()  # patient spaces are in mm by convention
    scale = np.ones(3)
    scale[: len(factors)] = factors
    steps: Steps = []
    for row in rows:
        values = np.full(3, np.nan) if row is None else np.asarray(row, dtype=np.float64)
        step = np.zeros(3)
        step[: min(len(values), 3)] = values[:3]
        spatial = np.isfinite(step).all() and not (len(values) > 3 and not step.any())
        steps.append(step * scale if spatial else None)
    origin = np.zeros(3)
    stated = np.asarray(header.get("space origin", np.zeros(3)), dtype=np.float64)[:3]
    if np.isfinite(stated).all():
        origin[: len(stated)] = stated
    return steps, origin * scale, notes


def _space_origin(
    header: dict[str, Any], origin: NDArray[np.float64]
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Origin in mm of a space whose axes have no directions, and what is assumed of them."""
    notes: tuple[str, ...] = (
        "The header states a space, but no directions in it; the axes of the voxels are taken as "
        "those of the space.",
    )
    stated = np.asarray(header.get("space origin", ()), dtype=np.float64)[:3]
    if len(stated) == 3 and np.isfinite(stated).all():
        factors, more = _factors(header.get("space units"), 3, "The origin is stated")
        origin, notes = stated * factors, notes + (more if header.get("space units") else ())
    return origin, notes


def _spaced(
    header: dict[str, Any], ndim: int
) -> tuple[Steps, NDArray[np.float64], tuple[str, ...]]:
    """The same of ``spacings``, or ``axis mins`` and ``axis maxs``, each axis in its ``units``."""
    kinds = [str(kind).lower() for kind in header.get("kinds", [])]
    spatial = [a for a in range(ndim) if a >= len(kinds) or kinds[a] not in _COUNTING]
    spatial = spatial[-3:] if ndim > 3 else spatial
    words = list(header.get("units") or [])
    words = [words[axis] if axis < len(words) else "" for axis in spatial]
    factors, notes = _factors(words, len(spatial), "Lengths are stated")
    spacings, first = _stated_spacings(header, ndim)
    known = [abs(spacings[a]) * f for a, f in zip(spatial, factors, strict=True)]
    usual = next((value for value in known if np.isfinite(value) and value > 0), 1.0)
    if not np.isfinite(known).any():
        notes = ()
    if not np.isfinite(known).all():
        notes += (f"Some voxel spacings are missing and taken as {usual:g} mm.",)
    steps: Steps = [None] * ndim
    origin = np.zeros(3)
    for column, axis in enumerate(spatial):
        step = np.zeros(3)
        step[column] = known[column] if np.isfinite(known[column]) else usual
        steps[axis] = step
        origin[column] = first[axis] * factors[column] if np.isfinite(first[axis]) else 0.0
    return steps, origin, notes


def _stated_spacings(
    header: dict[str, Any], ndim: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Spacing and first sample of each axis in its unit, NaN where they are not stated."""

    def numbers(*names: str) -> NDArray[np.float64]:
        found = next((header[name] for name in names if name in header), None)
        values = np.full(ndim, np.nan)
        if found is not None:
            values[: len(found)] = np.asarray(found, dtype=np.float64)[:ndim]
        return values

    low, high = numbers("axis mins", "axismins"), numbers("axis maxs", "axismaxs")
    sizes = np.asarray(header["sizes"], dtype=np.float64)
    centres = [str(word).lower() for word in header.get("centerings", [])]
    node = np.array([a < len(centres) and centres[a] == "node" for a in range(ndim)])
    # Nodes are at both ends; cells lie between them, so that their centres begin within.
    ranged = (high - low) / np.maximum(sizes - node, 1)
    stated = numbers("spacings")
    spacings = np.where(np.isfinite(stated), stated, ranged)
    return spacings, np.where(node, low, low + ranged / 2)
