"""MetaImage volumes (.mha, or .mhd with a separate data file)."""

from __future__ import annotations

import zlib
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.files import check_claim, existing, one_line, reading, stem, voxel_count
from napari_padis.scan.orientation import LPS_TO_RAS, assemble
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

_HEADER_LIMIT = 1_000_000


def read_metaimage(path: str | Path) -> Volume:
    """Read a two- or three-dimensional MetaImage file to (S, A, R)+.

    The header is the one of ITK's MetaIO: ``TransformMatrix`` holds one axis direction
    after the other, ``Offset`` the first voxel, both in LPS mm. Data may be in the same
    file, in one other file or in one file per slice, deflated or not.

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
        if len(shape) != ndim or not 2 <= ndim <= 3 or voxel_count(path, shape) < 1:
            raise InputError(f"'{path.name}' has size {shape}; a 2D or 3D image is needed.")
        if int(header.get("ELEMENTNUMBEROFCHANNELS", "1")) != 1:
            raise InputError(f"'{path.name}' is a colour or vector image; greyscale is needed.")
        kind = header["ELEMENTTYPE"].upper()
        if kind not in _TYPES:
            raise InputError(f"'{path.name}' has the unknown element type '{kind}'.")
        msb = header.get("BINARYDATABYTEORDERMSB", header.get("ELEMENTBYTEORDERMSB", "False"))
        dtype = np.dtype(_TYPES[kind]).newbyteorder(">" if _yes(msb) else "<")
        raw = _data(path, header, offset, voxel_count(path, shape) * dtype.itemsize, shape)
        array = np.frombuffer(raw, dtype=dtype).reshape(shape[::-1]).T
        affine = _affine(header, ndim)
    return assemble(array, LPS_TO_RAS @ affine, path=path, name=stem(path), kind="MetaImage")


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
    path: Path, header: dict[str, str], offset: int, claimed: int, shape: tuple[int, ...]
) -> bytes:
    """Voxel bytes, inflated when needed."""
    where = header["ELEMENTDATAFILE"]
    if where.upper() == "LOCAL":
        files, skip = [path], offset
    elif where.upper().startswith("LIST") or "%" in where:
        files, skip = _slice_files(path, where, offset, shape[-1]), 0
    else:
        files, skip = [existing(path.parent / where)], int(header.get("HEADERSIZE", "0"))
    compressed = _yes(header.get("COMPRESSEDDATA", "False"))
    held = sum(file.stat().st_size for file in files) - (skip if skip > 0 else 0)
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
    return b"".join(blocks)


def _slice_files(path: Path, where: str, offset: int, slices: int) -> list[Path]:
    """The files of a volume stored slice by slice."""
    if "%" in where:  # pattern first last step
        words = where.split()
        first, last, step = (int(w) for w in [*words[1:], "1", "1", "1"][:3])
        numbers = islice(range(first, last + 1, step), slices + 1)
        names = [words[0] % i for i in numbers]
    else:
        with path.open("rb") as file:
            file.seek(offset)
            names = file.read(_HEADER_LIMIT).decode("latin-1").split()
    if len(names) != slices:
        raise InputError(f"'{path.name}' lists {len(names)} files for its {slices} slices.")
    return [existing(path.parent / name) for name in names]


def _inflate(path: Path, block: bytes, expected: int) -> bytes:
    try:
        return zlib.decompressobj(wbits=47).decompress(block, expected)  # zlib or gzip header
    except zlib.error as error:
        raise InputError(
            f"The compressed voxels of '{path.name}' are damaged: {one_line(error)}."
        ) from error


def _affine(header: dict[str, str], ndim: int) -> NDArray[np.float64]:
    """Index to LPS mm."""
    affine = np.eye(4)

    def numbers(names: tuple[str, ...], count: int) -> NDArray[np.float64] | None:
        text = next((header[name] for name in names if header.get(name)), None)
        if text is None:
            return None
        values = np.array([float(word) for word in text.split()])
        if values.shape != (count,):
            raise InputError(f"{names[0]} must hold {count} numbers, not '{text}'.")
        return values

    directions = numbers(("TRANSFORMMATRIX", "ROTATION", "ORIENTATION"), ndim * ndim)
    spacing = numbers(("ELEMENTSPACING", "ELEMENTSIZE"), ndim)
    offset = numbers(("OFFSET", "POSITION", "ORIGIN"), ndim)
    if directions is not None:
        affine[:ndim, :ndim] = directions.reshape(ndim, ndim).T
    if spacing is not None:
        affine[:ndim, :ndim] *= spacing
    if offset is not None:
        affine[:ndim, 3] = offset
    return affine


def _integers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split())


def _yes(text: str) -> bool:
    return text.strip().lower() in ("true", "1", "yes")
