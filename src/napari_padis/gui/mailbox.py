"""Latest-only mailbox between the worker thread and the GUI timer. Free of Qt."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any


class Mailbox:
    """Keeps only the newest event of each type.

    A worker that is faster than the screen overwrites what was not yet looked at, so
    neither side ever waits for the other and no queue of volumes can build up.

    Parameters
    ----------
    queued : iterable of type
        Small events that must all arrive, such as one-sentence notices; the newest
        ``queue_length`` of each are kept.
    queue_length : int
    """

    def __init__(self, queued: Iterable[type] = (), queue_length: int = 32) -> None:
        self._lock = threading.Lock()
        self._queued = tuple(queued)
        self._length = queue_length
        self._slots: dict[type, list[tuple[int, Any]]] = {}
        self._count = 0

    def post(self, event: Any) -> None:
        """Put an event in, dropping an older one of its type."""
        kind = type(event)
        with self._lock:
            self._count += 1
            entry = (self._count, event)
            if issubclass(kind, self._queued):
                self._slots[kind] = [*self._slots.get(kind, []), entry][-self._length :]
            else:
                self._slots[kind] = [entry]

    def take(self, hold: tuple[type, ...] = ()) -> list[Any]:
        """Take everything out, oldest first, except events of the types in ``hold``."""
        with self._lock:
            kept = {k: v for k, v in self._slots.items() if issubclass(k, hold)}
            taken = [e for k, v in self._slots.items() if k not in kept for e in v]
            self._slots = kept
        return [event for _, event in sorted(taken, key=lambda entry: entry[0])]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._slots = {}
