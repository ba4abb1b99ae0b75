"""Grey-level windows: which values are shown black and white."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.units import hu_to_mu

#: Usual CT windows as (black, white) in HU. 'full' is the range of the CT priors and of
#: the reported PSNR, so it is the default: nothing that is reconstructed is hidden.
WINDOWS: dict[str, tuple[float, float]] = {
    "full": (-1000.0, 1000.0),
    "lung": (-1350.0, 150.0),
    "soft tissue": (-160.0, 240.0),
    "bone": (-450.0, 1050.0),
    "brain": (0.0, 80.0),
}


def contrast_limits(
    array: NDArray[Any], unit: str = "arbitrary", window: str = "full"
) -> tuple[float, float]:
    """Values to show black and white.

    Parameters
    ----------
    array : ndarray
        Voxels.
    unit : {'HU', '1/mm', 'arbitrary'}
    window : str
        Name in :data:`WINDOWS`, used for HU and 1/mm.

    Returns
    -------
    low, high : float
        ``low < high``; the 0.1 and 99.9 percentiles for arbitrary units, and in HU where
        nothing is below water: differences and standard deviations are no pictures of a body.
    """
    if window not in WINDOWS:
        raise InputError(f"Unknown window '{window}'; use one of {', '.join(WINDOWS)}.")
    low, high = WINDOWS[window]
    if unit == "HU":
        return (low, high) if np.min(array, initial=0) < 0 else percentile_limits(array)
    if unit == "1/mm":
        return hu_to_mu(low), hu_to_mu(high)
    return percentile_limits(array)


def percentile_limits(
    array: NDArray[Any], low: float = 0.1, high: float = 99.9
) -> tuple[float, float]:
    """Percentiles of at most about a million voxels, kept apart when the image is flat."""
    flat = np.asarray(array).reshape(-1)
    values = flat[:: max(1, flat.size // 1_000_000)].astype(np.float64)
    values = values[np.isfinite(values)]
    if values.size == 0:
        return 0.0, 1.0
    bottom, top = (float(v) for v in np.percentile(values, [low, high]))
    if not top > bottom:
        bottom, top = float(values.min()), float(values.max())
    if not top > bottom:
        top = bottom + 1.0
    return bottom, top
