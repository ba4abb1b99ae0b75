"""Values on the command line that need more than a type."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_padis.errors import InputError

if TYPE_CHECKING:
    from napari_padis.scan.read import Scan

UNIT_HELP = "HU, 1/mm, 1/cm, arbitrary, or HU+1024 for CT numbers with 1024 added."

#: Option of the commands that read a volume.
UnitOption = Annotated[
    str | None,
    typer.Option(
        "--unit",
        metavar="UNIT",
        help=f"Intensity unit, where the file states none or a wrong one: {UNIT_HELP}",
    ),
]


def in_unit(found: Scan, unit: str | None) -> Scan:
    """What was read, with its values in the unit that the user states, if any.

    Raises
    ------
    InputError
        If the unit is not known, or it is no volume.
    """
    from napari_padis.scan.intensity import with_unit
    from napari_padis.scan.volume import Volume

    if unit is None:
        return found
    if not isinstance(found, Volume):
        raise InputError("Only a volume can be given a unit; leave --unit out.")
    return with_unit(found, unit)


def parse_slices(text: str | None, count: int) -> tuple[int, int] | None:
    """``'A:B'`` as first and one-past-last slice of ``count``; None when no text is given.

    Either end may be left out; a single number means one slice.

    Raises
    ------
    InputError
        If the text is something else or selects nothing.
    """
    if text is None:
        return None
    first, colon, last = text.partition(":")
    try:
        start = int(first) if first else 0
        stop = (int(last) if last else count) if colon else start + 1
    except ValueError:
        raise InputError(f"Slices must be given as A:B with whole numbers, not '{text}'.") from None
    if not text or not 0 <= start < stop <= count:
        raise InputError(f"Slices '{text}' select nothing; there are {count} slices, 0:{count}.")
    return start, stop


def parse_steps(text: str | None, count: int) -> slice | None:
    """``'A:B'`` or ``'A:B:STEP'`` as a slice of ``count``; None when no text is given.

    Raises
    ------
    InputError
        If the text is something else or selects nothing.
    """
    if text is None:
        return None
    ends, step = text, "1"
    if text.count(":") == 2:
        ends, _, step = text.rpartition(":")
    if not step.isdecimal() or int(step) == 0:
        raise InputError(f"The step in '{text}' must be a whole number from 1.")
    found = parse_slices(ends, count)
    assert found is not None
    return slice(*found, int(step))


def parse_options(pairs: list[str] | None) -> dict[str, float | int | str | bool]:
    """``['key=value', ...]`` as a dictionary; numbers and true/false become such.

    Raises
    ------
    InputError
        If an entry has no ``=`` or no key, or a key comes twice.
    """
    options: dict[str, float | int | str | bool] = {}
    for pair in pairs or []:
        key, equals, text = pair.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or not key:
            raise InputError(f"An option must look like key=value, not '{pair}'.")
        if key in options:
            raise InputError(f"Option '{key}' is given twice.")
        options[key] = _value(text.strip())
    return options


def output_file(path: Path, suffixes: tuple[str, ...]) -> Path:
    """The path, checked before the work: known ending, not a folder, folder made.

    Raises
    ------
    InputError
        If nothing can be written there.
    """
    if not path.name.lower().endswith(suffixes):
        raise InputError(f"'{path}' must end in {' or '.join(suffixes)}.")
    if path.is_dir():
        raise InputError(f"'{path}' is a folder; give the name of a file.")
    output_folder(path.parent)
    return path


def output_folder(path: Path) -> Path:
    """The folder, made when missing, so that this cannot fail after the work.

    Raises
    ------
    InputError
        If it is a file or cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"Folder '{path}' cannot be made: {error.strerror}.") from error
    return path


def _value(text: str) -> float | int | str | bool:
    try:
        value = json.loads(text.lower() if text.lower() in ("true", "false") else text)
    except json.JSONDecodeError:
        return text
    return value if isinstance(value, float | int | str) else text
