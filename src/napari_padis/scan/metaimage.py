"""MetaImage volumes (.mha, or .mhd with a separate data file)."""

from __future__ import annotations

import math
import re
import zlib
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.files import check_claim, existing, one_line, reading, stem, voxel_count
from napari_padis.scan.intensity import common_unit
from napari_padis.scan.orientation import LPS_TO_RAS, assemble, plain_numbers
from napari_padis.scan.rescale import rescaled
from napari_padis.scan.units import length_scale
from napari_padis.scan.volume import Volume

_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}

#: More volumes in one file than this are taken for a time series.
MAX_VOLUMES = 64

_HEADER_LIMIT = 1_000_000


def read_metaimage(path: str | Path) -> list[Volume]:
    """Read the volumes of a two-, three- or four-dimensional MetaImage file.

    The header is the one of ITK's MetaIO: ``TransformMatrix`` holds one axis direction
    after the other, ``Offset`` the first voxel, both in LPS and in mm unless
    ``DistanceUnits`` says otherwise. Data may be in the same file, in one other file or in
    one file per slice, deflated or not, or written as text.

    Raises
    ------
    InputError
        If the file is missing, damaged or not a greyscale volume.
    """
    path = existing(path)
    with reading(path, "MetaImage"):
        header, offset = _header(path)
        ndim = int(header["NDIMS"])
        shape = _integers(header["DIMSIZE"])
        count = shape[3] if len(shape) == 4 else 1
        if len(shape) != ndim or not 2 <= ndim <= 4 or voxel_count(path, shape) < 1:
            raise InputError(f"'{path.name}' has size {shape}; a 2D or 3D image is needed.")
        if count > MAX_VOLUMES:
            raise InputError(f"'{path.name}' holds {count} volumes; save the wanted ones alone.")
        if int(header.get("ELEMENTNUMBEROFCHANNELS", "1")) != 1:
            raise InputError(f"'{path.name}' is a colour or vector image; greyscale is needed.")
        kind = header["ELEMENTTYPE"].upper()
        if kind not in _TYPES:
            raise InputError(f"'{path.name}' has the unknown element type '{kind}'.")
        msb = header.get("BINARYDATABYTEORDERMSB", header.get("ELEMENTBYTEORDERMSB", "False"))
        dtype = np.dtype(_TYPES[kind]).newbyteorder(">" if _yes(msb) else "<")
        array = _data(path, header, offset, dtype, shape).reshape(shape[::-1]).T
        slope, inter = (
            float(header.get(f"ELEMENTTOINTENSITYFUNCTION{part}", usual))
            for part, usual in (("SLOPE", "1"), ("OFFSET", "0"))
        )
        affine, stated, notes = _affine(header, ndim)
    array = rescaled(array, slope, inter)
    intercept = inter if slope == 1 else 0.0
    unit = None
    if count > 1:
        unit, more = common_unit(plain_numbers(array, path)[0], intercept)
        notes += more
    return [
        assemble(
            array[..., k] if ndim == 4 else array,
            LPS_TO_RAS @ affine,
            path=path,
            name=stem(path) if count == 1 else f"{stem(path)} {k + 1}",
            kind="MetaImage",
            unit=unit,
            notes=notes,
            intercept=intercept,
            space="scanner" if stated else "unknown",
        )
        for k in range(count)
    ]


def _header(path: Path) -> tuple[dict[str, str], int]:
    """Header entries (names in capitals) and the position of the first byte after them."""
    entries: dict[str, str] = {}
    with path.open("rb") as file:
        while file.tell() < _HEADER_LIMIT:
            line = file.readline(_HEADER_LIMIT)
            if not line:
                break
            name, equals, value = line.decode("latin-1").partition("=")
            if not equals:
                if entries or line.strip():
                    raise InputError(f"'{path.name}' is not a MetaImage file.")
                continue
            entries[name.strip().upper()] = value.strip()
            if name.strip().upper() == "ELEMENTDATAFILE":
                break
        end = file.tell()
    needed = ("NDIMS", "DIMSIZE", "ELEMENTTYPE", "ELEMENTDATAFILE")
    absent = [name for name in needed if not entries.get(name)]
    if absent:
        raise InputError(f"'{path.name}' is not a MetaImage file: no {absent[0]} in its header.")
    return entries, end


