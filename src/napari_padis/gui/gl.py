"""Several OpenGL canvases in one window: make the right context current.

When a layer is removed napari flushes the canvas's OpenGL commands at once, into
whatever context happens to be current. With more than one canvas that may be another
one's, whose buffers are then deleted; the next drawing ends in a segmentation fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QOpenGLWidget, QWidget

if TYPE_CHECKING:
    from napari.components import ViewerModel


class ContextGuard:
    """Makes a canvas current before layers are removed from its viewer.

    Parameters
    ----------
    viewer : ViewerModel
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._events = viewer.layers.events
        self._canvas: QOpenGLWidget | None = None
        self._events.removing.connect(self.make_current)

    def set_canvas(self, canvas: QWidget | None) -> None:
        """The canvas on which the viewer is drawn."""
        self._canvas = canvas if isinstance(canvas, QOpenGLWidget) else None

    def make_current(self, _event: object = None) -> None:
        """Make the canvas's context current, if there is one."""
        if self._canvas is not None and self._canvas.isValid():
            self._canvas.makeCurrent()

    def release(self) -> None:
        """Stop guarding."""
        self._events.removing.disconnect(self.make_current)
        self._canvas = None


def main_canvas(window: QWidget, others: QWidget) -> QWidget | None:
    """The canvas in a window that lies outside the widget ``others``."""
    for canvas in window.findChildren(QOpenGLWidget):
        if not others.isAncestorOf(canvas):
            return canvas
    return None
