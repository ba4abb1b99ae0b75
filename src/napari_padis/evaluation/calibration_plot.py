"""The figure of a calibration study: coverage, classes of tissue, spread and ranks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import binom

from napari_padis.errors import InputError
from napari_padis.evaluation.anatomy import TISSUES
from napari_padis.evaluation.calibration import LEVELS, expected_coverage, uniformity
from napari_padis.evaluation.tally import BODY, LEVEL, Tally
from napari_padis.prior.charts import COLOURS, blank, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Wrong spreads, relative to the right one, whose coverage is drawn beside the methods'.
WRONG = (0.8, 1.25)

#: Largest deviation of the error from the predicted standard deviation that is shaded.
TOLERANCE = 0.2

#: Width and height in inches, and dots an inch of a PNG.
SIZE, DOTS = (10.4, 8.6), 200

_MARKERS = "os^DvPX"
_BAND = "#e8e8e8"
_TOP = 1.012  # of shares, so that a marker at 1 is whole
_EXACT: dict[str, Any] = {"color": "black", "linewidth": 0.8}

Found = Mapping[str, Tally]
Looks = Mapping[str, dict[str, Any]]


def draw(found: Found, path: Path, title: str = "") -> Path:
    """Write :func:`figure_of` as what the ending of the name says, ``.png`` or ``.svg``.

    Raises
    ------
    InputError
        If there is nothing to draw, or the name has another ending.
    """
    if path.suffix.lower() not in (".png", ".svg"):
        raise InputError(f"'{path}' must end in .png or .svg.")
    from matplotlib import rc_context

    # Words of an SVG stay words: smaller, and found by a search.
    with rc_context({"savefig.dpi": DOTS, "svg.fonttype": "none"}):
        return save(figure_of(found, title), path)


def figure_of(found: Found, title: str = "") -> Figure:
    """Four panels with all methods.

    Reliability (share of the body covered against nominal level, with what
    :func:`~napari_padis.evaluation.calibration.expected_coverage` gives for :data:`WRONG`
    spreads), coverage by class of tissue, RMS error against predicted standard deviation in ten
    bins, and the ranks of the true means of regions.

    Parameters
    ----------
    found : mapping of str to Tally
        All slices of each method together, of as many samples each.
    title : str
        The setting, over the panels.

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    if not found:
        raise InputError("Nothing was judged yet: there is no calibration to draw.")
    figure = blank(*SIZE)
    looks = {label: _look(number) for number, label in enumerate(found)}
    panels = figure.subplots(2, 2)
    _reliability(panels[0, 0], found, looks)
    _classes(panels[0, 1], found, looks)
    _spread(panels[1, 0], found, looks)
    _ranks(panels[1, 1], found, looks)
    for axes in panels.flat:
        axes.set_axisbelow(True)
    lines = [line for line in panels[0, 0].lines if line.get_label() in looks]
    across = max(1, min(len(lines), 110 // (6 + max(map(len, looks)))))
    figure.legend(
        handles=lines,
        title=title,
        title_fontsize=11,
        loc="outside upper center",
        ncols=across,
        frameon=False,
    )
    return figure


def _look(number: int) -> dict[str, Any]:
    """Colour and marker of a method: either tells seven apart, both together more."""
    turn = number // len(COLOURS)
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": _MARKERS[(number + turn) % len(_MARKERS)],
        "linewidth": 1.4,
        "markersize": 6,
        "markeredgecolor": "white",
        "markeredgewidth": 0.6,
    }


def _reliability(axes: Axes, found: Found, looks: Looks) -> None:
    samples = next(iter(found.values())).samples
    levels = tuple(np.linspace(LEVELS[0], LEVELS[-1], 40))
    notes = axes.plot([0, 1], [0, 1], label="right spread", **_EXACT)
    least = 1.0
    for ratio, dashes in zip(WRONG, ((2, 2), (6, 3)), strict=True):
        shares = expected_coverage(ratio, samples, levels)
        label = f"spread {ratio:g} times the right one"
        notes += axes.plot(levels, shares, color="grey", lw=0.9, dashes=dashes, label=label)
        least = min(least, shares[0])
    for label, tally in found.items():
        axes.plot(LEVELS, tally.coverage(), label=label, **looks[label])
        least = min(least, tally.coverage().min())
    axes.set(xlim=(0.48, 1), ylim=(max(0.0, least - 0.08), _TOP))
    axes.legend(handles=notes, loc="lower right", fontsize=8, framealpha=0.9)
    _name(axes, "Share of the body within its intervals", "nominal level", "share covered")


def _classes(axes: Axes, found: Found, looks: Looks) -> None:
    names = [BODY, *TISSUES]
    widest = max(found.values(), key=lambda tally: tally.images)
    parts = [100 * widest.voxels[name] / widest.voxels[BODY] for name in names]
    step = min(0.16, 0.7 / len(found))
    least = LEVEL
    for number, (label, tally) in enumerate(found.items()):
        shares = [tally.coverage(name)[LEVELS.index(LEVEL)] for name in names]
        shift = (number - (len(found) - 1) / 2) * step
        places = np.arange(len(names)) + shift
        axes.plot(places, shares, label=label, **looks[label] | {"linestyle": "none"})
        least = min([least, *(v for v in shares if math.isfinite(v))])
    axes.axhline(LEVEL, **_EXACT)
    labels = [
        f"{name}\n{part:{'.0f' if part >= 10 else '.2g'}} %"
        for name, part in zip(names, parts, strict=True)
    ]
    axes.set_xticks(range(len(names)), labels, fontsize=8)
    axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(max(0.0, min(least, 0.82) - 0.04), _TOP))
    what = f"Share within the {100 * LEVEL:g} % interval by class of tissue"
    _name(axes, what, "class, and its part of the body's voxels", "share covered", along="y")


