"""NumPy arrays (.npy, .npz) as volumes."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from napari_padis.errors import InputError
from napari_padis.scan.files import check_claim, existing, npy_header, reading, stem, voxel_count
from napari_padis.scan.orientation import assemble, voxel_sizes
from napari_padis.scan.rescale import rescaled
from napari_padis.scan.units import UNITS, intensity, length_scale
from napari_padis.scan.volume import Volume, sar_affine

#: Names under which the voxels of an .npz file are looked for, in this order.
ARRAY_KEYS = ("array", "volume", "data", "image")

#: Names of what may stand beside the voxels.
_EXTRAS = ("spacing", "spacing_unit", "unit", "affine")


def read_numpy(path: str | Path) -> Volume:
    """Read an array whose axes are (S, A, R)+, or one (A, R) slice.

    A .npy file has arbitrary unit and 1 mm spacing. A .npz file holds the voxels under
    'array', 'volume', 'data' or 'image' (or as its only entry), and may hold 'spacing' (3
    numbers, in mm or in 'spacing_unit'), 'unit' ('HU', '1/mm', '1/cm', 'arbitrary' ...; other
    attenuations are converted to 1/mm) and 'affine' (4 x 4, RAS+ mm).

    Raises
    ------
    InputError
        If the file is missing, damaged, holds Python objects or no volume.
    """
    path = existing(path)
    values: dict[str, Any] = {}
    with reading(path, "NumPy"):
        if zipfile.is_zipfile(path):
            with np.load(path, allow_pickle=False) as archive:
                for name in _wanted(path, archive.files):
                    values[name] = archive[name]
        elif path.suffix.lower() == ".npz" and not _is_npy(path):
            raise InputError(f"'{path.name}' is no .npz archive; copy or export it again.")
        else:
            _check_npy(path)
            values["array"] = np.load(path, allow_pickle=False)
        array = np.asarray(next(v for name, v in values.items() if name not in _EXTRAS))
        stated = str(values.get("unit", "arbitrary"))
        unit = intensity(stated)
        if unit is None:
            raise InputError(
                f"'{path.name}' has the unknown unit '{stated}'; use one of {', '.join(UNITS)}."
            )
        if array.ndim not in (2, 3) or array.size == 0:
            raise InputError(f"'{path.name}' has shape {array.shape}; a 3D volume is needed.")
        array = rescaled(array, unit[1], 0)
        length, notes = length_scale(str(values.get("spacing_unit", "mm")))
        spacing = np.asarray(values.get("spacing", np.ones(3)), dtype=np.float64).ravel() * length
        affine = np.asarray(values.get("affine", np.eye(4)), dtype=np.float64)
        if "affine" in values and affine.shape == (4, 4):
            spacing = np.asarray(voxel_sizes(affine))
        if spacing.shape != (3,) or not (np.isfinite(spacing) & (spacing > 0)).all():
            raise InputError(f"'{path.name}' needs a spacing of three positive numbers in mm.")
        if "affine" not in values:
            affine = sar_affine(tuple(spacing.tolist()))
    if "spacing" not in values and "affine" not in values:
        notes = ("The file states no spacing; 1 mm is assumed.",)
    if array.ndim == 2:
        array = array[None]
    return assemble(array, affine, path=path, name=stem(path), kind="NumPy", unit=unit[0],
                    notes=notes, space="aligned" if "affine" in values else "unknown",
                    stated="unit" in values)  # fmt: skip


def _wanted(path: Path, names: list[str]) -> list[str]:
    extras = [name for name in _EXTRAS if name in names]
    others = [name for name in names if name not in extras]
    chosen = next((key for key in ARRAY_KEYS if key in others), None)
    if chosen is None and len(others) == 1:
        chosen = others[0]
    if chosen is None:
        raise InputError(
            f"'{path.name}' holds {', '.join(sorted(others)) or 'nothing'}; "
            "name the volume 'array', or projections 'projections' and their angles 'angles'."
        )
    return [chosen, *extras]


def _is_npy(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(6) == np.lib.format.MAGIC_PREFIX


def _check_npy(path: Path) -> None:
    """Compare the header's claim with the file's length before memory is reserved."""
    with path.open("rb") as file:
        shape, dtype = npy_header(file)
        claimed = voxel_count(path, shape) * dtype.itemsize
        if dtype.hasobject:
            raise InputError(f"'{path.name}' holds Python objects instead of numbers.")
        check_claim(path, claimed, path.stat().st_size - file.tell())
