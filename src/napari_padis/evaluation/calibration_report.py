"""Tables of a calibration study in Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from napari_padis.evaluation.anatomy import TISSUES
from napari_padis.evaluation.calibration import LEVELS, uniformity
from napari_padis.evaluation.calibration_study import (
    Contestant,
    Setting,
    judged,
    pooled,
    rows_of,
    tallies,
)
from napari_padis.evaluation.ledger import Ledger, Row
from napari_padis.evaluation.slices import ChosenSlices
from napari_padis.evaluation.tally import BODY, LEVEL, Tally

#: The method whose mean the others' are compared with: the best picture per second.
REFERENCE = "padis-fast"

_AT = LEVELS.index(LEVEL)


def markdown(
    contestants: Sequence[Contestant],
    chosen: Sequence[ChosenSlices],
    setting: Setting,
    table: Ledger,
) -> Iterator[str]:
    """Tables line by line: methods in short, then coverage, classes, spread, ranks and slices."""
    found = judged(contestants, chosen, setting, table)
    if not found:
        yield "Nothing was judged yet."
        return
    together = {label: pooled(rows) for label, rows in found.items()}
    reference = _reference(contestants)
    yield str(setting)
    yield ""
    base = found.get(reference.label) or rows_of(reference, chosen, setting, table)
    yield from _short(found, together, reference.label, base)
    yield from _table(
        "Share of the body within the interval of each level",
        [f"{100 * p:g} %" for p in LEVELS],
        {label: [f"{v:.3f}" for v in t.coverage()] for label, t in together.items()},
    )
    yield from _table(
        f"Share within the {100 * LEVEL:g} % interval by class of tissue",
        [BODY, *TISSUES],
        {
            label: [_number(t.coverage(name)[_AT]) for name in (BODY, *TISSUES)]
            for label, t in together.items()
        },
    )
    for label, tally in together.items():
        yield from _spread(label, tally)
        yield from _ranks(label, tally)
    yield from _by_slice(found)


def gain(rows: Sequence[Row], base: Sequence[Row]) -> tuple[float, int]:
    """PSNR of the mean of the samples less that of another method (dB), and of how many slices.

    Only slices that both have are compared; nan when there are none.
    """
    other = {_slice_of(row): row["psnr"] for row in base}
    found = [row["psnr"] - other[_slice_of(row)] for row in rows if _slice_of(row) in other]
    return (float(np.mean(found)) if found else math.nan), len(found)


def _reference(contestants: Sequence[Contestant]) -> Contestant:
    """As it was named for this study, or else with its own settings."""
    named = [c for c in contestants if c.method == REFERENCE]
    return named[0] if named else Contestant.parse(REFERENCE)


def _short(
    found: Mapping[str, Sequence[Row]],
    together: Mapping[str, Tally],
    reference: str,
    base: Sequence[Row],
) -> Iterator[str]:
    values = {}
    for label, rows in found.items():
        tally = together[label]
        ratios = [b.ratio for b in tally.bins()]
        difference, both = gain(rows, base)
        values[label] = [
            str(tally.images),
            f"{_mean(rows, 'psnr'):.2f}",
            f"{difference:+.2f} ({both})" if both and label != reference else "",
            f"{_mean(rows, 'ssim'):.4f}",
            f"{tally.coverage()[_AT]:.3f}",
            f"{min(ratios):.2f} to {max(ratios):.2f}",
            f"{np.nanmean(tally.spearman):.2f}",
            f"{np.nanmean(tally.crps):.1f}",
            f"{_mean(rows, 'residual'):.2f}",
            f"{_mean(rows, 'seconds'):.0f}",
        ]
    columns = [
        "slices",
        "PSNR of the mean (dB)",
        f"less that of {reference} (slices of both)",
        "SSIM",
        f"{100 * LEVEL:g} % covers",
        "error / predicted sd, ten bins",
        "rank correlation",
        "CRPS (HU)",
        "residual",
        "seconds a slice",
    ]
    yield from _table("Methods", columns, values)


def _spread(label: str, tally: Tally) -> Iterator[str]:
    bins = tally.bins()
    yield from _table(
        f"{label}: error by predicted standard deviation (HU)",
        [str(i + 1) for i in range(len(bins))],
        {
            "predicted": [f"{b.predicted:.1f}" for b in bins],
            "RMS error": [f"{b.error:.1f}" for b in bins],
            "ratio": [f"{b.ratio:.2f}" for b in bins],
        },
    )


def _ranks(label: str, tally: Tally) -> Iterator[str]:
    histogram = tally.rank_histogram()
    yield from _table(
        f"{label}: rank of the true mean of regions among the samples",
        [str(i + 1) for i in range(len(histogram))],
        {"regions": [str(v) for v in histogram]},
    )
    if regions := int(histogram.sum()):
        yield (
            f"Chance alone makes a flat histogram as uneven as this with p = "
            f"{uniformity(histogram):.2g} (chi squared, {regions / len(histogram):.1f} regions "
            "expected in each bin). This takes regions for independent, which neighbours in a "
            "slice are not: a rough guide only."
        )
        yield ""


def _by_slice(found: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    each = {label: dict(tallies(rows)) for label, rows in found.items()}
    names = list(dict.fromkeys(name for have in each.values() for name in have))
    values = {
        label: [_number(have[name].coverage()[_AT]) if name in have else "" for name in names]
        for label, have in each.items()
    }
    yield from _table(f"Share of each slice within the {100 * LEVEL:g} % interval", names, values)


def _table(title: str, columns: list[str], rows: dict[str, list[str]]) -> Iterator[str]:
    yield f"**{title}**"
    yield ""
    yield "| | " + " | ".join(columns) + " |"
    yield "|---|" + "---|" * len(columns)
    for name, values in rows.items():
        yield f"| {name} | " + " | ".join(values) + " |"
    yield ""


def _slice_of(row: Row) -> tuple[str, int]:
    return row["volume"], row["slice"]


def _mean(rows: Sequence[Row], name: str) -> float:
    return float(np.mean([row[name] for row in rows]))


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else ""