def _data(
    path: Path, header: dict[str, str], offset: int, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> NDArray[Any]:
    """Voxels in the order of the files, inflated when needed."""
    claimed = voxel_count(path, shape) * dtype.itemsize
    where = header["ELEMENTDATAFILE"]
    skip = int(header.get("HEADERSIZE", "0"))
    if where.upper() == "LOCAL":
        files, skip = [path], offset
    elif where.upper().split()[0] == "LIST" or "%" in where:
        files = _slice_files(path, where, offset, shape)
    else:
        files = [existing(path.parent / where)]
    compressed = _yes(header.get("COMPRESSEDDATA", "False"))
    held = sum(file.stat().st_size - max(skip, 0) for file in files)
    if not _yes(header.get("BINARYDATA", "True")):
        check_claim(path, claimed // dtype.itemsize, held)
        return _text(path, files, skip, dtype, claimed // dtype.itemsize)
    check_claim(path, claimed, held, compressed)
    part = claimed // len(files)
    blocks = []
    for file in files:
        with file.open("rb") as stream:
            # HeaderSize = -1 means that the voxels are the last bytes of the file.
            stream.seek(skip if skip >= 0 else file.stat().st_size - part)
            block = stream.read() if compressed else stream.read(part)
        if compressed:
            block = _inflate(path, block, part)
        if len(block) < part:
            raise InputError(
                f"'{file.name}' is truncated: it holds {len(block)} of {part} bytes of voxels."
            )
        blocks.append(block[:part])
    return np.frombuffer(b"".join(blocks), dtype=dtype)


def _text(
    path: Path, files: list[Path], skip: int, dtype: np.dtype[Any], count: int
) -> NDArray[Any]:
    """Voxels that are written as numbers with blanks between them (BinaryData = False)."""
    words: list[str] = []
    for file in files:
        with file.open("rb") as stream:
            stream.seek(max(skip, 0))
            words += stream.read().decode("latin-1").split()
    if len(words) < count:
        raise InputError(f"'{path.name}' is truncated: it holds {len(words)} of {count} voxels.")
    return np.array(words[:count], dtype=np.float64).astype(dtype)


def _slice_files(path: Path, where: str, offset: int, shape: tuple[int, ...]) -> list[Path]:
    """The files of a volume stored in parts: one slice each, unless the list says otherwise."""
    dimensions = len(shape) - 1
    if "%" in where:  # pattern first last step; the names may hold blanks
        found = re.fullmatch(r"(.*%\d*d.*?)((?:\s+-?\d+){0,3})", where)
        if found is None:
            raise InputError(f"The pattern of data files '{where}' is not understood.")
        first, last, step = (int(w) for w in [*found[2].split(), "1", "1", "1"][:3])
        numbers = islice(range(first, last + 1, step), math.prod(shape[2:]) + 1)
        names = [found[1] % i for i in numbers]
    else:
        words = where.upper().split()
        stated = words[1].removesuffix("D") if len(words) > 1 else ""
        if stated.isdigit() and 1 <= int(stated) <= len(shape):
            dimensions = int(stated)  # of each file
        with path.open("rb") as file:
            file.seek(offset)
            lines = file.read(_HEADER_LIMIT).decode("utf-8", "surrogateescape").splitlines()
        names = [line.strip() for line in lines if line.strip()]
    parts = math.prod(shape[dimensions:])
    if len(names) != parts:
        raise InputError(f"'{path.name}' lists {len(names)} files for its {parts} slices.")
    return [existing(path.parent / name) for name in names]


def _inflate(path: Path, block: bytes, expected: int) -> bytes:
    try:
        return zlib.decompressobj(wbits=47).decompress(block, expected)  # zlib or gzip header
    except zlib.error as error:
        raise InputError(
            f"The compressed voxels of '{path.name}' are damaged: {one_line(error)}."
        ) from error


def _affine(header: dict[str, str], ndim: int) -> tuple[NDArray[np.float64], bool, tuple[str, ...]]:
    """Index to LPS mm, whether the header states directions, and what was assumed."""
    space = min(ndim, 3)  # the fourth axis counts volumes

    def numbers(names: tuple[str, ...], *shape: int) -> NDArray[np.float64] | None:
        text = next((header[name] for name in names if header.get(name)), None)
        if text is None:
            return None
        values = np.array([float(word) for word in text.split()])
        if values.shape != (math.prod(shape),):
            raise InputError(f"{names[0]} must hold {math.prod(shape)} numbers, not '{text}'.")
        return values.reshape(shape)[(slice(space),) * len(shape)]

    directions = numbers(("TRANSFORMMATRIX", "ROTATION", "ORIENTATION"), ndim, ndim)
    spacing = numbers(("ELEMENTSPACING", "ELEMENTSIZE"), ndim)
    offset = numbers(("OFFSET", "POSITION", "ORIGIN"), ndim)
    factor, notes = length_scale(header.get("DISTANCEUNITS", "mm"))
    affine = np.eye(4)
    if directions is not None:
        affine[:space, :space] = directions.T
        notes += _contradiction(header, directions)
    else:
        notes += ("The header has no orientation; left-posterior-superior is assumed.",)
    if spacing is not None:
        affine[:space, :space] *= spacing * factor  # a step below zero runs the other way
    else:
        notes += ("The file states no spacing; 1 mm is assumed.",)
    if offset is not None:
        affine[:space, 3] = offset * factor
    return affine, directions is not None and space == 3, notes


def _contradiction(header: dict[str, str], directions: NDArray[np.float64]) -> tuple[str, ...]:
    """A note where AnatomicalOrientation says something else than the directions."""
    stated = header.get("ANATOMICALORIENTATION", "").upper()
    if len(directions) != 3 or len(stated) != 3:
        return ()
    if sorted("RAI".find(c) if c in "RAI" else "LPS".find(c) for c in stated) != [0, 1, 2]:
        return ()
    # The letters name the sides that the axes come from; LPS coordinates grow away from RAI.
    worlds = [int(np.argmax(np.abs(row))) for row in directions]
    signs = [row[world] > 0 for row, world in zip(directions, worlds, strict=True)]
    found = "".join(("RAI" if s else "LPS")[w] for w, s in zip(worlds, signs, strict=True))
    if found == stated:
        return ()
    return (f"AnatomicalOrientation says {stated}, the directions say {found}; they are taken.",)


def _integers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split())


def _yes(text: str) -> bool:
    return text.strip().lower() in ("true", "1", "yes")
