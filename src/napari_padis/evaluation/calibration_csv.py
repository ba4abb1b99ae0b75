"""Figures of a calibration study in two small tables: its slices, and all of them together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from napari_padis.evaluation.anatomy import TISSUES
from napari_padis.evaluation.calibration import LEVELS
from napari_padis.evaluation.calibration_study import KEYS, pooled
from napari_padis.evaluation.ledger import Ledger, Row
from napari_padis.evaluation.tally import BODY, LEVEL, Tally

COVERS = {level: f"covers_{100 * level:g}" for level in LEVELS}

SLICE_VALUES = {
    **dict.fromkeys(("psnr", "ssim", "residual"), float),
    **dict.fromkeys(COVERS.values(), float),
    **dict.fromkeys(("spearman", "crps", "seconds"), float),
}

POOLED_KEYS = {
    **{name: kind for name, kind in KEYS.items() if name not in ("volume", "slice")},
    "table": str,
    "entry": str,
}
POOLED_VALUES = {"slices": int, "count": int, "expected": float, "found": float}

#: Bins of predicted standard deviation.
BINS = 10


def pooled_path(path: Path) -> Path:
    """Where the table of all slices together lies: ``NAME-pooled.csv`` beside ``NAME.csv``."""
    return path.with_name(f"{path.stem}-pooled{path.suffix}")


def open_tables(path: Path) -> tuple[Ledger, Ledger]:
    """The table of slices, a row each, and that of the pooled tallies beside it.

    The second has one row for each point of the figure: ``table`` is ``coverage`` (``entry``:
    the level in %), ``tissue`` (the class, at the level of 90 %), ``spread`` (the number of the
    bin; ``expected`` is the predicted standard deviation and ``found`` the RMS error, in HU) or
    ``rank`` (the number of the bin; counts of regions). ``count`` is of voxels, or of all
    regions for ranks.

    Raises
    ------
    InputError
        If one of the files holds another table, or does not end in ``.csv``.
    """
    return (
        Ledger(path, KEYS, SLICE_VALUES, (".csv",)),
        Ledger(pooled_path(path), POOLED_KEYS, POOLED_VALUES, (".csv",)),
    )


def export(tables: tuple[Ledger, Ledger], found: Mapping[str, Sequence[Row]]) -> None:
    """Write the rows of every method; those that are there already are replaced.

    Rows of other methods and settings stay, so that several runs may share the files.

    Parameters
    ----------
    tables : pair of Ledger
        See :func:`open_tables`.
    found : mapping of str to sequence of rows
        See :func:`~napari_padis.evaluation.calibration_study.judged`.
    """
    slices, together = tables
    for rows in found.values():
        for row in rows:
            slices.add(_slice(row))
        common = {name: rows[0][name] for name in POOLED_KEYS if name in KEYS}
        tally = pooled(rows)
        for values in _points(tally):
            together.add({**common, "slices": tally.images, **values})


def _slice(row: Row) -> Row:
    tally = Tally.from_dict(row["tally"])
    return {
        **{name: row[name] for name in (*KEYS, "psnr", "ssim", "residual", "seconds")},
        **dict(zip(COVERS.values(), map(float, tally.coverage()), strict=True)),
        "spearman": tally.spearman[0],
        "crps": tally.crps[0],
    }


def _points(tally: Tally) -> Iterator[Row]:
    for level, share in zip(LEVELS, tally.coverage(), strict=True):
        yield _point("coverage", f"{100 * level:g}", tally.voxels[BODY], level, share)
    for name in TISSUES:
        share = tally.coverage(name)[LEVELS.index(LEVEL)]
        yield _point("tissue", name, tally.voxels[name], LEVEL, share)
    bins = tally.bins(BINS)
    for number in range(BINS):
        # Always as many rows, so that none of an earlier table is left over.
        if number < len(bins):
            one = bins[number]
            yield _point("spread", number + 1, one.voxels, one.predicted, one.error)
        else:
            yield _point("spread", number + 1, 0, math.nan, math.nan)
    histogram = tally.rank_histogram()
    total = int(histogram.sum())
    for number, regions in enumerate(histogram):
        yield _point("rank", number + 1, total, total / len(histogram), regions)


def _point(table: str, entry: int | str, count: int, expected: float, found: float) -> Row:
    return {
        "table": table,
        "entry": str(entry),
        "count": count,
        "expected": float(expected),
        "found": float(found),
    }
