"""Classical denoisers to compare priors with, each with a grid of settings to choose from."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from types import ModuleType

import numpy as np
from numpy.typing import NDArray
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

Image = NDArray[np.floating]

#: Clean estimate of an image (rows, columns) on the scale [0, 1], given the noise's deviation.
Denoise = Callable[[Image, float], Image]

#: Weights of total variation in units of sigma, around the optimum at every noise level.
TV_WEIGHTS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.3, 1.5, 1.75)

#: Filter strengths h of NL-means in units of sigma, and sides of the patches compared.
NLM_STRENGTHS = (0.3, 0.45, 0.6, 0.75, 0.9, 1.1)
NLM_PATCHES = (5, 7, 11)

#: Deviations told to BM3D in units of the true one.
BM3D_STRENGTHS = (0.9, 1.0, 1.1, 1.2)


@dataclass(frozen=True)
class Contender:
    """A denoiser under study.

    Attributes
    ----------
    name : str
    version : str
        Digest of the weights, or version of the package: rows of another one do not count.
    variants : mapping of str to callable
        Settings to choose from, by what they are called in tables.
    """

    name: str
    version: str
    variants: Mapping[str, Denoise]


def total_variation() -> Contender:
    """Total variation (Chambolle, J. Math. Imaging Vis. 20, 2004) of scikit-image."""

    def denoise(noisy: Image, sigma: float, weight: float) -> Image:
        # The default tolerance of 2e-4 stops too early; here more changes less than 0.01 dB.
        return denoise_tv_chambolle(noisy, weight=weight * sigma, eps=1e-7, max_num_iter=1000)

    variants = {f"weight {w:g} sigma": partial(denoise, weight=w) for w in TV_WEIGHTS}
    return Contender("TV", f"scikit-image {version('scikit-image')}", variants)


def nl_means() -> Contender:
    """Non-local means (Buades et al., CVPR 2005) of scikit-image, told the noise level."""

    def denoise(noisy: Image, sigma: float, strength: float, patch: int) -> Image:
        return denoise_nl_means(
            noisy, patch_size=patch, patch_distance=9, h=strength * sigma, sigma=sigma
        )

    variants = {
        f"h {h:g} sigma, patch {p}": partial(denoise, strength=h, patch=p)
        for p in NLM_PATCHES
        for h in NLM_STRENGTHS
    }
    return Contender("NL-means", f"scikit-image {version('scikit-image')}", variants)


def bm3d() -> Contender | None:
    """BM3D (Dabov et al., IEEE TIP 16, 2007) of the package ``bm3d``; None where it is missing.

    The package may be used for research only, which is why this one does not ask for it.
    """
    module = optional("bm3d")
    if module is None:
        return None

    def denoise(noisy: Image, sigma: float, strength: float) -> Image:
        return np.asarray(module.bm3d(noisy, sigma_psd=strength * sigma))

    variants = {f"{s:g} sigma": partial(denoise, strength=s) for s in BM3D_STRENGTHS}
    return Contender("BM3D", f"bm3d {version('bm3d')}", variants)


def optional(name: str) -> ModuleType | None:
    """A module of a package that need not be there."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
