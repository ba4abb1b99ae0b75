"""Camera and slider guards for a viewer."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Vectors

from napari_padis.gui.per_viewer import OnePerViewer
from napari_padis.gui.roles import ROLE
from napari_padis.gui.world import WORLD

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer
    from numpy.typing import NDArray

LINE_PIXELS = 1.1
#: Metadata key: axis across which the lines of a layer have their width.
ACROSS = "napari_padis_across"


@contextmanager
def preserve_view(viewer: ViewerModel) -> Iterator[None]:
    """Keep camera, slider positions and selection while layers are added."""
    camera = viewer.scene.camera
    center, zoom, angles = camera.center, camera.zoom, camera.angles
    point, order = viewer.dims.point, viewer.dims.order
    selection = set(viewer.layers.selection)
    active = viewer.layers.selection.active
    yield
    more = viewer.dims.ndim - len(point)
    if more >= 0:  # new axes, such as that of the views, come before the old ones
        viewer.dims.order = (*range(more), *(axis + more for axis in order))
        viewer.dims.point = (*viewer.dims.point[:more], *point)
    camera.center, camera.zoom, camera.angles = center, zoom, angles
    kept = selection & set(viewer.layers)
    if kept:
        viewer.layers.selection = kept
        if active in kept:
            viewer.layers.selection.active = active


def is_anatomical(layer: Layer) -> bool:
    """Whether a layer's axes are those of the patient's world."""
    return tuple(layer.axis_labels)[-3:] == WORLD


def orient(viewer: ViewerModel) -> None:
    """Show the front, in other planes the head, on top, and nothing mirrored in 3D.

    Axial slices of the patient's world are upright and radiological in napari's own camera
    orientation; where the axis from feet to head runs down the screen it has to run up. In 3D
    napari's own orientation would show a mirror image of a world along (S, P, L).
    """
    if viewer.dims.ndim < 3:
        return
    depth, down, across = (axis - viewer.dims.ndim + 3 for axis in viewer.dims.order[-3:])
    vertical = "up" if down == 0 else "down"
    # With heads away from the viewer the axial plane is seen from the feet, as it is drawn. Each
    # exchange of two axes, and each axis that is turned round, would mirror that.
    exchanges = (depth > down) + (depth > across) + (down > across) + (vertical == "up")
    viewer.scene.camera.orientation = ("towards" if exchanges % 2 else "away", vertical, "right")


class Upright:
    """Keeps the patient upright in a viewer while there is one, and shows what is opened.

    Where the user has turned the camera over it stays as it is.

    Parameters
    ----------
    viewer : ViewerModel
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = weakref.ref(viewer)
        self._ours = viewer.scene.camera.orientation
        viewer.dims.events.order.connect(self._look)
        # When napari knows how far the new layer reaches.
        viewer.layers.events.inserted.connect(self._opened, position="last")
        self._look()

    def _opened(self, event: Any) -> None:
        """Volumes lie at their patient coordinates: those of another scan may be far away."""
        self._look()
        viewer, layer = self._viewer(), event.value
        if (
            viewer is not None
            and layer.visible
            and layer.ndim == 3
            and is_anatomical(layer)
            and ROLE not in layer.metadata
            and viewer.dims.ndisplay == 2
        ):
            cut = [axis - viewer.dims.ndim + 3 for axis in viewer.dims.order[:-2]]
            if is_beside(viewer, layer)[[axis for axis in cut if axis >= 0]].any():
                center_slices(viewer, layer)

    def _look(self, _event: object = None) -> None:
        viewer = self._viewer()
        if (
            viewer is not None
            and viewer.scene.camera.orientation == self._ours
            and any(is_anatomical(layer) for layer in viewer.layers)
        ):
            orient(viewer)
            self._ours = viewer.scene.camera.orientation


#: Keeps the patient upright in a viewer from now on.
keep_upright = OnePerViewer(Upright)


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
    outside = is_beside(viewer, layer)
    if outside.any():
        inside = np.where(outside, middle(layer), viewer.dims.point[-3:])
        viewer.dims.point = (*viewer.dims.point[:-3], *inside)


def is_beside(viewer: ViewerModel, layer: Layer) -> NDArray[np.bool_]:
    """Along which of the last three axes the sliders stand outside a layer, shape (3,)."""
    low, high = layer.extent.world
    point = np.asarray(viewer.dims.point[-3:])
    outside: NDArray[np.bool_] = (point < low[-3:]) | (point > high[-3:])
    return outside


def middle(layer: Layer) -> tuple[float, ...]:
    """World position of the voxel in the middle of a layer with three axes."""
    low, high = layer.extent.world
    steps = np.abs(layer.scale)
    return tuple(low + steps * np.floor((high - low) / steps / 2 + 1e-6))


def center_slices(viewer: ViewerModel, layer: Layer) -> None:
    """Move the sliders to the middle of a layer and fit the view to it."""
    viewer.dims.point = (*viewer.dims.point[:-3], *middle(layer))
    if layer.ndim == viewer.dims.ndim:
        viewer.fit_to_view(layers=[layer])
    else:  # which napari cannot fit the view to
        look_at(viewer, layer)


def look_at(viewer: ViewerModel, layer: Layer) -> None:
    """Fit the view to a layer, also to one with fewer axes than the viewer has."""
    if viewer.dims.ndisplay != 2 or layer.ndim < 2:
        return
    low, high = (np.asarray(corner)[-2:] for corner in layer.extent.world)
    size = np.maximum(high - low + np.abs(layer.scale[-2:]), 1e-9)
    viewer.scene.camera.center = tuple((low + high) / 2)
    viewer.scene.camera.zoom = 0.95 * float(np.min(np.asarray(viewer.canvas.size) / size))
