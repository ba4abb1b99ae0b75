"""Forward models by name. Importing this module loads neither torch nor ODL."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from napari_padis.errors import InputError
from napari_padis.scan.geometry import ParallelGeometry

if TYPE_CHECKING:
    import torch

    from napari_padis.likelihood.linear_map import LinearMap


@dataclass(frozen=True)
class Forward:
    """A forward model of the catalogue.

    Parameters
    ----------
    title, description : str
        For menus and listings.
    path : str
        ``module:class`` of the :class:`LinearMap`, made from a geometry and a device.
    """

    title: str
    description: str
    path: str


#: Forward models by the ``kind`` of their geometry.
FORWARDS: dict[str, Forward] = {
    "parallel": Forward(
        title="Parallel-beam CT",
        description="Line integrals of axial slices along parallel rays, any list of views.",
        path="napari_padis.likelihood.parallel:ParallelBeam",
    ),
}

#: Maps kept by :func:`build`, and the bytes they may hold together (the newest always stays).
KEEP_MAPS = 6
KEEP_BYTES = 2**31

_maps: OrderedDict[tuple[object, ...], LinearMap] = OrderedDict()
_lock = threading.RLock()


def build(geometry: ParallelGeometry, device: str | torch.device = "cpu") -> LinearMap:
    """Forward model of a geometry; the same one again when it was built lately.

    Raises
    ------
    InputError
        If no forward model handles the geometry.
    ReconstructionError
        If its matrices would not fit into memory.
    """
    from napari_padis.likelihood.rays import geometry_key

    forward = FORWARDS.get(geometry.kind)
    if forward is None:
        raise InputError(f"Unknown geometry '{geometry.kind}'; use one of {', '.join(FORWARDS)}.")
    key = (forward.path, str(device), *geometry_key(geometry))
    with _lock:
        linear_map = _maps.pop(key, None)
        if linear_map is None and str(device) == "cpu":
            module, name = forward.path.split(":")
            linear_map = getattr(import_module(module), name)(geometry)
        elif linear_map is None:
            linear_map = build(geometry).to(device)
        _maps[key] = linear_map
        while len(_maps) > 1 and (len(_maps) > KEEP_MAPS or _kept_bytes() > KEEP_BYTES):
            _maps.popitem(last=False)
    return linear_map


def _kept_bytes() -> int:
    return sum(linear_map.nbytes for linear_map in _maps.values())
