"""The answers about regions as a table of text, to be kept. Free of Qt and napari."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from napari_padis.errors import InputError
from napari_padis.gui.region_answers import Answers
from napari_padis.posterior.regions import LEVEL
from napari_padis.scan.files import replacing, with_ending

#: Names of the columns. Those of an answer are the ones that they have in 'report.json';
#: ``level`` is that of the interval from ``low`` to ``high``, ``samples`` how many independent
#: ones were counted, ``draws`` how many samples the run has.
COLUMNS = (
    "region",
    "voxels",
    "threshold",
    "unit",
    "probability",
    "low",
    "high",
    "level",
    "error",
    "mean",
    "std",
    "samples",
    "draws",
)


def rows(answers: Answers) -> list[dict[str, Any]]:
    """One entry per region, with all digits."""
    more = {"unit": answers.unit, "level": LEVEL, "draws": answers.draws}
    return [answer.to_dict() | more for answer in answers.found]


def as_text(answers: Answers, chosen: Iterable[int], separator: str) -> str:
    """The chosen rows below the names of the columns."""
    found = rows(answers)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, delimiter=separator, lineterminator="\n")
    writer.writeheader()
    writer.writerows(found[row] for row in chosen)
    return text.getvalue()


def name_for(title: str) -> str:
    """File name that is offered for the regions of a layer."""
    plain = re.sub(r"[^\w. -]+", "-", title).strip(" .-")
    return f"{plain or 'regions'}.csv"


def save(answers: Answers, path: Path) -> Path:
    """Write all rows to a .csv file.

    Parameters
    ----------
    answers : Answers
    path : Path
        As the user confirmed it; '.csv' is added where it is missing.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If the folder cannot be written, or a file would be replaced that nobody was asked about.
    """
    path = with_ending(path, (".csv",))
    if path.is_dir():
        raise InputError(f"'{path}' is a folder; give the name of a file.")
    with replacing(path) as temporary:
        everything = range(len(answers.found))
        temporary.write_text(as_text(answers, everything, ","), encoding="utf-8", newline="")
    return path
