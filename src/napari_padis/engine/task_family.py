"""Families of tasks: measurements that are alike enough for what was found with one to hold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from napari_padis.likelihood.registry import FORWARDS
from napari_padis.scan.geometry import (
    BlurGeometry,
    CartesianGeometry,
    DownsampleGeometry,
    Geometry,
    MaskGeometry,
)
from napari_padis.scan.measurement import Measurement

Classes = tuple[tuple[float, str], ...]

#: Names of classes, each with the values below which they end.
VIEWS: Classes = (
    (0.05, "extremely sparse views"),
    (0.12, "very sparse views"),
    (0.3, "sparse views"),
    (1.0, "moderately sparse views"),
    (math.inf, "many views"),
)
NOISE: Classes = ((0.002, "nearly exact"), (0.02, "low noise"), (math.inf, "noisy"))
KERNEL: Classes = ((1.5, "light"), (3.5, "medium"), (math.inf, "heavy"))
MISSING: Classes = ((0.3, "few pixels"), (0.7, "many pixels"), (math.inf, "most pixels"))
ACCELERATION: Classes = (
    (1.5, "fully sampled"),
    (3.0, "about 2-fold"),
    (6.0, "about 4-fold"),
    (12.0, "about 8-fold"),
    (math.inf, "more than 12-fold"),
)

#: Widest gap between views, in degrees of the half turn, from which on the angle is limited.
WEDGE = 45.0


def family_of(measurement: Measurement, sigma: float) -> str:
    """Name of a measurement's family, such as 'Parallel-beam CT, sparse views, low noise'.

    Views are counted per pixel of the larger side, noise as a share of the data's RMS, blurs by
    their kernel's standard deviation in pixels.

    Parameters
    ----------
    measurement : Measurement
    sigma : float
        Standard deviation of its noise; 0 for exact data.
    """
    geometry = measurement.geometry
    rms = math.sqrt(float(np.mean(np.abs(measurement.data) ** 2)))
    noise = _class(NOISE, sigma / rms if rms else math.inf)
    title = FORWARDS[geometry.kind].title if geometry.kind in FORWARDS else geometry.kind
    return ", ".join([title, *_data(geometry), noise])


def _class(classes: Classes, value: float) -> str:
    return next((name for end, name in classes if value < end), classes[-1][1])


def _data(geometry: Geometry) -> list[str]:
    """How much of the image the data tell."""
    if isinstance(geometry, CartesianGeometry):
        coils = "one coil" if geometry.coils == 1 else "several coils"
        return [_class(ACCELERATION, geometry.acceleration), coils]
    if isinstance(geometry, BlurGeometry):
        return [_class(KERNEL, _width(geometry.kernel))]
    if isinstance(geometry, DownsampleGeometry):
        return [f"{geometry.factor} x {geometry.factor}"]
    if isinstance(geometry, MaskGeometry):
        return [_class(MISSING, 1 - float(np.mean(geometry.mask)))]
    angles = getattr(geometry, "angles", None)
    if angles is None:
        return []
    wedge = ["limited angle"] if _gap(angles) > WEDGE else []
    return [_class(VIEWS, len(angles) / max(geometry.image_shape)), *wedge]


def _gap(angles: np.ndarray[Any, Any]) -> float:
    """Widest gap between neighbouring directions, in degrees of the half turn."""
    folded = np.sort(np.rad2deg(np.asarray(angles, np.float64)) % 180)
    return float(np.diff(folded, append=folded[0] + 180).max())


def _width(kernel: np.ndarray[Any, Any]) -> float:
    """Standard deviation of a kernel along an axis, in pixels."""
    weights = np.abs(kernel) / np.abs(kernel).sum()
    places = np.indices(kernel.shape).reshape(kernel.ndim, -1)
    centre = (places * weights.ravel()).sum(1)
    square = ((places - centre[:, None]) ** 2 * weights.ravel()).sum(1)
    return math.sqrt(float(square.mean()))
