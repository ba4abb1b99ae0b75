"""p(y | x): forward models as batched, differentiable maps, and their noise.

Nothing heavy is loaded until a name is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_padis.likelihood.coil_simulation import birdcage_maps
    from napari_padis.likelihood.fan import FanBeam
    from napari_padis.likelihood.linear_map import LinearMap
    from napari_padis.likelihood.noise import Gaussian, Poisson, sigma_from_rms
    from napari_padis.likelihood.noise_estimate import estimate_sigma
    from napari_padis.likelihood.parallel import ParallelBeam
    from napari_padis.likelihood.registry import FORWARDS, Forward, build
    from napari_padis.likelihood.simulated_noise import add_noise
    from napari_padis.likelihood.simulation import simulate
    from napari_padis.likelihood.whitening import Whitened

_MODULES = {
    "FORWARDS": "registry",
    "FanBeam": "fan",
    "Forward": "registry",
    "Gaussian": "noise",
    "LinearMap": "linear_map",
    "ParallelBeam": "parallel",
    "Poisson": "noise",
    "Whitened": "whitening",
    "add_noise": "simulated_noise",
    "birdcage_maps": "coil_simulation",
    "build": "registry",
    "estimate_sigma": "noise_estimate",
    "sigma_from_rms": "noise",
    "simulate": "simulation",
}

__all__ = [
    "FORWARDS",
    "FanBeam",
    "Forward",
    "Gaussian",
    "LinearMap",
    "ParallelBeam",
    "Poisson",
    "Whitened",
    "add_noise",
    "birdcage_maps",
    "build",
    "estimate_sigma",
    "sigma_from_rms",
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
