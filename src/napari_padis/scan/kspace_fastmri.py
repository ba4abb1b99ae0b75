"""K-space of the fastMRI data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_padis.errors import InputError
from napari_padis.scan.files import check_claim, existing, reading
from napari_padis.scan.hdf5_open import open_hdf5
from napari_padis.scan.kspace import check_complex
from napari_padis.scan.kspace_grid import assemble_kspace
from napari_padis.scan.kspace_header import parse_header
from napari_padis.scan.measurement import Measurement


def read_fastmri(path: str | Path) -> Measurement:
    """Read the dataset 'kspace' of a fastMRI file.

    Its shape is (slices, coils, rows, columns), or (slices, rows, columns) of one coil; the
    rows are the readout. A 'mask' of the columns restricts what counts as measured, and
    'ismrmrd_header' gives the pixel size. The layout is described in Zbontar et al.,
    arXiv 1811.08839.

    Raises
    ------
    InputError
        If the file is damaged or its arrays do not fit.
    """
    path = existing(path)
    notes = []
    pixel, spacing = None, None
    with reading(path, "fastMRI"), open_hdf5(path) as file:
        data = file["kspace"]
        check_complex(path, data.dtype)
        if data.ndim not in (3, 4) or min(data.shape) < 1:
            raise InputError(
                f"The k-space of '{path.name}' has shape {data.shape}; slices, (coils,) rows and "
                "columns are needed."
            )
        compressed = data.compression is not None
        check_claim(path, int(data.nbytes), int(data.id.get_storage_size()), compressed)
        kspace = np.asarray(data[()], dtype=np.complex64)
        if data.ndim == 3:
            kspace = kspace[:, None]
        if "mask" in file:
            mask = np.asarray(file["mask"][()]).astype(bool)
            if mask.shape not in (kspace.shape[-1:], kspace.shape[-2:]):
                raise InputError(
                    f"The mask of '{path.name}' has shape {mask.shape}, its k-space "
                    f"{kspace.shape[-2:]}."
                )
            kspace *= mask
        if "ismrmrd_header" in file:
            encoding = parse_header(path, file["ismrmrd_header"][()])
            rows, columns = kspace.shape[-2:]
            pixel = encoding.fov[0] / rows, encoding.fov[1] / columns
            spacing = encoding.fov[2] / encoding.matrix[2]
            ratio = encoding.fov[0] / encoding.recon_fov[0]
            if ratio > 1.01:
                notes.append(
                    f"The readout is oversampled {ratio:.3g} times: the picture is that much "
                    "taller than what the scanner would keep."
                )
    return assemble_kspace(path, "fastMRI", kspace, pixel, spacing, notes)
