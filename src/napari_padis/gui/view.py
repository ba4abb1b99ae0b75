"""Camera and slider guards for a viewer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Vectors

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

#: Camera orientation that shows (S, A, R)+ arrays the radiological way.
RADIOLOGICAL = ("up", "left")
LINE_PIXELS = 1.1
#: Metadata key: axis across which the lines of a layer have their width.
ACROSS = "napari_padis_across"
SAR = ("S", "A", "R")


@contextmanager
def preserve_view(viewer: ViewerModel) -> Iterator[None]:
    """Keep camera, slider positions and selection while layers are added."""
    camera = viewer.scene.camera
    center, zoom, angles = camera.center, camera.zoom, camera.angles
    point, order = viewer.dims.point, viewer.dims.order
    selection = set(viewer.layers.selection)
    active = viewer.layers.selection.active
    yield
    if viewer.dims.ndim == len(point):
        viewer.dims.order = order
        viewer.dims.point = point
    camera.center, camera.zoom, camera.angles = center, zoom, angles
    kept = selection & set(viewer.layers)
    if kept:
        viewer.layers.selection = kept
        if active in kept:
            viewer.layers.selection.active = active


def is_anatomical(layer: Layer) -> bool:
    """Whether a layer's axes are (S, A, R)."""
    return tuple(layer.axis_labels)[-3:] == SAR


def orient(viewer: ViewerModel) -> None:
    """Show the patient's right on the left of the screen and the front on top."""
    viewer.scene.camera.orientation2d = RADIOLOGICAL


def thicken_lines(viewer: ViewerModel, layers: Iterable[Layer]) -> None:
    """Keep lines one canvas pixel wide at every zoom; thinner ones would have gaps."""
    for layer in layers:
        if isinstance(layer, Vectors):
            # A line's width is stretched by the scale of the axis that it is measured along.
            across = layer.metadata.get(ACROSS)
            step = min(layer.scale[-2:]) if across is None else layer.scale[across]
            width = LINE_PIXELS / viewer.scene.camera.zoom / float(step)
            if abs(width / layer.edge_width - 1) > 0.02:
                layer.edge_width = width


def show_slices_of(viewer: ViewerModel, layer: Layer) -> None:
    """Move the sliders into a layer when none of its slices is on show."""
    low, high = layer.extent.world
    point = np.asarray(viewer.dims.point[-3:])
    outside = (point < low[-3:]) | (point > high[-3:])
    if outside.any():
        inside = np.where(outside, (low + high)[-3:] / 2, point)
        viewer.dims.point = (*viewer.dims.point[:-3], *inside)


def center_slices(viewer: ViewerModel, layer: Layer) -> None:
    """Move the sliders to the middle of a layer and fit the view to it."""
    low, high = layer.extent.world
    viewer.dims.point = tuple((low + high) / 2)
    viewer.fit_to_view(layers=[layer])
