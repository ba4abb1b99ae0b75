"""Samples on disk as an array that is read when it is indexed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.engine.kept import show
from napari_padis.errors import InputError, ReconstructionError
from napari_padis.scan.files import one_line

if TYPE_CHECKING:
    import zarr

    from napari_padis.engine.setup import Display


class StoredSamples:
    """Some samples of a store as an array that is read when it is indexed.

    Parameters
    ----------
    array : zarr.Array, shape (N, S, A, R)
    places : range or sequence of int
        Where they are along the first axis.
    display : Display
    """

    dtype = np.dtype(np.float32)
    ndim = 4

    def __init__(self, array: zarr.Array[Any], places: Sequence[int], display: Display) -> None:
        self._array, self._places, self._display = array, places, display
        self.shape = (len(places), *array.shape[1:])

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, index: Any) -> NDArray[np.float32]:
        first, *rest = index if isinstance(index, tuple) else (index,)
        places: Any = self._places[first]
        if isinstance(places, range):
            places = slice(places.start, places.stop, places.step)
        with disk("read", self._array.store_path):
            if isinstance(places, int | slice):
                return show(self._display, np.asarray(self._array[(places, *rest)]))
            # One by one: a chunk is never of more than one sample.
            parts = [np.asarray(self._array[(slice(i, i + 1), *rest)]) for i in places]
            none = np.asarray(self._array[(slice(0, 0), *rest)])
        return show(self._display, np.concatenate([none, *parts]))

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype)


@contextmanager
def disk(
    verb: str, place: object, kind: type[InputError | ReconstructionError] = ReconstructionError
) -> Iterator[None]:
    """Name the folder in errors of the disk and of Zarr."""
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        reason = getattr(error, "strerror", None) or one_line(error)
        raise kind(f"Samples in '{place}' cannot be {verb}: {reason}.") from error
