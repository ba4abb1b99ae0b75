"""The package's own errors: each message says what was wrong and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class PadisError(Exception):
    """Base of all errors that are meant to be read by the user.

    Not a :class:`RuntimeError`: generator workers of superqt swallow those.
    """


class InputError(PadisError):
    """A file, a setting or an array that cannot be used as it is."""


class ReconstructionError(PadisError):
    """A reconstruction that could not go on (memory, divergence)."""


def explain(error: ValidationError) -> str:
    """A pydantic error as one sentence."""
    parts = []
    for item in error.errors():
        where = ".".join(str(p) for p in item["loc"])
        what = str(item["msg"]).removeprefix("Value error, ")
        parts.append(f"{where}: {what}" if where else what)
    return "; ".join(parts) + "."