def _spread(axes: Axes, found: Found, looks: Looks) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    points = {
        label: np.array([(b.predicted, b.error) for b in tally.bins() if b.predicted and b.error])
        for label, tally in found.items()
    }
    every = np.concatenate([each.ravel() for each in points.values()])
    ends = np.array([every.min() / 1.3, every.max() * 1.3]) if len(every) else np.array([1, 10.0])
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
    within = f"within {100 * TOLERANCE:g} %"
    band = axes.fill_between(
        ends, (1 - TOLERANCE) * ends, (1 + TOLERANCE) * ends, color=_BAND, lw=0, label=within
    )
    (exact,) = axes.plot(ends, ends, label="error as predicted", **_EXACT)
    for label, each in points.items():
        if len(each):
            axes.plot(*each.T, label=label, **looks[label])
    subs = (1, 2, 5) if ends[1] > 20 * ends[0] else (1, 1.5, 2, 3, 4, 5, 7)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=subs))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())
    axes.legend(handles=[exact, band], loc="lower right", fontsize=8, framealpha=0.9)
    title = "Error of the mean in ten bins of predicted spread"
    _name(axes, title, "predicted standard deviation (HU)", "RMS error (HU)")


def _ranks(axes: Axes, found: Found, looks: Looks) -> None:
    counts = {label: tally.rank_histogram() for label, tally in found.items()}
    samples, bins = next(iter(found.values())).samples, len(next(iter(counts.values())))
    counts = {label: each for label, each in counts.items() if each.sum()}
    regions = min((int(each.sum()) for each in counts.values()), default=1)
    low, high = 100 * binom.ppf((0.025, 0.975), regions, 1 / bins) / regions
    chance = "95 % of flat ones, were regions independent"
    notes: list[Any] = [axes.axhline(100 / bins, label="flat", **_EXACT)]
    notes.append(axes.axhspan(low, high, color=_BAND, lw=0, label=chance))
    width = (samples + 1) / bins
    middles = (np.arange(bins) + 0.5) * width - 0.5
    peak, alone = high, len(counts) == 1
    for label, each in counts.items():
        shares = 100 * each / each.sum()
        told = f"p = {uniformity(each):.2g}, {each.sum()} regions"
        look = looks[label] | {"linestyle": "none" if alone else "-"}
        notes += axes.plot(middles, shares, label=told, **look)
        peak = max(peak, shares.max())
        if alone:  # bars of several would hide each other
            axes.bar(middles, shares, 0.8 * width, color=look["color"], alpha=0.3)
    # Room at the top for the legend.
    room = max(0.3, 0.93 - 0.062 * len(notes))
    axes.set(xlim=(-0.5, samples + 0.5), ylim=(0, peak / room))
    axes.legend(handles=notes, loc="upper left", fontsize=8, framealpha=0.9)
    title = "Rank of the true mean of regions among the samples"
    _name(axes, title, "samples whose mean is below the true one", "regions (%)", along="y")


def _name(axes: Axes, title: str, x: str, y: str, along: str = "both") -> None:
    axes.set_title(title, fontsize=10, loc="left")
    axes.set(xlabel=x, ylabel=y)
    axes.grid(color="#dddddd", linewidth=0.6, axis=along)  # type: ignore[arg-type]
