"""Noise levels visited by a sampler."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from napari_padis.errors import InputError

if TYPE_CHECKING:
    from napari_padis.posterior.problem import Problem


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


def last_level(problem: Problem, most: float) -> float:
    """Where the noise levels should end: ``most``, or lower where the data are more precise.

    The image at a noise level sigma cannot tell what the data know to less than sigma. In a
    direction with the eigenvalue l of ``A^T A`` they know the image to ``sigma_y / sqrt(l)``; the
    level is that of the mean of l, each weighted by itself, as it is what the data see that
    matters and not how much of the image they leave unseen:

        sigma_y / sqrt(sum l^2 / sum l)

    The eigenvalues are taken for those of plane waves
    (:func:`~napari_padis.posterior.preconditioner.gram_spectrum`). Above this level the noise left
    in what the data determine exceeds what it should be, below it only levels are spent. A
    sampler needs no more levels in all for a lower end, unless they fall by more than about a
    quarter each: then the last ones no longer forget the noise of those above.

    Parameters
    ----------
    problem : Problem
    most : float
        Where the prior's denoiser knows no finer noise, and the end where the data are noisy.

    Returns
    -------
    float
    """
    seen = problem.spectrum.double()
    if not (power := float(seen.square().sum())):
        return most
    return min(most, problem.sigma_y * math.sqrt(float(seen.sum()) / power))
