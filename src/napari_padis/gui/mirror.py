"""A layer of the main viewer shown again in other viewers, sharing its array."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Layer, Vectors
from napari.utils.notifications import show_warning

from napari_padis.gui.layer_world import where
from napari_padis.gui.roles import GRID, ROLE
from napari_padis.gui.view import is_anatomical

if TYPE_CHECKING:
    from napari.components import ViewerModel

#: Properties that follow the main viewer, besides the data.
FOLLOWED = ("visible", "opacity", "blending", "contrast_limits", "gamma", "colormap")
#: What may change of where a layer lies.
MOVED = ("scale", "rotate", "shear", "translate", "affine")
#: Sine of the angle below which a layer is not turned.
TURN = 1e-3
GEOMETRY = (*MOVED, "units", "axis_labels")


def can_mirror(layer: Layer) -> bool:
    """3D images in the patient's world, and the patch grid."""
    if not is_anatomical(layer) or layer.ndim != 3:
        return False
    if isinstance(layer, Image):
        return not layer.rgb and not layer.multiscale
    return layer.metadata.get(ROLE) == GRID


def is_cut_truly(layer: Layer, normal: int) -> bool:
    """Whether napari's slices across an axis of the world are those of a layer.

    Of a layer that is turned or sheared out of the slice napari shows a plane of its array
    instead, which is another plane of the body.
    """
    matrix = where(layer).matrix[:3, :3]
    matrix = np.abs(matrix / np.linalg.norm(matrix, axis=0))
    axis = int(matrix[normal].argmax())
    return bool(
        max(np.delete(matrix[normal], axis).max(), np.delete(matrix[:, axis], normal).max()) < TURN
    )


class Mirror:
    """Copies of one layer in several viewers; one-way, since the copies have no controls.

    The copies refer to the same array: a view costs no memory for data. They are made
    when the layer is first visible, since every layer in a canvas takes time to make.

    Parameters
    ----------
    layer : Layer
    viewers : sequence of ViewerModel
        The axial one first.
    on_copied : callable, optional
        Called when copies have been made later than here.
    on_data : callable, optional
        Called instead of :meth:`refresh` when there are newer data, to choose the moment.
    normals : sequence of int, optional
        The axis of the world across which each viewer cuts: what it cannot cut truly is hidden.
    """

    def __init__(
        self,
        layer: Layer,
        viewers: Sequence[ViewerModel],
        on_copied: Callable[[], None] | None = None,
        on_data: Callable[[], None] | None = None,
        normals: Sequence[int] | None = None,
    ) -> None:
        self._source = weakref.ref(layer)
        self._targets = list(viewers if isinstance(layer, Image) else viewers[:1])
        self._on_copied = on_copied
        self._on_data = on_data or self.refresh
        self._copies: list[tuple[ViewerModel, Layer]] = []
        self._normals = normals
        self._warned = False
        if layer.visible:
            self._make_copies(layer)
        self._emitters = [
            getattr(layer.events, name)
            for name in (*FOLLOWED, "data", *MOVED)
            if hasattr(layer.events, name)
        ]
        for emitter in self._emitters:
            emitter.connect(self._follow)

    def _make_copies(self, layer: Layer) -> None:
        self._copies = [(viewer, self._copy(layer, viewer)) for viewer in self._targets]
        self._hide_false(layer)

    def _hide_false(self, source: Layer) -> None:
        """Show a copy where its source is shown, but no other plane than the viewer's."""
        for (_, copy), normal in zip(self._copies, self._normals or (), strict=False):
            true = is_cut_truly(source, normal)
            copy.visible = source.visible and true
            if not (true or self._warned):
                self._warned = True
                show_warning(
                    f"'{source.name}' is turned against the patient's axes: orthogonal views in "
                    "which its slices would be false do not show it."
                )

    def _copy(self, layer: Layer, viewer: ViewerModel) -> Layer:
        options: dict[str, Any] = {name: getattr(layer, name) for name in GEOMETRY}
        options |= {
            "name": layer.name,
            "opacity": layer.opacity,
            "visible": layer.visible,
            "blending": layer.blending,
        }
        copy: Layer
        if isinstance(layer, Image):
            copy = Image(
                layer.data,
                contrast_limits=layer.contrast_limits,
                gamma=layer.gamma,
                colormap=layer.colormap,
                **options,
            )
        elif isinstance(layer, Vectors):
            copy = Vectors(
                layer.data, ndim=3, vector_style=layer.vector_style, edge_color="#4dd2ff", **options
            )
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
            self._on_data()
        elif name in (*FOLLOWED, *MOVED):
            source = self.source
            if source is None:
                return
            for _, copy in self._copies:
                if hasattr(copy, name):
                    setattr(copy, name, getattr(source, name))
            if name in ("visible", *MOVED):
                self._hide_false(source)
            if name == "visible":
                self._show(source)

    def _show(self, source: Layer) -> None:
        if source.visible and not self._copies:
            self._make_copies(source)
            if self._on_copied is not None:
                self._on_copied()
        self._on_data()

    def refresh(self, only: ViewerModel | None = None) -> None:
        """Hand newer data to all viewers or to one, unless nobody sees them."""
        source = self.source
        if source is None or not source.visible:
            return
        for viewer, copy in self._copies:
            if only in (None, viewer) and copy.data is not source.data:
                copy.data = source.data

    def raise_(self) -> None:
        """Put the copies on top."""
        for viewer, copy in self._copies:
            if copy in viewer.layers:
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
