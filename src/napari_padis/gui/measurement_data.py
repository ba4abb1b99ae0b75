"""Measurements as napari layers and back, without importing napari.

All axes are in mm, because napari draws no scale bar once one layer's units differ from
the others'. Axes without a length of their own (views, samples of k-space) get one that
looks well.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.gui.layer_world import KEY, entry_of
from napari_padis.gui.world import WORLD, Place, as_shown, resting_place, shown_affine
from napari_padis.scan.display import contrast_limits, percentile_limits
from napari_padis.scan.geometry import (
    ConeGeometry,
    DownsampleGeometry,
    FanGeometry,
    Geometry,
    ParallelGeometry,
    from_dict,
)
from napari_padis.scan.measurement import Measurement, Noise
from napari_padis.scan.units import MU_WATER

LayerData = tuple[Any, dict[str, Any], str]

#: Decades of k-space magnitude that are shown.
DECADES = 5.0

#: What the data of a forward model are called; image data otherwise.
_NOUNS = {
    "parallel": "sinogram",
    "fan": "sinogram",
    "cone": "cone-beam scan",
    "cartesian": "k-space",
}


def noun(geometry: Geometry) -> str:
    """What the data of a geometry are called."""
    return _NOUNS.get(geometry.kind, "image data")


def is_image(geometry: Geometry) -> bool:
    """Whether the data of a geometry are themselves an image along (S, A, R)."""
    return noun(geometry) == "image data"


def measurement_layer(
    measurement: Measurement, place: Place | None = None, **overrides: Any
) -> LayerData:
    """Image layer of a measurement.

    Its axes are (slice, view, detector) for sinograms, (view, S, row, column) with one
    slice as thick as the image for cone beams, (S, P, L) for image data, which lie on the image
    that is made of them, and (slice, ky, kx) for k-space, of which the logarithm of the root
    sum of squares over the coils is shown while the data themselves stay in ``metadata``.

    Parameters
    ----------
    measurement : Measurement
    place : Place, optional
        Where the image lies in the viewer's world; at its patient coordinates when missing.
    **overrides
        Layer arguments that differ, such as ``name`` or ``colormap``.
    """
    geometry = measurement.geometry
    assert measurement.affine is not None
    spacing, shape = measurement.spacing, measurement.volume_shape
    if place is None:
        place = resting_place(measurement.affine, shape, spacing)
    matrix = place.matrix(spacing)
    entry = {
        "kind": "measurement",
        "geometry": geometry.to_dict(),
        "noise": asdict(measurement.noise),
        "unit": measurement.unit,
        "mu_water": measurement.mu_water,
        "affine": np.array(measurement.affine),
        "world": shown_affine(measurement.affine, shape) @ np.linalg.inv(matrix),
        "space": measurement.space,
        "provenance": dict(measurement.provenance),
    }
    data, image = measurement.data, is_image(geometry)
    if image:
        data = np.ascontiguousarray(as_shown(data))
    elif np.iscomplexobj(data):
        entry["data"], data = data, log_magnitude(data)
    elif isinstance(geometry, ConeGeometry):
        # Views on the slider of the slices would make it as long as there are views.
        data = data[:, None]
    scale, labels = _axes(geometry)
    first = np.zeros(len(scale))
    first[-3:] = place.translate if image else matrix[:3, 3]
    arguments: dict[str, Any] = {
        "name": measurement.name,
        "scale": scale,
        "translate": tuple(float(t) for t in first + offset(geometry)),
        "affine": np.eye(len(scale) + 1)
        if place.turn is None or not image
        else np.array(place.turn),
        "units": (place.units,) * len(scale),
        "axis_labels": place.labels if image else labels,
        "contrast_limits": contrast_limits(data, measurement.unit)
        if image
        else percentile_limits(data, 0, 100),
        "colormap": "gray",
        "metadata": {KEY: entry},
    }
    return data, arguments | overrides, "image"


def _axes(geometry: Geometry) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Scale in mm, and names of the axes."""
    if isinstance(geometry, ConeGeometry):
        thickness = geometry.slices * geometry.slice_spacing
        return (1.0, thickness, *geometry.detector_pitch), ("view", "S", "row", "column")
    if isinstance(geometry, ParallelGeometry | FanGeometry):
        # Drawn half as high as the detector is wide, however many views there are.
        height = geometry.detector_pitch * geometry.detectors / (2 * len(geometry.angles))
        scale = (geometry.slice_spacing, height, geometry.detector_pitch)
        return scale, ("slice", "view", "detector")
    if geometry.channels == 2:
        return (geometry.slice_spacing, *geometry.pixel), ("slice", "ky", "kx")
    factor = geometry.factor if isinstance(geometry, DownsampleGeometry) else 1
    pixel = (factor * geometry.pixel[0], factor * geometry.pixel[1])
    return (geometry.slice_spacing, *pixel), WORLD


