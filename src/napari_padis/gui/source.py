"""From a layer to a volume or a measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image

from napari_padis.gui.layer_data import (
    STILL,
    is_measurement,
    measurement_from_layer,
    volume_from_layer,
)
from napari_padis.gui.layer_world import entry_of, where
from napari_padis.gui.measurement_data import offset
from napari_padis.gui.projection_layer import projections_from_layer
from napari_padis.gui.roles import ROLE
from napari_padis.gui.world import Place, shown_affine
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.volume import Volume

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer
    from numpy.typing import NDArray


def candidates(viewer: ViewerModel) -> list[Layer]:
    """Layers that could be reconstructed or projected: grey images that no run made.

    Raw projections are none of them; they have to be prepared first. Axes before the last
    three may have one step only, as those of time and channels of a single frame.
    """
    return [
        layer
        for layer in viewer.layers
        if isinstance(layer, Image)
        and (is_measurement(layer) or (layer.ndim > 1 and set(layer.data.shape[:-3]) <= {1}))
        and not layer.rgb
        and not layer.multiscale
        and ROLE not in layer.metadata
        and projections_from_layer(layer) is None
    ]


def load(layer: Layer) -> Volume | Measurement:
    """The volume or measurement that a layer shows; raises InputError when it is neither."""
    measurement = measurement_from_layer(layer)
    return measurement if measurement is not None else volume_from_layer(layer)


def placement(layer: Layer, source: Volume | Measurement, first_slice: int = 0) -> Place:
    """Where the reconstruction of a layer lies: on the layer, however that is placed.

    Parameters
    ----------
    layer : Layer
    source : Volume or Measurement
        What :func:`load` made of the layer.
    first_slice : int
        First slice that is reconstructed.
    """
    found = where(layer)
    shape = source.shape if isinstance(source, Volume) else source.volume_shape
    assert source.affine is not None
    affine = np.array(source.affine)
    affine[:3, 3] += first_slice * affine[:3, 0]
    matrix = np.linalg.inv(found.to_ras) @ shown_affine(affine, shape)
    if isinstance(source, Measurement):
        matrix[:3, 3] += _moved(layer, source)
    return Place.of(matrix, source.spacing, found.units, found.labels)


def _moved(layer: Layer, source: Measurement) -> NDArray[np.float64]:
    """How far in mm the layer of a measurement was moved from where it was put."""
    entry = entry_of(layer)
    if "world" not in entry or source.affine is None:
        return np.zeros(3)
    first = np.linalg.inv(entry["world"]) @ shown_affine(source.affine, source.volume_shape)
    place = Place.of(first, source.spacing)
    if place.turn is not None:
        return np.zeros(3)
    shift = where(layer).matrix[:3, 3] - place.translate - offset(source.geometry)[-3:]
    return np.where(np.abs(shift) > STILL * np.abs(first).max(), shift, 0.0)
