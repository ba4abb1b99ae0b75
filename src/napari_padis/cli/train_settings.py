"""Settings of a training run and the descriptive part of a card, from JSON files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_padis.errors import InputError

if TYPE_CHECKING:
    from napari_padis.prior.settings import TrainingConfig


def read_config(path: Path | None, **given: Any) -> TrainingConfig:
    """Training settings from a JSON file, overridden by what the line says.

    Raises
    ------
    InputError
        If the file or a value cannot be used.
    """
    from pydantic import ValidationError

    from napari_padis.errors import explain
    from napari_padis.prior.settings import TrainingConfig

    values = read_object(path) if path is not None else {}
    if given["hours"] is not None or given["steps"] is not None:
        values.pop("hours", None)
        values.pop("steps", None)
    values |= {key: value for key, value in given.items() if value is not None}
    if values.get("hours") is None and values.get("steps") is None:
        raise InputError("Say how long to train: add --hours or --steps.")
    try:
        return TrainingConfig(**values)
    except ValidationError as error:
        raise InputError(f"Wrong training settings: {explain(error)}") from error


#: What a person may say about a prior; everything else in its card is measured.
DESCRIPTIVE = {"title", "description", "anatomy", "licence", "trained_on"}


def read_card(path: Path | None) -> dict[str, Any]:
    """The descriptive part of a prior's card.

    Raises
    ------
    InputError
        If the file cannot be used or says more than a person may say.
    """
    values = read_object(path) if path is not None else {}
    if unknown := sorted(values.keys() - DESCRIPTIVE):
        raise InputError(
            f"Card '{path}' has the entry '{unknown[0]}'; use {', '.join(sorted(DESCRIPTIVE))}."
        )
    return values


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object from a file."""
    import json

    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"Settings '{path}' cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InputError(f"Settings '{path}' are not valid JSON: {error}.") from error
    if not isinstance(values, dict):
        raise InputError(f"Settings '{path}' must be a JSON object.")
    return values
