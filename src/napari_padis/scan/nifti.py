"""NIfTI volumes, read to (S, A, R)+ and written back with their affine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.files import (
    check_claim,
    existing,
    quiet,
    reading,
    replacing,
    stem,
    voxel_count,
)
from napari_padis.scan.orientation import assemble, plain_numbers, reorient, voxel_sizes
from napari_padis.scan.units import UNITS
from napari_padis.scan.volume import SPACES, Volume

#: More volumes in one file than this are taken for a time series.
MAX_VOLUMES = 64

#: How the description of a file that was written here begins.
OURS = "napari-padis"

_MILLIMETRES = {"meter": 1000.0, "micron": 0.001}


def read_nifti(path: str | Path) -> Volume:
    """Read a three-dimensional NIfTI file (.nii, .nii.gz).

    ``scl_slope`` and ``scl_inter`` are applied; integers stay integers when both are
    whole numbers and become float32 otherwise. The unit is the one in the description
    that :func:`write_nifti` leaves there; without it see
    :func:`napari_padis.scan.orientation.guess_unit`. Two-dimensional files become one slice.

    Raises
    ------
    InputError
        If the file is missing, damaged or holds more than one volume.
    """
    volumes = read_nifti_all(path)
    if len(volumes) > 1:
        raise InputError(
            f"'{Path(path).name}' holds {len(volumes)} volumes where one is needed; "
            "save the wanted one as a file of its own."
        )
    return volumes[0]


def read_nifti_all(path: str | Path) -> list[Volume]:
    """Read every volume of a three- or four-dimensional NIfTI file."""
    path = existing(path)
    with reading(path, "NIfTI"), quiet("nibabel.global"):
        image = nib.load(path)
        if not isinstance(image, nib.Nifti1Image):
            raise InputError(f"'{path.name}' is not a NIfTI file.")
        shape = image.shape
        count = voxel_count(path, shape)
        header = image.header
        compressed = path.suffix.lower() == ".gz"
        offset = 0 if compressed else int(header.get_data_offset())
        claimed = count * header.get_data_dtype().itemsize
        check_claim(path, claimed, path.stat().st_size - offset, compressed)
        extra = [n for n in shape[3:] if n > 1]
        if len(shape) < 2 or len(extra) > 1 or (extra and extra[0] > MAX_VOLUMES):
            raise InputError(f"'{path.name}' has shape {shape}; a 3D volume is needed.")
        notes: tuple[str, ...] = ()
        if not int(header["qform_code"]) and not int(header["sform_code"]):
            notes = ("The header has no orientation; rows to the left and columns to the front "
                     "are assumed.",)  # fmt: skip
        spatial = (*shape, 1)[:3]
        values = _scaled(image).reshape((*spatial, -1))
        description = bytes(header["descrip"]).decode("latin-1").strip("\x00 ")
        affine, space = _placed(image, description)
        length_unit = header.get_xyzt_units()[0]
        affine[:3] *= _MILLIMETRES.get(length_unit, 1.0)
    name = stem(path)
    return [
        assemble(
            values[..., i],
            affine,
            path=path,
            name=name if values.shape[3] == 1 else f"{name} {i + 1}",
            kind="NIfTI",
            unit=_stated_unit(description),
            notes=notes,
            metadata={"description": description},
            space=space,
        )
        for i in range(values.shape[3])
    ]


def _placed(image: nib.Nifti1Image, description: str) -> tuple[NDArray[np.float64], str]:
    """Affine in the header's length unit, and the frame of coordinates in which it stands.

    A file of ours without codes keeps the affine that it was written with, which other
    programs pass over.
    """
    header = image.header
    code = int(header["sform_code"]) or int(header["qform_code"])
    if not code and description.startswith(OURS):
        written = np.array(header.get_sform(), dtype=np.float64)
        steps = (*header.get_zooms(), 1.0, 1.0)[:3]
        if np.allclose(voxel_sizes(written), steps, rtol=1e-3):  # nobody changed it since
            return written, SPACES[0]
    # Codes that the standard does not know still say that the coordinates are some file's.
    space = SPACES[code] if 0 <= code < len(SPACES) else "aligned"
    return np.array(image.affine, dtype=np.float64), space


def _scaled(image: nib.Nifti1Image) -> NDArray[Any]:
    """Voxels with slope and intercept applied, integer where that is exact."""
    proxy: Any = image.dataobj
    raw: NDArray[Any] = np.asanyarray(proxy.get_unscaled())
    slope, inter = float(proxy.slope), float(proxy.inter)
    if slope == 1 and inter == 0:
        return raw
    if raw.dtype.kind not in "iuf":
        return raw
    if raw.dtype.kind in "iu" and slope.is_integer() and inter.is_integer():
        ends = [int(raw.min()) * int(slope) + int(inter), int(raw.max()) * int(slope) + int(inter)]
        fits = min(ends) >= -(2**31) and max(ends) < 2**31
        if fits:
            values: NDArray[Any] = raw.astype(np.int64) * int(slope) + int(inter)
            short = min(ends) >= -(2**15) and max(ends) < 2**15
            return values.astype(np.int16 if short else np.int32)
    return np.asarray(raw * np.float64(slope) + inter, dtype=np.float32)


def _stated_unit(description: str) -> str | None:
    return next((unit for unit in UNITS if f"unit={unit}" in description), None)


def write_nifti(path: str | Path, volume: Volume) -> Path:
    """Write a volume as NIfTI; its position in space and its unit are kept.

    The voxel order is that of the file the volume was read from
    (``metadata['orientation']``), so that the original affine comes back; without it
    the indices grow to the Right, Anterior, Superior. Integers and float32 are kept.
    ``volume.space`` becomes the code of sform and qform. With the code of 'unknown', 0,
    programs use the spacing only and take the indices to grow to the Left, Anterior,
    Superior, so that is then the voxel order.
    """
    path = Path(path)
    codes = str(volume.metadata.get("orientation", "RAS"))
    values, affine = reorient(volume.array, np.asarray(volume.affine), _order(volume.space, codes))
    return _save(path, values, affine, volume.unit, volume.space)


def write_samples(
    path: str | Path,
    samples: NDArray[Any],
    affine: NDArray[np.float64],
    unit: str = "arbitrary",
    space: str = "unknown",
) -> Path:
    """Write posterior samples as one four-dimensional NIfTI file.

    Parameters
    ----------
    path : str or Path
        Ends in .nii or .nii.gz.
    samples : ndarray, shape (N, S, A, R)
    affine : ndarray, shape (4, 4)
        RAS+ mm affine of the (S, A, R)+ volumes.
    unit : str
        Intensity unit.
    space : str
        Frame of coordinates in which ``affine`` stands, as in :class:`Volume`.
    """
    if samples.ndim != 4:
        raise InputError(f"Samples need the axes (N, S, A, R), not shape {samples.shape}.")
    codes = _order(space, "RAS")
    values, affine = reorient(np.moveaxis(samples, 0, -1), np.asarray(affine), codes)
    return _save(Path(path), values, affine, unit, space)


def _order(space: str, codes: str) -> str:
    """Voxel order of a file: without a code it is the one that other programs assume."""
    return "LAS" if space == "unknown" else codes


def _save(
    path: Path, values: NDArray[Any], affine: NDArray[np.float64], unit: str, space: str
) -> Path:
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise InputError(f"'{path.name}' must end in .nii or .nii.gz.")
    values, _ = plain_numbers(values, path)
    image = nib.Nifti1Image(values, affine)
    image.set_sform(affine, code=SPACES.index(space))
    image.set_qform(affine, code=SPACES.index(space))
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = f"{OURS} unit={unit}".encode()[:79]
    with replacing(path) as temporary:
        nib.save(image, temporary)
    return path
