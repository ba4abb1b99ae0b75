"""Coil maps of a measurement that came without them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.geometry import CartesianGeometry
from napari_padis.scan.measurement import Measurement

#: Largest and smallest side of the calibration region, and of the kernels (ESPIRiT's usual).
MOST, LEAST, KERNEL = 24, 8, 6


def with_maps(measurement: Measurement) -> Measurement:
    """The measurement with coil maps in its geometry.

    Several coils without maps get theirs by ESPIRiT, slice by slice, from the fully sampled
    centre of k-space; every other measurement is returned as it is.

    Raises
    ------
    InputError
        If there is no fully sampled centre, or it holds nothing but zeros.
    """
    geometry = measurement.geometry
    if (
        not isinstance(geometry, CartesianGeometry)
        or geometry.coils == 1
        or geometry.maps is not None
    ):
        return measurement
    region = calibration_region(geometry.mask)
    sides = _sides(region)
    if min(sides) < LEAST:
        raise InputError(
            f"Coil maps cannot be estimated from '{measurement.name}': the fully sampled centre "
            f"of its k-space has {sides[0]} x {sides[1]} samples and at least {LEAST} x {LEAST} "
            "are needed; measure such a centre, or give coil maps."
        )
    from napari_padis.likelihood.espirit import espirit

    kernel = min(KERNEL, min(sides) // 2)
    maps = np.empty(measurement.data.shape, dtype=np.complex64)
    for k, kspace in enumerate(measurement.data):
        calibration = kspace[:, *region]
        if not calibration.any():
            raise InputError(
                f"Slice {k} of '{measurement.name}' has no signal in the centre of k-space; "
                "leave it out."
            )
        maps[k] = espirit(calibration, geometry.image_shape, kernel)
    return replace(measurement, geometry=replace(geometry, maps=maps))


def calibration_region(mask: NDArray[np.bool_], most: int = MOST) -> tuple[slice, slice]:
    """Largest fully sampled rectangle around the centre of k-space.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, columns)
    most : int
        Longer sides count, and are, no more than this.

    Returns
    -------
    tuple of slice
        Rows and columns, the zero frequency in their middle; on an even number of them it
        is the one or the other of the two middle ones. Empty slices when it was not measured.
    """
    best, area = (slice(0, 0), slice(0, 0)), 0
    for row in _middles(mask.shape[0], most):
        width = _longest(np.logical_and.reduce(mask[row]), most)
        size = (row.stop - row.start) * (width.stop - width.start)
        if size > area:
            best, area = (row, width), size
    return best


def calibration_shape(measurement: Measurement) -> tuple[int, int]:
    """Sides of the region from which :func:`with_maps` estimates the maps."""
    assert isinstance(measurement.geometry, CartesianGeometry)
    return _sides(calibration_region(measurement.geometry.mask))


def _sides(region: tuple[slice, slice]) -> tuple[int, int]:
    return region[0].stop - region[0].start, region[1].stop - region[1].start


def _middles(count: int, most: int) -> list[slice]:
    """Ranges of every length up to ``most`` with index ``count // 2`` in the middle."""
    found = []
    for side in range(1, min(most, count) + 1):
        for low in sorted({count // 2 - side // 2, count // 2 - (side - 1) // 2}):
            if low >= 0 and low + side <= count:
                found.append(slice(low, low + side))
    return found


def _longest(full: NDArray[np.bool_], most: int) -> slice:
    """Longest of the middle ranges in which all values are true; empty if there is none."""
    fitting = [part for part in _middles(len(full), most) if full[part].all()]
    return max(fitting, key=lambda part: part.stop - part.start, default=slice(0, 0))
