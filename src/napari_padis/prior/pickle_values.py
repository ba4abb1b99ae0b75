"""What a checkpoint's pickle may hold besides containers and numbers: all of it inert."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_padis.prior.reading import shown

#: Snapshots of the published size (54 M parameters, 600 tensors) take 65 000 of these.
MOST_OPCODES = 300_000


class Refused(Exception):
    """Why a pickle is not read; the rest of a sentence."""


def quoted(value: object) -> str:
    """A name out of a file, short and on one line."""
    return f"'{shown(value, 60)}'"


@dataclass(frozen=True, slots=True)
class Name:
    """A function or class that the pickle mentions; never looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True)
class Storage:
    """Numbers in a row; ``fetch`` gives the bytes from an offset to another."""

    dtype: torch.dtype
    count: int
    fetch: Callable[[int, int], bytes] | None = None


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor that is still in the file."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def count(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    def load(self) -> Tensor:
        """Copy the values out of the file."""
        if not self.count:
            return torch.empty(self.shape, dtype=self.storage.dtype)
        size = self.storage.dtype.itemsize
        end = self.offset + last_index(self.shape, self.stride) + 1
        if self.storage.fetch is None:
            raise Refused("it names tensors without values")
        data = bytearray(self.storage.fetch(self.offset * size, end * size))
        flat = torch.frombuffer(data, dtype=self.storage.dtype)
        return flat.as_strided(self.shape, self.stride).contiguous()


@dataclass(slots=True)
class StoredObject:
    """An object of a class by its name, with its attributes; it can do nothing."""

    kind: str
    state: dict[str, Any] = field(default_factory=dict)
    built: bool = False


@dataclass(frozen=True, slots=True)
class NumpyType:
    """A numeric type of numpy by its code, e.g. 'f8'."""

    code: str


@dataclass(slots=True)
class NumpyArray:
    """An array of numbers; None until its values are set."""

    values: np.ndarray[Any, Any] | None = None


def last_index(shape: Sequence[int], stride: Sequence[int]) -> int:
    """Index of the last value of a tensor, counted from its first."""
    return sum((n - 1) * step for n, step in zip(shape, stride, strict=True))


@dataclass
class Budget:
    """What one file may still ask for, nested files included.

    ``values`` counts bytes of tensors, of which a file has no more than its own size; twice
    that leaves room for tied weights.
    """

    values: int
    opcodes: int = MOST_OPCODES

    def spend(self, tensor: StoredTensor) -> None:
        """Count a tensor."""
        self.values -= tensor.count * tensor.storage.dtype.itemsize
        if self.values < 0:
            raise Refused("its tensors claim more values than the file holds")
