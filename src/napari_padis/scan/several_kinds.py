"""Formats that hold volumes, measurements or projections: what is inside decides."""

from __future__ import annotations

import zipfile
from pathlib import Path

from napari_padis.errors import InputError
from napari_padis.scan.files import existing, reading
from napari_padis.scan.hdf5_open import open_hdf5
from napari_padis.scan.kspace import is_kspace, read_kspace
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.projections import Projections
from napari_padis.scan.volume import Volume

Scan = Volume | Measurement | Projections


def read_tiff_file(path: str | Path) -> list[Scan]:
    """Volumes, or projections when a list of angles belongs to the stack."""
    from napari_padis.scan.projection_tiff import angles_beside, read_tiff_projections
    from napari_padis.scan.tiff import read_tiff

    if angles_beside(existing(path)) is not None:
        return [read_tiff_projections(path)]
    return list(read_tiff(path))


def read_numpy_file(path: str | Path) -> list[Scan]:
    """A volume, k-space, or projections when angles stand beside a sinogram."""
    from napari_padis.scan.npz_projections import holds_projections, read_npz_projections
    from napari_padis.scan.numpy_file import read_numpy

    path = existing(path)
    if zipfile.is_zipfile(path):
        if holds_projections(path):
            return [read_npz_projections(path)]
        if is_kspace(path):
            return [read_kspace(path)]
    return [read_numpy(path)]


def read_matlab_file(path: str | Path) -> list[Scan]:
    """A sinogram."""
    from napari_padis.scan.matlab import read_matlab

    return [read_matlab(path)]


def read_kspace_file(path: str | Path) -> list[Scan]:
    """K-space in a pair of .cfl and .hdr files."""
    path = existing(path)
    if not is_kspace(path):
        raise InputError(
            f"'{path.name}' is no k-space file; both 'name.cfl' and 'name.hdr' are needed."
        )
    return [read_kspace(path)]


def read_hdf5_file(path: str | Path) -> list[Scan]:
    """A measurement of this package, DXchange projections, a MATLAB sinogram or k-space.

    Raises
    ------
    InputError
        If the file is none of them.
    """
    from napari_padis.scan.hdf5 import FORMAT, read_measurement

    path = existing(path)
    with reading(path, "HDF5"), open_hdf5(path) as file:
        ours = file.attrs.get("format", "") in (FORMAT, FORMAT.encode())
        exchange = "exchange" in file
        matlab = path.suffix.lower() == ".mat"  # without the preface that MATLAB writes
        content = ", ".join(f"'{name}'" for name in list(file)[:5]) or "nothing"
    if ours:
        return [read_measurement(path)]
    if exchange:
        from napari_padis.scan.dxchange import read_dxchange

        return [read_dxchange(path)]
    if is_kspace(path):
        return [read_kspace(path)]
    if matlab:
        return read_matlab_file(path)
    raise InputError(
        f"'{path.name}' is an HDF5 file with {content}: neither a napari-padis measurement nor "
        "DXchange projections ('exchange/data') nor k-space; convert it to one of them."
    )
