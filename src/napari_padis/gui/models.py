"""From what a user sets to the geometry of a simulated scan. Free of Qt, torch and ODL."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
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

Values = Mapping[str, Any]

#: The detector covers this much more than the circle around the image.
MARGIN = 1.02


@dataclass(frozen=True)
class Grid:
    """The voxels that are simulated from.

    Parameters
    ----------
    shape : tuple of int
        Chosen slices, rows and columns.
    spacing : tuple of float
        Their distances in mm.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @property
    def sides(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.shape[1:]

    @property
    def pixel(self) -> tuple[float, float]:
        """Row and column spacing in mm."""
        return self.spacing[1:]

    @property
    def radius(self) -> float:
        """Radius in mm of the circle around a slice."""
        return math.hypot(*(n * p for n, p in zip(self.sides, self.pixel, strict=True))) / 2

    @property
    def factors(self) -> tuple[int, ...]:
        """Up to 16, the numbers that divide both rows and columns."""
        return tuple(f for f in range(2, 17) if not any(n % f for n in self.sides))


def geometry_for(kind: str, values: Values, grid: Grid) -> Geometry:
    """Geometry of a simulated scan.

    Parameters
    ----------
    kind : str
        Key of ``likelihood.FORWARDS``.
    values : mapping
        What the form of that model gives, see ``gui.sections.parameters``.
    grid : Grid

    Raises
    ------
    InputError
        If such a scan is impossible.
    """
    return _BUILDERS[kind](values, grid)


def _parallel(values: Values, grid: Grid) -> ParallelGeometry:
    return ParallelGeometry.standard(
        values["views"],
        grid.sides,
        grid.pixel,
        grid.spacing[0],
        detectors=values["bins"],
        arc=values["arc"],
    )


def _fan(values: Values, grid: Grid) -> FanGeometry:
    """The fan covers the circle around the slice, whatever the distances are."""
    origin, detector = values["origin"], values["detector"]
    if origin <= grid.radius:
        raise InputError(
            f"The source must be outside the circle around the image: more than "
            f"{grid.radius:.0f} mm from the axis."
        )
    half = math.asin(grid.radius / origin)
    width = 2 * detector * (half if values["curved"] else math.tan(half))
    return FanGeometry(
        angles=(np.arange(values["views"]) + 0.5) * np.deg2rad(values["arc"]) / values["views"],
        detectors=values["bins"],
        detector_pitch=MARGIN * width / values["bins"],
        source_origin=origin,
        source_detector=detector,
        image_shape=grid.sides,
        pixel=grid.pixel,
        slice_spacing=grid.spacing[0],
        curved=values["curved"],
    )


def _cone(values: Values, grid: Grid) -> ConeGeometry:
    views, turns = values["views"], values["turns"]
    geometry = ConeGeometry.standard(
        views, grid.shape, grid.spacing, (values["rows"], values["columns"])
    )
    return dataclasses.replace(
        geometry, angles=np.arange(views) * 2 * np.pi * turns / views, travel=values["feed"]
    )


def _cartesian(values: Values, grid: Grid) -> CartesianGeometry:
    from napari_padis.likelihood.masks import sampling_mask

    mask = sampling_mask(
        grid.sides, values["mask"], values["acceleration"], values["centre"], values["pattern"]
    )
    return CartesianGeometry(mask, values["coils"], None, grid.sides, grid.pixel, grid.spacing[0])


def _blur(values: Values, grid: Grid) -> BlurGeometry:
    from napari_padis.scan.geometry.kernels import gaussian_kernel, uniform_kernel

    if values["kernel"] == "uniform":
        kernel: NDArray[np.float64] = uniform_kernel(values["side"])
    else:
        kernel = gaussian_kernel(values["width"])
    return BlurGeometry(kernel, grid.sides, grid.pixel, grid.spacing[0])


def _downsample(values: Values, grid: Grid) -> DownsampleGeometry:
    if values["factor"] is None:
        rows, columns = grid.sides
        raise InputError(
            f"No coarse pixel fits: {rows} rows and {columns} columns have no common divisor "
            "up to 16. Crop the image first."
        )
    return DownsampleGeometry(values["factor"], grid.sides, grid.pixel, grid.spacing[0])


def _mask(values: Values, grid: Grid) -> MaskGeometry:
    """A given number of pixels, drawn at random, is missing."""
    count = math.prod(grid.sides)
    missing = min(round(values["missing"] / 100 * count), count - 1)
    mask = np.ones(count, dtype=bool)
    mask[np.random.default_rng(values["pattern"]).permutation(count)[:missing]] = False
    return MaskGeometry(mask.reshape(grid.sides), grid.sides, grid.pixel, grid.spacing[0])


def _denoise(values: Values, grid: Grid) -> DenoiseGeometry:
    return DenoiseGeometry(grid.sides, grid.pixel, grid.spacing[0])


_BUILDERS: dict[str, Callable[[Values, Grid], Geometry]] = {
    "parallel": _parallel,
    "fan": _fan,
    "cone": _cone,
    "cartesian": _cartesian,
    "blur": _blur,
    "downsample": _downsample,
    "mask": _mask,
    "denoise": _denoise,
}
