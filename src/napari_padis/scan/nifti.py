"""NIfTI volumes, read to (S, A, R)+ and written back with their affine."""

from __future__ import annotations

import bz2
import gzip
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

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
from napari_padis.scan.formats import opener_of, packing
from napari_padis.scan.intensity import common_unit
from napari_padis.scan.nifti_position import placed
from napari_padis.scan.orientation import assemble, plain_numbers, reorient, voxel_sizes
from napari_padis.scan.rescale import rescaled
from napari_padis.scan.units import UNITS
from napari_padis.scan.volume import SPACES, Volume

#: More volumes in one file than this are taken for a time series.
MAX_VOLUMES = 64

#: How the description of a file that was written here begins.
OURS = "napari-padis"


def read_nifti(path: str | Path) -> list[Volume]:
    """Read the volumes of a NIfTI-1, NIfTI-2 or Analyze file (.nii, .nii.gz, .hdr with .img).

    ``scl_slope`` and ``scl_inter`` are applied; integers stay integers when both are
    whole numbers and become float32 otherwise. The unit is the one in the description
    that :func:`write_nifti` leaves there; without it see
    :func:`napari_padis.scan.intensity.find_unit`. Two-dimensional files become one slice.
    What the header leaves open, or states twice, is said in ``Volume.notes``.

    Raises
    ------
    InputError
        If the file is missing, damaged or no volume.
    """
    path = existing(path)
    with reading(path, "NIfTI"), quiet("nibabel.global"), _opened(path) as image:
        shape = image.shape
        count = voxel_count(path, shape)
        header = image.header
        holder, proxy = image.file_map["image"], cast("Any", image.dataobj)
        voxels = path if holder.filename is None or holder.fileobj else existing(holder.filename)
        ratio = packing(voxels)
        offset = 0 if ratio else int(proxy.offset)
        claimed = count * header.get_data_dtype().itemsize
        check_claim(path, claimed, voxels.stat().st_size - offset, ratio)
        extra = [n for n in shape[3:] if n > 1]
        if len(shape) < 2 or len(extra) > 1 or (extra and extra[0] > MAX_VOLUMES):
            raise InputError(f"'{path.name}' has shape {shape}; a 3D volume is needed.")
        spatial = (*shape, 1)[:3]
        values = _scaled(image).reshape((*spatial, -1))
        parts = len(shape) > 4 and shape[4] > 1
        description = bytes(header["descrip"]).decode("latin-1").strip("\x00 ")
        affine, space, notes = placed(path, image, ours=description.startswith(OURS))
        if parts:
            notes += ("The volumes are the components of vectors (the fifth axis of the file).",)
    name = stem(path)
    unit, intercept = _stated_unit(description), _intercept(image)
    if unit is None and values.shape[3] > 1:
        unit, more = common_unit(plain_numbers(values, path)[0], intercept)
        notes += more
    return [
        assemble(
            values[..., i],
            affine,
            path=path,
            name=name if values.shape[3] == 1 else f"{name} {i + 1}",
            kind="NIfTI",
            unit=unit,
            notes=notes,
            metadata={"description": description},
            intercept=intercept,
            space=space,
        )
        for i in range(values.shape[3])
    ]


def _usual_opener(path: Path) -> Callable[..., Any] | None:
    """What nibabel opens a single file with, by its name."""
    usual: dict[str, Callable[..., Any]]
    usual = {".nii": open, ".nii.gz": gzip.open, ".nii.bz2": bz2.open}
    return next((usual[end] for end in usual if path.name.lower().endswith(end)), None)


@contextmanager
def _opened(path: Path) -> Iterator[nib.analyze.AnalyzeImage]:
    """An image whose voxels are not read yet; content and not the name tells how it is stored."""
    opener = opener_of(path) or open
    with opener(path, "rb") as file:
        start = file.read(348)
        file.seek(0)
        kinds = {start[344:348]: nib.Nifti1Image, start[4:8]: nib.Nifti2Image}
        kind = kinds.get(b"n+1\0") or kinds.get(b"n+2\0")
        if kind is not None and opener is not _usual_opener(path):
            holders = {part: nib.FileHolder(str(path), file) for part in ("image", "header")}
            yield kind.from_file_map(holders)
            return
    image = nib.load(path)
    if not isinstance(image, nib.analyze.AnalyzeImage):
        raise InputError(f"'{path.name}' is not a NIfTI file.")
    yield image


def _scaled(image: nib.analyze.AnalyzeImage) -> NDArray[Any]:
    """Voxels with slope and intercept applied, integer where that is exact."""
    proxy: Any = image.dataobj
    raw: NDArray[Any] = np.asanyarray(proxy.get_unscaled())
    slope, inter = float(proxy.slope), float(proxy.inter)
    return rescaled(raw, slope, inter)


def _intercept(image: nib.analyze.AnalyzeImage) -> float:
    """What is added to the stored values, where they are not scaled."""
    proxy: Any = image.dataobj
    return float(proxy.inter) if float(proxy.slope) == 1 else 0.0


def _stated_unit(description: str) -> str | None:
    return next((unit for unit in UNITS if f"unit={unit}" in description), None)


def write_nifti(path: str | Path, volume: Volume) -> Path:
    """Write a volume as NIfTI; its position in space and its unit are kept.

    The voxel order is that of the file the volume was read from
    (``metadata['orientation']``), so that the original affine comes back; without it
    the indices grow to the Right, Anterior, Superior. Integers and float32 are kept.
    ``volume.space`` becomes the code of sform and qform. With the code of 'unknown', 0,
    programs use the spacing only and take the indices to grow to the Left, Anterior,
    Superior, so that is then the voxel order. A sheared grid has an sform only.
    ``metadata['about']`` goes into the description, as far as there is room.
    """
    path = Path(path)
    codes = str(volume.metadata.get("orientation", "RAS"))
    values, affine = reorient(volume.array, np.asarray(volume.affine), _order(volume.space, codes))
    about = str(volume.metadata.get("about", ""))
    return _save(path, values, affine, volume.unit, volume.space, about)


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
    path: Path,
    values: NDArray[Any],
    affine: NDArray[np.float64],
    unit: str,
    space: str,
    about: str = "",
) -> Path:
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise InputError(f"'{path.name}' must end in .nii or .nii.gz.")
    values, _ = plain_numbers(values, path)
    image = nib.Nifti1Image(values, affine)
    image.set_sform(affine, code=SPACES.index(space))
    image.set_qform(affine, code=SPACES.index(space))
    if not np.allclose(image.get_qform(), affine, atol=1e-3 * min(voxel_sizes(affine))):
        image.set_qform(affine, code=0)  # a qform cannot be sheared: it would state another place
    image.header.set_xyzt_units("mm")
    described = f"{OURS} unit={unit}" + (f"; {about}" if about else "")
    image.header["descrip"] = textwrap.shorten(described, 79, placeholder=" ...").encode()[:79]
    with replacing(path) as temporary:
        nib.save(image, temporary)
    return path
