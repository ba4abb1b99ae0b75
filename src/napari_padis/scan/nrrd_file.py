"""NRRD volumes (.nrrd, or .nhdr with a separate data file)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nrrd
import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.files import check_claim, existing, reading, stem, voxel_count
from napari_padis.scan.orientation import LPS_TO_RAS, assemble
from napari_padis.scan.volume import Volume

#: Signs that turn a NRRD space's axes into Right, Anterior, Superior.
_SPACES = {
    "right-anterior-superior": (1, 1, 1),
    "ras": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1),
    "las": (-1, 1, 1),
    "left-posterior-superior": (-1, -1, 1),
    "lps": (-1, -1, 1),
}

_MILLIMETRES = {"m": 1000.0, "cm": 10.0, "mm": 1.0, "um": 1e-3, "µm": 1e-3, "microns": 1e-3}


def read_nrrd(path: str | Path) -> Volume:
    """Read a two- or three-dimensional NRRD file to (S, A, R)+.

    ``space directions`` and ``space origin`` are used in RAS, LAS and LPS space;
    a file without a space is taken as LPS, which is said in the notes.

    Raises
    ------
    InputError
        If the file is missing, damaged or not a single volume.
    """
    path = existing(path)
    with reading(path, "NRRD"):
        header: dict[str, Any] = dict(nrrd.read_header(str(path)))
        shape = tuple(int(n) for n in header["sizes"])
        _check_size(path, header, shape)
        array, _ = nrrd.read(str(path))
        steps, notes = _steps(header, len(shape))
        domain = [axis for axis, step in enumerate(steps) if step is not None]
        others = [side for axis, side in enumerate(shape) if axis not in domain]
        if max(others, default=1) > 1 or not 2 <= len(domain) <= 3:
            raise InputError(
                f"'{path.name}' has shape {shape}; a greyscale volume with two or three "
                "axes is needed."
            )
        array = array.reshape([shape[axis] for axis in domain])
        matrix = np.eye(4)
        matrix[2, 2] = len(domain) == 3  # a missing third axis is completed by assemble
        for column, axis in enumerate(domain):
            matrix[:3, column] = steps[axis]
        matrix[:3, 3] = _origin(header)
    signs = _signs(header)
    to_ras = LPS_TO_RAS if signs is None else np.diag([*signs, 1.0])
    if signs is None:
        notes += ("The header has no orientation; left-posterior-superior is assumed.",)
    return assemble(
        array, to_ras @ matrix, path=path, name=stem(path), kind="NRRD", notes=notes
    )  # fmt: skip


def _signs(header: dict[str, Any]) -> tuple[int, ...] | None:
    space = str(header.get("space", "")).strip().lower()
    if space and space not in _SPACES:
        raise InputError(f"The NRRD space '{space}' is not a patient space (RAS, LAS or LPS).")
    return _SPACES.get(space)


def _steps(
    header: dict[str, Any], ndim: int
) -> tuple[list[NDArray[np.float64] | None], tuple[str, ...]]:
    """Step in mm along each axis, None for axes that are not spatial."""
    unit = header.get("space units") or header.get("units") or ["mm"]
    factor = _MILLIMETRES.get(str(next(iter(unit), "mm")).strip('"').lower(), 1.0)
    directions = header.get("space directions")
    if directions is not None:
        rows: list[NDArray[np.float64] | None] = []
        for row in directions:
            if row is None or not np.isfinite(np.asarray(row, float)).all():
                rows.append(None)
                continue
            step = np.zeros(3)
            values = np.asarray(row, dtype=np.float64)
            step[: len(values)] = values
            rows.append(step * factor)
        return rows, ()
    spacings = np.asarray(header.get("spacings", np.full(ndim, np.nan)), dtype=np.float64)
    known = np.isfinite(spacings)
    notes = () if known.all() else ("Some voxel spacings are missing and taken as 1 mm.",)
    spatial = list(range(ndim))[-3:] if ndim > 3 else list(range(ndim))
    steps: list[NDArray[np.float64] | None] = [None] * ndim
    for column, axis in enumerate(spatial):
        step = np.zeros(3)
        step[column] = abs(spacings[axis]) * factor if known[axis] else 1.0
        steps[axis] = step
    return steps, notes


def _origin(header: dict[str, Any]) -> NDArray[np.float64]:
    origin = np.zeros(3)
    stated = np.asarray(header.get("space origin", np.zeros(3)), dtype=np.float64)
    if np.isfinite(stated).all():
        origin[: len(stated)] = stated
    return origin


def _check_size(path: Path, header: dict[str, Any], shape: tuple[int, ...]) -> None:
    count = voxel_count(path, shape)
    encoding = str(header.get("encoding", "raw")).lower()
    data_file = header.get("data file", header.get("datafile"))
    if isinstance(data_file, str) and " " not in data_file and "%" not in data_file:
        held = existing(path.parent / data_file).stat().st_size
    elif data_file is None:
        held = path.stat().st_size
    else:
        return  # a list of files: each is checked when it is read
    width = 1
    kind = str(header.get("type", ""))
    for size, words in ((8, ("64", "long long", "double")), (4, ("32", "float")), (2, ("short",))):
        if any(word in kind for word in words):
            width = size
            break
    compressed = encoding not in ("raw", "txt", "text", "ascii", "hex")
    check_claim(path, count * (width if encoding == "raw" or compressed else 1), held, compressed)
