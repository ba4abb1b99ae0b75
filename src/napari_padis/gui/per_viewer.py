"""One object of a kind for every viewer."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from napari.components import ViewerModel

T = TypeVar("T")


class OnePerViewer(Generic[T]):
    """Makes an object for a viewer when it is first asked for, and then always gives that one.

    Parameters
    ----------
    make : callable
        Makes the object of a viewer.
    """

    def __init__(self, make: Callable[[ViewerModel], T]) -> None:
        self._make = make
        self._made: weakref.WeakKeyDictionary[Any, T] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def __call__(self, viewer: ViewerModel) -> T:
        """The object of a viewer."""
        viewer = getattr(viewer, "__wrapped__", viewer)  # napari may hand plugins a proxy
        with self._lock:
            if viewer not in self._made:
                self._made[viewer] = self._make(viewer)
            return self._made[viewer]
