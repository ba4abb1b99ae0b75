"""What the docks of this plugin with settings have in common: width, window, tabs."""

from __future__ import annotations

from typing import Protocol

from qtpy.QtCore import QEvent, QObject, QSize, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget


class Watcher(Protocol):
    """A controller that ends its work when the window is closed."""

    def watch(self, window: QObject) -> None:
        """End the work when this main window is closed."""


class Panel(QWidget):
    """Contents of a dock with settings.

    Parameters
    ----------
    name : str
        Name of the object.
    height : int
        Wanted height in pixels.
    """

    controller: Watcher

    def __init__(self, name: str, height: int) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setMinimumWidth(350)
        self.setMaximumWidth(400)
        self._height = height
        self._placed: QDockWidget | None = None

    def sizeHint(self) -> QSize:
        """Wide enough for all labels, not wider."""
        return QSize(370, self._height)

    def changeEvent(self, event: QEvent | None) -> None:
        """Find the main window once the dock is part of it."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.ParentChange:
            QTimer.singleShot(0, self.find_window)

    def find_window(self) -> None:
        """Watch the main window, and share the place of the other docks of this kind."""
        window = self.window()
        if isinstance(window, QMainWindow):
            self.controller.watch(window)
            dock = dock_of(self)
            if dock is not None and dock is not self._placed:
                self._placed = dock
                share_place(window, dock)


def dock_of(widget: QWidget) -> QDockWidget | None:
    """The dock that a widget is in."""
    parent: QWidget | None = widget
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parentWidget()
    return parent


def share_place(window: QMainWindow, dock: QDockWidget) -> None:
    """Make a new dock a tab of another one: below each other both would be too low to use."""
    area = window.dockWidgetArea(dock)
    others = {dock_of(panel) for panel in window.findChildren(Panel)}
    for other in others - {dock, None}:
        assert other is not None
        if not other.isHidden() and not other.isFloating() and window.dockWidgetArea(other) == area:
            window.tabifyDockWidget(other, dock)
            dock.raise_()
            return
