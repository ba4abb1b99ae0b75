"""Simulated measurements as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    lead, first = options["translate"][:-3], options["translate"][-3:]
    place = (*lead, *(t + o for t, o in zip(translate, first, strict=True)))
    options = {**options, "visible": False, "translate": place}
    options["metadata"] = {**options.get("metadata", {}), ROLE: True}
    with preserve_view(viewer):
        for layer in list(viewer.layers):
            if not (layer.metadata.get(ROLE) and layer.name == options["name"]):
                continue
            if isinstance(layer, Image) and layer.ndim == data.ndim:
                _renew(layer, data, options)
                return layer
            viewer.layers.remove(layer)  # of a scan with other axes
        layer = Image(data, **options)
        viewer.add_layer(layer)
    return layer


def _renew(layer: Image, data: Any, options: dict[str, Any]) -> None:
    """Give the layer of an earlier simulation the data of another one."""
    layer.data = data
    for name in ("metadata", "scale", "translate", "axis_labels", "contrast_limits"):
        setattr(layer, name, options[name])
