"""Crosshair lines in index coordinates. Free of Qt and napari."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Half of the gap in the middle, as a share of the shorter side.
GAP = 0.04


def crosshair_lines(
    point: Sequence[float], low: Sequence[float], high: Sequence[float], normal: int
) -> NDArray[np.float32]:
    """Four segments that meet, but for a gap, at a point of a plane.

    Parameters
    ----------
    point : sequence of 3 floats
        Position along (S, A, R).
    low, high : sequence of 3 floats
        Box that the lines span.
    normal : int
        Axis perpendicular to the plane.

    Returns
    -------
    ndarray, shape (2, 2, 2, 3)
        For each of the two axes of the plane, start and direction of the two segments
        along it.
    """
    axes = [axis for axis in range(3) if axis != normal]
    gap = GAP * min(high[a] - low[a] for a in axes)
    lines = np.zeros((2, 2, 2, 3), dtype=np.float32)
    lines[:, :, 0] = point
    for pair, axis in enumerate(axes):
        before, after = lines[pair]
        before[0, axis] = low[axis]
        before[1, axis] = max(0.0, point[axis] - gap - low[axis])
        after[0, axis] = min(point[axis] + gap, high[axis])
        after[1, axis] = max(0.0, high[axis] - point[axis] - gap)
    return lines
