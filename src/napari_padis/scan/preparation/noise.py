"""How noisy the line integrals are, from what the detector tells without the object."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from napari_padis.scan.measurement import Noise
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
        Per ray without the object; the noise is 'unknown' without it, and is then estimated
        by who reconstructs, who also says so.
    """
    if photons is None:
        return Noise("unknown")
    variances = [
        float(np.mean(1 / np.maximum(photons * np.exp(-row.astype(np.float64)), _FLOOR)))
        for row in data
    ]
    return Noise("poisson", sigma=math.sqrt(float(np.mean(variances))), photons=photons)
