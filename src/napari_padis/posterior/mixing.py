"""Whether chains have mixed, and what their draws are worth, by a few means of squares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.posterior.effective_size import bulk_effective_size, r_hat, thinning

#: Squares along the shorter side of a slice.
ACROSS = 16
#: Quantities that are judged: the extreme of more of them would tell more of noise than of chains.
#: The least effective size of four is 20 % too small for 4 x 50 independent draws.
MOST = 4
#: R-hat above which chains are said not to have mixed; the strict 1.01 of the method's authors
#: takes some hundred draws to be seen.
LIMIT = 1.05


@dataclass(frozen=True)
class Mixing:
    """What the draws of several chains say of each other.

    Attributes
    ----------
    draws : int
        Of each chain.
    stride : int
        Every how many draws of a chain are nearly independent, for the slowest quantity.
    effective : float or None
        Least bulk effective number of draws over all chains, at most the number of draws; None
        where nothing varies.
    r_hat : float or None
        Largest rank-normalised split R-hat.
    """

    draws: int
    stride: int
    effective: float | None
    r_hat: float | None

    @property
    def notice(self) -> str | None:
        """What the user should know of chains that have not mixed, in one sentence."""
        if self.r_hat is None or self.r_hat <= LIMIT:
            return None
        return (
            f"The chains have not mixed, as far as {self.draws} draws of each can tell (R-hat "
            f"{self.r_hat:.2f}, which should be below {LIMIT:g}): use more evaluations, by more "
            "steps or more draws."
        )


def square_means(image: NDArray[Any]) -> NDArray[np.float64]:
    """Means of all squares of a volume, whose side is a sixteenth of the shorter side.

    Parameters
    ----------
    image : ndarray, shape (S, A, R)
        Rows and columns beyond the last whole square are left out.

    Returns
    -------
    ndarray, shape (S * squares of a slice,)
    """
    slices, *sides = image.shape
    side = max(1, min(sides) // ACROSS)
    rows, columns = (n // side for n in sides)
    inside = image[:, : rows * side, : columns * side]
    parts = inside.reshape(slices, rows, side, columns, side)
    means: NDArray[np.float64] = parts.mean((2, 4), dtype=np.float64).ravel()
    return means


def judge(values: NDArray[Any]) -> Mixing:
    """Look at the quantities that vary most: where the posterior is wide, or chains disagree.

    Parameters
    ----------
    values : ndarray, shape (M, N, quantities)
        Of each draw of each chain, such as :func:`square_means`.

    Raises
    ------
    InputError
        If there are fewer than :data:`~napari_padis.posterior.drawing.FEWEST` draws per chain.
    """
    draws = np.asarray(values, np.float64)
    draws = draws[..., np.argsort(draws.var((0, 1)))[-MOST:]]
    sizes, ratios = bulk_effective_size(draws), r_hat(draws)
    sizes, ratios = sizes[np.isfinite(sizes)], ratios[~np.isnan(ratios)]
    return Mixing(
        draws=draws.shape[1],
        stride=thinning(draws),
        effective=min(float(sizes.min()), float(draws[..., 0].size)) if sizes.size else None,
        r_hat=float(ratios.max()) if ratios.size else None,
    )
