"""State of a training run on disk: written atomically, read without unpickling objects."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from napari_padis.errors import InputError

_PARTS = {"config", "model", "average", "optimizer", "counters", "origin"}


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write a state; a kill or a power cut while writing leaves the previous one intact."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)


def read_state(path: Path, device: torch.device) -> dict[str, Any]:
    """Read a state; raises InputError with one sentence where it is damaged."""
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except MemoryError as error:
        raise InputError(f"The state '{path}' does not fit into memory.") from error
    except Exception as error:  # torch raises nearly anything on damaged files
        raise damaged(path) from error
    if not isinstance(state, dict) or not state.keys() >= _PARTS:
        raise damaged(path)
    return state


def damaged(path: Path) -> InputError:
    """What to say of a state that cannot be used."""
    return InputError(
        f"The training state '{path}' is damaged or of another version; "
        "delete it to start this training anew."
    )
