"""The geometry of a simulated measurement from options of the command line."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_padis.cli.models import check_options
from napari_padis.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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

#: The detector is this much wider than the shadow of the image.
MARGIN = 1.02

#: Share of the k-space columns in the fully sampled centre, times the acceleration: 8 % of
#: them at fourfold, 4 % at eightfold, as in the fastMRI challenges.
CENTRE = 0.32

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Grid:
    """Voxels that are measured: slices, rows, columns, and their distances in mm."""

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]

    @property
    def radius(self) -> float:
        """Radius of the circle around a slice in mm."""
        sides = (n * p for n, p in zip(self.shape[1:], self.spacing[1:], strict=True))
        return math.hypot(*sides) / 2

    @property
    def plane(self) -> dict[str, Any]:
        """The fields that all geometries share."""
        return {
            "image_shape": self.shape[1:],
            "pixel": self.spacing[1:],
            "slice_spacing": self.spacing[0],
        }


def make_geometry(kind: str, given: Values, grid: Grid, seed: int) -> Geometry:
    """Geometry from the options that were given; the others have their defaults.

    Raises
    ------
    InputError
        If such a measurement is impossible or an option does not fit the others.
    """
    check_options(kind, given)
    return _MAKERS[kind](given, grid, seed)


def read_angles(path: Path) -> NDArray[np.float64]:
    """View angles from a text file of degrees, as radians.

    Raises
    ------
    InputError
        If the file cannot be read or holds anything but numbers.
    """
    import numpy as np

    try:
        words = path.read_text().replace(",", " ").split()
        angles = np.deg2rad(np.array([float(word) for word in words]))
    except OSError as error:
        raise InputError(f"View angles '{path}' cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InputError(f"View angles '{path}' must be numbers in degrees: {error}.") from error
    if not angles.size:
        raise InputError(f"View angles '{path}' are empty.")
    return angles


def _angles(given: Values, arc: float, offset: float) -> NDArray[np.float64]:
    """Listed views, or views spread evenly over an arc of so many degrees."""
    import numpy as np

    if "angles" in given:
        if {"views", "arc"} & set(given):
            raise InputError("Give either --angles, or --views and --arc.")
        return read_angles(given["angles"])
    views, arc = given.get("views", 20), given.get("arc", arc)
    if views < 1:
        raise InputError(f"At least one view is needed, not {views}.")
    if not (math.isfinite(arc) and arc != 0):
        raise InputError("The arc must be a number of degrees other than 0.")
    spread: NDArray[np.float64] = (np.arange(views) + offset) * np.deg2rad(arc) / views
    return spread


def _parallel(given: Values, grid: Grid, seed: int) -> ParallelGeometry:
    from napari_padis.scan.geometry import ParallelGeometry

    angles = _angles(given, 180.0, 0.5)
    standard = ParallelGeometry.standard(
        len(angles), **grid.plane, detectors=given.get("detectors", 512)
    )
    return dataclasses.replace(standard, angles=angles)


def _source(given: Values, grid: Grid) -> tuple[float, float, float]:
    """Distances of the source from axis and detector, and half the angle of the fan."""
    origin = given.get("source_origin", 4 * grid.radius)
    detector = given.get("source_detector", 1.5 * origin)
    if not origin > grid.radius:
        raise InputError(
            f"The source must be outside the circle around the image: --source-origin more "
            f"than {grid.radius:.0f} mm, not {origin:g}."
        )
    return origin, detector, math.asin(grid.radius / origin)


def _fan(given: Values, grid: Grid, seed: int) -> FanGeometry:
    from napari_padis.scan.geometry import FanGeometry

    origin, detector, half = _source(given, grid)
    bins, curved = given.get("detectors", 512), given.get("curved", False)
    width = 2 * MARGIN * detector * (half if curved else math.tan(half))
    return FanGeometry(
        angles=_angles(given, 360.0, 0.5),
        detectors=bins,
        detector_pitch=width / max(bins, 1),
        source_origin=origin,
        source_detector=detector,
        curved=curved,
        **grid.plane,
    )


def _cone(given: Values, grid: Grid, seed: int) -> ConeGeometry:
    from napari_padis.scan.geometry import ConeGeometry

    origin, detector, half = _source(given, grid)
    rows = given.get("detector_rows", 2 * grid.shape[0])
    columns = given.get("detectors", 2 * max(grid.shape[1:]))
    tall = grid.shape[0] * grid.spacing[0] * detector / (origin - grid.radius)
    wide = 2 * detector * math.tan(half)
    return ConeGeometry(
        angles=_angles(given, 360.0, 0.0),
        detectors=(rows, columns),
        detector_pitch=(MARGIN * tall / max(rows, 1), MARGIN * wide / max(columns, 1)),
        source_origin=origin,
        source_detector=detector,
        slices=grid.shape[0],
        **grid.plane,
    )


def _cartesian(given: Values, grid: Grid, seed: int) -> CartesianGeometry:
    from napari_padis.likelihood.masks import sampling_mask
    from napari_padis.scan.geometry import CartesianGeometry

    acceleration = given.get("acceleration", 4.0)
    centre = round(CENTRE / max(acceleration, 1.0) * grid.shape[2])
    mask = sampling_mask(
        grid.shape[1:],
        given.get("mask", "equispaced"),
        acceleration,
        given.get("centre", centre),
        seed,
    )
    return CartesianGeometry(mask, given.get("coils", 1), **grid.plane)


def _blur(given: Values, grid: Grid, seed: int) -> BlurGeometry:
    from napari_padis.scan.geometry import BlurGeometry
    from napari_padis.scan.geometry.kernels import gaussian_kernel, uniform_kernel

    name = given.get("kernel", "uniform")
    if name == "uniform":
        if "width" in given:
            raise InputError("The option --width belongs to --kernel gaussian; use --size.")
        return BlurGeometry(uniform_kernel(given.get("size", 9)), **grid.plane)
    if name == "gaussian":
        kernel = gaussian_kernel(given.get("width", 2.0), given.get("size"))
        return BlurGeometry(kernel, **grid.plane)
    raise InputError(f"There is no blur kernel '{name}'; use uniform or gaussian.")


def _downsample(given: Values, grid: Grid, seed: int) -> DownsampleGeometry:
    from napari_padis.scan.geometry import DownsampleGeometry

    return DownsampleGeometry(given.get("factor", 4), **grid.plane)


def _mask(given: Values, grid: Grid, seed: int) -> MaskGeometry:
    import numpy as np

    from napari_padis.scan.geometry import MaskGeometry

    share = given.get("missing", 0.5)
    if not 0 <= share < 1:
        raise InputError(f"The share of missing pixels must be from 0 to below 1, not {share:g}.")
    count = math.prod(grid.shape[1:])
    mask = np.ones(count, dtype=bool)
    missing = min(round(share * count), count - 1)
    mask[np.random.default_rng(seed).permutation(count)[:missing]] = False
    return MaskGeometry(mask.reshape(grid.shape[1:]), **grid.plane)


def _denoise(given: Values, grid: Grid, seed: int) -> DenoiseGeometry:
    from napari_padis.scan.geometry import DenoiseGeometry

    return DenoiseGeometry(**grid.plane)


_MAKERS: dict[str, Callable[[Values, Grid, int], Geometry]] = {
    "parallel": _parallel,
    "fan": _fan,
    "cone": _cone,
    "cartesian": _cartesian,
    "blur": _blur,
    "downsample": _downsample,
    "mask": _mask,
    "denoise": _denoise,
}
