"""Write volumes, measurements and posterior samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.volume import Volume

__all__ = ["write", "write_samples"]


def write(path: str | Path, scan: Volume | Measurement) -> Path:
    """Write a volume (.nii, .nii.gz, .tif, .tiff) or a measurement (.h5, .hdf5).

    The file appears only when it is complete.

    Raises
    ------
    InputError
        If the ending does not fit or the place cannot be written.
    """
    path = Path(path).expanduser()
    name = path.name.lower()
    if isinstance(scan, Measurement):
        from napari_padis.scan.hdf5 import write_measurement

        return write_measurement(path, scan)
    if name.endswith((".nii", ".nii.gz")):
        from napari_padis.scan.nifti import write_nifti

        return write_nifti(path, scan)
    if name.endswith((".tif", ".tiff")):
        from napari_padis.scan.tiff import write_tiff

        return write_tiff(path, scan)
    raise InputError(f"A volume is written as .nii, .nii.gz, .tif or .tiff, not as '{path.name}'.")


def write_samples(
    path: str | Path,
    samples: NDArray[np.float32],
    affine: NDArray[np.float64],
    unit: str = "arbitrary",
    space: str = "unknown",
) -> Path:
    """Write posterior samples (N, S, A, R) as one 4D NIfTI file; see :mod:`.nifti`."""
    from napari_padis.scan.nifti import write_samples as write_nifti_samples

    return write_nifti_samples(Path(path).expanduser(), samples, affine, unit, space)
