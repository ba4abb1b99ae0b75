"""Between our volumes and measurements and napari's layers, without importing napari."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_padis.errors import InputError
from napari_padis.gui.layer_world import KEY, entry_of, length_unit, metadata_of, where
from napari_padis.gui.measurement_data import (
    LayerData,
    is_measurement,
    measurement_from_layer,
    measurement_layer,
    noun,
)
from napari_padis.gui.world import as_shown, resting_place, shown_affine
from napari_padis.scan.display import contrast_limits
from napari_padis.scan.geometry import from_dict
from napari_padis.scan.orientation import (
    Affine,
    obliquity,
    plain_numbers,
    reorient,
    voxel_sizes,
)
from napari_padis.scan.units import UNITS
from napari_padis.scan.volume import Volume

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

#: Share of the longest side by which voxels may move in napari without being moved.
STILL = 1e-6

CROPPED = "The layer was cropped or resampled, so its origin is not exact."
MOVED = (
    "The layer was moved, turned or scaled in napari after it was read; its present place and "
    "spacing count."
)


def volume_layer(volume: Volume, **overrides: Any) -> LayerData:
    """Image layer of a volume in patient millimetres, upright and radiological in napari.

    The layer's axes grow towards the head, the back and the left side; see
    :mod:`napari_padis.gui.world`. Oblique volumes are straightened for the eye only.

    Parameters
    ----------
    volume : Volume
    **overrides
        Layer arguments that differ, such as ``name`` or ``colormap``.
    """
    assert volume.affine is not None
    place = resting_place(volume.affine, volume.shape, volume.spacing)
    arguments: dict[str, Any] = {
        "name": volume.name,
        **place.arguments(volume.spacing),
        "contrast_limits": contrast_limits(volume.array, volume.unit),
        "colormap": "gray",
        "metadata": {KEY: volume_metadata(volume, place.matrix(volume.spacing))},
    }
    # A copy: arrays with negative strides are refused by torch, which other plug-ins use.
    return np.ascontiguousarray(as_shown(volume.array)), arguments | overrides, "image"


def volume_metadata(volume: Volume, matrix: Affine) -> dict[str, Any]:
    """What a layer must remember so that writing gives the volume back.

    Parameters
    ----------
    volume : Volume
    matrix : ndarray, shape (4, 4)
        Index of the layer to the viewer's world in mm.
    """
    assert volume.affine is not None
    return {
        "kind": "volume",
        "shape": tuple(volume.shape),
        "affine": np.array(volume.affine),
        # From here on where the layer is put says where the volume lies.
        "world": shown_affine(volume.affine, volume.shape) @ np.linalg.inv(matrix),
        "space": volume.space,
        "unit": volume.unit,
        "notes": list(volume.notes),
        "metadata": dict(volume.metadata),
    }


def volume_from_layer(layer: Any) -> Volume:
    """Volume of an image layer, ours or anybody's.

    Its affine is the layer's whole transform (scale, rotation, shear, position, affine, and the
    unit of each axis), its axes are put in the order (S, A, R): what is upright in napari comes
    back upright. How the patient lies in the world is found as
    :func:`napari_padis.gui.layer_world.where` says. The intensity unit is that of our metadata,
    or of ``metadata['unit']``, otherwise arbitrary.

    Parameters
    ----------
    layer : object
        Has ``data``, ``metadata``, ``name`` and ``units`` like a napari image, and
        ``data_to_world`` or ``scale`` and ``translate``. Of axes before the last three there
        may be one step only. Of a pyramid of resolutions the finest is taken.

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
    shape = tuple(np.shape(data))
    if len(shape) < 2 or 0 in shape or any(n > 1 for n in shape[:-3]):
        raise InputError(
            f"Layer '{name}' has {len(shape)} axes of shape {shape}; a 3D volume is needed."
        )
    place = where(layer)
    array = np.asarray(data).reshape((1, *shape)[-3:])
    array, more = plain_numbers(array, name)
    entry = entry_of(layer)
    unit = entry.get("unit", metadata_of(layer).get("unit", "arbitrary"))
    space, notes = str(entry.get("space", "unknown")), place.notes
    ours = entry.get("kind") == "volume"
    change = _change(entry, place.affine, (1, *shape)[-3:]) if ours else MOVED
    if change == "":
        # To the last digit; results of sagittal k-space are held in their own plane.
        held = as_shown(array) if "world" in entry else array
        array, affine = reorient(held, np.asarray(entry["affine"]), "SAR")
    else:
        array, affine = reorient(array, place.affine, "SAR")
        notes += _distortions(affine)
        if ours and change is not None:
            notes += (change,)
        if change == MOVED and space != "unknown":
            space = "aligned"
    return Volume(
        array=np.ascontiguousarray(array),
        spacing=voxel_sizes(affine),
        unit=unit if unit in UNITS else "arbitrary",
        affine=affine,
        name=name,
        metadata=dict(entry.get("metadata", {})),
        notes=tuple(dict.fromkeys((*entry.get("notes", ()), *notes, *more))),
        space=space,
    )


def _change(entry: Mapping[str, Any], now: Affine, shape: tuple[int, ...]) -> str | None:
    """What to say about the change of one of our layers since it was made.

    Empty where nothing has changed; None for a part that lies where it was.
    """
    before, whole = np.asarray(entry["affine"]), tuple(entry.get("shape", shape))
    if "world" in entry:
        before = shown_affine(before, whole)
    corners = np.array([[0, 0, 0, 1], [*whole, 1], [whole[0], 0, 0, 1], [0, whole[1], 0, 1]])
    limit = STILL * max(whole) * min(voxel_sizes(before))
    if np.abs((now - before) @ corners.T).max() <= limit:
        return "" if whole == tuple(shape) else CROPPED
    same_grid = np.abs((now - before)[:3, :3]).max() <= STILL * min(voxel_sizes(before))
    return None if same_grid and whole != tuple(shape) else MOVED


def _distortions(affine: Affine) -> tuple[str, ...]:
    """What a grid of boxes along the patient's axes cannot show of a layer's transform."""
    notes: tuple[str, ...] = ()
    columns = affine[:3, :3] / np.asarray(voxel_sizes(affine))
    crossed = np.abs(columns.T @ columns - np.eye(3)).max()
    angle = obliquity(affine)
    if crossed > 1e-3:
        notes += (
            f"The layer is sheared by {np.degrees(np.arcsin(min(crossed, 1))):.1f} degrees; its "
            "voxels are taken as boxes with right angles.",
        )
    if angle > 1:
        notes += (
            f"The layer is turned by {angle:.0f} degrees against the patient's axes; its voxels "
            "are taken along the nearest axes and written with their true position.",
        )
    return notes


def _article(kind: str) -> str:
    return f"a {kind}" if kind in ("sinogram", "cone-beam scan") else kind
