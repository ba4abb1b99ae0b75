"""Tables of a calibration study in Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from napari_padis.evaluation.anatomy import TISSUES
from napari_padis.evaluation.calibration import LEVELS, rank_histogram
from napari_padis.evaluation.calibration_study import (
    Contestant,
    Setting,
    pooled,
    rows_of,
    tallies,
)
from napari_padis.evaluation.ledger import Ledger
from napari_padis.evaluation.slices import ChosenSlices
from napari_padis.evaluation.tally import BODY, Tally

#: Level of the coverage by class and by slice.
LEVEL = 0.9


def markdown(
    contestants: Sequence[Contestant],
    chosen: Sequence[ChosenSlices],
    setting: Setting,
    table: Ledger,
) -> Iterator[str]:
    """Tables line by line: methods in short, then coverage, classes, spread and slices."""
    found = {c.label: tallies(c, chosen, setting, table) for c in contestants}
    found = {label: each for label, each in found.items() if each}
    if not found:
        yield "Nothing was judged yet."
        return
    together = {label: pooled(each) for label, each in found.items()}
    yield (
        f"{setting.views} views, noise of {100 * setting.noise:g} % of the RMS, "
        f"{setting.samples} samples, prior {setting.prior}"
    )
    yield ""
    yield from _short(contestants, setting, table, together)
    yield from _table(
        "Share of the body within the interval of each level",
        [f"{100 * p:g} %" for p in LEVELS],
        {label: [f"{v:.3f}" for v in t.coverage()] for label, t in together.items()},
    )
    yield from _table(
        f"Share within the {100 * LEVEL:g} % interval by class of tissue",
        [BODY, *TISSUES],
        {
            label: [_number(t.coverage(name)[LEVELS.index(LEVEL)]) for name in (BODY, *TISSUES)]
            for label, t in together.items()
        },
    )
    for label, tally in together.items():
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
        histogram = rank_histogram(
            np.repeat(np.arange(len(tally.ranks)), tally.ranks), tally.samples
        )
        yield from _table(
            f"{label}: rank of the true mean of regions among the samples",
            [str(i + 1) for i in range(len(histogram))],
            {"regions": [str(v) for v in histogram]},
        )
    yield from _by_slice(found)


def _short(
    contestants: Sequence[Contestant],
    setting: Setting,
    table: Ledger,
    together: dict[str, Tally],
) -> Iterator[str]:
    values = {}
    for contestant in contestants:
        tally = together.get(contestant.label)
        if tally is None:
            continue
        rows = rows_of(contestant, setting, table)
        ratios = [b.ratio for b in tally.bins()]
        values[contestant.label] = [
            str(tally.images),
            *(f"{_mean(rows, name):.{digits}f}" for name, digits in (("psnr", 2), ("ssim", 4))),
            f"{tally.coverage()[LEVELS.index(LEVEL)]:.3f}",
            f"{min(ratios):.2f} to {max(ratios):.2f}",
            f"{np.nanmean(tally.spearman):.2f}",
            f"{np.nanmean(tally.crps):.1f}",
            f"{_mean(rows, 'residual'):.2f}",
            f"{_mean(rows, 'seconds'):.0f}",
        ]
    columns = [
        "slices",
        "PSNR of the mean (dB)",
        "SSIM",
        f"{100 * LEVEL:g} % covers",
        "error / predicted sd, ten bins",
        "rank correlation",
        "CRPS (HU)",
        "residual",
        "seconds a slice",
    ]
    yield from _table("Methods", columns, values)


def _by_slice(found: dict[str, list[tuple[str, Tally]]]) -> Iterator[str]:
    at = LEVELS.index(LEVEL)
    names = list(dict.fromkeys(name for each in found.values() for name, _ in each))
    values = {}
    for label, each in found.items():
        have = dict(each)
        values[label] = [
            _number(have[name].coverage()[at]) if name in have else "" for name in names
        ]
    yield from _table(f"Share of each slice within the {100 * LEVEL:g} % interval", names, values)


def _table(title: str, columns: list[str], rows: dict[str, list[str]]) -> Iterator[str]:
    yield f"**{title}**"
    yield ""
    yield "| | " + " | ".join(columns) + " |"
    yield "|---|" + "---|" * len(columns)
    for name, values in rows.items():
        yield f"| {name} | " + " | ".join(values) + " |"
    yield ""


def _mean(rows: Sequence[dict[str, object]], name: str) -> float:
    return float(np.mean([float(str(row[name])) for row in rows]))


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else ""
