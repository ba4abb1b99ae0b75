"""Reading files that may be damaged, absurd or hostile. Free of torch."""

from __future__ import annotations

import json
import math
import stat
from pathlib import Path
from typing import Any

from napari_padis.errors import InputError

#: Digits of the largest whole number and nesting of the deepest JSON that can be meant.
DIGITS = 18
#: Characters of a value from a file that an error message repeats.
SHOWN = 80
#: Characters of a path that it repeats: the last ones, which tell most.
SHOWN_PATH = 400


def file_size(path: Path, what: str) -> int:
    """Bytes of a regular file; ``what`` names it in messages ("Prior", "The weights").

    Raises
    ------
    InputError
        If there is nothing to read, or a folder, a socket, a pipe or a device.
    """
    try:
        info = path.stat()
    except OSError as error:
        raise unreadable(path, what, error) from error
    except ValueError as error:  # a zero byte in the name
        raise InputError(f"{what} '{shown_path(path)}' cannot be read: no such name.") from error
    if stat.S_ISDIR(info.st_mode):
        raise InputError(f"{what} '{shown_path(path)}' cannot be read: it is a folder.")
    if not stat.S_ISREG(info.st_mode):
        raise InputError(f"{what} '{shown_path(path)}' cannot be read: it is not a regular file.")
    return info.st_size


def unreadable(path: Path, what: str, error: OSError) -> InputError:
    """What to tell about a file that the system does not give."""
    return InputError(f"{what} '{shown_path(path)}' cannot be read: {error.strerror or error}.")


def read_bytes(path: Path, what: str, first: int | None = None) -> bytes:
    """The contents of a file, or its first bytes; raises InputError."""
    try:
        with path.open("rb") as file:
            return file.read() if first is None else file.read(first)
    except OSError as error:
        raise unreadable(path, what, error) from error


def strict_json(text: bytes) -> Any:
    """Values of a JSON text in UTF-8.

    Raises
    ------
    ValueError
        If it is not JSON, or holds numbers that are not finite, whole numbers of more than
        18 digits, or more levels than can be meant. The message is the reason, in a few words.
    """
    try:
        return json.loads(
            text.decode("utf-8-sig"),
            parse_constant=_constant,
            parse_float=_real,
            parse_int=_whole,
        )
    except UnicodeDecodeError as error:
        raise ValueError("it is not text in UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def shown(value: object, limit: int = SHOWN) -> str:
    """A value from a file as part of a sentence: one line, printable, not too long."""
    text = "".join(c if c.isprintable() else " " for c in str(value)[: 4 * limit])
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 2]} …"


def shown_path(path: Path) -> str:
    """A path as part of a sentence: one line, printable, with its end."""
    text = shown(path, len(str(path)))
    return text if len(text) <= SHOWN_PATH else f"… {text[2 - SHOWN_PATH :]}"


def byte_count(count: int) -> str:
    """A number of bytes as people read it."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def _constant(text: str) -> float:
    raise ValueError(f"it holds {text}, which is not a number")


def _real(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"it holds {shown(text, 20)}, which is too large a number")
    return value


def _whole(text: str) -> int:
    if len(text) > DIGITS:
        raise ValueError(f"it holds a whole number of {len(text)} digits")
    return int(text)
