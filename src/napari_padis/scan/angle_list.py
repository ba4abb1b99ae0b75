"""Lists of view angles in files of their own: text in whatever layout, or .npy."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.angles import ViewAngles, in_radians, is_angle_name, unit_in, words_of
from napari_padis.scan.files import existing, reading
from napari_padis.scan.units import radians

#: Marks with which a remark begins.
_REMARK = re.compile(r"\s*(?:#|%|//|^;|^'|^!|^\*)")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?|[+-]?(?:nan|inf)", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\s,;|=\"()\[\]{}]+|:(?=\s|$)")
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")
#: More bytes than these are no list of angles.
_LARGEST = 2**26


@dataclass(frozen=True)
class _Line:
    """Numbers and words of a line, the unit behind them, and the first word ``among`` them."""

    number: int
    values: tuple[float, ...]
    words: tuple[str, ...]
    unit: str = ""
    among: str = ""


def read_angles(path: str | Path, usual: str = "") -> ViewAngles:
    """View angles of a text file, or of a .npy file.

    One angle per line or all in one, with commas, semicolons, tabs or blanks between them;
    of several columns the one that is named or looks like the angles of a scan. Header lines
    and remarks (``#``, ``%``, ``//``, ``;``) may state the unit; names beside the numbers,
    degree signs and decimal commas are understood.

    Parameters
    ----------
    path : str or Path
    usual : str
        Unit of a list that states none; by the values when empty.

    Raises
    ------
    InputError
        If the file is missing or damaged, or it is not clear which numbers are the angles.
    """
    path = existing(path)
    with reading(path, "list of angles"):
        if path.suffix.lower() == ".npy":
            table, title, unit = np.load(path, allow_pickle=False), path.stem, ""
            if table.dtype.kind in "fiu" and table.ndim == 2 and min(table.shape) > 1:
                table, _ = _column(path, table.astype(np.float64), ())
        else:
            table, title, unit = _listed(path, _text(path))
    source = f"'{path.name}'"
    return in_radians(table, title or path.stem, unit, source=source, usual=usual)


def _text(path: Path) -> str:
    """The text of a file in UTF-8, UTF-16 or Latin-1."""
    if path.stat().st_size > _LARGEST:
        raise ValueError("it is too large")
    data = path.read_bytes()
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    if re.search(r"[\0-\x08\x0e-\x1f]", text.rstrip("\x1a")):
        raise ValueError("it is not text")
    return text.rstrip("\x1a").replace("\N{MINUS SIGN}", "-")


def _listed(path: Path, text: str) -> tuple[NDArray[np.float64], str, str]:
    """Angles of a text, the name of their column, and the unit that stands beside them."""
    remarks: list[str] = []
    rows: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        mark = _REMARK.search(line)
        remarks.append(line[mark.end() :] if mark else "")
        rest = line[: mark.start()] if mark else line
        if rest.strip():
            rows.append((number, rest))
    body, header = _body(path, _with_decimal_points(path, rows))
    lines = [*remarks, *(text for number, text in rows if number < body[0].number)]
    title = ""
    if len(body) == 1 or len({len(line.values) for line in body} | {1}) == 1:
        values = np.array([v for line in body for v in line.values])
    else:
        values, title = _of_table(path, body, [*remarks[: body[0].number], *header])
    values = _without_count(values)
    # The name of the column tells before whatever else the header says.
    said = unit_in(title) or next((u for line in body if (u := line.unit)), "")
    return values, title or path.stem, said or _agreed(lines) or unit_in(path.stem)


def _agreed(lines: list[str]) -> str:
    """Unit that lines of words mention, when they mention one only."""
    found = {unit for line in lines if (unit := unit_in(line))}
    return found.pop() if len(found) == 1 else ""


def _with_decimal_points(path: Path, rows: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Lines in which a comma that is the mark of decimals has become a point."""
    numeric = [(n, t) for n, t in rows if re.search(r"\d", t)]
    inner = [len(_DECIMAL_COMMA.findall(text)) for _, text in numeric]
    points = any(re.search(r"\d\.\d", text) for _, text in numeric)
    titled = any("," in text and not re.search(r"\d", text) for _, text in rows)
    if not any(inner) or points or titled:
        return rows
    pointed = [(n, _DECIMAL_COMMA.sub(".", text)) for n, text in rows]
    if any("," in text and re.search(r"[;\t]", text) for _, text in numeric):
        return pointed
    if any(re.search(r"\d,\d+,\d", text) for _, text in numeric):
        return rows
    if any(re.search(r"\d,\d+\s+\S*\d", text) for _, text in numeric):
        return pointed  # columns apart by blanks
    if any(count != 1 for count in inner) and len(numeric) == 1:
        return rows
    return pointed if _decimals(path, numeric, inner) else rows


def _decimals(path: Path, rows: list[tuple[int, str]], inner: list[int]) -> bool:
    """Whether 'A,B' on every line is one number, not an index and an angle."""
    pairs = [re.findall(r"[+-]?\d+", t) for (_, t), n in zip(rows, inner, strict=True) if n == 1]
    two = np.array([[float(a) for a in p] for p in pairs if len(p) == 2])
    if len(two) < len(rows) or len(two) < 2:
        return True  # whole numbers between them, as in 0, 0,5, 1
    columns = bool((np.diff(two[:, 0]) == 1).all()) and _steady(two[:, 1])
    steps = np.diff([float(f"{a}.{b}") for a, b in pairs])
    decimal = _steady(np.cumsum(steps)) and np.ptp(steps) < 0.2 * np.abs(steps).max()
    if columns and decimal:
        raise InputError(
            f"It is not clear whether the commas in '{path.name}' mark decimals or columns; "
            "save the angles alone, one per line with decimal points."
        )
    return not columns


def _steady(values: NDArray[np.float64]) -> bool:
    """Whether values rise or fall in about equal steps."""
    steps = np.diff(values)
    if not len(steps) or not ((steps > 0).all() or (steps < 0).all()):
        return False
    steps = np.abs(steps)
    return bool(steps.max() <= 3 * np.median(steps) + 1e-9 * np.abs(values).max())


def _body(path: Path, rows: list[tuple[int, str]]) -> tuple[list[_Line], list[str]]:
    """Lines with angles, and the lines of the header before them."""
    lines = [_parsed(number, text) for number, text in rows]
    patterns = Counter((len(line.values), len(line.words)) for line in lines if line.values)
    if not patterns:
        raise InputError(f"'{path.name}' is empty or holds no numbers; give one angle per line.")
    usual = patterns.most_common(1)[0]
    first = next(k for k, line in enumerate(lines) if line.values)
    if usual[1] > 1:
        # A header may hold numbers, too ("90 views over 180 degrees").
        first = next(k for k, e in enumerate(lines) if (len(e.values), len(e.words)) == usual[0])
        while first and lines[first - 1].values and not lines[first - 1].words:
            first -= 1
    body, header = lines[first:], [text for _, text in rows[:first]]
    while len(body) > 2 and usual[1] > 1 and body[-1].words and not usual[0][1]:
        body.pop()  # what is said below the list ("Total: 90 views") is no angle
    for line in body:
        if not line.values:
            raise InputError(
                f"Line {line.number} of '{path.name}' holds no angle ('{line.words[0][:40]}'); "
                "the list may be damaged, so export it again."
            )
    if len(body) == 1 and body[0].among:
        raise InputError(
            f"'{path.name}' holds '{body[0].among[:40]}' among its numbers; give angles only."
        )
    texts = {re.sub(r"\d+", "", " ".join(line.words)) for line in body}
    if len(texts) > max(2, len(body) // 4):
        raise InputError(
            f"'{path.name}' holds named settings, not a list of numbers; give one angle per line."
        )
    return body, header


def _parsed(number: int, text: str) -> _Line:
    values: list[float] = []
    words: list[str] = []
    unit = among = ""
    for token in filter(None, _SEPARATORS.split(text)):
        match = _NUMBER.match(token)
        rest = token[match.end() :] if match else token
        if match and (not rest or radians(rest) is not None):
            values.append(float(re.sub("[dD]", "e", match.group())))
            unit = unit or rest
        elif values and radians(token) is not None:
            unit = unit or token
        else:
            words.append(token)
            among = among or (token if values else "")
    return _Line(number, tuple(values), tuple(words), unit, among)


def _of_table(path: Path, body: list[_Line], header: list[str]) -> tuple[NDArray[np.float64], str]:
    """Angles of several lines with several numbers, and the name of their column."""
    counts = [len(line.values) for line in body]
    flat = np.array([v for line in body for v in line.values])
    width = counts[0]
    if len(set(counts)) > 1:
        if _steady(flat) or (set(counts[:-1]) == {width} and counts[-1] < width):
            return flat, ""  # a list that was broken into lines
        wrong = next(k for k, count in enumerate(counts) if count != width)
        raise InputError(
            f"Line {body[wrong].number} of '{path.name}' has {counts[wrong]} numbers, those "
            f"before it {width}; the list may be damaged, so export it again."
        )
    table = flat.reshape(-1, width)
    names = _names(header, width, len(body[0].words))
    indexed = bool((np.diff(table[:, 0]) == 1).all())
    if not names and _steady(flat) and not (width == 2 and indexed):
        return flat, ""
    return _column(path, table, names)


def _names(header: list[str], width: int, words: int) -> tuple[str, ...]:
    """Names of the columns that hold numbers, from the last header line that has as many."""
    for line in reversed(header):
        for pattern in (r"[,;\t|]+", r"\s+"):
            parts = [part.strip() for part in re.split(pattern, line.strip()) if part.strip()]
            if any(map(_angular, parts)) and len(parts) in (width, width + words):
                return tuple(parts[-width:] if len(parts) > width else parts)
    return ()


def _angular(name: str) -> bool:
    return is_angle_name(name) or bool({"angle", "angles", "theta", "ang"} & set(words_of(name)))


def _column(
    path: Path, table: NDArray[np.float64], names: tuple[str, ...]
) -> tuple[NDArray[np.float64], str]:
    """The column that holds the angles: by its name, or the one that looks like a scan."""
    if table.shape[0] < table.shape[1] and not names:
        table = table.T
    named = [k for k, name in enumerate(names) if _angular(name)]
    if named:
        # 'angle no' may stand before 'angle (deg)'.
        best = min(named, key=lambda k: (_counts(table[:, k]), not unit_in(names[k])))
        return table[:, best], names[best]
    moving = [k for k in range(table.shape[1]) if np.ptp(table[:, k]) > 0]
    index = next((k for k in moving if _counts(table[:, k])), None)
    others = [k for k in moving if k != index] or moving
    rising = [k for k in others if _steady(table[:, k])]
    if len(rising) > 1:
        rising = [k for k in rising if _covers_turns(table[:, k])] or rising
    if not rising and (index is None or not _covers_turns(table[:, index])):
        rising = others  # angles in no order beside their numbers
    if len(rising) == 2 and np.allclose(np.deg2rad(table[:, rising[0]]), table[:, rising[1]],
                                        atol=1e-4):  # fmt: skip
        rising = rising[:1]  # the same angles once more in radians
    if len(rising) != 1:
        raise InputError(
            f"It is not clear which of the {table.shape[1]} columns of '{path.name}' holds the "
            "angles; name it in a header line ('angle'), or save that column alone."
        )
    return table[:, rising[0]], ""


def _counts(values: NDArray[np.float64]) -> bool:
    """Whether values are the numbers of the lines."""
    return bool(values[0] in (0, 1) and np.array_equal(values - values[0], np.arange(len(values))))


def _covers_turns(values: NDArray[np.float64]) -> bool:
    """Whether values cover half turns, in degrees or radians, up to one step."""
    step = float(np.median(np.abs(np.diff(values))))
    arc = float(np.ptp(values))
    return any(
        round(a / half) and abs(a - round(a / half) * half) < 1e-3 * a
        for half in (180.0, np.pi)
        for a in (arc, arc + step)
    )


def _without_count(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angles without the number of them that some programs write first."""
    rest = values[1:]
    if len(rest) > 2 and values[0] == len(rest) and _steady(rest) and not _steady(values):
        return rest
    return values
