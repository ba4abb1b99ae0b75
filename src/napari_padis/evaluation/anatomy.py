"""Parts of a CT image by its Hounsfield units: the body, and classes of tissue."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

#: Least HU of each class and one past the most. What lies between lung and fat is mostly
#: borders of organs within one voxel.
TISSUES = {
    "air": (-np.inf, -950.0),
    "lung": (-950.0, -500.0),
    "borders": (-500.0, -150.0),
    "fat": (-150.0, -30.0),
    "soft tissue": (-30.0, 150.0),
    "bone": (150.0, np.inf),
}

#: HU above which a voxel belongs to the body, whatever is inside.
SKIN = -500.0


def body_mask(image: NDArray[Any]) -> NDArray[np.bool_]:
    """The body in a slice, lungs and bowel gas included.

    The largest connected part above :data:`SKIN` after a small opening (which cuts off the
    table), its holes filled.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        In HU.
    """
    dense = ndimage.binary_opening(np.asarray(image) > SKIN, iterations=2)
    labels, count = ndimage.label(dense)
    if count == 0:
        return np.zeros(image.shape, bool)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    filled: NDArray[np.bool_] = ndimage.binary_fill_holes(labels == sizes.argmax())
    return filled


def tissue(image: NDArray[Any], name: str) -> NDArray[np.bool_]:
    """Voxels of one of the classes :data:`TISSUES`."""
    low, high = TISSUES[name]
    found: NDArray[np.bool_] = (np.asarray(image) >= low) & (np.asarray(image) < high)
    return found


def squares(mask: NDArray[np.bool_], side: int) -> NDArray[np.int64]:
    """Labels 1, 2, ... of squares that lie in a mask as a whole, 0 elsewhere.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, columns)
    side : int
        In voxels.
    """
    labels = np.zeros(mask.shape, np.int64)
    count = 0
    for row in range(0, mask.shape[0] - side + 1, side):
        for column in range(0, mask.shape[1] - side + 1, side):
            part = (slice(row, row + side), slice(column, column + side))
            if mask[part].all():
                count += 1
                labels[part] = count
    return labels
