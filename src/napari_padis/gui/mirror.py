"""A layer of the main viewer shown again in other viewers, sharing its array."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from napari.layers import Image, Layer, Vectors

from napari_padis.gui.layers import GRID, ROLE
from napari_padis.gui.view import is_anatomical

if TYPE_CHECKING:
    from napari.components import ViewerModel

#: Properties that follow the main viewer, besides the data.
FOLLOWED = ("visible", "opacity", "blending", "contrast_limits", "gamma", "colormap")
#: For images and vectors alike.
GEOMETRY = ("scale", "translate", "units", "axis_labels")


def can_mirror(layer: Layer) -> bool:
    """3D images on (S, A, R) axes, and the patch grid."""
    if not is_anatomical(layer) or layer.ndim != 3:
        return False
    if isinstance(layer, Image):
        return not layer.rgb and not layer.multiscale
    return layer.metadata.get(ROLE) == GRID


class Mirror:
    """Copies of one layer in several viewers; one-way, since the copies have no controls.

    The copies refer to the same array: a view costs no memory for data.
    """

    def __init__(self, layer: Layer, viewers: Sequence[ViewerModel]) -> None:
        self._source = weakref.ref(layer)
        targets = viewers if isinstance(layer, Image) else viewers[:1]
        self._copies = [(viewer, self._copy(layer, viewer)) for viewer in targets]
        self._emitters = [
            getattr(layer.events, name)
            for name in (*FOLLOWED, "data", "scale", "translate")
            if hasattr(layer.events, name)
        ]
        for emitter in self._emitters:
            emitter.connect(self._follow)

    def _copy(self, layer: Layer, viewer: ViewerModel) -> Layer:
        options: dict[str, Any] = {name: getattr(layer, name) for name in GEOMETRY}
        options |= {"name": layer.name, "opacity": layer.opacity, "visible": layer.visible,
                    "blending": layer.blending}
        copy: Layer
        if isinstance(layer, Image):
            copy = Image(layer.data, contrast_limits=layer.contrast_limits, gamma=layer.gamma,
                         colormap=layer.colormap, **options)
        elif isinstance(layer, Vectors):
            copy = Vectors(layer.data, ndim=3, vector_style=layer.vector_style,
                           edge_color="#4dd2ff", **options)
        else:
            raise TypeError(f"A {type(layer).__name__} layer cannot be mirrored.")
        viewer.add_layer(copy)
        return copy

    @property
    def source(self) -> Layer | None:
        """The layer in the main viewer."""
        return self._source()

    def _follow(self, event: Any) -> None:
        name = event.type
        if name == "data":
            self.refresh()
        elif name in (*FOLLOWED, "scale", "translate"):
            source = self.source
            if source is None:
                return
            for _, copy in self._copies:
                if hasattr(copy, name):
                    setattr(copy, name, getattr(source, name))
            if name == "visible":
                self.refresh()

    def refresh(self) -> None:
        """Hand over newer data, unless nobody sees them."""
        source = self.source
        if source is None or not source.visible:
            return
        for _, copy in self._copies:
            if copy.data is not source.data:
                copy.data = source.data

    def raise_(self) -> None:
        """Put the copies on top."""
        for viewer, copy in self._copies:
            viewer.layers.move(viewer.layers.index(copy), len(viewer.layers))

    def detach(self) -> None:
        """Stop following."""
        for emitter in self._emitters:
            emitter.disconnect(self._follow)
        self._emitters = []

    def remove(self) -> None:
        """Stop following and take the copies out."""
        self.detach()
        for viewer, copy in self._copies:
            if copy in viewer.layers:
                viewer.layers.remove(copy)
        self._copies = []
