"""From a layer to a volume or a measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image

from napari_padis.gui.layer_data import (
    is_measurement,
    length_unit,
    measurement_from_layer,
    volume_from_layer,
)
from napari_padis.gui.measurement_data import offset
from napari_padis.gui.projection_layer import projections_from_layer
from napari_padis.gui.roles import ROLE
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.volume import Volume

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer


def candidates(viewer: ViewerModel) -> list[Layer]:
    """Layers that could be reconstructed or projected: grey images that no run made.

    Raw projections are none of them; they have to be prepared first.
    """
    return [
        layer
        for layer in viewer.layers
        if isinstance(layer, Image)
        and (layer.ndim in (2, 3) or is_measurement(layer))
        and not layer.rgb
        and not layer.multiscale
        and ROLE not in layer.metadata
        and projections_from_layer(layer) is None
    ]


def load(layer: Layer) -> Volume | Measurement:
    """The volume or measurement that a layer shows; raises InputError when it is neither."""
    measurement = measurement_from_layer(layer)
    return measurement if measurement is not None else volume_from_layer(layer)


def placement(
    layer: Layer, source: Volume | Measurement, first_slice: int = 0
) -> tuple[tuple[float, float, float], str]:
    """World position of the reconstruction's first voxel, and its length unit.

    A layer in pixels keeps the new ones in pixels too: one layer in pixels among layers
    in millimetres makes napari draw them all without units.
    """
    unit = "pixel" if str(layer.units[-1]) == "pixel" else "mm"
    ratio = length_unit(layer) or 1.0
    shift = [0.0] * (3 - layer.ndim) + [float(t) * ratio for t in layer.translate[-3:]]
    if isinstance(source, Measurement):
        shift = [s - o for s, o in zip(shift, offset(source.geometry)[-3:], strict=True)]
    return (shift[0] + first_slice * source.spacing[0], shift[1], shift[2]), unit
