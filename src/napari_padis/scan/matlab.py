"""MATLAB files (.mat, version 5 and 7.3) that hold sinograms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.files import check_claim, existing, reading
from napari_padis.scan.hdf5_open import open_hdf5
from napari_padis.scan.helsinki import is_helsinki, read_helsinki
from napari_padis.scan.matlab5 import read_version_5
from napari_padis.scan.named_arrays import MATLAB, projections_from
from napari_padis.scan.projections import Projections

#: Structures within structures are followed this far.
_DEPTH = 4


def read_matlab(path: str | Path, views_axis: int | None = None) -> Projections:
    """Read the sinogram of a MATLAB file with whatever else it says of the scan.

    The data of the Helsinki tomography challenges come with their whole geometry. Of any
    other file the largest array of numbers with two or three axes is taken, and the
    angles of a list named ``angles``, ``theta``, ``anglesRad`` or the like; fields of
    structures count as well. ``detector_pitch``, ``source_origin``, ``source_detector``,
    ``centre``, ``beam`` and ``contents`` are understood as in :class:`Projections`.

    Parameters
    ----------
    path : str or Path
    views_axis : int, optional
        Axis of the views, where it is not told by the number of angles.

    Raises
    ------
    InputError
        If the file is missing, damaged or holds no sinogram.
    """
    path = existing(path)
    with reading(path, "MATLAB"):
        values = load(path)
        if is_helsinki(values):
            return read_helsinki(path, values)
        return projections_from(path, dict(_flattened(values)), MATLAB, views_axis)


def load(path: Path) -> dict[str, Any]:
    """All variables of a MATLAB file; structures become dictionaries, text becomes str."""
    with path.open("rb") as file:
        start = file.read(128)
    if h5py.is_hdf5(path):
        with open_hdf5(path) as file:
            return {k: _hdf5_value(path, v, _DEPTH) for k, v in file.items() if k[0] != "#"}
    if start[:6] != b"MATLAB":
        raise InputError(f"'{path.name}' is no MATLAB file; save it again with 'save'.")
    return read_version_5(path.read_bytes(), _DEPTH)


def _hdf5_value(path: Path, value: Any, depth: int) -> Any:
    """A variable of version 7.3, which stores arrays with their axes reversed."""
    if isinstance(value, h5py.Group):
        return {k: _hdf5_value(path, v, depth - 1) for k, v in value.items()} if depth else {}
    if not isinstance(value, h5py.Dataset) or "MATLAB_empty" in value.attrs:
        return np.empty((0, 0))
    kind = value.attrs.get("MATLAB_class", b"")
    if value.dtype.kind not in "fiub" or value.shape is None:
        return np.empty((0, 0))  # cells, objects and complex numbers hold no sinogram
    stored = int(value.id.get_storage_size())
    check_claim(path, int(value.nbytes), stored, compressed=True)
    array = np.asarray(value[()]).T
    if kind == b"char":
        return "".join(chr(code) for code in array.ravel())
    return array


def _flattened(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, NDArray[Any]]]:
    """Arrays and texts with the names of the structures before them."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", np.asarray(value)
