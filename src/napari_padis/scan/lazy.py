"""Arrays that stay in their file until a part of them is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.files import reading


class LazyDataset:
    """A dataset of an HDF5 file that is opened anew for every part that is read.

    Nothing stays open in between, so it may be passed between threads and the file may
    be moved or removed when nobody reads.

    Parameters
    ----------
    path : Path
        HDF5 file.
    name : str
        Path of the dataset within the file.
    shape, dtype
        Of the dataset.
    """

    def __init__(self, path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.path, self.name = path, name
        self.shape, self.dtype = tuple(int(n) for n in shape), np.dtype(dtype)

    @classmethod
    def of(cls, path: Path, dataset: h5py.Dataset) -> LazyDataset:
        """Stand-in of an open dataset of the file ``path``."""
        return cls(path.absolute(), dataset.name, dataset.shape, dataset.dtype)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes of all values in memory."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[Any]:
        with reading(self.path, "HDF5"), h5py.File(self.path, "r") as file:
            dataset = file[self.name]
            if dataset.shape != self.shape:
                raise InputError(
                    f"'{self.path.name}' has changed since it was opened; open it again."
                )
            return np.asarray(dataset[key])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[()], dtype=dtype)

    def __repr__(self) -> str:
        return f"LazyDataset({self.path.name}:{self.name}, {self.shape}, {self.dtype})"
