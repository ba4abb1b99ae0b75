"""Which dropped files are ours: by name, first bytes and table of contents alone."""

from __future__ import annotations

from pathlib import Path

from napari_padis.scan.read import SUFFIXES

_IMAGE_FILES_LOOKED_AT = 50


def is_ours(path: Path) -> bool:
    """Whether a file or folder is one that this plugin reads."""
    from napari_padis.scan.dicom import is_dicom

    try:
        if path.is_dir():
            return _image_folder(path)
        name = path.name.lower()
        if name.endswith((".h5", ".hdf5")):
            return _is_our_hdf5(path)
        if name.endswith((".cfl", ".hdr")):
            from napari_padis.scan.kspace import is_kspace

            return is_kspace(path)
        return name.endswith(tuple(SUFFIXES)) or is_dicom(path)
    except OSError:
        return False


def _image_folder(path: Path) -> bool:
    """Whether DICOM files or TIFF pages are among the first files of a folder."""
    from napari_padis.scan.dicom import is_dicom

    for number, child in enumerate(path.rglob("*")):
        if number >= _IMAGE_FILES_LOOKED_AT:
            break
        if child.suffix.lower() in (".dcm", ".ima", ".tif", ".tiff"):
            return True
        if child.is_file() and is_dicom(child):
            return True
    return False


def _is_our_hdf5(path: Path) -> bool:
    """Whether a HDF5 file holds a measurement, projections or k-space.

    Other programs' files are left to their plugins.
    """
    import h5py

    from napari_padis.scan.dxchange import is_dxchange
    from napari_padis.scan.hdf5 import FORMAT
    from napari_padis.scan.kspace import is_kspace

    try:
        with h5py.File(path, "r") as file:
            known = file.attrs.get("format") in (FORMAT, FORMAT.encode()) or is_dxchange(file)
    except OSError:
        return False
    return known or is_kspace(path)
