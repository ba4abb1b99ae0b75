"""View angles as files state them: in degrees or radians, under many names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.files import existing, reading

#: Beginnings of the names under which angles are stored.
NAMES = ("angle", "theta", "rotationangle", "projangle", "projectionangle", "viewangle")

#: More than one turn in radians, so that 0 ... 2 pi with a rounding error still counts.
_TURN = 2 * np.pi * 1.01


def is_angle_name(name: str) -> bool:
    """Whether an array of this name (``anglesRad``, ``theta``, ...) holds view angles."""
    plain = name.lower().replace("_", "").replace(" ", "")
    return plain.startswith(NAMES)


def in_radians(
    values: Any, name: str = "", units: str = "", source: str = "The file"
) -> tuple[NDArray[np.float64], str]:
    """View angles in radians, and how their unit was found out.

    The stated unit decides, then the name (``anglesRad``, ``theta_deg``), then the values:
    they are degrees if they exceed one turn in radians or are whole numbers.

    Parameters
    ----------
    values : array-like
        One angle per view, in any shape with one long axis.
    name : str
        Name under which they are stored.
    units : str
        Unit the file states, if any.
    source : str
        Beginning of the sentence of an error.

    Raises
    ------
    InputError
        If they are no finite numbers, or the unit is unknown.
    """
    array = np.asarray(values)
    if (
        array.dtype.kind not in "fiu"
        or array.size == 0
        or array.size != max(array.shape, default=1)
    ):
        raise InputError(f"{source} has view angles that are not a list of numbers.")
    angles = np.atleast_1d(array.astype(np.float64).squeeze())
    if not np.isfinite(angles).all():
        raise InputError(f"{source} has view angles that are not finite numbers.")
    degrees, note = _in_degrees(angles, name, units, source)
    return (np.deg2rad(angles) if degrees else angles), note


def _in_degrees(
    angles: NDArray[np.float64], name: str, units: str, source: str
) -> tuple[bool, str]:
    said = units.strip().lower()
    if said:
        if said.startswith("deg") or said == "°":
            return True, "The angles are stated in degrees."
        if said.startswith("rad"):
            return False, "The angles are stated in radians."
        raise InputError(
            f"{source} states its angles in '{units}'; degrees or radians are understood."
        )
    if "rad" in name.lower():
        return False, f"The angles '{name}' are taken as radians."
    if "deg" in name.lower():
        return True, f"The angles '{name}' are taken as degrees."
    whole = len(angles) > 2 and np.array_equal(angles, np.round(angles))
    degrees = bool(np.ptp(angles) > _TURN or whole)
    unit = "degrees" if degrees else "radians"
    return degrees, f"The unit of the angles is not stated; by their range they are {unit}."


def read_angles(path: str | Path) -> tuple[NDArray[np.float64], str]:
    """Angles of a text file, one per line (degrees or radians), or of a .npy file.

    Lines that begin with ``#`` are skipped.

    Returns
    -------
    angles : ndarray, shape (views,)
        In radians.
    note : str
        How the unit was found out.

    Raises
    ------
    InputError
        If the file is missing or holds anything but one number per line.
    """
    path = existing(path)
    with reading(path, "list of angles"):
        if path.suffix.lower() == ".npy":
            values = np.load(path, allow_pickle=False)
        else:
            lines = [line.split("#")[0].strip() for line in path.read_text().splitlines()]
            values = np.array([float(line.rstrip(",;")) for line in lines if line])
    return in_radians(values, path.stem, source=f"'{path.name}'")
