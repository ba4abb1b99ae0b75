"""Numbers as people read them. Free of Qt."""

from __future__ import annotations

import math
from collections.abc import Sequence


def duration(seconds: float) -> str:
    """Seconds as ``m:ss`` or ``h:mm:ss``; a dash while unknown."""
    if not math.isfinite(seconds) or seconds < 0:
        return "–"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{secs:02d}" if hours else f"{minutes}:{secs:02d}"


def size(count: float) -> str:
    """Bytes with a decimal prefix."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def product(values: Sequence[float], digits: int = 2) -> str:
    """``2.5 × 0.7 × 0.7``; three digits of what is below 1, so that no length becomes 0."""

    def one(value: float) -> str:
        if 0 < abs(value) < 1:
            return f"{value:.3g}"
        return f"{value:.{digits}f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.0f}"

    return " × ".join(map(one, values))


def count(value: int) -> str:
    """A large number in short: 2.3 M, 56 k."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g} {letter}"
    return str(value)


def number(value: float, digits: int = 3) -> str:
    """Three significant digits, or a dash while unknown."""
    return f"{value:.{digits}g}" if math.isfinite(value) else "–"


def with_error(value: float, error: float) -> str:
    """``43.2 ± 5.1``: as many decimals as give the error two digits."""
    if not (math.isfinite(error) and error > 0):
        return number(value)
    decimals = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{decimals}f} ± {error:.{decimals}f}"
