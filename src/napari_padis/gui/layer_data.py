"""Between our volumes and measurements and napari's layers, without importing napari."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_padis.errors import InputError
from napari_padis.gui.measurement_data import (
    KEY,
    LayerData,
    entry_of,
    is_measurement,
    measurement_from_layer,
    measurement_layer,
    metadata_of,
    noun,
)
from napari_padis.scan.display import contrast_limits
from napari_padis.scan.geometry import from_dict
from napari_padis.scan.orientation import plain_numbers, voxel_sizes
from napari_padis.scan.units import UNITS
from napari_padis.scan.volume import AXIS_LABELS, Volume, sar_affine

__all__ = [
    "KEY",
    "LayerData",
    "is_measurement",
    "length_unit",
    "measurement_from_layer",
    "measurement_layer",
    "volume_from_layer",
    "volume_layer",
    "volume_metadata",
]

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
        "space": volume.space,
        "unit": volume.unit,
        "notes": list(volume.notes),
        "metadata": dict(volume.metadata),
    }


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
        kind = noun(from_dict(entry_of(layer)["geometry"]))
        raise InputError(f"Layer '{name}' is {_article(kind)}, not a volume; choose another layer.")
    array = np.asarray(data)
    if array.ndim not in (2, 3) or array.size == 0:
        raise InputError(
            f"Layer '{name}' has {array.ndim} axes of shape {array.shape}; a 3D volume is needed."
        )
    spacing, notes = _spacing(layer, array.ndim)
    if array.ndim == 2:
        array = array[None]
    array, more = plain_numbers(array, name)
    entry = entry_of(layer)
    unit = entry.get("unit", metadata_of(layer).get("unit", "arbitrary"))
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
        space=entry.get("space", "unknown"),
    )


def _article(kind: str) -> str:
    return f"a {kind}" if kind in ("sinogram", "cone-beam scan") else kind


def length_unit(layer: Any) -> float | None:
    """Millimetres per unit of the layer's last axis; None when it has no length unit."""
    units = getattr(layer, "units", None)
    return _MILLIMETRES.get(str(units[-1]).lower()) if units is not None else None


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
