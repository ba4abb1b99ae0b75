"""Sinograms as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image

from napari_padis.gui.layer_data import measurement_layer
from napari_padis.gui.view import preserve_view
from napari_padis.scan.measurement import Measurement

if TYPE_CHECKING:
    from napari.components import ViewerModel

ROLE = "napari_padis_simulated"


def add_sinogram(
    viewer: ViewerModel, measurement: Measurement, translate: tuple[float, float, float]
) -> Image:
    """Show a simulated sinogram, hidden at first; used again by the next simulation.

    It is selectable as measured data, so that one simulation can be reconstructed in
    several ways.
    """
    data, options, _ = measurement_layer(measurement)
    options = {**options, "visible": False, "translate": translate}
    options["metadata"] = {**options.get("metadata", {}), ROLE: True}
    for layer in viewer.layers:
        if layer.metadata.get(ROLE) and isinstance(layer, Image) and layer.name == options["name"]:
            layer.data = data
            layer.metadata = options["metadata"]
            layer.scale, layer.translate = options["scale"], translate
            layer.contrast_limits = options["contrast_limits"]
            return layer
    layer = Image(data, **options)
    with preserve_view(viewer):
        viewer.add_layer(layer)
    return layer
