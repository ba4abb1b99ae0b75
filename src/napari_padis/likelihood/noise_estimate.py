"""The noise level of a measurement, estimated from its data alone."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from napari_padis.scan.geometry import CartesianGeometry, Geometry, MaskGeometry
from napari_padis.scan.measurement import Measurement

Array = NDArray[np.float64]

#: Median of the absolute value of a standard normal variable.
MEDIAN = 0.6744897501960817

#: Order of the differences along the detector: annihilates polynomials of one degree less.
ORDER = 6

#: Share of the measured k-space samples, the farthest from the centre, that is taken for noise.
OUTERMOST = 0.05

#: High-pass filter of Daubechies' wavelet with two vanishing moments.
WAVELET = np.array([1 - math.sqrt(3), math.sqrt(3) - 3, 3 + math.sqrt(3), -1 - math.sqrt(3)])
WAVELET /= 4 * math.sqrt(2)

#: Fewest numbers that are worth a median.
FEWEST = 50


def estimate_sigma(measurement: Measurement) -> float:
    """Standard deviation of white noise in the data of a measurement.

    Differences that take away smooth signal leave noise, and of it the median absolute
    value, which does not mind the few places where signal is left (Donoho and Johnstone,
    Biometrika 81, 1994).

    - Projections: differences of sixth order along the detector, also combined with second
      ones along the views (cone beam: along the detector's rows); the smaller result counts.
    - k-space: the outermost measured samples, each coil for itself.
    - Images: diagonal wavelet details, of masked images differences of neighbours.

    Detail as fine as a bin or pixel cannot be told from noise, so that low noise is seen too
    large: below some 0.5 % of the RMS in sinograms, 4 % of the image's RMS in k-space, and
    always in coarse pixels. What noise the image itself has counts too. Data that were
    interpolated or smoothed have more noise than is seen. Where noise differs over the data
    the result is a typical value: with photon noise, below the RMS.

    Parameters
    ----------
    measurement : Measurement
        Any kind; its recorded noise is not looked at.

    Returns
    -------
    float
        In the unit of the data, of real and imaginary part each in k-space; 0 when the data
        are too few or have no differences at all.
    """
    data, geometry = np.asarray(measurement.data), measurement.geometry
    if isinstance(geometry, CartesianGeometry):
        return _kspace(data, geometry.mask)
    values = data.astype(np.float64)
    if geometry.attenuation:
        return _projections(values)
    return _images(values, geometry)


def _projections(data: Array) -> float:
    if data.shape[-1] <= ORDER:
        return 0.0
    along = _difference(data, ORDER, -1)
    across = _difference(along, 2, -2) if data.shape[-2] > 2 else along[..., :0]
    return min((level for level in (_level(along), _level(across)) if level > 0), default=0.0)


def _kspace(data: NDArray[np.complexfloating], mask: NDArray[np.bool_]) -> float:
    """RMS over the coils of the level of each, from samples far from the centre."""
    rows, columns = (np.abs(np.arange(n) - n // 2) / max(n // 2, 1) for n in mask.shape)
    radius = np.hypot(rows[:, None], columns)
    outer = mask & (radius >= np.quantile(radius[mask], 1 - OUTERMOST))
    parts = data[..., outer]  # (slices, coils, samples)
    levels = [_level(np.stack([coil.real, coil.imag])) for coil in np.moveaxis(parts, 1, 0)]
    return math.sqrt(float(np.mean(np.square(levels))))


def _images(data: Array, geometry: Geometry) -> float:
    if isinstance(geometry, MaskGeometry):
        mask = geometry.mask
        whole = mask[1:, 1:] & mask[1:, :-1] & mask[:-1, 1:] & mask[:-1, :-1]
        return _level(_difference(_difference(data, 1, -1), 1, -2)[..., whole])
    if min(data.shape[-2:]) < len(WAVELET):
        return 0.0
    return _level(_detail(_detail(data, -1), -2))


def _difference(data: Array, order: int, axis: int) -> Array:
    """Differences that leave the standard deviation of white noise as it is."""
    return np.diff(data, order, axis=axis) / math.sqrt(math.comb(2 * order, order))


def _detail(data: Array, axis: int) -> Array:
    """Wavelet coefficients of the finest scale along an axis, every second one."""
    count = data.shape[axis] - len(WAVELET) + 1
    parts = [
        weight * np.take(data, np.arange(i, i + count, 2), axis) for i, weight in enumerate(WAVELET)
    ]
    return np.sum(parts, axis=0)


def _level(noise: Array) -> float:
    """Standard deviation of zero-mean noise by its median absolute value.

    Exact zeros are left out: they come from clipped air, padding and missing data.
    """
    values = np.abs(noise[noise != 0])
    return float(np.median(values)) / MEDIAN if values.size >= FEWEST else 0.0
