"""What can be set of a simulated scan, and what holds where nothing is set."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Settings = Mapping[str, Any]


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

    @property
    def plane(self) -> dict[str, Any]:
        """The fields that all geometries share."""
        return {
            "image_shape": self.sides,
            "pixel": self.pixel,
            "slice_spacing": self.spacing[0],
        }


Default = Callable[[Grid, Settings], Any]

#: Distance from source to rotation axis over the radius of the circle around a slice, and
#: distance from source to detector over that to the axis.
DISTANCE, MAGNIFICATION = 4, 1.5

#: Share of the k-space columns in the fully sampled centre, times the acceleration: 8 % of
#: them at fourfold, 4 % at eightfold, as in the fastMRI challenges.
CENTRE = 0.32

#: Side of a uniform blur kernel in pixels; a Gaussian one has the size it needs.
UNIFORM_SIZE = 9

#: Side of a coarse pixel in fine ones, where that divides the image.
FACTOR = 4


def _source_origin(grid: Grid, settings: Settings) -> float:
    return DISTANCE * grid.radius


def _source_detector(grid: Grid, settings: Settings) -> float:
    return MAGNIFICATION * float(settings["source_origin"])


def _detector_rows(grid: Grid, settings: Settings) -> int:
    return 2 * grid.shape[0]


def _detector_columns(grid: Grid, settings: Settings) -> int:
    return 2 * max(grid.sides)


def _centre(grid: Grid, settings: Settings) -> int:
    return round(CENTRE / max(1.0, settings["acceleration"]) * grid.sides[1])


def _size(grid: Grid, settings: Settings) -> int | None:
    return UNIFORM_SIZE if settings["kernel"] == "uniform" else None


def _factor(grid: Grid, settings: Settings) -> int | None:
    return FACTOR if FACTOR in grid.factors else next(iter(grid.factors), None)


#: What can be set of each forward model: a value, or a function of the grid and of the
#: settings before it. Lengths are in mm, sizes of kernels and coarse pixels in pixels, the arc
#: in degrees; ``feed`` is the way along z in a turn (helix), ``missing`` a share. In place of
#: ``views`` and ``arc`` there can be ``angles`` in radians.
DEFAULTS: dict[str, dict[str, Any | Default]] = {
    "parallel": {"views": 20, "arc": 180.0, "detectors": 512},
    "fan": {
        "views": 40,
        "arc": 360.0,
        "detectors": 512,
        "source_origin": _source_origin,
        "source_detector": _source_detector,
        "curved": False,
    },
    "cone": {
        "views": 60,
        "arc": 360.0,
        "feed": 0.0,
        "detector_rows": _detector_rows,
        "detectors": _detector_columns,
        "source_origin": _source_origin,
        "source_detector": _source_detector,
    },
    "cartesian": {"mask": "equispaced", "acceleration": 4.0, "centre": _centre, "coils": 1},
    "blur": {"kernel": "uniform", "size": _size, "width": 2.0},
    "downsample": {"factor": _factor},
    "mask": {"missing": 0.5},
    "denoise": {},
}


def complete(kind: str, settings: Settings, grid: Grid) -> dict[str, Any]:
    """The settings, and the defaults of what is not set.

    Parameters
    ----------
    kind : str
        Key of :data:`DEFAULTS`.
    settings : mapping
    grid : Grid
    """
    found = dict(settings)
    for name, default in DEFAULTS[kind].items():
        if name not in found:
            found[name] = default(grid, found) if callable(default) else default
    return found
