"""Whether the orthogonal views of a viewer are open, for whoever shows that."""

from __future__ import annotations

import weakref
from typing import Protocol

from qtpy.QtCore import QObject, Signal

from napari_padis.gui.per_viewer import OnePerViewer


class Views(Protocol):
    """Views in a dock."""

    @property
    def opened(self) -> bool:
        """Whether the dock was neither closed nor hidden."""


class Openings(QObject):
    """Knows whether orthogonal views are open in a viewer, however they were opened or closed."""

    changed = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self._views: weakref.WeakSet[Views] = weakref.WeakSet()

    def add(self, views: Views) -> None:
        """Take up views that were made."""
        self._views.add(views)

    def tell(self, _value: object = None) -> None:
        """Something may have been opened or closed."""
        self.changed.emit(self.open)

    @property
    def open(self) -> bool:
        """Whether there are views that have not been closed or hidden."""
        return any(views.opened for views in self._views)


#: Whether the orthogonal views of a viewer are open.
openings_of = OnePerViewer(lambda _viewer: Openings())
