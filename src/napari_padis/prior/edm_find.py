"""Where in a checkpoint the network lies, and its tensors by their full names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from napari_padis.errors import InputError
from napari_padis.prior.pickle_values import StoredObject, StoredTensor, quoted

#: Entries of a checkpoint that hold the network, best first: the average of the weights in
#: snapshots, the network itself in training states, and what state dictionaries are called.
ENTRIES = ("ema", "net", "model_ema", "model", "state_dict")

#: Preconditioning D = c_skip x + c_out F(c_in x) with the coefficients of EDM.
PRECONDITIONED = ("EDMPrecond", "Patch_EDMPrecond")

DEPTH, MODULES = 12, 20_000


def find_network(content: object, file: str) -> tuple[dict[str, StoredTensor], float]:
    """Tensors of the network by name, and sigma_data.

    Raises
    ------
    InputError
        If there is no network, or one of another kind.
    """
    for _ in range(2):  # a state dictionary inside a checkpoint's entry
        if isinstance(content, dict) and not _is_state(content):
            inner = [content[e] for e in ENTRIES if isinstance(content.get(e), dict | StoredObject)]
            content = inner[0] if inner else content
    if isinstance(content, StoredObject):
        return _of_object(content, file)
    if isinstance(content, dict) and _is_state(content):
        return _stripped(content), 0.5
    raise InputError(
        f"'{file}' holds no network: a snapshot with 'ema', a training state with 'net' or a "
        "dictionary of tensors is needed."
    )


def _is_state(content: dict[Any, Any]) -> bool:
    return bool(content) and all(
        isinstance(name, str) and isinstance(value, StoredTensor) for name, value in content.items()
    )


def _stripped(tensors: dict[str, StoredTensor]) -> dict[str, StoredTensor]:
    """Without the names of what the network is wrapped in."""
    for prefix in ("module.", "model."):
        if all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors


def _of_object(found: StoredObject, file: str) -> tuple[dict[str, StoredTensor], float]:
    model = _entry(found, "_modules").get("model")
    if found.kind not in PRECONDITIONED or not isinstance(model, StoredObject):
        raise InputError(
            f"'{file}' holds a {quoted(found.kind)}, but only networks with EDM preconditioning "
            "(EDMPrecond) can be imported."
        )
    if model.kind != "SongUNet":
        raise InputError(
            f"'{file}' holds a {quoted(model.kind)}, but only the network of DDPM++ (SongUNet) "
            "can be imported."
        )
    sigma_data = found.state.get("sigma_data", 0.5)
    if isinstance(sigma_data, bool) or not isinstance(sigma_data, int | float):
        raise InputError(f"The network in '{file}' has a sigma_data that is no number.")
    return dict(_walk(model, "", file, 0)), float(sigma_data)


def _entry(found: StoredObject, name: str) -> dict[Any, Any]:
    entry = found.state.get(name)
    return entry if isinstance(entry, dict) else {}


def _walk(
    found: StoredObject, prefix: str, file: str, depth: int, seen: list[int] | None = None
) -> Iterator[tuple[str, StoredTensor]]:
    """Parameters and buffers of an object and the objects in it.

    An object that holds another several times makes endlessly many names out of a small file,
    hence the count.
    """
    seen = [0] if seen is None else seen
    seen[0] += 1
    if depth > DEPTH or seen[0] > MODULES:
        raise InputError(f"The network in '{file}' is nested without end.")
    for kind in ("_parameters", "_buffers"):
        for name, value in _entry(found, kind).items():
            if isinstance(value, StoredTensor):
                yield f"{prefix}{name}", value
    for name, value in _entry(found, "_modules").items():
        if isinstance(value, StoredObject):
            yield from _walk(value, f"{prefix}{name}.", file, depth + 1, seen)
