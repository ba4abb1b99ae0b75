"""NRRD volumes (.nrrd, or .nhdr with separate data files)."""

from __future__ import annotations

import math
import re
from itertools import islice
from pathlib import Path
from typing import Any

import nrrd
import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.files import (
    MAX_BZIP2,
    check_claim,
    existing,
    quiet,
    reading,
    stem,
    voxel_count,
)
from napari_padis.scan.intensity import common_unit
from napari_padis.scan.nrrd_axes import placed
from napari_padis.scan.orientation import assemble, plain_numbers
from napari_padis.scan.rescale import rescaled
from napari_padis.scan.units import intensity
from napari_padis.scan.volume import Volume

#: More volumes in one file than this are taken for a time series.
MAX_VOLUMES = 64

_HEADER_LIMIT = 1_000_000

_BZIP2 = ("bzip2", "bz2")
_UNCOMPRESSED = ("raw", "txt", "text", "ascii", "hex")


def read_nrrd(path: str | Path) -> list[Volume]:
    """Read the volumes of a two-, three- or four-dimensional NRRD file.

    ``space directions`` and ``space origin`` are used in RAS, LAS and LPS space, in the
    ``space units`` of each axis; a file without such a space is taken as LPS, which is said
    in the notes. An axis of kind ``list`` or ``time`` counts volumes.

    Raises
    ------
    InputError
        If the file is missing, damaged or holds no greyscale volume.
    """
    path = existing(path)
    with reading(path, "NRRD"), quiet("nrrd"):
        header, files, offset = _header(path)
        shape = tuple(int(n) for n in header["sizes"])
        width = nrrd.reader._determine_datatype(header).itemsize
        _check_size(path, header, files, offset, voxel_count(path, shape) * width)
        array = _voxels(path, header, files, offset)
        axes, affine, space, notes = placed(path, header, shape)
        others = [axis for axis in range(len(shape)) if axis not in axes]
        count = math.prod(shape[axis] for axis in others)
        if count > MAX_VOLUMES:
            raise InputError(f"'{path.name}' holds {count} volumes; save the wanted ones alone.")
        array = array.transpose((*axes, *others)).reshape([*(shape[a] for a in axes), count])
        unit, factor, more = _unit(header)
    if unit is None and count > 1:
        unit, why = common_unit(plain_numbers(array, path)[0])
        more += why
    return [
        assemble(
            rescaled(array[..., k], factor, 0),
            affine,
            path=path,
            name=stem(path) if count == 1 else f"{stem(path)} {k + 1}",
            kind="NRRD",
            unit=unit,
            notes=(*notes, *more),
            space=space,
        )
        for k in range(count)
    ]


def _header(path: Path) -> tuple[dict[str, Any], list[Path], int]:
    """Header, separate data files (none when attached), position of the data.

    The text is decoded here, because pynrrd drops what is not ASCII: 'µm' would become 'm'.
    """
    lines: list[str] = []
    names: list[str] | None = None
    with path.open("rb") as file:
        while file.tell() < _HEADER_LIMIT:
            raw = file.readline(_HEADER_LIMIT)
            try:
                line = raw.decode("utf-8")
            except UnicodeDecodeError:
                line = raw.decode("latin-1")
            line = line.rstrip()
            if names is not None:  # a LIST of files ends with the header
                names += [line] if line else []
            elif re.match(r"data ?file:\s*LIST\b", line):
                names = []
                lines.append(line)
            elif line or not raw:
                lines.append(line)
            if not raw or (not line and names is None):
                break
        offset = file.tell()
    header: dict[str, Any] = dict(nrrd.read_header(line for line in [*lines, ""]))
    stated = str(header.get("data file", header.get("datafile", "")))
    if names is None:
        names = [stated] if stated else []
        if "%" in stated:  # pattern first last step, and perhaps the number of dimensions
            names = _numbered(stated)
    return header, [existing(path.parent / name) for name in names], offset


def _numbered(stated: str) -> list[str]:
    """Names of a pattern such as ``slice%03d.raw 1 20 1``."""
    found = re.fullmatch(r"(.*%\d*d.*?)\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)(\s+\d+)?", stated)
    if found is None:
        raise InputError(f"The pattern of data files '{stated}' is not understood.")
    first, last, step = (int(word) for word in found.groups()[1:4])
    numbers = range(first, last + (1 if step > 0 else -1), step or 1)
    return [found[1] % number for number in islice(numbers, 100_000)]


def _voxels(path: Path, header: dict[str, Any], files: list[Path], offset: int) -> NDArray[Any]:
    """Voxels in the order of the header's axes."""
    plain = {k: v for k, v in header.items() if k not in ("data file", "datafile")}
    if not files:
        with path.open("rb") as stream:
            stream.seek(offset)
            return np.asarray(nrrd.read_data(plain, stream, str(path)))
    sizes = np.asarray(header["sizes"])
    total, part = int(sizes.prod()), int(sizes.prod()) // len(files)
    if part * len(files) != total:
        raise InputError(f"'{path.name}' names {len(files)} files, which do not fit its size.")
    plain |= {"sizes": np.array([part]), "dimension": 1}
    blocks = []
    for file in files:
        with file.open("rb") as stream:
            blocks.append(np.asarray(nrrd.read_data(plain, stream, str(file))))
    voxels = np.concatenate(blocks) if len(blocks) > 1 else blocks[0]
    return voxels.reshape(sizes[::-1]).T


def _check_size(
    path: Path, header: dict[str, Any], files: list[Path], offset: int, claimed: int
) -> None:
    encoding = str(header.get("encoding", "raw")).lower()
    held = sum(f.stat().st_size for f in files) if files else path.stat().st_size - offset
    if encoding in _UNCOMPRESSED[1:]:
        claimed = voxel_count(path, [int(n) for n in header["sizes"]])  # a digit and a blank
    ratio = MAX_BZIP2 if encoding in _BZIP2 else encoding not in _UNCOMPRESSED
    check_claim(path, claimed, held, ratio)


def _unit(header: dict[str, Any]) -> tuple[str | None, float, tuple[str, ...]]:
    """Intensity unit (None: not stated), the factor to it, and what is noted of the values."""
    notes: tuple[str, ...] = ()
    low, high = (header.get(f"old {end}", header.get(f"old{end}")) for end in ("min", "max"))
    if low is not None and high is not None:
        notes = (f"The values were quantised from the range {low:g} to {high:g}; those stored are "
                 "taken.",)  # fmt: skip
    stated = str(header.get("sample units", "")).strip()
    unit = intensity(stated) if stated.strip('"') else None
    if unit is not None and unit[0] != "arbitrary":
        return *unit, notes
    if unit is None and stated.strip('"'):
        notes += (f"The unit of the values, {stated}, is not known.",)
    return None, 1.0, notes
