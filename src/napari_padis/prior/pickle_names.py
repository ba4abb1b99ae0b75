"""Every name that a checkpoint's pickle may mention, and what stands in for it.

None of these functions calls anything that the pickle brings along.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch

from napari_padis.prior.pickle_values import (
    NumpyArray,
    NumpyType,
    Refused,
    Storage,
    StoredObject,
    StoredTensor,
    last_index,
    quoted,
)


def _whole(values: object) -> tuple[int, ...]:
    """A tuple of a few whole numbers from zero."""
    if not isinstance(values, tuple | list) or len(values) > 8:
        raise Refused("it holds a tensor without a proper shape")
    if not all(type(v) is int and 0 <= v < 2**48 for v in values):
        raise Refused("it holds a tensor without a proper shape")
    return tuple(values)


def _tensor(storage: object, offset: object, size: object, stride: object, *_: object) -> object:
    (start,) = _whole((offset,))
    tensor = StoredTensor(cast(Storage, storage), start, _whole(size), _whole(stride))
    if not isinstance(storage, Storage) or len(tensor.shape) != len(tensor.stride):
        raise Refused("it holds a tensor without a proper shape")
    end = start + last_index(tensor.shape, tensor.stride)
    if tensor.count and (end >= storage.count or tensor.count > storage.count):
        raise Refused("it holds a tensor larger than its values")
    return tensor


def _parameter(data: object, *_: object) -> object:
    if not isinstance(data, StoredTensor):
        raise Refused("it holds a parameter that is no tensor")
    return data


def _persistent(meta: object) -> object:
    """torch_utils.persistence: class name and state are kept, the source code is not."""
    if not isinstance(meta, dict) or not isinstance(meta.get("state"), dict):
        raise Refused("it holds an object without a state")
    return StoredObject(str(meta.get("class_name"))[:100], meta["state"], built=True)


def _dict(pairs: object = ()) -> object:
    if not isinstance(pairs, list | tuple):
        raise Refused("it holds a dictionary of an odd kind")
    found = {}
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise Refused("it holds a dictionary of an odd kind")
        found[key(pair[0])] = pair[1]
    return found


def key(value: object) -> str | int:
    """The value, if it may be a key; others could take endless time to compare."""
    if isinstance(value, str) or (isinstance(value, int) and abs(value) < 2**60):
        return value
    raise Refused("it holds a dictionary or set with odd keys")


def _set(values: object = ()) -> object:
    if not isinstance(values, list | tuple):
        raise Refused("it holds a set of an odd kind")
    return {key(value) for value in values}


def _bytes(text: object, encoding: object) -> object:
    if not isinstance(text, str) or encoding != "latin1":
        raise Refused("it holds text in an odd encoding")
    return text.encode("latin1")


_NUMPY_CODES = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"}


def _numpy_type(code: object, *_: object) -> object:
    if code not in _NUMPY_CODES:
        raise Refused(f"it holds numpy values of type {quoted(code)}")
    return NumpyType(str(code))


def _from_numpy(kind: object, data: object) -> np.ndarray[Any, Any]:
    if not isinstance(kind, NumpyType) or not isinstance(data, bytes):
        raise Refused("it holds numpy values of an odd kind")
    # Little-endian by construction; other byte orders are refused where the type is built.
    return np.frombuffer(data, np.dtype(f"<{kind.code}"))


def _numpy_scalar(kind: object, data: object) -> object:
    values = _from_numpy(kind, data)
    if values.size != 1:
        raise Refused("it holds a numpy number of an odd size")
    return values.item()


def _numpy_array(*_: object) -> object:
    return NumpyArray()


def _text(*values: object) -> object:
    if not all(isinstance(value, str | int | tuple) for value in values):
        raise Refused("it holds a value of an odd kind")
    return values


#: Functions and classes that may be called, and what is done instead.
CALLS: dict[str, Callable[..., object]] = {
    "torch_utils.persistence._reconstruct_persistent_obj": _persistent,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "collections.OrderedDict": _dict,
    "dnnlib.util.EasyDict": _dict,
    "builtins.set": _set,
    "__builtin__.set": _set,
    "_codecs.encode": _bytes,
    "numpy.dtype": _numpy_type,
    "torch.device": _text,
    "torch.Size": _text,
}
for _package in ("numpy.core", "numpy._core"):
    CALLS[f"{_package}.multiarray.scalar"] = _numpy_scalar
    CALLS[f"{_package}.multiarray._reconstruct"] = _numpy_array

#: The call whose bytes are a file within the file.
NESTED = "torch.storage._load_from_bytes"

#: Classes of torch.nn without code of the checkpoint's own.
MODULES = {
    f"torch.nn.modules.{name}"
    for name in (
        *(f"container.{kind}" for kind in ("ModuleDict", "ModuleList", "Sequential")),
        *(f"activation.{kind}" for kind in ("SiLU", "ReLU", "GELU", "Sigmoid", "Tanh")),
        *("linear.Linear", "linear.Identity", "conv.Conv2d", "dropout.Dropout"),
        *("normalization.GroupNorm", "normalization.LayerNorm"),
    )
}

#: Types of numbers in a storage.
STORAGES = {
    f"torch.{name}Storage": dtype
    for name, dtype in {
        "Float": torch.float32,
        "Double": torch.float64,
        "Half": torch.float16,
        "BFloat16": torch.bfloat16,
        "Long": torch.int64,
        "Int": torch.int32,
        "Short": torch.int16,
        "Char": torch.int8,
        "Byte": torch.uint8,
        "Bool": torch.bool,
    }.items()
}

#: Names that stand for themselves.
WORDS = {
    "numpy.ndarray",
    *(f"torch.{name}" for name in ("float16", "bfloat16", "float32", "float64", "int64")),
}

ALLOWED = CALLS.keys() | {NESTED} | MODULES | STORAGES.keys() | WORDS


def build(target: object, state: object) -> object:
    """Give an object its state; attributes of dictionaries are dropped.

    Raises
    ------
    Refused
        If the target takes no state, or not this one.
    """
    if isinstance(target, StoredObject) and isinstance(state, dict) and not target.built:
        target.state, target.built = state, True
        return target
    if isinstance(target, dict) and isinstance(state, dict):
        return target
    if isinstance(target, NumpyType) and isinstance(state, tuple) and len(state) in (8, 9):
        order, structure = state[1], state[2:5]
        if order in ("<", "|", "=") and structure == (None, None, None):
            return target
    if isinstance(target, NumpyArray) and isinstance(state, tuple) and len(state) == 5:
        _, shape, kind, fortran, data = state
        values = _from_numpy(kind, data)
        if values.size == math.prod(_whole(shape)):
            order = "F" if fortran else "C"
            target.values = values.reshape(_whole(shape), order=cast(Any, order))
            return target
    raise Refused("it gives an object a state that does not belong to it")
