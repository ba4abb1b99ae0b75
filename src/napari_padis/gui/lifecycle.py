"""Ending runs when a window is closed or the program quits."""

from __future__ import annotations

import atexit
import time
import weakref
from collections.abc import Callable
from typing import Protocol

from qtpy.QtCore import QCoreApplication, QEvent, QObject

#: Seconds the program waits for running reconstructions when it quits.
QUIT_PATIENCE = 20.0


class Stoppable(Protocol):
    """What can be told to end."""

    def stop(self) -> None:
        """Ask for the end."""

    def join(self, timeout: float) -> bool:
        """Wait for the end; True when it has come."""


_running: weakref.WeakSet[Stoppable] = weakref.WeakSet()
_connected: set[int] = set()


def register(job: Stoppable) -> None:
    """Make sure that a job is stopped, and waited for, before the program goes away."""
    _running.add(job)
    app = QCoreApplication.instance()
    if app is not None and id(app) not in _connected:
        _connected.add(id(app))
        app.aboutToQuit.connect(stop_all)


def stop_all(patience: float = QUIT_PATIENCE) -> bool:
    """Stop all jobs together and wait for them, but not for ever."""
    jobs = list(_running)
    for job in jobs:
        job.stop()
    deadline = time.monotonic() + patience
    ended = [job.join(max(0.0, deadline - time.monotonic())) for job in jobs]
    return all(ended)


atexit.register(stop_all)


class WindowWatcher(QObject):
    """Calls a function when a main window has been closed.

    A close request of the user can still be declined in napari's dialog, so it counts
    only once the window is hidden; a close from code cannot be declined.
    """

    def __init__(self, window: QObject, closed: Callable[[], None]) -> None:
        super().__init__()
        self._closed = closed
        self._asked = False
        self.window = weakref.ref(window)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """See QObject; never swallows an event."""
        if event is not None:
            kind = event.type()
            if kind == QEvent.Type.Close:
                self._asked = True
                if not event.spontaneous():
                    self._closed()
            elif kind == QEvent.Type.Hide and self._asked and not event.spontaneous():
                self._closed()
            elif kind == QEvent.Type.Show:
                self._asked = False
        return False
