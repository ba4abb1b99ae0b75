"""What the values of projections are, where the file does not say."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: No ray passes through so much that its line integral exceeds this.
MOST_ATTENUATED = 20.0
#: Noise and refraction do not lift a transmission higher.
_MOST_TRANSMITTED = 2.0


def guess_contents(stack: NDArray[Any]) -> tuple[str, tuple[str, ...]]:
    """What the values of projections (views, rows, bins) are, and a note that says so.

    The outer bins, which see air in most scans, are compared with the inner ones: they
    are the darker ones in line integrals. Of bright air, large values are counts.
    """
    part = stack[:: max(1, len(stack) // 64)].astype(np.float64)
    part = np.where(np.isfinite(part), part, np.nan)
    top = float(np.nanmax(part)) if np.isfinite(part).any() else 0.0
    outer = max(1, part.shape[2] // 50)
    edges = float(np.nanmedian(np.concatenate([part[..., :outer], part[..., -outer:]], axis=-1)))
    third = part.shape[2] // 3
    inside = float(np.nanmedian(part[..., third : part.shape[2] - third]))
    if edges > inside and top > _MOST_TRANSMITTED:
        return "counts", ("The values are taken as detector counts (air is bright).",)
    if edges > inside:
        return "transmission", ("The values are taken as transmission (air is bright).",)
    note = "The values are taken as line integrals (air is dark)."
    if top > MOST_ATTENUATED:
        note = f"{note[:-2]}), in an unknown scale."
    return "line integrals", (note,)
