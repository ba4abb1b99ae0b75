"""Blur kernels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError


def uniform_kernel(side: int) -> NDArray[np.float64]:
    """Mean over a square.

    Parameters
    ----------
    side : int
        Pixels along a side, odd.

    Returns
    -------
    ndarray, shape (side, side)
        Weights that add up to one.

    Raises
    ------
    InputError
        If the side is not an odd number from 1.
    """
    _check_side(side)
    return np.full((side, side), 1 / side**2)


def gaussian_kernel(sigma: float, side: int | None = None) -> NDArray[np.float64]:
    """Sampled Gaussian.

    Parameters
    ----------
    sigma : float
        Standard deviation in pixels.
    side : int, optional
        Pixels along a side, odd; when missing, the least that reaches 3 sigma.

    Returns
    -------
    ndarray, shape (side, side)
        Weights that add up to one.

    Raises
    ------
    InputError
        If sigma is not positive or the side is not an odd number from 1.
    """
    if not (math.isfinite(sigma) and sigma > 0):
        raise InputError(f"The width of a Gaussian kernel must be positive, not {sigma:g}.")
    side = 2 * math.ceil(3 * sigma) + 1 if side is None else side
    _check_side(side)
    x = np.arange(side) - side // 2
    profile = np.exp(-0.5 * (x / sigma) ** 2)
    profile /= profile.sum()
    return np.outer(profile, profile)


def _check_side(side: int) -> None:
    if side < 1 or side % 2 == 0:
        raise InputError(f"The side of a kernel must be an odd number of pixels, not {side}.")
