"""Keep docks that contain a canvas inside the window."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QDockWidget, QPushButton

FLOAT_BUTTON = "QTitleBarFloatButton"


class _FloatGuard(QObject):
    """Hides the float button again whenever napari makes a new title bar."""

    def __init__(self, dock: QDockWidget) -> None:
        super().__init__(dock)
        self._dock = dock
        dock.installEventFilter(self)
        self.hide_button()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """A new title bar is a new child."""
        if event is not None and event.type() == QEvent.Type.ChildAdded:
            QTimer.singleShot(0, self.hide_button)
        return False

    def hide_button(self) -> None:
        """Its click floats the dock whatever the dock's features say."""
        for button in self._dock.findChildren(QPushButton, FLOAT_BUTTON):
            button.setEnabled(False)
            button.hide()


def forbid_floating(dock: QDockWidget) -> None:
    """A canvas that changes its top-level window aborts the program (GL context lost).

    Dragging a dock floats it on the way, so moving is forbidden too.
    """
    features = QDockWidget.DockWidgetFeature
    dock.setFeatures(dock.features() & ~features.DockWidgetFloatable & ~features.DockWidgetMovable)
    _FloatGuard(dock)
