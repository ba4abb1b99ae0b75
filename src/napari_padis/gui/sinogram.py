"""Simulated measurements as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image

from napari_padis.gui.layer_data import measurement_layer
from napari_padis.gui.view import preserve_view
from napari_padis.scan.measurement import Measurement

if TYPE_CHECKING:
    from napari.components import ViewerModel

ROLE = "napari_padis_simulated"


def add_measurement(
    viewer: ViewerModel, measurement: Measurement, translate: tuple[float, float, float]
) -> Image:
    """Show simulated data, hidden at first; the layer is used again by the next simulation.

    It is selectable as measured data, so that one simulation can be reconstructed in
    several ways. ``translate`` is the position of the first voxel of the image in mm.
    """
    data, options, _ = measurement_layer(measurement)
    place = tuple(t + o for t, o in zip(translate, options["translate"], strict=True))
    options = {**options, "visible": False, "translate": place}
    options["metadata"] = {**options.get("metadata", {}), ROLE: True}
    for layer in viewer.layers:
        if layer.metadata.get(ROLE) and isinstance(layer, Image) and layer.name == options["name"]:
            layer.data = data
            layer.metadata = options["metadata"]
            layer.scale, layer.translate = options["scale"], place
            layer.axis_labels = options["axis_labels"]
            layer.contrast_limits = options["contrast_limits"]
            return layer
    layer = Image(data, **options)
    with preserve_view(viewer):
        viewer.add_layer(layer)
    return layer
