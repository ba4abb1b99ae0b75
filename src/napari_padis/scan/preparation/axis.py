"""Where the rotation axis was found, and whether the data leave that open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Score = Callable[[float], float]

#: Opposite rays of the right axis differ by less than this share of what unrelated rays do.
_WEAK = 0.5
#: Gains below this are none.
_FLAT = 0.02
#: A second place counts as good when it takes off this share of what the best one does.
_RIVAL = 0.8
#: Bins, and share of the bins, that must be seen from both sides for half of the full trust:
#: a few at the border agree by chance, as those of an object with two like sides do.
_LEAST, _SMALL = 4.0, 0.05
#: No bin is better than another.
FLAT = "no bin fits better than another"
#: A doubt that goes when the places turn out to be one.
SEVERAL = "several places fit about as well"
#: Candidates that are named.
_MOST = 3


@dataclass(frozen=True)
class Axis:
    """Result of a search for the bin that sees the rotation axis.

    Parameters
    ----------
    centre : float
        The best bin, counted from 0.
    doubt : str
        Why it is not to be relied on, as the end of a sentence; empty when it is clear.
    candidates : tuple of float
        Bins worth a look, the best first.
    """

    centre: float
    doubt: str = ""
    candidates: tuple[float, ...] = ()

    @property
    def sure(self) -> bool:
        """Whether the data leave no doubt."""
        return not self.doubt

    def question(self) -> str:
        """What is found, as a sentence without its stop."""
        if self.doubt == FLAT:
            return f"The data do not tell the rotation axis: {FLAT}"
        bins = [f"{c:.1f}" for c in self.candidates]
        listed = bins[0] if len(bins) == 1 else f"{', '.join(bins[:-1])} or {bins[-1]}"
        return f"The rotation axis is not clear, {self.doubt}; it may be at bin {listed}"


def judged(score: Score, bins: int, share: float = 1.0, step: float = 0.5) -> Axis:
    """Best place of a score along the detector, with its doubts.

    Parameters
    ----------
    score : callable
        About 1 where rays are unrelated, less where they agree.
    bins : int
        Of the detector.
    share : float
        Part of the detector, around its middle, where the axis is looked for.
    step : float
        Distance of the places that are tried, in bins.
    """
    half = (bins - 1) / 2
    reach = max(step, min(share * bins / 2, half - 1))
    grid = half + step * np.arange(-int(reach / step), int(reach / step) + 1)
    values = _scores(score, grid)
    overlap = bins - 2 * np.abs(grid - half)
    gains = (1 - values) * overlap / (overlap + max(_LEAST, _SMALL * bins))
    if gains.max() < _FLAT:
        return Axis(half, FLAT, (half,))
    places = _peaks(grid, gains, apart=max(3.0, 0.03 * bins))
    best = places[0]
    rivals = [k for k in places[1:] if gains[k] > _RIVAL * gains[best]]
    named = [best, *rivals]
    doubt = ""
    if min(best, len(grid) - 1 - best) < 2:
        doubt = "the best place lies at the border of what was searched"
    elif values[best] > _WEAK:
        doubt, named = "opposite rays agree nowhere", places
    elif rivals:
        doubt = SEVERAL
    return Axis(float(grid[best]), doubt, tuple(float(grid[k]) for k in named[:_MOST]))


def _scores(score: Score, grid: NDArray[np.floating]) -> NDArray[np.float64]:
    """Values of a score; 1 where damaged data give none."""
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.array([score(float(x)) for x in grid])
    return np.where(np.isfinite(values), values, 1.0)


def _peaks(grid: NDArray[np.floating], gains: NDArray[np.floating], apart: float) -> list[int]:
    """Indices of the local maxima, the highest first, none close to a higher one."""
    padded = np.concatenate([[-np.inf], gains, [-np.inf]])
    highest = np.flatnonzero((gains >= padded[:-2]) & (gains >= padded[2:]))
    found: list[int] = []
    for k in highest[np.argsort(-gains[highest], kind="stable")]:
        if all(abs(grid[k] - grid[other]) > apart for other in found):
            found.append(int(k))
    return found


def refined(score: Score, start: float, reach: float, step: float) -> float:
    """Place of the smallest value near ``start``: the vertex of a parabola on a grid."""
    grid = np.arange(start - reach, start + reach + step / 2, step)
    values = _scores(score, grid)
    k = int(values.argmin())
    if 0 < k < len(grid) - 1:
        before, here, after = values[k - 1 : k + 2]
        curvature = before - 2 * here + after
        if curvature > 0:
            return float(grid[k] + step * 0.5 * (before - after) / curvature)
    return float(grid[k])
