"""Stored numbers to values: a slope and an intercept, whole where that is exact."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def rescaled(raw: NDArray[Any], slope: float, inter: float) -> NDArray[Any]:
    """``slope * raw + inter``: integers stay integers when both are whole, else float32.

    Colours, records and complex numbers are returned as they are; whoever asks for
    greyscale refuses them.
    """
    if (slope == 1 and inter == 0) or raw.dtype.kind not in "iuf":
        return raw
    if raw.dtype.kind in "iu" and float(slope).is_integer() and float(inter).is_integer():
        ends = [int(raw.min()) * int(slope) + int(inter), int(raw.max()) * int(slope) + int(inter)]
        fits = min(ends) >= -(2**31) and max(ends) < 2**31
        if fits:
            values: NDArray[Any] = raw.astype(np.int64) * int(slope) + int(inter)
            short = min(ends) >= -(2**15) and max(ends) < 2**15
            return values.astype(np.int16 if short else np.int32)
    return np.asarray(raw * np.float64(slope) + inter, dtype=np.float32)
