"""Projections from arrays that are known by name only (MATLAB, NumPy archives)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.angles import NO_ANGLES, ViewAngles, in_radians, is_angle_name
from napari_padis.scan.contents import guess_contents
from napari_padis.scan.projections import CONTENTS, Projections
from napari_padis.scan.units import radians

#: Beginnings of the names of flat and dark fields.
FLATS = ("flat", "white", "blank", "data_white", "ff")
DARKS = ("dark", "data_dark", "df")
#: Parts of the names that projections usually have.
LIKELY = ("sino", "proj", "data", "counts", "measurement")
#: Numbers that may be stated under the names of :class:`Projections`.
LENGTHS = ("detector_pitch", "source_origin", "source_detector", "centre")


@dataclass(frozen=True)
class Order:
    """How arrays without named axes are laid out.

    Parameters
    ----------
    plane : {0, 1}
        Axis of the views in a sinogram, where their number does not tell.
    middle : tuple of int
        Order (views, rows, bins) of the axes of a stack whose second axis has the views.
    last : tuple of int
        The same for a stack whose third axis has them.
    """

    plane: int
    middle: tuple[int, int, int]
    last: tuple[int, int, int]


#: MATLAB's ``radon`` returns (bins, views), ASTRA (bins, views, rows), TIGRE (rows, bins, views).
MATLAB = Order(plane=1, middle=(1, 2, 0), last=(2, 0, 1))
#: Python's tools keep views or rows first: (views, bins), (rows, views, bins).
NUMPY = Order(plane=0, middle=(1, 0, 2), last=(2, 0, 1))


def projections_from(
    path: Path, arrays: Mapping[str, Any], order: Order, views_axis: int | None = None
) -> Projections:
    """Projections out of named arrays: the largest one, with what stands beside it.

    Parameters
    ----------
    path : Path
        File, for the messages and the name.
    arrays : mapping of str to ndarray
        Whatever the file holds; only numbers of two or three axes and angles are used.
    order : Order
        Layout assumed where the number of angles does not tell.
    views_axis : int, optional
        Axis of the views, when it is known.

    Raises
    ------
    InputError
        If there is no array of projections or the arrays do not fit together.
    """
    name, data = _largest(path, arrays)
    stated = _angles(path, arrays, data.shape)
    angles = None if stated is None else stated.values
    notes = [NO_ANGLES] if stated is None else list(stated.notes)
    axis = _views_axis(path, name, data, angles, order) if views_axis is None else views_axis
    if angles is not None and data.shape[axis] != len(angles):
        raise InputError(
            f"'{path.name}' has {data.shape[axis]} views in '{name}' but {len(angles)} angles."
        )
    axes = _axes(data.ndim, axis, order)
    stack = _ordered(data, axes)
    if angles is None or data.shape.count(len(angles)) > 1:
        notes.append(f"Axis {axis + 1} of '{name}' {data.shape} is taken for the views.")
    if not np.isfinite(stack).any():
        raise InputError(f"'{name}' in '{path.name}' holds no finite number.")
    fields: dict[str, Any] = {}
    for kind, names in (("flats", FLATS), ("darks", DARKS)):
        fields[kind] = _field(path, arrays, names, axes, stack.shape)
    contents, why = _contents(path, arrays, stack, fields["flats"] is not None)
    return Projections(
        data=stack,
        angles=angles,
        contents=contents,
        beam=_text(path, arrays, "beam", ("parallel", "fan")),
        name=path.stem,
        notes=(*notes, *why),
        metadata={"array": name} | ({} if stated is None else stated.facts()),
        **fields,
        **_lengths(path, arrays),
    )


def _largest(path: Path, arrays: Mapping[str, Any]) -> tuple[str, NDArray[Any]]:
    """The largest array of real numbers with two or three axes that are no mere lines."""
    images: dict[str, NDArray[Any]] = {}
    for name, value in arrays.items():
        array = np.asarray(value)
        numbers = array.dtype.kind in "fiu" and array.ndim in (2, 3)
        lines = min(array.shape, default=0) < 1 or sorted(array.shape)[-2:][0] < 2
        if numbers and not lines and not is_angle_name(name.rpartition(".")[2]):
            images[name] = array
    if not images:
        raise InputError(
            f"'{path.name}' holds no sinogram: an array of numbers with two or three axes is "
            "needed."
        )
    # A file of nothing but flat fields is read, too: they are asked for by its name.
    fields = (*FLATS, *DARKS)
    found = {n: a for n, a in images.items() if not n.rpartition(".")[2].lower().startswith(fields)}
    found = found or images
    # Equal sizes happen (a sinogram beside its weights): then the usual names come first.
    likely = [n for n in found if any(w in n.lower() for w in LIKELY)]
    size = max(a.size for a in found.values())
    best = next((n for n in likely if found[n].size == size), None)
    name = best or max(found, key=lambda n: found[n].size)
    return name, found[name]


def _angles(path: Path, arrays: Mapping[str, Any], shape: tuple[int, ...]) -> ViewAngles | None:
    """The list of angles, if there is one; that which fits the projections among several."""
    named = [
        name
        for name in arrays
        if is_angle_name(name.rpartition(".")[2]) and not name.lower().rstrip("s").endswith("unit")
    ]
    lists = [n for n in named if np.size(arrays[n]) > 1] or named
    if not lists:
        return None
    name = next((n for n in lists if np.size(arrays[n]) in shape), lists[0])
    plain = name.rpartition(".")[2]
    return in_radians(arrays[name], plain, _stated_unit(arrays, name), f"'{path.name}'")


def _stated_unit(arrays: Mapping[str, Any], name: str) -> str:
    """Unit that a text beside the angles states: ``theta_unit``, ``angle_units``, ``units``."""
    group, _, plain = name.rpartition(".")
    stems = (plain, plain.removesuffix("s"), "angle", "angles", "")
    wanted = {f"{stem}{word}".lower() for stem in stems for word in ("unit", "units")}
    for key, value in arrays.items():
        where, _, last = key.rpartition(".")
        text = np.asarray(value)
        if where == group and last.lower().replace("_", "") in {w.replace("_", "") for w in wanted}:
            said = str(text.ravel()[0]) if text.dtype.kind == "U" and text.size == 1 else ""
            # A plain 'units' may be that of lengths.
            if radians(said) is not None:
                return said
    return ""


def _views_axis(
    path: Path, name: str, data: NDArray[Any], angles: NDArray[np.float64] | None, order: Order
) -> int:
    """Axis whose length is the number of angles; the usual one where several or none fit."""
    usual = order.plane if data.ndim == 2 else 0
    if angles is None:
        return usual
    fitting = [axis for axis, n in enumerate(data.shape) if n == len(angles)]
    if not fitting:
        raise InputError(
            f"'{path.name}' has {len(angles)} angles, but no axis of '{name}' {data.shape} has "
            "that length."
        )
    return usual if usual in fitting else fitting[0]


def _axes(ndim: int, views: int, order: Order) -> tuple[int, ...]:
    if ndim == 2:
        return views, 1 - views
    return ((0, 1, 2), order.middle, order.last)[views]


def _ordered(array: NDArray[Any], axes: tuple[int, ...]) -> NDArray[Any]:
    """Array as (views, rows, bins)."""
    moved = array.transpose(axes)
    return moved[:, None, :] if array.ndim == 2 else moved


def _field(
    path: Path,
    arrays: Mapping[str, Any],
    names: tuple[str, ...],
    axes: tuple[int, ...],
    shape: tuple[int, ...],
) -> NDArray[np.float32] | None:
    """Flat or dark fields as (n, rows, bins), laid out like the projections."""
    for name, value in arrays.items():
        key = name.rpartition(".")[2].lower()
        array = np.asarray(value)
        if not key.startswith(names) or array.dtype.kind not in "fiu" or array.size == 0:
            continue
        field = as_field(array, axes, shape)
        if field is None:
            raise InputError(
                f"'{name}' in '{path.name}' has shape {array.shape}, which does not fit "
                f"projections of {shape[1]} x {shape[2]} pixels."
            )
        return field
    return None


def as_field(
    array: NDArray[Any], axes: tuple[int, ...], shape: tuple[int, ...]
) -> NDArray[np.float32] | None:
    """Detector images (n, rows, bins) from an array; None when it does not fit.

    One line of bins, one image, or a stack laid out like the projections.

    Parameters
    ----------
    array : ndarray
    axes : tuple of int
        Order in which the projections' own axes were taken.
    shape : tuple of int
        Of the projections: (views, rows, bins).
    """
    tries = [array.reshape((1, *array.shape)) if array.shape == tuple(shape[1:]) else None,
             _ordered(array, axes) if array.ndim == len(axes) else None,
             array.reshape((1, 1, -1)) if array.size == shape[2] else None,
             array if array.ndim == 3 else None]  # fmt: skip
    for candidate in tries:
        if candidate is not None and tuple(candidate.shape[1:]) == tuple(shape[1:]):
            return np.ascontiguousarray(candidate, dtype=np.float32)
    return None


def _contents(
    path: Path, arrays: Mapping[str, Any], stack: NDArray[Any], flats: bool
) -> tuple[str, tuple[str, ...]]:
    stated = _text(path, arrays, "contents", CONTENTS)
    if stated is not None:
        return stated, ()
    if flats:
        return "counts", ()
    return guess_contents(stack)


def _lengths(path: Path, arrays: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in LENGTHS:
        if name not in arrays:
            continue
        value = np.asarray(arrays[name])
        if value.size != 1 or value.dtype.kind not in "fiu" or not np.isfinite(value).all():
            raise InputError(f"'{name}' in '{path.name}' must be one number.")
        found[name] = float(value.ravel()[0])
        if found[name] <= 0:
            raise InputError(f"'{name}' in '{path.name}' must be positive.")
    return found


def _text(path: Path, arrays: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str | None:
    if name not in arrays:
        return None
    value = str(np.asarray(arrays[name]).ravel()[0]) if np.size(arrays[name]) else ""
    if value not in choices:
        raise InputError(
            f"'{name}' in '{path.name}' is '{value}'; use one of {', '.join(choices)}."
        )
    return value
