"""From plain settings to the geometry of a simulated scan. Free of torch and ODL."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.likelihood.masks import sampling_mask
from napari_padis.likelihood.settings import DEFAULTS, Grid, Settings, complete
from napari_padis.scan.geometry import (
    BlurGeometry,
    CartesianGeometry,
    ConeGeometry,
    DenoiseGeometry,
    DownsampleGeometry,
    FanGeometry,
    Geometry,
    MaskGeometry,
    ParallelGeometry,
)
from napari_padis.scan.geometry.base import even_angles
from napari_padis.scan.geometry.fan import MARGIN, detector_width
from napari_padis.scan.geometry.kernels import gaussian_kernel, uniform_kernel

__all__ = ["Grid", "design"]


def design(kind: str, settings: Settings, grid: Grid, seed: int = 0) -> Geometry:
    """Geometry of a simulated scan.

    Parameters
    ----------
    kind : str
        Key of ``likelihood.FORWARDS``.
    settings : mapping
        What is set, see ``settings.DEFAULTS``; whatever is not has its default.
    grid : Grid
        The voxels that are simulated from.
    seed : int
        Of the samples or pixels that are measured, where they are random.

    Raises
    ------
    InputError
        If such a scan is impossible, or a setting does not belong to the model or does not
        fit the others.
    """
    if kind not in DEFAULTS:
        raise InputError(f"There is no forward model '{kind}'; use one of {', '.join(DEFAULTS)}.")
    for name in settings:
        if name not in DEFAULTS[kind] and not (name == "angles" and "views" in DEFAULTS[kind]):
            raise InputError(f"The forward model '{kind}' has no setting '{name}'.")
    if "angles" in settings and {"views", "arc"} & set(settings):
        raise InputError("Give either angles, or views and arc.")
    found = complete(kind, settings, grid)
    if "width" in settings and found["kernel"] == "uniform":
        raise InputError("The width belongs to a Gaussian kernel; a uniform one has a size.")
    return _MAKERS[kind](found, grid, seed)


def _angles(settings: Settings, offset: float) -> NDArray[np.float64]:
    """Listed views, or views spread evenly over the arc."""
    if "angles" in settings:
        return np.asarray(settings["angles"], dtype=np.float64)
    return even_angles(settings["views"], settings["arc"], offset)


def _parallel(settings: Settings, grid: Grid, seed: int) -> ParallelGeometry:
    angles = _angles(settings, 0.5)
    standard = ParallelGeometry.standard(1, **grid.plane, detectors=settings["detectors"])
    return dataclasses.replace(standard, angles=angles)


def _source(settings: Settings) -> dict[str, Any]:
    return {name: settings[name] for name in ("source_origin", "source_detector")}


def _fan(settings: Settings, grid: Grid, seed: int) -> FanGeometry:
    """The fan covers the circle around the slice, whatever the distances are."""
    width = detector_width(grid.radius, **_source(settings), curved=settings["curved"])
    return FanGeometry(
        angles=_angles(settings, 0.5),
        detectors=settings["detectors"],
        detector_pitch=width / max(settings["detectors"], 1),
        curved=settings["curved"],
        **_source(settings),
        **grid.plane,
    )


def _cone(settings: Settings, grid: Grid, seed: int) -> ConeGeometry:
    """The detector sees the whole volume from a circle around its middle."""
    rows, columns = settings["detector_rows"], settings["detectors"]
    width = detector_width(grid.radius, **_source(settings))
    magnification = settings["source_detector"] / (settings["source_origin"] - grid.radius)
    height = MARGIN * grid.shape[0] * grid.spacing[0] * magnification
    return ConeGeometry(
        angles=_angles(settings, 0.0),
        detectors=(rows, columns),
        detector_pitch=(height / max(rows, 1), width / max(columns, 1)),
        slices=grid.shape[0],
        travel=settings["feed"],
        **_source(settings),
        **grid.plane,
    )


def _cartesian(settings: Settings, grid: Grid, seed: int) -> CartesianGeometry:
    mask = sampling_mask(
        grid.sides, settings["mask"], settings["acceleration"], settings["centre"], seed
    )
    return CartesianGeometry(mask, settings["coils"], **grid.plane)


def _blur(settings: Settings, grid: Grid, seed: int) -> BlurGeometry:
    name, size = settings["kernel"], settings["size"]
    if name == "uniform":
        return BlurGeometry(uniform_kernel(size), **grid.plane)
    if name == "gaussian":
        return BlurGeometry(gaussian_kernel(settings["width"], size), **grid.plane)
    raise InputError(f"There is no blur kernel '{name}'; use uniform or gaussian.")


def _downsample(settings: Settings, grid: Grid, seed: int) -> DownsampleGeometry:
    if settings["factor"] is None:
        rows, columns = grid.sides
        raise InputError(
            f"No coarse pixel fits: {rows} rows and {columns} columns have no common divisor "
            "up to 16. Crop the image first."
        )
    return DownsampleGeometry(settings["factor"], **grid.plane)


def _mask(settings: Settings, grid: Grid, seed: int) -> MaskGeometry:
    """A given number of pixels, drawn at random, is missing."""
    share = settings["missing"]
    if not 0 <= share < 1:
        raise InputError(f"The share of missing pixels must be from 0 to below 1, not {share:g}.")
    count = math.prod(grid.sides)
    mask = np.ones(count, dtype=bool)
    missing = min(round(share * count), count - 1)
    mask[np.random.default_rng(seed).permutation(count)[:missing]] = False
    return MaskGeometry(mask.reshape(grid.sides), **grid.plane)


def _denoise(settings: Settings, grid: Grid, seed: int) -> DenoiseGeometry:
    return DenoiseGeometry(**grid.plane)


_MAKERS: dict[str, Callable[[Settings, Grid, int], Geometry]] = {
    "parallel": _parallel,
    "fan": _fan,
    "cone": _cone,
    "cartesian": _cartesian,
    "blur": _blur,
    "downsample": _downsample,
    "mask": _mask,
    "denoise": _denoise,
}
