"""Header of a safetensors file, checked before anything is allocated. Free of torch.

The format: eight bytes with the length N of the header (little-endian), N bytes of JSON that
map every tensor's name to its type, shape and place, then the values without gaps
(https://huggingface.co/docs/safetensors, "Format").
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from napari_padis.errors import InputError
from napari_padis.prior.reading import byte_count, file_size, read_bytes, shown, strict_json

#: Bytes of one value; networks are stored as nothing else.
ITEM = {"F16": 2, "BF16": 2, "F32": 4, "F64": 8}
#: A network of a billion weights still fits. Its tensors, their axes and the header's bytes.
LARGEST_FILE = 4 << 30
MOST_TENSORS = 4096
MOST_AXES = 8
LARGEST_HEADER = 1 << 20

Shapes = dict[str, tuple[int, ...]]


def read_header(path: Path) -> Shapes:
    """Shape of every tensor of a file, whose header fits the file to the byte.

    Raises
    ------
    InputError
        If it is no safetensors file, is cut off, is larger than any prior, or claims what
        is not in it.
    """
    size = file_size(path, "The weights")
    if size > LARGEST_FILE:
        raise _refused(path, f"it has {byte_count(size)}, more than any prior")
    start = read_bytes(path, "The weights", 8)
    if len(start) < 8:
        raise _refused(path, "it is cut off" if size else "it is empty")
    length = int.from_bytes(start, "little")
    if length > size - 8:
        claim = "the file has" if size < 1000 else "the whole file has"
        raise _refused(path, f"its header claims {byte_count(length)}, {claim} {byte_count(size)}")
    if length > LARGEST_HEADER:
        raise _refused(path, f"its header of {byte_count(length)} is longer than any prior's")
    try:
        header = strict_json(read_bytes(path, "The weights", 8 + length)[8:])
    except ValueError as error:
        raise _refused(path, f"its header is damaged ({error})") from error
    return _shapes(path, header, size - 8 - length)


def _shapes(path: Path, header: Any, stored: int) -> Shapes:
    """Shapes in a header for ``stored`` bytes of values."""
    if not isinstance(header, dict):
        raise _refused(path, "its header is not a table of tensors")
    header.pop("__metadata__", None)
    if not header:
        raise _refused(path, "it holds no tensors")
    if len(header) > MOST_TENSORS:
        raise _refused(path, f"it lists {len(header)} tensors, more than any network has")
    shapes: Shapes = {}
    places = []
    for name, entry in header.items():
        shape, place = _tensor(path, name, entry)
        shapes[name] = shape
        places.append(place)
    end = 0
    for begin, stop in sorted(places):
        if begin != end:
            raise _refused(path, "its tensors overlap or leave gaps")
        end = stop
    if end > stored:
        raise _refused(path, f"it is cut off: {byte_count(end - stored)} are missing")
    if end < stored:
        raise _refused(path, f"{byte_count(stored - end)} at its end belong to no tensor")
    return shapes


def _tensor(path: Path, name: str, entry: Any) -> tuple[tuple[int, ...], tuple[int, int]]:
    """Shape and place of one tensor."""
    label = f"tensor '{shown(name, 40)}'"
    fields = entry if isinstance(entry, dict) else {}
    shape, place = _counts(fields.get("shape")), _counts(fields.get("data_offsets"))
    if shape is None or place is None or len(place) != 2:
        raise _refused(path, f"{label} has no valid shape and place")
    item = ITEM.get(str(fields.get("dtype")))
    if item is None:
        kind = shown(fields.get("dtype"), 20)
        raise _refused(path, f"{label} has the type '{kind}', not one of {', '.join(ITEM)}")
    if len(shape) > MOST_AXES:
        raise _refused(path, f"{label} has {len(shape)} axes")
    begin, stop = place
    if stop - begin != math.prod(shape) * item:
        raise _refused(
            path,
            f"{label} of shape {shown(list(shape), 40)} does not fill the "
            f"{byte_count(max(0, stop - begin))} it is said to have",
        )
    return shape, (begin, stop)


def _counts(values: Any) -> tuple[int, ...] | None:
    """A list of whole numbers from 0; None where it is something else."""
    if isinstance(values, list) and all(type(v) is int and v >= 0 for v in values):
        return tuple(values)
    return None


def _refused(path: Path, reason: str) -> InputError:
    return InputError(
        f"The weights '{shown(path.name)}' are not a readable safetensors file: {reason}."
    )
