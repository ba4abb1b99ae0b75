"""Stripes in the sinogram, which become rings in the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from napari_padis.scan.preparation.defects import MAD

#: Standard error of a median over that of a mean.
_MEDIAN_ERROR = 1.2533
_TINY = 1e-30


def remove_offsets(sinogram: NDArray[np.float32], size: int = 21) -> NDArray[np.float32]:
    """Take off what a bin adds to all its views: a wrong flat field, after the logarithm.

    The offset of a bin is the median, over the views, of its difference from the median of
    its neighbours. It is shrunk by the share of its square that the noise explains
    (positive part of James and Stein), so that a sinogram without stripes stays as it is.

    Parameters
    ----------
    sinogram : ndarray, shape (views, bins)
        Line integrals.
    size : int
        Width of the neighbourhood in bins; at least twice that of the widest stripe.
    """
    apart = sinogram - median_filter(sinogram, size=(1, size))
    offset = np.median(apart, axis=0)
    spread = MAD * np.median(np.abs(apart - offset), axis=0)
    variance = (_MEDIAN_ERROR * spread) ** 2 / len(sinogram)
    kept = np.maximum(0, offset**2 - variance) / np.maximum(offset**2, _TINY)
    return (sinogram - kept * offset).astype(np.float32)


def remove_stripes(sinogram: NDArray[np.float32], size: int = 21) -> NDArray[np.float32]:
    """Equalise the responses of neighbouring bins by sorting.

    Neighbouring bins see almost the same distribution of values over all views. The values
    of each bin are sorted, the sorted columns are smoothed by a median filter over the
    bins, and every value goes back to its view. Takes off more than constant offsets, and
    may leave faint streaks along edges.

    Parameters
    ----------
    sinogram : ndarray, shape (views, bins)
        Line integrals.
    size : int
        Width of the median filter in bins; at least twice that of the widest stripe.

    Source: Vo, Atwood and Drakopoulos, Optics Express 26, 28396 (2018), algorithm 3.
    """
    order = np.argsort(sinogram, axis=0, kind="stable")
    smooth = median_filter(np.take_along_axis(sinogram, order, axis=0), size=(1, size))
    result = np.empty_like(sinogram)
    np.put_along_axis(result, order, smooth, axis=0)
    return result


def fitting_size(size: int, bins: int) -> int:
    """Filter width for a detector: odd, and narrow against the object."""
    return min(size, max(3, bins // 20)) | 1
