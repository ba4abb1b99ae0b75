"""Geometries and measurements in one line each. Free of Qt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from napari_padis.gui import text
from napari_padis.scan.geometry import (
    BlurGeometry,
    CartesianGeometry,
    ConeGeometry,
    DownsampleGeometry,
    FanGeometry,
    Geometry,
    MaskGeometry,
    ParallelGeometry,
)
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.volume import Volume

#: Part of a step by which views may be off it.
EVEN = 0.05

_NOISE = {
    "none": "no noise",
    "unknown": "unknown noise",
    "gaussian": "Gaussian noise",
    "poisson": "Poisson noise",
}


def describe(source: Volume | Measurement) -> str:
    """Shape, spacing and unit of a volume; data and noise of a measurement."""
    if isinstance(source, Volume):
        return (
            f"Volume of {text.product(source.shape)} voxels, "
            f"{text.product(source.spacing)} mm, {_unit(source)}"
        )
    noise = source.noise
    kind = _NOISE.get(noise.kind, f"{noise.kind} noise")
    return f"{_data(source)}; {kind}"


def _data(source: Measurement) -> str:
    """What was measured, with the lengths of all axes."""
    shape = source.data.shape
    if source.geometry.kind == "cone":
        return f"Cone-beam scan of {shape[0]} views, {shape[1]} × {shape[2]} detector pixels"
    if source.geometry.kind == "cartesian":
        coils = "1 coil" if shape[1] == 1 else f"{shape[1]} coils"
        return f"k-space of {_slices(shape[0])}, {coils}, {shape[2]} × {shape[3]} samples"
    if source.geometry.attenuation:
        return f"Sinogram of {_slices(shape[0])}, {shape[1]} views, {shape[2]} bins"
    return f"Image data of {_slices(shape[0])}, {shape[1]} × {shape[2]} pixels, {_unit(source)}"


def _unit(source: Volume | Measurement) -> str:
    return "without a unit" if source.unit == "arbitrary" else f"in {source.unit}"


def geometry_facts(geometry: Geometry, slices: int) -> str:
    """How the data arise, and what image they give."""
    image = f"{_slices(slices)} of {text.product(geometry.image_shape)} pixels"
    describe_data = _FACTS.get(geometry.kind)
    return f"{describe_data(geometry)} → {image}" if describe_data else image


def _slices(count: int) -> str:
    return "1 slice" if count == 1 else f"{count} slices"


def arc_of(angles: np.ndarray[Any, Any]) -> float:
    """Degrees that views cover: from the first to the last, or a whole number of half turns.

    Views that are half a step from both ends of an arc, or stand for a closed turn whose first
    view is not repeated at the end, have the steps between them and one more.

    Parameters
    ----------
    angles : ndarray
        In radians, in any order.
    """
    if len(angles) < 2:
        return 0.0
    degrees = np.rad2deg(np.sort(np.asarray(angles, np.float64)))
    span = float(degrees[-1] - degrees[0])
    step = span / (len(degrees) - 1)
    covered = span
    if np.allclose(np.diff(degrees), step, atol=EVEN * step):
        full = span + step
        closed = abs(full - 180 * round(full / 180)) < EVEN * step
        centred = abs(abs(degrees[0]) - step / 2) < EVEN * step
        covered = full if closed or centred else span
    return 360.0 if covered > 360 and _leaping(angles) else covered


def _leaping(angles: np.ndarray[Any, Any]) -> bool:
    """Whether views leap, as with the golden angle, so that several turns are but one."""
    steps = np.diff(angles)
    return bool((np.abs(steps) > np.pi / 3).any() or (steps.min() < 0 < steps.max()))


def _views(geometry: ParallelGeometry | FanGeometry | ConeGeometry) -> str:
    count = len(geometry.angles)
    return f"{count} views" if count > 1 else "1 view"


def _arc(geometry: ParallelGeometry | FanGeometry | ConeGeometry) -> str:
    arc = arc_of(geometry.angles)
    return f" over {arc:.4g}°" if arc else ""


def _line(geometry: ParallelGeometry | FanGeometry) -> str:
    return (
        f"{_views(geometry)} × {geometry.detectors} bins of {geometry.detector_pitch:.3g} mm"
        f"{_arc(geometry)}"
    )


def _cone(geometry: ConeGeometry) -> str:
    feed = f", {geometry.travel:g} mm per turn" if geometry.travel else ""
    return (
        f"{_views(geometry)} × {text.product(geometry.detectors)} detector pixels of "
        f"{' × '.join(f'{p:.3g}' for p in geometry.detector_pitch)} mm{_arc(geometry)}{feed}"
    )


def _cartesian(geometry: CartesianGeometry) -> str:
    coils = "1 coil" if geometry.coils == 1 else f"{geometry.coils} coils"
    return f"{100 / geometry.acceleration:.3g} % of k-space, {coils}"


def _blur(geometry: BlurGeometry) -> str:
    return f"Kernel of {text.product(geometry.kernel.shape)} pixels"


def _downsample(geometry: DownsampleGeometry) -> str:
    sides = [geometry.factor * p for p in geometry.pixel]
    return f"{text.product(geometry.data_shape)} coarse pixels of {text.product(sides)} mm"


def _mask(geometry: MaskGeometry) -> str:
    return f"{100 * (1 - geometry.mask.mean()):.3g} % of the pixels are missing"


_FACTS: dict[str, Callable[[Any], str]] = {
    "parallel": _line,
    "fan": _line,
    "cone": _cone,
    "cartesian": _cartesian,
    "blur": _blur,
    "downsample": _downsample,
    "mask": _mask,
}
