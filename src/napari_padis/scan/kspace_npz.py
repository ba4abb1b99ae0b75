"""K-space in NumPy archives."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_padis.errors import InputError
from napari_padis.scan.files import check_claim, existing, npy_header, reading
from napari_padis.scan.kspace import NPZ_KEYS, check_complex, npz_key
from napari_padis.scan.kspace_grid import assemble_kspace
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.units import length_scale


def read_npz(path: str | Path) -> Measurement:
    """Read 'ksp' or 'kspace' of an .npz file.

    Its shape is (coils, rows, columns), (slices, coils, rows, columns), or (rows, columns)
    for one slice of one coil; complex, zero frequency at index ``n // 2``. 'spacing' may hold
    the distances of slices, rows and columns of the picture, or those of rows and columns, in
    mm or in 'spacing_unit'.

    Raises
    ------
    InputError
        If the file is damaged or holds no such array.
    """
    path = existing(path)
    with reading(path, "NumPy k-space"), zipfile.ZipFile(path) as archive:
        key = npz_key([name.removesuffix(".npy") for name in archive.namelist()])
        if key is None:
            raise InputError(f"'{path.name}' holds no array named {' or '.join(NPZ_KEYS)}.")
        entry = archive.getinfo(f"{key}.npy")
        check_claim(path, entry.file_size, entry.compress_size, compressed=True)
        with archive.open(entry) as file:
            shape, dtype = npy_header(file)
        check_complex(path, dtype)
        check_claim(path, math.prod(shape) * dtype.itemsize, entry.file_size)
        if not 2 <= len(shape) <= 4:
            raise InputError(
                f"The k-space of '{path.name}' has shape {shape}; (slices,) coils, rows and "
                "columns are needed."
            )
        with np.load(path, allow_pickle=False) as arrays:
            kspace = np.array(arrays[key], dtype=np.complex64)
            steps, notes = _spacing(path, arrays)
    kspace = kspace.reshape((1,) * (4 - kspace.ndim) + kspace.shape)
    if not steps:
        return assemble_kspace(path, "NumPy k-space", kspace)
    depth = steps[0] if len(steps) == 3 else None
    pixel = (steps[-2], steps[-1])
    return assemble_kspace(path, "NumPy k-space", kspace, pixel, depth, notes)


def _spacing(path: Path, arrays: Mapping[str, Any]) -> tuple[list[float], tuple[str, ...]]:
    """Stated distances in mm, none when there are none, and a note on their unit."""
    if "spacing" not in arrays:
        return [], ()
    stated = np.asarray(arrays["spacing"])
    unit = str(arrays["spacing_unit"]) if "spacing_unit" in arrays else "mm"
    factor, notes = length_scale(unit)
    usable = stated.dtype.kind in "iuf" and stated.size in (2, 3)
    if not usable or not (np.isfinite(stated) & (stated > 0)).all():
        raise InputError(
            f"The spacing in '{path.name}' must be two or three positive numbers in mm."
        )
    return [float(value) * factor for value in stated.ravel()], notes
