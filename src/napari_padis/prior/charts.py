"""Line charts below each other, and figures written at once or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Point = tuple[float, float]

#: Colours that stay apart for colour-blind readers (Okabe and Ito, 2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")

#: Width of a figure, and height of a chart in it, in inches.
WIDTH, HEIGHT = 7.6, 2.7


@dataclass(frozen=True)
class Chart:
    """Curves over a common axis.

    Parameters
    ----------
    title, x_label : str
    curves : mapping of str to sequence of points
        Points (x, y) in order; what cannot be drawn is left out.
    log_y : bool
        Logarithmic axis: only positive values are drawn.
    """

    title: str
    x_label: str
    curves: Mapping[str, Sequence[Point]]
    log_y: bool = False

    def draw(self, axes: Axes) -> None:
        """Draw into axes."""
        for (name, points), colour in zip(self.curves.items(), cycle(COLOURS), strict=False):
            x, y = np.array(points, float).reshape(-1, 2).T
            fine = np.isfinite(y) & (y > 0 if self.log_y else True)
            marker = "o" if fine.sum() < 40 else ""
            axes.plot(x[fine], y[fine], color=colour, label=name, marker=marker, markersize=3)
        axes.set_title(self.title, fontsize=10, loc="left")
        axes.set_xlabel(self.x_label)
        if self.log_y:
            axes.set_yscale("log")
        axes.grid(color="#dddddd")
        axes.set_axisbelow(True)
        if any(self.curves):
            axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)


def figure_of(charts: Sequence[Chart]) -> Figure:
    """Charts below each other."""
    figure = blank(WIDTH, HEIGHT * len(charts))
    for chart, axes in zip(charts, figure.subplots(len(charts), squeeze=False)[:, 0], strict=True):
        chart.draw(axes)
    return figure


def blank(width: float, height: float) -> Figure:
    """An empty figure of some inches, without any window system."""
    # Loaded late: only studies and trainings draw.
    from matplotlib.figure import Figure

    return Figure((width, height), dpi=100, layout="constrained")


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as what its file ending says; a file is complete or as it was before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    figure.savefig(temporary, format=path.suffix[1:])
    os.replace(temporary, path)
    return path
