"""Forward models by name. Importing this module loads neither torch nor ODL."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_padis.errors import InputError
from napari_padis.scan.geometry import Geometry

if TYPE_CHECKING:
    import torch

    from napari_padis.likelihood.linear_map import LinearMap

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Forward:
    """A forward model of the catalogue.

    Parameters
    ----------
    title, description : str
        For menus and listings.
    path : str
        ``module:class`` of the :class:`LinearMap`, made from a geometry, a device and,
        where there is more than one back end, a ``backend``.
    backends : tuple of str
        Ways to compute it that a user may choose from; empty when there is only one.
    """

    title: str
    description: str
    path: str
    backends: tuple[str, ...] = ()


#: 'matrix' is a cached sparse pair, 'rays' traces each ray anew, 'odl' is ODL's ray transform
#: on ASTRA; 'auto' takes the fastest that fits into memory.
BACKENDS = ("auto", "matrix", "rays", "odl")

#: Forward models by the ``kind`` of their geometry.
FORWARDS: dict[str, Forward] = {
    "parallel": Forward(
        title="Parallel-beam CT",
        description="Line integrals of axial slices along parallel rays, any list of views.",
        path="napari_padis.likelihood.parallel:ParallelBeam",
        backends=BACKENDS,
    ),
    "fan": Forward(
        title="Fan-beam CT",
        description="Line integrals of axial slices from a point source, flat or curved detector.",
        path="napari_padis.likelihood.fan:FanBeam",
        backends=BACKENDS,
    ),
    "cone": Forward(
        title="Cone-beam CT",
        description="Line integrals of a volume from a source on a circle or helix.",
        path="napari_padis.likelihood.cone:ConeBeam",
        backends=("auto", "rays", "odl"),
    ),
    "cartesian": Forward(
        title="Cartesian MRI",
        description="k-space of one or several coils on a Cartesian grid, fully or partly sampled.",
        path="napari_padis.likelihood.cartesian:CartesianMRI",
    ),
    "blur": Forward(
        title="Blur",
        description="Convolution with a kernel (deblurring).",
        path="napari_padis.likelihood.blur:Blur",
    ),
    "downsample": Forward(
        title="Coarse pixels",
        description="Block averages of the image (super-resolution).",
        path="napari_padis.likelihood.downsample:Downsample",
    ),
    "mask": Forward(
        title="Missing pixels",
        description="Some pixels of the image were not measured (inpainting).",
        path="napari_padis.likelihood.mask:Mask",
    ),
    "denoise": Forward(
        title="Noise alone",
        description="The image itself with noise (denoising).",
        path="napari_padis.likelihood.mask:Identity",
    ),
}

#: Maps kept by :func:`build`, and the bytes they may hold together (the newest always stays).
KEEP_MAPS = 6
KEEP_BYTES = 2**31

_maps: OrderedDict[tuple[object, ...], LinearMap] = OrderedDict()
_lock = threading.RLock()


def build(
    geometry: Geometry, device: str | torch.device = "cpu", backend: str = "auto"
) -> LinearMap:
    """Forward model of a geometry; the same one again when it was built lately.

    Parameters
    ----------
    geometry : Geometry
    device : str or torch.device
    backend : str
        One of the model's ``backends``.

    Raises
    ------
    InputError
        If no forward model handles the geometry, or the back end is unknown or missing.
    ReconstructionError
        If it would not fit into memory.
    """
    forward = find_forward(geometry.kind)
    check_backend(geometry.kind, backend)
    key = (forward.path, str(device), backend, *geometry.key)
    with _lock:
        linear_map = _maps.pop(key, None)
        if linear_map is None and str(device) == "cpu":
            choice = {"backend": backend} if forward.backends else {}
            made: LinearMap = _class(forward)(geometry, **choice)
            logger.info("%s: %s", type(made).__name__, made.how)
            linear_map = made
        elif linear_map is None:
            linear_map = build(geometry, backend=backend).to(device)
        _maps[key] = linear_map
        while len(_maps) > 1 and (len(_maps) > KEEP_MAPS or _kept_bytes() > KEEP_BYTES):
            _maps.popitem(last=False)
    return linear_map


def expected_bytes(geometry: Geometry, backend: str = "auto") -> int:
    """Memory the forward model of a geometry will hold, in bytes, without building it."""
    needed: int = _class(find_forward(geometry.kind)).expected_bytes(geometry, backend)
    return needed


def find_forward(kind: str) -> Forward:
    """Look a forward model up; raises InputError that lists those there are."""
    try:
        return FORWARDS[kind]
    except KeyError:
        raise InputError(
            f"There is no forward model '{kind}'. Choose one of: {', '.join(FORWARDS)}."
        ) from None


def check_backend(kind: str, backend: str) -> None:
    """Raise InputError that lists those there are unless a model has the back end."""
    backends = find_forward(kind).backends or ("auto",)
    if backend not in backends:
        raise InputError(
            f"The forward model '{kind}' has no back end '{backend}'; use {', '.join(backends)}."
        )


def _class(forward: Forward) -> Any:
    """The class of a forward model: ``LinearMap`` made from a geometry."""
    module, name = forward.path.split(":")
    return getattr(import_module(module), name)


def _kept_bytes() -> int:
    return sum(linear_map.nbytes for linear_map in _maps.values())
