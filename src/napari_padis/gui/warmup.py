"""Loads torch and ODL in the background after the dock has opened. Free of Qt."""

from __future__ import annotations

import importlib
import logging
import threading

from napari_padis.engine.control import Control
from napari_padis.gui.thread import Job

logger = logging.getLogger(__name__)

#: What a run needs, the heaviest first.
MODULES = (
    "torch",
    "napari_padis.likelihood.parallel",
    "napari_padis.engine.run",
    "pandas",  # napari loads it for the first layer of vectors, in the GUI thread
)

_devices: list[str] = []
_done = threading.Event()
_job: Job | None = None


def start() -> None:
    """Begin loading, once per process."""
    global _job
    if _job is None:
        _job = Job(_load, Control())
        _job.start()


def devices() -> list[str] | None:
    """Devices to offer, or None while still loading."""
    return list(_devices) if _done.is_set() else None


def _load() -> None:
    try:
        for name in MODULES:
            importlib.import_module(name)
        _touch()
        _devices[:] = find_devices()
    except ImportError:
        logger.exception("A needed package could not be loaded.")
        _devices[:] = ["auto", "cpu"]
    finally:
        _done.set()


def _touch() -> None:
    """Make torch load what it loads with the first layer of a network (seconds)."""
    import torch

    torch.nn.Linear(1, 1)


def find_devices() -> list[str]:
    """Devices that torch can compute on."""
    import torch

    found = ["auto", "cpu"]
    if torch.cuda.is_available():
        found += [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return found
