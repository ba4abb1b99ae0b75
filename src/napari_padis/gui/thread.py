"""A worker thread that can be asked to stop and is never forgotten at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable

from napari_padis.engine.control import Control
from napari_padis.gui import lifecycle


class Job:
    """A function in a daemon thread together with the control it obeys.

    Not napari's ``create_worker``: its task manager keeps every worker for ever, and a
    worker that is asked to quit keeps its arguments.
    """

    def __init__(self, function: Callable[[], None], control: Control) -> None:
        self.control = control
        self._thread = threading.Thread(target=function, name="napari-padis", daemon=True)
        lifecycle.register(self)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ask for the end."""
        self.control.stop()

    @property
    def alive(self) -> bool:
        """Whether the function is still running."""
        return self._thread.is_alive()

    def join(self, timeout: float) -> bool:
        """Wait for the end; True when it has come."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self.alive
