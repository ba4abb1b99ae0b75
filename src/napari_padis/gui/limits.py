"""Contrast limits of a spread map: follow the data, but rarely. Free of Qt and napari."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Limits = tuple[float, float]
#: Frames between two looks at the data.
PERIOD = 12
#: Voxels looked at, at most.
SAMPLE = 200_000


class SpreadLimits:
    """Limits (0, about the 99.5th percentile) that change seldom, and never the user's own.

    napari keeps contrast limits when data change, and setting them on every frame
    makes the picture flash; so they are set again only when they are far off.
    """

    def __init__(self) -> None:
        self._own: Limits = (0.0, 1.0)
        self._age = 0

    def reset(self, limits: Limits) -> Limits:
        """First limits of a run, from those of the image."""
        self._own = (0.0, max((limits[1] - limits[0]) / 20, 1e-12))
        self._age = PERIOD
        return self._own

    def expire(self) -> None:
        """Look at the data at the next update."""
        self._age = PERIOD

    def update(self, array: NDArray[Any], present: Limits) -> Limits | None:
        """New limits, or None while the present ones will do."""
        self._age += 1
        if self._age < PERIOD or not np.allclose(present, self._own, rtol=1e-3):
            return None
        flat = array.reshape(-1)
        sample = flat[:: max(1, flat.size // SAMPLE)]
        top = float(np.percentile(sample, 99.5))
        if not np.isfinite(top) or top <= 0:
            return None
        self._age = 0
        if 0.7 < top / self._own[1] < 1.1:
            return None
        self._own = (0.0, top)
        return self._own
