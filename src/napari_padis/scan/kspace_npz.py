"""K-space in NumPy archives."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import numpy as np

from napari_padis.errors import InputError
from napari_padis.scan.files import check_claim, existing, npy_header, reading
from napari_padis.scan.kspace import NPZ_KEYS, check_complex, npz_key
from napari_padis.scan.kspace_grid import assemble_kspace
from napari_padis.scan.measurement import Measurement


def read_npz(path: str | Path) -> Measurement:
    """Read 'ksp' or 'kspace' of an .npz file.

    Its shape is (coils, rows, columns), (slices, coils, rows, columns), or (rows, columns)
    for one slice of one coil; complex, zero frequency at index ``n // 2``.

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
    kspace = kspace.reshape((1,) * (4 - kspace.ndim) + kspace.shape)
    return assemble_kspace(path, "NumPy k-space", kspace)
