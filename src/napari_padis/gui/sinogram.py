"""Simulated measurements as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image

from napari_padis.gui.layer_data import measurement_layer
from napari_padis.gui.view import preserve_view
from napari_padis.gui.world import Place
from napari_padis.scan.measurement import Measurement

if TYPE_CHECKING:
    from napari.components import ViewerModel

ROLE = "napari_padis_simulated"
#: What the next simulation changes.
RENEWED = (
    "metadata", "scale", "translate", "affine", "units", "axis_labels", "contrast_limits",
)  # fmt: skip


def add_measurement(viewer: ViewerModel, measurement: Measurement, place: Place) -> Image:
    """Show simulated data, hidden at first; the layer is used again by the next simulation.

    It is selectable as measured data, so that one simulation can be reconstructed in
    several ways. ``place`` is where the image lies.
    """
    data, options, _ = measurement_layer(measurement, place)
    options = {**options, "visible": False}
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
    for name in RENEWED:
        setattr(layer, name, options[name])
