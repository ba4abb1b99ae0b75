"""Telling when the regions that answers are about are no longer what they were."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import QObject, QTimer

from napari_padis.gui.region_grid import fingerprint

#: Events of Labels and Shapes after which the regions are others for certain.
CHANGES = ("data", "paint", "labels_update")
#: Events after which they may be. Undo and redo have none of their own: like any redrawing, also
#: by the next slice, they are told by ``set_data`` alone, and in a hidden layer by nothing at all.
HINTS = ("set_data", "scale", "translate", "rotate", "shear", "affine", "units")
#: Milliseconds without a hint before the regions are looked at: scrolling is not held up.
PAUSE = 150


class RegionWatch:
    """Follows a layer of regions.

    After a hint a checksum of the regions is compared with the one they had. napari's lists of
    steps to undo would tell as well, but are private, and know nothing of what a program wrote
    into the array or of the layer's place; the checksum needs public attributes only, and reads
    several GB per second.

    Parameters
    ----------
    parent : QObject
        Nothing is followed any more once it is gone.
    changed : callable
        Is called when the regions are others.
    """

    def __init__(self, parent: QObject, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._layer: weakref.ref[Layer] | None = None
        self._print = 0
        self._timer = QTimer(parent)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE)
        self._timer.timeout.connect(self.holds)
        parent.destroyed.connect(self._leave)

    @property
    def layer(self) -> Layer | None:
        """The layer that is followed."""
        return self._layer() if self._layer is not None else None

    def follow(self, layer: Layer | None) -> None:
        """Remember the regions of a layer as they are, instead of those before."""
        self._leave()
        self._timer.stop()
        if layer is not None:
            self._layer, self._print = weakref.ref(layer), fingerprint(layer)
            self._connect(layer, True)

    def holds(self) -> bool:
        """Whether the regions are still those; where they are not, this is told as well."""
        layer = self.layer
        if layer is None:
            return False
        if fingerprint(layer) == self._print:
            return True
        self._changed()
        return False

    def _leave(self, _parent: Any = None) -> None:
        layer, self._layer = self.layer, None
        if layer is not None:
            self._connect(layer, False)

    def _connect(self, layer: Layer, on: bool) -> None:
        for names, slot in ((CHANGES, self._others), (HINTS, self._maybe)):
            for name in names:
                emitter = getattr(layer.events, name, None)  # Shapes are not painted
                if emitter is not None:
                    (emitter.connect if on else emitter.disconnect)(slot)

    def _others(self, _event: Any = None) -> None:
        self._changed()

    def _maybe(self, _event: Any = None) -> None:
        self._timer.start()
