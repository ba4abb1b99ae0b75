"""Raw k-space files: fastMRI, ISMRMRD, BART and NumPy archives."""

from __future__ import annotations

import contextlib
import zipfile
from pathlib import Path

import h5py
import numpy as np

from napari_padis.errors import InputError
from napari_padis.scan.files import existing, reading
from napari_padis.scan.hdf5_open import open_hdf5
from napari_padis.scan.measurement import Measurement

#: Names under which the k-space of an .npz file is looked for.
NPZ_KEYS = ("ksp", "kspace")


def is_kspace(path: str | Path) -> bool:
    """Whether a file holds k-space, from its name and table of contents alone.

    Damaged files count as not; so do this package's own measurements.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    with contextlib.suppress(Exception):  # libraries raise anything on damaged files
        if suffix == ".cfl":
            return path.is_file()
        if suffix == ".hdr":  # Analyze and ENVI headers have the same name
            with path.open("rb") as file:
                return file.read(12) == b"# Dimensions"
        if suffix == ".npz":
            with zipfile.ZipFile(path) as archive:
                return any(f"{key}.npy" in archive.namelist() for key in NPZ_KEYS)
        return _hdf5_layout(path) is not None
    return False


def read_kspace(path: str | Path) -> Measurement:
    """Read Cartesian k-space as a measurement of arbitrary unit.

    Recognised are fastMRI .h5 files (dataset 'kspace'), ISMRMRD .h5 files, BART .cfl/.hdr
    pairs and .npz files with 'ksp' or 'kspace'. What was measured is where any coil has a
    value other than zero. The headers of ISMRMRD place the slices in the patient, see
    :func:`napari_padis.scan.kspace_place.stack_of`. Other files say nothing about how the
    patient lies in the picture: its first row is taken as the patient's front and its first
    column as the right side, as in the pictures that other programs show, and ``space`` is
    'unknown'. What was assumed stands in ``provenance["notes"]``.

    Raises
    ------
    InputError
        If the file is missing, damaged, not Cartesian, or holds more than one image per
        slice.
    """
    path = existing(path)
    suffix = path.suffix.lower()
    if suffix in (".cfl", ".hdr"):
        from napari_padis.scan.kspace_bart import read_bart

        return read_bart(path)
    if suffix == ".npz":
        from napari_padis.scan.kspace_npz import read_npz

        return read_npz(path)
    with reading(path, "HDF5"):
        layout = _hdf5_layout(path)
    if layout == "fastmri":
        from napari_padis.scan.kspace_fastmri import read_fastmri

        return read_fastmri(path)
    if layout is not None:
        from napari_padis.scan.kspace_ismrmrd import read_ismrmrd

        return read_ismrmrd(path, layout)
    raise InputError(
        f"'{path.name}' holds no k-space: neither a dataset 'kspace' (fastMRI) nor a group with "
        "'data' and 'xml' (ISMRMRD)."
    )


def _hdf5_layout(path: Path) -> str | None:
    """'fastmri', or the name of the group of ISMRMRD acquisitions, or None."""
    with open_hdf5(path) as file:
        if isinstance(file.get("kspace"), h5py.Dataset):
            return "fastmri"
        for name, group in file.items():
            if isinstance(group, h5py.Group) and "xml" in group:
                data = group.get("data")
                if isinstance(data, h5py.Dataset) and "head" in (data.dtype.names or ()):
                    return str(name)
    return None


def npz_key(names: list[str]) -> str | None:
    """The entry of an archive that is k-space."""
    return next((key for key in NPZ_KEYS if key in names), None)


def check_complex(path: Path, dtype: np.dtype[np.generic]) -> None:
    """Raise InputError unless values are complex."""
    if dtype.kind != "c":
        raise InputError(
            f"The k-space of '{path.name}' has values of type {dtype}; complex numbers are needed."
        )
