"""A thread that always works on the newest request. Free of Qt and napari."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from napari_padis.engine.control import Control
from napari_padis.gui.thread import Job

R = TypeVar("R")

#: Seconds without a request after which the thread ends; the next request starts another.
IDLE_SECONDS = 20.0


class LatestWorker(Generic[R]):
    """Runs a function on the newest request; older ones that wait are dropped.

    A slider that is dragged asks far more often than an answer can be computed; so
    neither does the GUI ever wait, nor does a queue build up.

    Parameters
    ----------
    function : callable
        Called in the thread with a request and a callable that says whether the answer
        is still wanted. It must not raise.
    """

    def __init__(self, function: Callable[[R, Callable[[], bool]], None]) -> None:
        self._function = function
        self._changed = threading.Condition()
        self._request: R | None = None
        self._job: Job | None = None
        self._working = False
        self._closed = False

    def ask(self, request: R) -> None:
        """Replace whatever waits by this request; returns at once."""
        with self._changed:
            if self._closed:
                return
            self._request = request
            if self._job is None:
                control = Control()
                self._job = Job(lambda: self._loop(control), control)
                self._job.start()
            self._changed.notify_all()

    def drop(self) -> None:
        """Forget a request that waits; one that is worked on is no longer wanted."""
        with self._changed:
            self._request = None

    @property
    def busy(self) -> bool:
        """Whether something is asked for or being worked on."""
        with self._changed:
            return self._request is not None or self._working

    def close(self) -> None:
        """Take no more requests and let the thread end."""
        with self._changed:
            self._closed, self._request = True, None
            if self._job is not None:
                self._job.stop()
            self._changed.notify_all()

    def join(self, timeout: float) -> bool:
        """Wait for the thread; True when it has ended."""
        job = self._job
        return job is None or job.join(timeout)

    def _loop(self, control: Control) -> None:
        while True:
            with self._changed:
                self._working = False
                # Short naps, because the end of the program stops the control only.
                waited = 0.0
                while self._request is None and not control.stopped and waited < IDLE_SECONDS:
                    self._changed.wait(0.25)
                    waited += 0.25
                request, self._request = self._request, None
                if request is None or control.stopped:
                    self._job = None
                    return
                self._working = True
            self._function(request, lambda: self._wanted(control))
            del request

    def _wanted(self, control: Control) -> bool:
        with self._changed:
            return self._request is None and not control.stopped
