"""From a layer to a volume or a measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image

from napari_padis.gui.layer_data import measurement_from_layer, volume_from_layer
from napari_padis.gui.layers import ROLE
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.volume import Volume

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer


def candidates(viewer: ViewerModel) -> list[Layer]:
    """Layers that could be reconstructed or projected: grey images that no run made."""
    return [
        layer
        for layer in viewer.layers
        if isinstance(layer, Image)
        and layer.ndim in (2, 3)
        and not layer.rgb
        and not layer.multiscale
        and ROLE not in layer.metadata
    ]


def load(layer: Layer) -> Volume | Measurement:
    """The volume or measurement that a layer shows; raises InputError when it is neither."""
    measurement = measurement_from_layer(layer)
    return measurement if measurement is not None else volume_from_layer(layer)


def placement(
    layer: Layer, spacing: tuple[float, float, float], first_slice: int
) -> tuple[tuple[float, float, float], str]:
    """World position of the reconstruction's first voxel, and its length unit.

    A layer in pixels keeps the new ones in pixels too: one layer in pixels among layers
    in millimetres makes napari draw them all without units.
    """
    unit = "pixel" if str(layer.units[-1]) == "pixel" else "mm"
    ratio = spacing[-1] / abs(float(layer.scale[-1]))  # mm per length unit of the layer
    shift = [0.0] * (3 - layer.ndim) + [float(t) * ratio for t in layer.translate]
    return (shift[0] + first_slice * spacing[0], shift[1], shift[2]), unit
