"""Pause and stop a running reconstruction from another thread."""

from __future__ import annotations

import threading


class Control:
    """Shared between the thread that runs and the one that decides.

    The engine looks at it between network batches, several times a second.
    """

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._go = threading.Event()
        self._go.set()

    def stop(self) -> None:
        """Ask the run to end now and to keep what it has."""
        self._stop.set()
        self._go.set()

    def pause(self) -> None:
        """Hold the run at the next opportunity."""
        self._go.clear()

    def resume(self) -> None:
        """Let a paused run go on."""
        self._go.set()

    @property
    def stopped(self) -> bool:
        """Whether a stop was asked for."""
        return self._stop.is_set()

    @property
    def paused(self) -> bool:
        """Whether the run is held."""
        return not self._go.is_set()

    def wait(self) -> float:
        """Block while paused; returns the seconds spent waiting."""
        import time

        if self._go.is_set():
            return 0.0
        start = time.monotonic()
        self._go.wait()
        return time.monotonic() - start
