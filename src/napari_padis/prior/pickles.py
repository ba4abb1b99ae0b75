"""Reads checkpoints of PyTorch, whole networks included, without running any of their code.

Three kinds of file: a pickle (EDM and PaDIS snapshots), the archives of ``torch.save`` and its
older format of several pickles in a row, which is also how a pickle holds its tensors.
"""

from __future__ import annotations

import io
import mmap
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, cast

from napari_padis.errors import InputError
from napari_padis.prior.pickle_machine import Machine
from napari_padis.prior.pickle_names import STORAGES
from napari_padis.prior.pickle_values import Budget, Name, Refused, Storage, quoted
from napari_padis.prior.reading import file_size, shown, unreadable

#: First pickle of the older format of ``torch.save``.
MAGIC = 0x1950A86A20F9469CFC6C


@contextmanager
def read_checkpoint(path: str | Path) -> Iterator[object]:
    """What a checkpoint holds; tensors stay in the file until they are loaded.

    Use it as a context: tensors can be loaded inside it.

    Parameters
    ----------
    path : path
        A pickle or a file of ``torch.save``, told apart by their content.

    Yields
    ------
    object
        Dictionaries, lists, tuples, sets, numbers, strings, numpy arrays as
        :class:`~napari_padis.prior.pickle_values.NumpyArray`, tensors as ``StoredTensor`` and
        other objects as ``StoredObject``.

    Raises
    ------
    InputError
        If the file cannot be read, is damaged, or holds anything else; nothing in it is run.
    """
    path = Path(path)
    name = shown(path.name)
    if not file_size(path, "Checkpoint"):
        raise InputError(f"'{name}' is empty.")
    try:
        with (
            path.open("rb") as file,
            # A mapping never gives more bytes than there are, whatever is asked for.
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            if data[:2] == b"PK":
                yield _read_archive(_Archive(file, len(data)), Budget(2 * len(data)))
            else:
                yield _read_stream(data)
    except Refused as refusal:
        raise InputError(f"'{name}' is refused as a checkpoint: {refusal}.") from refusal
    except OSError as error:
        raise unreadable(path, "Checkpoint", error) from error


def _read_stream(data: mmap.mmap) -> object:
    budget = Budget(2 * len(data))
    stream = cast(IO[bytes], data)
    first = Machine(stream, budget, nested=partial(_read_nested, budget)).run()
    if first != MAGIC:
        return first
    data.seek(0)
    return _read_series(stream, len(data), budget)


def _read_nested(budget: Budget, data: bytes) -> Storage:
    """The storage that bytes inside a pickle hold."""
    found = _read_series(io.BytesIO(data), len(data), budget)
    if not isinstance(found, Storage):
        raise Refused("it holds a file within the file that is no list of numbers")
    return found


def _read_series(stream: IO[bytes], size: int, budget: Budget) -> object:
    """The older format: magic number, version, system, object, keys, then all values.

    Each storage follows as its count in eight bytes and its values, in the order of the keys
    (``torch.serialization._legacy_save``).
    """
    magic, version, system = (Machine(stream, budget).run() for _ in range(3))
    if magic != MAGIC or version != 1001 or not isinstance(system, dict):
        raise Refused("it holds a file within the file of an unknown format")
    if system.get("little_endian") is not True:
        raise Refused("its numbers are in another byte order")
    storages: dict[str, Storage] = {}

    def storage(identity: object) -> Storage:
        name, found = _storage(identity)
        return storages.setdefault(name, found)

    found = Machine(stream, budget, storage).run()
    keys = Machine(stream, budget).run()
    if not isinstance(keys, list) or len(keys) != len(storages):
        raise Refused("its tensors and its values do not match")
    for name in keys:
        entry = storages.pop(name, None) if isinstance(name, str) else None
        count = int.from_bytes(stream.read(8), "little")
        start, length = stream.tell(), count * (entry.dtype.itemsize if entry else 1)
        if entry is None or count != entry.count or start + length > size:
            raise Refused("its tensors and its values do not match")
        entry.fetch = partial(_slice, stream, start)
        stream.seek(start + length)
    return found


def _storage(identity: object) -> tuple[str, Storage]:
    """Key and storage of ('storage', type, key, place, count[, None])."""
    if not isinstance(identity, tuple) or len(identity) not in (5, 6) or identity[0] != "storage":
        raise Refused("it refers to objects outside the file")
    kind, name, count = identity[1], identity[2], identity[4]
    if not isinstance(kind, Name) or str(kind) not in STORAGES or identity[5:] not in ((), (None,)):
        raise Refused(f"it holds values of the kind {quoted(kind)}")
    if not isinstance(name, str) or type(count) is not int or not 0 <= count < 2**48:
        raise Refused("it holds values without a proper number")
    return name, Storage(STORAGES[str(kind)], count)


def _slice(stream: IO[bytes], base: int, start: int, end: int) -> bytes:
    stream.seek(base + start)
    return stream.read(end - start)


class _Archive:
    """Entries of a zip file by name; torch stores them as they are, packed ones are refused."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.size = size
        try:
            self.file = zipfile.ZipFile(file)
            self.entries = {info.filename: info for info in self.file.infolist()}
        except _DAMAGED_ARCHIVE as error:
            raise Refused("its archive is damaged") from error

    def length(self, name: str) -> int:
        """Bytes of an entry."""
        if name not in self.entries:
            raise Refused("its tensors and its values do not match")
        info = self.entries[name]
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise Refused("its archive is compressed, which those of torch.save are not")
        if info.file_size > self.size:
            raise Refused("its archive claims more than the file holds")
        return info.file_size

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        """Content of an entry, or a part of it."""
        self.length(name)
        try:
            return self.file.read(self.entries[name])[start:end]
        except _DAMAGED_ARCHIVE as error:
            raise Refused("its archive is damaged") from error


#: What zipfile raises about bytes that are no archive.
_DAMAGED_ARCHIVE = (
    zipfile.BadZipFile,
    ValueError,
    LookupError,
    RuntimeError,
    EOFError,
    OverflowError,
    struct.error,
    zlib.error,
)


def _read_archive(archive: _Archive, budget: Budget) -> object:
    """An archive of torch.save: ``<name>/data.pkl`` and the values as ``<name>/data/<key>``."""
    roots = [n for n in archive.entries if n.endswith("/data.pkl") and n.count("/") == 1]
    if len(roots) != 1:
        raise Refused("it is an archive without a pickle of torch.save")
    folder = roots[0].removesuffix("data.pkl")
    order = f"{folder}byteorder"
    if order in archive.entries and archive.read(order) != b"little":
        raise Refused("its numbers are in another byte order")
    storages: dict[str, Storage] = {}

    def storage(identity: object) -> Storage:
        name, found = _storage(identity)
        member = f"{folder}data/{name}"
        if archive.length(member) != found.count * found.dtype.itemsize:
            raise Refused("its tensors and its values do not match")
        found.fetch = partial(archive.read, member)
        return storages.setdefault(name, found)

    return Machine(io.BytesIO(archive.read(roots[0])), budget, storage).run()
