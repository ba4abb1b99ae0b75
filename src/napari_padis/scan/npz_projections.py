"""Projections in NumPy archives (.npz) and arrays (.npy)."""

from __future__ import annotations

import contextlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from napari_padis.errors import InputError
from napari_padis.scan.angles import is_angle_name
from napari_padis.scan.files import existing, reading
from napari_padis.scan.named_arrays import NUMPY, projections_from
from napari_padis.scan.projections import Projections

#: Beginnings of the names by which an archive is known to hold projections, not a volume.
NAMES = ("sino", "proj", "counts", "transmission", "data")


def holds_projections(path: Path) -> bool:
    """Whether a .npz file has angles next to an array named as projections are."""
    names: list[str] = []
    with contextlib.suppress(Exception), zipfile.ZipFile(path) as archive:
        # Of damaged archives the reader of volumes says what is wrong.
        names = [name.removesuffix(".npy") for name in archive.namelist()]
    return any(map(is_angle_name, names)) and any(n.lower().startswith(NAMES) for n in names)


def read_npz_projections(path: str | Path, views_axis: int | None = None) -> Projections:
    """Read the sinogram or projections of a .npz file, or of a bare .npy file.

    The largest array with two or three axes is taken: (views, bins) or (views, rows, bins);
    the axis as long as the list of angles has the views. Other names are understood as
    by :func:`~napari_padis.scan.matlab.read_matlab`, and ``flats`` and ``darks``.

    Raises
    ------
    InputError
        If the file is missing, damaged, holds Python objects or no sinogram.
    """
    path = existing(path)
    with reading(path, "NumPy"):
        if path.suffix.lower() == ".npy":
            return projections_from(path, {path.stem: _array(path)}, NUMPY, views_axis)
        if not zipfile.is_zipfile(path):
            raise InputError(f"'{path.name}' is no .npz archive; copy or export it again.")
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        return projections_from(path, arrays, NUMPY, views_axis)


def _array(path: Path) -> np.ndarray[Any, Any]:
    # Mapped, so that a header that claims too much fails before memory is taken.
    return np.load(path, mmap_mode="r", allow_pickle=False)
