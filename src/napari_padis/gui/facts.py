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
            f"{text.product(source.spacing)} mm, in {source.unit}"
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
    return f"Image data of {_slices(shape[0])}, {shape[1]} × {shape[2]} pixels, in {source.unit}"


def geometry_facts(geometry: Geometry, slices: int) -> str:
    """How the data arise, and what image they give."""
    image = f"{_slices(slices)} of {text.product(geometry.image_shape)} pixels"
    describe_data = _FACTS.get(geometry.kind)
    return f"{describe_data(geometry)} → {image}" if describe_data else image


def _slices(count: int) -> str:
    return "1 slice" if count == 1 else f"{count} slices"


def arc_of(angles: np.ndarray[Any, Any]) -> float:
    """Degrees that evenly spaced views cover, the step after the last one included."""
    if len(angles) < 2:
        return 0.0
    span = float(np.ptp(angles))
    return float(np.rad2deg(span * len(angles) / (len(angles) - 1)))


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
