"""Receive coils and phase of simulated MRI."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import zoom

from napari_padis.errors import InputError

#: Distance of the coils from the centre, in half sides of the image.
RADIUS = 1.5

#: Grid on which a smooth random phase is drawn before it is interpolated.
PHASE_GRID = 4


def birdcage_maps(coils: int, shape: tuple[int, int]) -> NDArray[np.complex64]:
    """Sensitivities of small coils, evenly spaced on a circle around the image.

    Each falls with the inverse distance from its coil and has the direction away from it
    as its phase; together they are scaled so that their energy is one in every pixel, and
    the combined image has the intensity of the object (Roemer et al., MRM 16, 1990).

    Parameters
    ----------
    coils : int
    shape : tuple of int
        Rows and columns.

    Returns
    -------
    ndarray of complex64, shape (coils, rows, columns)

    Raises
    ------
    InputError
        If there is no coil.
    """
    if coils < 1:
        raise InputError(f"At least one coil is needed, not {coils}.")
    y, x = (2 * (np.arange(n) - (n - 1) / 2) / n for n in shape)
    plane = x[None, :] + 1j * y[:, None]
    centres = RADIUS * np.exp(2j * np.pi * np.arange(coils) / coils)
    away = plane - centres[:, None, None]
    # Seen from the middle of the image every coil has the same phase.
    maps = away / np.abs(away) ** 2 * (-centres.conj() / RADIUS)[:, None, None]
    maps /= np.sqrt((np.abs(maps) ** 2).sum(0))
    return maps.astype(np.complex64)


def smooth_phase(shape: tuple[int, ...], strength: float, seed: int) -> NDArray[np.float32]:
    """Smooth random phase, such as uneven fields leave in gradient echoes.

    Parameters
    ----------
    shape : tuple of int
        Slices, rows, columns.
    strength : float
        Standard deviation over many draws at the points of a coarse grid, in radians.
    seed : int

    Returns
    -------
    ndarray, shape of ``shape``
        In radians; the same in all slices up to a constant for each.
    """
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(PHASE_GRID, PHASE_GRID))
    factors = [n / PHASE_GRID for n in shape[1:]]
    plane = zoom(coarse, factors, order=3, mode="nearest", grid_mode=True)
    offsets = rng.normal(size=(shape[0], 1, 1))
    return (strength * (plane + offsets)).astype(np.float32)