def offset(geometry: Geometry) -> tuple[float, ...]:
    """Position in mm of the first datum from that of the first voxel of the image as shown.

    The centre of a coarse pixel lies in the middle of its fine ones, the one thick slice of
    a cone beam in the middle of all slices.
    """
    if isinstance(geometry, ConeGeometry):
        return (0.0, (geometry.slices - 1) / 2 * geometry.slice_spacing, 0.0, 0.0)
    if not isinstance(geometry, DownsampleGeometry):
        return (0.0, 0.0, 0.0)
    half = (geometry.factor - 1) / 2
    return (0.0, half * geometry.pixel[0], half * geometry.pixel[1])


def log_magnitude(kspace: NDArray[np.complexfloating[Any, Any]]) -> NDArray[np.float32]:
    """Decades above the faintest that is shown, of the root sum of squares over coils.

    Parameters
    ----------
    kspace : ndarray, shape (slices, coils, rows, columns)

    Returns
    -------
    ndarray of float32, shape (slices, rows, columns)
        Between 0 (also where nothing was measured) and :data:`DECADES`.
    """
    power = (kspace.real.astype(np.float32) ** 2 + kspace.imag.astype(np.float32) ** 2).sum(axis=1)
    top = float(power.max())
    if not top > 0:
        return np.zeros_like(power)
    decades = 0.5 * np.log10(np.maximum(power / top, 1e-30)) + DECADES
    return np.maximum(decades, 0).astype(np.float32)


def is_measurement(layer: Any) -> bool:
    """Whether a layer holds one of our measurements."""
    return bool(entry_of(layer).get("kind") == "measurement")


def measurement_from_layer(layer: Any) -> Measurement | None:
    """Measurement of a layer of this plugin; None for any other layer.

    Raises
    ------
    InputError
        If the layer's data no longer fit its geometry.
    """
    name = str(getattr(layer, "name", "layer"))
    entry = entry_of(layer)
    if entry.get("kind") != "measurement":
        return None
    data = np.asarray(layer.data, dtype=np.float32)
    if "data" in entry:
        shown, data = data.shape, np.asarray(entry["data"])
        if shown != (len(data), *data.shape[2:]):
            raise InputError(
                f"Layer '{name}' shows k-space that was cropped or changed; its data cannot be "
                "found again. Open the file anew."
            )
    geometry = from_dict(entry["geometry"])
    if isinstance(geometry, ConeGeometry) and data.ndim == 4 and data.shape[1] == 1:
        data = data[:, 0]
    if is_image(geometry) and "world" in entry:  # layers of earlier versions were (S, A, R)
        data = np.ascontiguousarray(as_shown(data))
    return Measurement(
        data=data,
        geometry=geometry,
        noise=Noise(**entry.get("noise", {})),
        unit=entry.get("unit", "HU"),
        mu_water=float(entry.get("mu_water", MU_WATER)),
        affine=np.asarray(entry["affine"], dtype=np.float64),
        name=name,
        provenance=entry.get("provenance", {}),
        space=entry.get("space", "unknown"),
    )
