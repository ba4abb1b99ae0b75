"""The roles of a run's layers, the layers that have them, and where these lie."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_padis.gui.world import ORIGIN, Place
from napari_padis.scan.orientation import Affine

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

SOURCE = "source"
ITERATE, MEAN, STD, VARIANCE = "iterate", "posterior mean", "standard deviation", "variance"
#: Name of an image whose method says no better one.
PLAIN = "reconstruction"
#: Added to the names of layers that show samples under way: they are no samples yet.
RUNNING = "(running)"
LOW, MEDIAN, HIGH = "5 % quantile", "median", "95 % quantile"
GRID = "patch grid"
#: Quantiles as a result names them.
QUANTILES = {"q05": LOW, "q50": MEDIAN, "q95": HIGH}
#: All images of a run, from bottom to top.
IMAGES = (VARIANCE, STD, LOW, MEDIAN, HIGH, MEAN, ITERATE)
#: In what a run says of a spread that is not meant as uncertainty.
NOT_CALIBRATED = "not calibrated"
#: Metadata key that marks the layers of a run.
ROLE = "napari_padis_role"


def spread_name(role: str, about: Mapping[str, str]) -> str:
    """Name of the layer of a finished spread: what is not meant as uncertainty says so.

    Parameters
    ----------
    role : str
    about : mapping
        See :class:`napari_padis.engine.events.Result`.
    """
    words = about.get("std", "")
    if "deviation and variance recalibrated" in words:
        return f"{role} (recalibrated)"
    return f"{role} ({NOT_CALIBRATED})" if NOT_CALIBRATED in words else role


@dataclass(frozen=True)
class RunGrid:
    """Where the voxels of a run lie in the viewer's world.

    Attributes
    ----------
    shape : tuple of int
        (S, A, R).
    spacing : tuple of float
        In mm.
    unit : str
        Intensity unit.
    place : Place
        Where the voxels lie, in the order in which layers hold them
        (:func:`napari_padis.gui.world.as_shown`).
    space : str
        Frame of coordinates of the scan, as in :class:`~napari_padis.scan.volume.Volume`.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    unit: str
    place: Place = ORIGIN
    space: str = "unknown"

    def placing(self) -> dict[str, Any]:
        """Arguments of a layer on this grid."""
        return self.place.arguments(self.spacing)

    def matrix(self) -> Affine:
        """Index of a layer on this grid to the world, shape (4, 4)."""
        return self.place.matrix(self.spacing)


class RoleLayers:
    """The layers of a run by their roles, as long as they are in the viewer.

    Parameters
    ----------
    viewer : ViewerModel
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = weakref.ref(viewer)
        self._layers: dict[str, Layer] = {}
        self._names: dict[str, str] = {}  # as we gave them

    @property
    def viewer(self) -> ViewerModel | None:
        """The viewer, as long as it is there."""
        return self._viewer()

    def get(self, role: str) -> Layer | None:
        """The layer of a role if it is still in the viewer."""
        viewer, layer = self._viewer(), self._layers.get(role)
        present = viewer is not None and layer is not None and layer in viewer.layers
        return layer if present else None

    def adopt(self, role: str, layer: Layer) -> bool:
        """Give a role to a layer of the viewer; False where it had it already."""
        known = self._layers.get(role) is layer
        self._layers[role] = layer
        return not known

    def add(self, role: str, layer: Layer, below: str | None = None) -> None:
        """Put a new layer on top of the list, or right below the layer of another role."""
        viewer = self._viewer()
        if viewer is None:
            return
        self._layers[role] = layer
        above = self.get(below) if below is not None else None
        place = len(viewer.layers) if above is None else viewer.layers.index(above)
        viewer.layers.insert(place, layer)
        self._names[role] = layer.name

    def name(self, role: str) -> str:
        """The name that we gave the layer of a role."""
        return self._names.get(role, "")

    def rename(self, role: str, name: str) -> None:
        """Give a layer another name, unless the user has given it one."""
        layer = self.get(role)
        if layer is not None and layer.name == self._names.get(role):
            layer.name = name
            self._names[role] = layer.name

    def release(self, role: str) -> None:
        """Leave a layer to the user."""
        self._layers.pop(role, None)
        self._names.pop(role, None)

    def drop(self, role: str) -> None:
        """Take a layer out of the viewer, unless the user has given it a name: then it is his."""
        layer = self.get(role)
        if layer is not None and layer.name != self._names.get(role):
            layer.visible = False
            self.release(role)
        else:
            self.remove(role)

    def remove(self, role: str) -> None:
        """Take a layer out of the viewer."""
        viewer, layer = self._viewer(), self.get(role)
        self.release(role)
        if viewer is not None and layer is not None:
            take_out(viewer, layer)


def take_out(viewer: ViewerModel, layer: Layer) -> None:
    """Remove a layer and free its array, which napari's cycles would hold for a while."""
    viewer.layers.remove(layer)
    if isinstance(layer, Image):
        layer.visible = False
        layer.data = np.broadcast_to(np.zeros((), layer.data.dtype), layer.data.shape)
