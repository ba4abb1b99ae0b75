"""The preview as a layer of the viewer, in place of the projections."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image

from napari_padis.gui.prepare.look import Shown
from napari_padis.gui.roles import ROLE
from napari_padis.gui.view import look_at
from napari_padis.gui.world import WORLD, as_shown

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

NAME = "preview"


class PreviewLayer:
    """Makes, renews and removes the layer; everything happens in the GUI thread."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = weakref.ref(viewer)
        self._hidden: weakref.ref[Layer] | None = None
        self._limits: tuple[float, float] = (0.0, 1.0)

    @property
    def layer(self) -> Image | None:
        """The layer if it is in the viewer."""
        viewer = self._viewer()
        layers = viewer.layers if viewer is not None else ()
        return next((one for one in layers if one.metadata.get(ROLE) == NAME), None)

    def show(self, shown: Shown, source: Layer | None) -> None:
        """Show a preview; ``source`` is hidden the first time."""
        viewer = self._viewer()
        if viewer is None:
            return
        self._hide(source)
        layer = self.layer
        # Setting new data of another size keeps the old scale, so both change together.
        middle = [
            -(n - 1) / 2 * step for n, step in zip(shown.image.shape, shown.spacing, strict=True)
        ]
        if layer is not None:
            layer.data = as_shown(shown.image)
            layer.scale, layer.translate = shown.spacing, middle
            if np.allclose(layer.contrast_limits, self._limits):  # else they are the user's
                layer.contrast_limits = self._limits = shown.limits
            return
        layer = Image(
            as_shown(shown.image),
            name=NAME,
            scale=shown.spacing,
            translate=middle,
            units=("mm", "mm"),
            axis_labels=WORLD[1:],
            contrast_limits=shown.limits,
            colormap="gray",
            metadata={ROLE: NAME},
        )
        self._limits = tuple(layer.contrast_limits)
        viewer.add_layer(layer)
        look_at(viewer, layer)

    def _hide(self, source: Layer | None) -> None:
        """Hide the projections once; whoever shows them again wants to see them."""
        hidden = self._hidden() if self._hidden is not None else None
        if source is not None and source is not hidden and source.visible:
            source.visible = False
            self._hidden = weakref.ref(source)

    def remove(self) -> None:
        """Take the layer away and show again what it replaced."""
        viewer, layer = self._viewer(), self.layer
        if viewer is not None and layer is not None:
            viewer.layers.remove(layer)
        hidden = self._hidden() if self._hidden is not None else None
        if viewer is not None and hidden is not None and hidden in viewer.layers:
            hidden.visible = True
            look_at(viewer, hidden)
        self._hidden = None
