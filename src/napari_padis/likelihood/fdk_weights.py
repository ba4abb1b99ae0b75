"""How much each ray of a circular cone-beam scan counts in the back-projection.

All rows of the detector are weighted like the middle one, which is a fan beam: see
:mod:`napari_padis.likelihood.redundancy`.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from napari_padis.likelihood.cone_fans import Array
from napari_padis.likelihood.redundancy import blind_bins, displaced_weights, ray_weights
from napari_padis.scan.geometry import ConeGeometry, FanGeometry


def middle_fan(geometry: ConeGeometry) -> FanGeometry:
    """Fan beam of the plane z = 0 of a circular scan."""
    return FanGeometry(
        angles=geometry.angles,
        detectors=geometry.detectors[1],
        detector_pitch=geometry.detector_pitch[1],
        source_origin=geometry.source_origin,
        source_detector=geometry.source_detector,
        image_shape=geometry.image_shape,
        pixel=geometry.pixel,
        shift=geometry.shift[1],
    )


def circle_weights(geometry: ConeGeometry) -> Array:
    """Weight of every detector column in every view of a circular scan, in radians.

    Returns
    -------
    ndarray, shape (views, columns or 1)
    """
    return ray_weights(middle_fan(geometry))


def widened(geometry: ConeGeometry, y: Tensor) -> tuple[ConeGeometry, Tensor]:
    """Data (..., columns) of a displaced detector, weighted, on one that sees both sides.

    The rows get zeros on the shorter side, because the ramp filter's answer reaches beyond
    what was measured. Other geometries come back as they are.
    """
    fan = middle_fan(geometry)
    before, after = blind_bins(fan)
    if geometry.travel or not before + after:
        return geometry, y
    rows, columns = geometry.detectors
    along, across = geometry.shift
    moved = across + math.copysign((before + after) * geometry.detector_pitch[1] / 2, -across)
    wide = replace(geometry, detectors=(rows, columns + before + after), shift=(along, moved))
    weighted = y * torch.as_tensor(displaced_weights(fan), dtype=y.dtype).to(y.device)
    return wide, torch.nn.functional.pad(weighted, (before, after))
