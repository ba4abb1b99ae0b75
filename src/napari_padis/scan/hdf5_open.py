"""Open HDF5 files that may be damaged."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from napari_padis.errors import InputError
from napari_padis.scan.files import check_claim

#: Part of a file that is looked at; texts are written at its beginning.
LOOKED_AT = 2**24
#: Beginning of a collection of texts ("global heap collection", HDF5 format, section III.E).
SIGNATURE = b"GCOL\x01\0\0\0"
#: Bytes before the first object of a collection, and of an object before its content.
HEADER = 16


def open_hdf5(path: Path) -> h5py.File:
    """Open a file for reading.

    HDF5 never comes back from a collection of texts whose unused rest has no length (seen with
    version 2.0): such files are refused. Lists of numbers of any length (ISMRMRD) are stored in
    such collections, too.

    Raises
    ------
    InputError
        If the file is empty or damaged like that.
    OSError
        If it is no HDF5 file.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        end = min(len(data), LOOKED_AT)
        place = data.find(SIGNATURE, 0, end)
        while place >= 0:
            if not _has_an_end(data, place):
                raise InputError(
                    f"'{path.name}' is not a readable HDF5 file (its texts are damaged); "
                    "it may be damaged, so copy or export it again."
                )
            place = data.find(SIGNATURE, place + 1, end)
    return h5py.File(path, "r")


def check_lists(path: Path, dataset: h5py.Dataset, field: str) -> None:
    """Refuse records whose lists claim more bytes than the file has.

    HDF5 reserves, and fills, as much memory as a record says that its list needs before it
    looks for the list. Records that are compressed, or in files with a block of the user's own
    before them, are not looked at.

    Parameters
    ----------
    path : Path
    dataset : h5py.Dataset, shape (n,)
        Records with a list of numbers each.
    field : str
        Name of the lists.

    Raises
    ------
    InputError
    """
    kind = dataset.id.get_type()
    item = h5py.check_vlen_dtype(dataset.dtype[field])
    if item is None:
        raise InputError(f"'{path.name}' has no lists of numbers in '{field}'.")
    offset = kind.get_member_offset(kind.get_member_index(field.encode()))
    for block in _stored(path, dataset):
        records = np.frombuffer(block, np.uint8)
        records = records[: len(records) // kind.get_size() * kind.get_size()]
        lengths = records.reshape(-1, kind.get_size())[:, offset : offset + 4].copy().view("<u4")
        values = int(lengths.sum(dtype=np.int64))
        check_claim(path, values * item.itemsize, path.stat().st_size)


def _stored(path: Path, dataset: h5py.Dataset) -> Iterator[bytes]:
    """Bytes of a dataset as they lie in the file, where they are not compressed."""
    if dataset.id.get_create_plist().get_nfilters() or dataset.file.userblock_size:
        return
    places = [(dataset.id.get_offset(), dataset.id.get_storage_size())]
    if dataset.chunks is not None:
        chunks = (dataset.id.get_chunk_info(k) for k in range(dataset.id.get_num_chunks()))
        places = [(chunk.byte_offset, chunk.size) for chunk in chunks]
    with path.open("rb") as file:
        for offset, size in places:
            if offset is not None:
                file.seek(offset)
                yield file.read(size)


def _has_an_end(data: mmap.mmap, start: int) -> bool:
    """Whether the objects of a collection lead from one to the next, as far as they go."""
    if start + HEADER > len(data):
        return True  # HDF5 itself sees that it is cut off
    (size,) = struct.unpack_from("<Q", data, start + 8)
    place, end = start + HEADER, min(start + size, len(data))
    while place + HEADER <= end:
        index, _, _, length = struct.unpack_from("<HHIQ", data, place)
        if index == 0:  # the unused rest, whose length includes its own header
            return bool(length >= HEADER)
        place += HEADER + length + -length % 8
    return True
