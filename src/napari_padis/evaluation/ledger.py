"""A table of results on disk that a study fills row by row and takes up again."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from napari_padis.errors import InputError

Row = dict[str, Any]
Columns = Mapping[str, Callable[[Any], Any]]


class Ledger:
    """Rows of results, found by their keys.

    Every row is on disk when :meth:`add` returns, and the file is replaced as a whole: a
    process killed at any moment leaves a complete table, and the next one goes on from it.
    One process at a time may write.

    Parameters
    ----------
    path : path
        ``.csv``, or ``.json``: a list of objects.
    keys, values : mapping of str to type
        Columns that say what was done, and those that say what came out; ``str``, ``int``
        or ``float``.
    endings : tuple of str
        Kinds of files that this table may be.

    Raises
    ------
    InputError
        If the file holds another table, or one that cannot be read.
    """

    def __init__(
        self,
        path: str | Path,
        keys: Columns,
        values: Columns,
        endings: tuple[str, ...] = (".csv", ".json"),
    ) -> None:
        self.path, self.keys, self.values = Path(path), dict(keys), dict(values)
        self.columns = {**self.keys, **self.values}
        if self.path.suffix not in endings:
            raise InputError(f"Table '{self.path}' must end in {' or '.join(endings)}.")
        self._rows: dict[tuple[Any, ...], Row] = {}
        for number, found in enumerate(self._read(), start=1):
            row = self._typed(found, number)
            self._rows[self._key(row)] = row

    @property
    def rows(self) -> list[Row]:
        """All rows, in the order in which their keys came first."""
        return list(self._rows.values())

    def has(self, key: Mapping[str, Any]) -> bool:
        """Whether there is a row with these keys."""
        return self._key(key) in self._rows

    def row(self, key: Mapping[str, Any]) -> Row:
        """The row with these keys; raises KeyError where there is none."""
        return self._rows[self._key(key)]

    def add(self, row: Mapping[str, Any]) -> None:
        """Write a row; one with the same keys is replaced."""
        typed = {name: _short(kind(row[name])) for name, kind in self.columns.items()}
        self._rows[self._key(typed)] = typed
        write_atomically(self.path, self._text())

    def _key(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(kind(row[name]) for name, kind in self.keys.items())

    def _text(self) -> str:
        if self.path.suffix == ".json":
            return json.dumps(self.rows, indent=1, allow_nan=False) + "\n"
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(self.columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()

    def _read(self) -> list[Row]:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"Table '{self.path}' cannot be read: {error}.") from error
        if self.path.suffix == ".csv":
            reader = csv.DictReader(io.StringIO(text, newline=""))
            self._check(list(reader.fieldnames or ()))
            return list(reader)
        try:
            rows = json.loads(text)
        except ValueError as error:
            raise InputError(f"Table '{self.path}' is not valid JSON.") from error
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise InputError(f"Table '{self.path}' must be a list of JSON objects.")
        for row in rows:
            self._check(list(row))
        return rows

    def _check(self, names: list[str]) -> None:
        if names != list(self.columns):
            raise InputError(
                f"Table '{self.path}' was not made by this command: its columns are "
                f"{', '.join(names) or 'missing'}, not {', '.join(self.columns)}; "
                "choose another file."
            )

    def _typed(self, row: Row, number: int) -> Row:
        try:
            return {name: kind(row[name]) for name, kind in self.columns.items()}
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"Row {number} of table '{self.path}' cannot be used; remove it or choose "
                "another file."
            ) from error


def _short(value: Any) -> Any:
    """Floats with the digits that mean something."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def write_atomically(path: Path, text: str) -> None:
    """Write a text file whose previous content survives whatever happens meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
