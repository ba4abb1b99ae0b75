"""Sample volumes that need no download."""

from __future__ import annotations

from dataclasses import replace

from napari_padis.errors import InputError
from napari_padis.scan.phantoms import random_ellipses, shepp_logan_3d, torso
from napari_padis.scan.volume import Volume

__all__ = ["ct_small", "random_ellipses", "shepp_logan_3d", "torso"]


def ct_small() -> Volume:
    """The real CT slice that pydicom carries (128 x 128 pixels of 0.66 mm, HU).

    Raises
    ------
    InputError
        If the installed pydicom came without its test files.
    """
    from pydicom.data import get_testdata_file

    from napari_padis.scan.dicom import read_dicom

    path = get_testdata_file("CT_small.dcm", download=False)
    if not isinstance(path, str):
        raise InputError("This installation of pydicom has no CT_small.dcm; reinstall pydicom.")
    return replace(read_dicom(path)[0], name="CT_small")
