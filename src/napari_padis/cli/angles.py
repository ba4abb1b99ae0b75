"""View angles from a text file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_padis.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read_angles(path: Path) -> NDArray[np.float64]:
    """View angles from a text file of degrees, as radians.

    Raises
    ------
    InputError
        If the file cannot be read or holds anything but numbers.
    """
    import numpy as np

    try:
        words = path.read_text().replace(",", " ").split()
        angles = np.deg2rad(np.array([float(word) for word in words]))
    except OSError as error:
        raise InputError(f"View angles '{path}' cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InputError(f"View angles '{path}' must be numbers in degrees: {error}.") from error
    if not angles.size:
        raise InputError(f"View angles '{path}' are empty.")
    return angles
