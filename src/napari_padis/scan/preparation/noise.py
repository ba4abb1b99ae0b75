"""How noisy the line integrals are, from what the detector tells without the object."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.scan.measurement import Noise
from napari_padis.scan.preparation.defects import MAD
from napari_padis.scan.projections import PER_VIEW, Projections

#: Flat fields needed to tell their noise from the differences of the pixels.
_FLATS_NEEDED = 4
#: Middle rows of the detector from which the noise is told.
_ROWS = 32
#: Flat fields below this are taken as photons that were counted one by one.
_SINGLE_PHOTONS = 1000.0
#: Smallest number of photons with which line integrals are weighted.
_FLOOR = 0.5


def photons_per_bin(projections: Projections) -> tuple[float | None, str]:
    """Photons per detector bin without the object, and how they were estimated.

    Variance over mean of repeated flat fields is the number of counts per photon (Janesick,
    Photon Transfer, 2007, eq. 5.1). Each flat field is first divided by its mean: the beam
    varies as a whole, too.
    """
    if projections.contents != "counts" or projections.flats is None:
        return None, "The noise is unknown: there are no flat fields of counts."
    rows = projections.shape[1]
    part = slice((rows - _ROWS) // 2, (rows + _ROWS) // 2) if rows > _ROWS else slice(None)
    net = np.asarray(projections.flats[:, part], dtype=np.float64)
    if projections.darks is not None:
        net -= np.asarray(projections.darks[:, part], dtype=np.float64).mean(axis=0)
    level = float(np.median(net))
    if not level > 0:
        return None, "The noise is unknown: the flat fields are dark."
    if len(net) >= _FLATS_NEEDED and projections.metadata.get("flats") != PER_VIEW:
        means = net.mean(axis=(1, 2), keepdims=True)
        even = net / means * means.mean()
        mean, variance = even.mean(axis=0), even.var(axis=0, ddof=1)
        usable = mean > 0.1 * level
        gain = float(np.median(variance[usable] / mean[usable])) if usable.any() else 0.0
        if gain > 0:
            return level / gain, f"{gain:.3g} counts per photon from {len(net)} flat fields."
    if level < _SINGLE_PHOTONS:
        return level, "Each count is taken as one photon."
    return None, "The noise is unknown: too few flat fields to estimate it."


def noise_of(data: NDArray[np.float32], photons: float | None) -> Noise:
    """Noise of line integrals (rows, views, bins).

    Parameters
    ----------
    data : ndarray, shape (rows, views, bins)
    photons : float, optional
        Per ray without the object; without it the standard deviation is estimated from
        the data and the kind is 'unknown'.
    """
    if photons is None:
        return Noise("unknown", sigma=white_noise(data))
    variances = [
        float(np.mean(1 / np.maximum(photons * np.exp(-row.astype(np.float64)), _FLOOR)))
        for row in data
    ]
    return Noise("poisson", sigma=math.sqrt(float(np.mean(variances))), photons=photons)


def white_noise(data: NDArray[Any]) -> float | None:
    """Standard deviation of white noise, from the differences of neighbouring rays.

    The median of the absolute second differences over bins, or over bins and views if that
    is smaller; smooth structure cancels and edges are too few to matter. None when there
    are fewer than three bins or the value is zero.

    Source: Immerkaer, Computer Vision and Image Understanding 64, 300 (1996), with a median
    in place of his mean.
    """
    if data.shape[-1] < 3:
        return None
    middle = data[len(data) // 2].astype(np.float64)
    # Second differences of white noise have 1 + 4 + 1 times its variance.
    along = (middle[:, :-2] - 2 * middle[:, 1:-1] + middle[:, 2:]) / math.sqrt(6)
    spreads = [float(np.median(np.abs(along)))]
    if len(middle) > 2:
        both = (along[:-2] - 2 * along[1:-1] + along[2:]) / math.sqrt(6)
        spreads.append(float(np.median(np.abs(both))))
    sigma = min(spreads) * MAD
    return sigma if sigma > 0 else None
