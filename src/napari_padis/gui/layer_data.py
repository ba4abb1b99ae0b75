"""Between our volumes and measurements and napari's layers, without importing napari."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_padis.errors import InputError
from napari_padis.scan.display import contrast_limits, percentile_limits
from napari_padis.scan.geometry import from_dict
from napari_padis.scan.measurement import Measurement, Noise
from napari_padis.scan.orientation import plain_numbers, voxel_sizes
from napari_padis.scan.units import MU_WATER
from napari_padis.scan.volume import AXIS_LABELS, UNITS, Volume, sar_affine

LayerData = tuple[Any, dict[str, Any], str]

#: Key of our entry in a layer's metadata.
KEY = "napari_padis"

_MILLIMETRES = {
    "nanometer": 1e-6, "nm": 1e-6, "micrometer": 1e-3, "micron": 1e-3, "um": 1e-3, "µm": 1e-3,
    "millimeter": 1.0, "mm": 1.0, "centimeter": 10.0, "cm": 10.0, "meter": 1000.0, "m": 1000.0,
    "inch": 25.4,
}  # fmt: skip


def volume_layer(volume: Volume, **overrides: Any) -> LayerData:
    """Image layer of a volume, with mm scale, units, axis labels and contrast limits.

    Parameters
    ----------
    volume : Volume
    **overrides
        Layer arguments that differ, such as ``name`` or ``colormap``.
    """
    arguments: dict[str, Any] = {
        "name": volume.name,
        "scale": volume.spacing,
        "units": ("mm",) * 3,
        "axis_labels": AXIS_LABELS,
        "contrast_limits": contrast_limits(volume.array, volume.unit),
        "colormap": "gray",
        "metadata": {KEY: volume_metadata(volume)},
    }
    return volume.array, arguments | overrides, "image"


def volume_metadata(volume: Volume) -> dict[str, Any]:
    """What a layer must remember so that writing gives the volume back."""
    return {
        "kind": "volume",
        "shape": tuple(volume.shape),
        "affine": np.array(volume.affine),
        "unit": volume.unit,
        "notes": list(volume.notes),
        "metadata": dict(volume.metadata),
    }


def measurement_layer(measurement: Measurement, **overrides: Any) -> LayerData:
    """Image layer of a sinogram with the axes (slice, view, detector).

    All axes are in mm, because napari draws no scale bar once one layer's units differ
    from the others'. The view axis has no length of its own; it is drawn half as high
    as the detector is wide.
    """
    geometry = measurement.geometry
    views, bins = geometry.data_shape
    height = geometry.detector_pitch * bins / (2 * views)
    noise = measurement.noise
    entry = {
        "kind": "measurement",
        "geometry": geometry.to_dict(),
        "noise": {"kind": noise.kind, "sigma": noise.sigma, "photons": noise.photons,
                  "electronic": noise.electronic},
        "unit": measurement.unit,
        "mu_water": measurement.mu_water,
        "affine": np.array(measurement.affine),
        "provenance": dict(measurement.provenance),
    }  # fmt: skip
    arguments: dict[str, Any] = {
        "name": measurement.name,
        "scale": (geometry.slice_spacing, height, geometry.detector_pitch),
        "units": ("mm",) * 3,
        "axis_labels": ("slice", "view", "detector"),
        "contrast_limits": percentile_limits(measurement.data, 0, 100),
        "colormap": "gray",
        "metadata": {KEY: entry},
    }
    return measurement.data, arguments | overrides, "image"


def is_measurement(layer: Any) -> bool:
    """Whether a layer holds one of our sinograms."""
    return bool(_entry(layer).get("kind") == "measurement")


def volume_from_layer(layer: Any) -> Volume:
    """Volume of an image layer, ours or anybody's.

    A layer with our metadata keeps its affine and intensity unit; when its scale was
    changed since, the new scale counts. Any other layer is taken as (S, A, R)+ with
    its scale in its own length units (pixels count as mm), arbitrary intensity, or HU
    when ``metadata['unit']`` says so.

    Parameters
    ----------
    layer : object
        Has ``data``, ``scale``, ``units``, ``metadata`` and ``name`` like a napari image.

    Raises
    ------
    InputError
        If the layer is no greyscale image of two or three dimensions.
    """
    name = str(getattr(layer, "name", "layer"))
    data = layer.data[0] if getattr(layer, "multiscale", False) else layer.data
    if getattr(layer, "rgb", False):
        raise InputError(f"Layer '{name}' is a colour image; a greyscale image is needed.")
    if is_measurement(layer):
        raise InputError(f"Layer '{name}' is a sinogram, not a volume; choose another layer.")
    array = np.asarray(data)
    if array.ndim not in (2, 3) or array.size == 0:
        raise InputError(
            f"Layer '{name}' has {array.ndim} axes of shape {array.shape}; a 3D volume is needed."
        )
    spacing, notes = _spacing(layer, array.ndim)
    if array.ndim == 2:
        array = array[None]
    array, more = plain_numbers(array, name)
    entry = _entry(layer)
    unit = entry.get("unit", _metadata(layer).get("unit", "arbitrary"))
    affine = sar_affine(spacing)
    if entry.get("kind") == "volume":
        affine = np.array(entry["affine"], dtype=np.float64)
        affine[:3, :3] *= np.asarray(spacing) / voxel_sizes(affine)
        if tuple(entry.get("shape", array.shape)) != array.shape:
            more += ("The layer was cropped or resampled, so its origin is not exact.",)
    return Volume(
        array=array,
        spacing=spacing,
        unit=unit if unit in UNITS else "arbitrary",
        affine=affine,
        name=name,
        metadata=dict(entry.get("metadata", {})),
        notes=(*entry.get("notes", ()), *notes, *more),
    )


def measurement_from_layer(layer: Any) -> Measurement | None:
    """Measurement of a sinogram layer of this plugin; None for any other layer.

    Raises
    ------
    InputError
        If the layer's data no longer fit its geometry.
    """
    name = str(getattr(layer, "name", "layer"))
    entry = _entry(layer)
    if entry.get("kind") != "measurement":
        return None
    data = np.asarray(layer.data, dtype=np.float32)
    return Measurement(
        data=data,
        geometry=from_dict(entry["geometry"]),
        noise=Noise(**entry.get("noise", {})),
        unit=entry.get("unit", "HU"),
        mu_water=float(entry.get("mu_water", MU_WATER)),
        affine=np.asarray(entry["affine"], dtype=np.float64),
        name=name,
        provenance=entry.get("provenance", {}),
    )


def _metadata(layer: Any) -> Mapping[str, Any]:
    return getattr(layer, "metadata", None) or {}


def _entry(layer: Any) -> Mapping[str, Any]:
    entry = _metadata(layer).get(KEY)
    return entry if isinstance(entry, Mapping) else {}


def _spacing(layer: Any, ndim: int) -> tuple[tuple[float, float, float], tuple[str, ...]]:
    """Voxel spacing in mm from the layer's scale and length units."""
    scale = getattr(layer, "scale", None)
    steps = [abs(float(s)) for s in (np.ones(ndim) if scale is None else scale)][-ndim:]
    units = getattr(layer, "units", None)
    names = [str(u).lower() for u in units][-ndim:] if units is not None else ["pixel"] * ndim
    known = [name in _MILLIMETRES for name in names]
    values = [s * _MILLIMETRES.get(u, 1.0) for s, u in zip(steps, names, strict=True)]
    notes = () if all(known) else ("The layer has no length unit; its scale is taken as mm.",)
    if ndim == 2:
        values = [1.0, *values]
    return (values[0], values[1], values[2]), notes
