"""p(y | x): forward models as batched, differentiable maps, and their noise.

Nothing heavy is loaded until a name is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_padis.likelihood.blur import Blur
    from napari_padis.likelihood.cartesian import CartesianMRI
    from napari_padis.likelihood.coil_simulation import birdcage_maps
    from napari_padis.likelihood.cone import ConeBeam
    from napari_padis.likelihood.downsample import Downsample
    from napari_padis.likelihood.fan import FanBeam
    from napari_padis.likelihood.linear_map import LinearMap
    from napari_padis.likelihood.mask import Identity, Mask
    from napari_padis.likelihood.noise import Gaussian, Poisson
    from napari_padis.likelihood.noise_estimate import estimate_sigma
    from napari_padis.likelihood.parallel import ParallelBeam
    from napari_padis.likelihood.registry import FORWARDS, Forward, build
    from napari_padis.likelihood.simulated_noise import add_noise, root_mean_square
    from napari_padis.likelihood.simulation import simulate
    from napari_padis.likelihood.whitening import Whitened

_MODULES = {
    "Blur": "blur",
    "CartesianMRI": "cartesian",
    "ConeBeam": "cone",
    "Downsample": "downsample",
    "FORWARDS": "registry",
    "FanBeam": "fan",
    "Forward": "registry",
    "Gaussian": "noise",
    "Identity": "mask",
    "LinearMap": "linear_map",
    "Mask": "mask",
    "ParallelBeam": "parallel",
    "Poisson": "noise",
    "Whitened": "whitening",
    "add_noise": "simulated_noise",
    "birdcage_maps": "coil_simulation",
    "build": "registry",
    "estimate_sigma": "noise_estimate",
    "root_mean_square": "simulated_noise",
    "simulate": "simulation",
}

__all__ = [
    "FORWARDS",
    "Blur",
    "CartesianMRI",
    "ConeBeam",
    "Downsample",
    "FanBeam",
    "Forward",
    "Gaussian",
    "Identity",
    "LinearMap",
    "Mask",
    "ParallelBeam",
    "Poisson",
    "Whitened",
    "add_noise",
    "birdcage_maps",
    "build",
    "estimate_sigma",
    "root_mean_square",
    "simulate",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
