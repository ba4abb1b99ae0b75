"""Which dropped files are ours: by first bytes, names and table of contents alone."""

from __future__ import annotations

from pathlib import Path

from napari_padis.errors import InputError
from napari_padis.scan.formats import by_name, file_format, header_beside

_IMAGE_FILES_LOOKED_AT = 50


def is_ours(path: Path) -> bool:
    """Whether a file or folder is one that this plugin reads."""
    from napari_padis.scan.parts import folder_formats, holds_dicom

    try:
        if path.is_dir():
            found = folder_formats(path, _IMAGE_FILES_LOOKED_AT).values()
            volumes = {"tiff", "nifti", "nrrd", "metaimage"}
            return not volumes.isdisjoint(found) or holds_dicom(path, _IMAGE_FILES_LOOKED_AT)
        path = header_beside(path)
        kind = file_format(path)
    except (OSError, InputError):
        return False
    if kind == "hdf5":
        return _is_our_hdf5(path)
    if kind == "kspace":
        from napari_padis.scan.kspace import is_kspace

        return is_kspace(path)
    # TIFF and others under names that are not ours belong to other plugins (.lsm, .stk ...).
    return kind in ("dicom", "nifti") or by_name(path) is not None


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
