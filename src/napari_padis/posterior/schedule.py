"""Noise levels visited by a sampler."""

from __future__ import annotations

import numpy as np

from napari_padis.errors import InputError


def geometric(sigma_max: float, sigma_min: float, levels: int) -> list[float]:
    """Geometrically spaced levels from ``sigma_max`` down to ``sigma_min``."""
    if not sigma_max > sigma_min > 0:
        raise InputError(
            f"Noise levels must fall from sigma_max to sigma_min > 0, "
            f"not from {sigma_max} to {sigma_min}."
        )
    if levels < 1:
        raise InputError(f"At least one noise level is needed, not {levels}.")
    if levels == 1:
        return [float(sigma_max)]
    return [float(s) for s in np.geomspace(sigma_max, sigma_min, levels)]
