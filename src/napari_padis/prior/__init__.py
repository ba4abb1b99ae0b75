"""p(x): patch scores as a denoiser of whole images. Importing this loads no torch."""

from typing import TYPE_CHECKING, Any

from napari_padis.prior.architecture import NetworkConfig
from napari_padis.prior.card import PriorCard
from napari_padis.prior.catalogue import catalogue, find_prior

if TYPE_CHECKING:
    from napari_padis.prior.denoiser import PatchDenoiser, load_prior

__all__ = [
    "NetworkConfig",
    "PatchDenoiser",
    "PriorCard",
    "catalogue",
    "find_prior",
    "load_prior",
]


def __getattr__(name: str) -> Any:
    if name in ("PatchDenoiser", "load_prior"):
        from napari_padis.prior import denoiser

        return getattr(denoiser, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
