"""The one controller of every viewer."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

from napari_padis.gui.controller import RunController

if TYPE_CHECKING:
    from napari.components import ViewerModel

_controllers: weakref.WeakKeyDictionary[Any, RunController] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def controller_for(viewer: ViewerModel) -> RunController:
    """The controller of a viewer, always the same one."""
    viewer = getattr(viewer, "__wrapped__", viewer)  # napari may hand plugins a proxy
    with _lock:
        if viewer not in _controllers:
            _controllers[viewer] = RunController(viewer)
        return _controllers[viewer]
