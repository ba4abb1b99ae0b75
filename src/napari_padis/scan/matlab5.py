"""MATLAB files of version 5 to 7, with every length checked before it is used.

Source: MAT-File Format, The MathWorks, chapter "Level 5 MAT-File Format". SciPy's reader
trusts the lengths in the file: some damaged files end the whole process there.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Kinds of data elements that are not plain numbers.
_MATRIX, _COMPRESSED = 14, 15
#: Types in which numbers are stored, by the kind of the element.
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8",
           13: "u8"}  # fmt: skip
#: Text encodings by the kind of the element; plain numbers are code points.
_TEXTS = {16: "utf-8", 17: "utf-16", 18: "utf-32"}
#: Classes of arrays.
_CELL, _STRUCTURE, _CHARACTERS = 1, 2, 4
_NUMBERS = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4",
            14: "i8", 15: "u8"}  # fmt: skip
_COMPLEX = 0x0800

_HEADER = 128


def read_version_5(data: bytes, depth: int) -> dict[str, Any]:
    """All variables of a file.

    Parameters
    ----------
    data : bytes
        The whole file.
    depth : int
        Structures within structures are followed this far.

    Returns
    -------
    dict
        Arrays of numbers; text as str; single structures as dictionaries. Whatever else
        (complex numbers, sparse matrices, objects, arrays of cells or structures) is an
        empty array.

    Raises
    ------
    ValueError, KeyError, IndexError, struct.error, zlib.error
        If the file is damaged.
    """
    order = {b"IM": "<", b"MI": ">"}[data[126:_HEADER]]
    found: dict[str, Any] = {}
    for kind, content in _elements(memoryview(data)[_HEADER:], order):
        if kind == _COMPRESSED:
            ((kind, content),) = _elements(_inflated(content, order), order)
        if kind == _MATRIX:
            name, value = _array(content, order, depth)
            if name:
                found[name] = value
    return found


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Kinds and contents of the elements that follow each other in ``data``."""
    place = 0
    while place < len(data):
        kind, size = struct.unpack_from(f"{order}II", data, place)
        start = place + 8
        if kind >> 16:  # up to four bytes are stored in the tag itself
            kind, size, start = kind & 0xFFFF, kind >> 16, place + 4
            place = start + 4
        else:
            place = start + size + (0 if kind == _COMPRESSED else -size % 8)
        if start + size > min(place, len(data)):
            raise ValueError("it ends in the middle of an array")
        yield kind, data[start : start + size]


def _inflated(content: memoryview, order: str) -> memoryview:
    """The one element of a compressed one, and no more than it says to have."""
    stream = zlib.decompressobj()
    tag = stream.decompress(content, 8)
    size = struct.unpack(f"{order}II", tag)[1]
    # A length of zero would mean no limit.
    return memoryview(tag + stream.decompress(stream.unconsumed_tail, max(size, 1))[:size])


def _array(content: memoryview, order: str, depth: int) -> tuple[str, Any]:
    """Name and value of a variable, a field or the content of a cell."""
    nothing = np.empty((0, 0))
    parts = list(_elements(content, order))
    if not parts or not depth:
        return "", nothing
    flags = int(_numbers(parts[0], order)[0])
    shape = [int(n) for n in _numbers(parts[1], order)]
    name = bytes(parts[2][1]).rstrip(b"\0").decode("latin-1")
    values, kind = parts[3:], flags & 0xFF
    if min(shape) < 0:
        raise ValueError(f"an array has the shape {shape}")
    if kind in _NUMBERS and not flags & _COMPLEX:
        numbers = _numbers(values[0], order) if values else np.empty(0)
        with np.errstate(invalid="ignore"):
            return name, numbers.astype(_NUMBERS[kind]).reshape(shape, order="F")
    if kind == _CHARACTERS:
        return name, _text(values[0], order) if values else ""
    if kind == _STRUCTURE and math.prod(shape) == 1:
        return name, _structure(values, order, depth - 1)
    if kind == _CELL and math.prod(shape) == 1:
        return name, _array(values[0][1], order, depth - 1)[1]
    return name, nothing


def _structure(parts: list[tuple[int, memoryview]], order: str, depth: int) -> dict[str, Any]:
    length = max(1, int(_numbers(parts[0], order)[0]))
    text = bytes(parts[1][1])
    names = [text[i : i + length].split(b"\0")[0] for i in range(0, len(text), length)]
    return {
        name.decode("latin-1"): _array(content, order, depth)[1]
        for name, (_, content) in zip(names, parts[2:], strict=True)
    }


def _numbers(element: tuple[int, memoryview], order: str) -> NDArray[Any]:
    kind, content = element
    return np.frombuffer(content, np.dtype(order + _STORED[kind]))


def _text(element: tuple[int, memoryview], order: str) -> str:
    kind, content = element
    if kind in _TEXTS:
        suffix = "" if kind == 16 else {"<": "-le", ">": "-be"}[order]
        return bytes(content).decode(_TEXTS[kind] + suffix, errors="replace")
    return "".join(map(chr, _numbers(element, order)))
