"""Direct cone-beam reconstruction: filtered back-projection by Feldkamp, Davis and Kress."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from napari_padis.likelihood.cone_fans import Array, detector_axes, source_heights
from napari_padis.likelihood.cone_rays import CACHED, SCRATCH, blend
from napari_padis.likelihood.fdk_weights import circle_weights
from napari_padis.likelihood.filters import filter_rows
from napari_padis.scan.geometry import ConeGeometry

#: Views of a helix fade in and out of a slice over this angle to either side of half a turn.
FADE = math.radians(20)


def feldkamp(geometry: ConeGeometry, y: Tensor, response: Tensor, scratch: int) -> Tensor:
    """Volumes (B, S, H, W) in 1/mm from line integrals (B, views, rows, columns).

    Cosine weight, ramp along the detector rows, and distance-weighted back-projection with
    bilinear interpolation (Feldkamp, Davis and Kress, J. Opt. Soc. Am. A 1(6), 1984, eq. 28;
    Kak and Slaney, Principles of Computerized Tomographic Imaging, 1988, section 3.6).

    On a circle the rays are weighted by
    :func:`~napari_padis.likelihood.fdk_weights.circle_weights`. On a helix each slice uses
    the full turn of views around it (Wang, Lin, Cheng and Shinozaki, IEEE Trans. Med. Imaging
    12(3), 1993). Where the rows do not see every voxel in all of these views, its sum is
    divided by the weight of the views that do; voxels that no view sees are zero.

    Parameters
    ----------
    geometry : ConeGeometry
    y : Tensor
    response : Tensor
        Ramp filter for columns scaled to the rotation axis.
    scratch : int
        Most memory for intermediate results in bytes.
    """
    weights = _view_weights(geometry)
    filtered = _filtered(geometry, y, response, weights)
    partly = geometry.travel or not _sees_all(geometry)
    share = np.asarray(weights.mean(axis=1), np.float64) if partly else None
    pixel_y, pixel_x = geometry.pixel
    height, width = geometry.image_shape
    row, column = np.mgrid[:height, :width].reshape(2, -1)
    points = np.stack(
        ((column - (width - 1) / 2) * pixel_x, (row - (height - 1) / 2) * pixel_y), axis=-1
    )
    each = len(y) * max(geometry.slices, geometry.detectors[0] + 1)
    most = scratch // SCRATCH
    size = max(1, (min(most, CACHED) if y.device.type == "cpu" else most) // each)
    blocks = torch.as_tensor(points, dtype=y.dtype).to(y.device).split(size)
    images = [_back(geometry, filtered, block, share) for block in blocks]
    volume = torch.cat(images).unflatten(0, (height, width))
    return volume.permute(2, 3, 0, 1).contiguous()


def _view_weights(geometry: ConeGeometry) -> Array:
    """Weight of the columns of all views in radians, (views, columns or 1)."""
    if not geometry.travel:
        return circle_weights(geometry)
    order = np.argsort(geometry.angles, kind="stable")
    sorted_angles = geometry.angles[order]
    weights = np.ones(len(order))
    if np.ptp(sorted_angles) > 0:
        weights[order] = np.abs(np.gradient(sorted_angles)) / 2
    return weights[:, None]


def _filtered(geometry: ConeGeometry, y: Tensor, response: Tensor, weights: Array) -> Tensor:
    """Weighted and filtered views as tables (views, columns + 2, B, rows + 1).

    One column of zeros stands on either side, and the last row twice.
    """
    v, u = detector_axes(geometry)
    distance = geometry.source_detector
    cosine = distance / np.sqrt(distance**2 + u**2 + v[:, None] ** 2)
    views, rows, columns = geometry.data_shape
    table = y.new_zeros((views, columns + 2, len(y), rows + 1))
    for k in range(views):
        weight = torch.as_tensor(cosine * weights[k], dtype=y.dtype).to(y.device)
        table[k, 1:-1, :, :-1] = filter_rows(y[:, k] * weight, response).permute(2, 0, 1)
    table[..., -1] = table[..., -2]
    return table


def _back(geometry: ConeGeometry, tables: Tensor, points: Tensor, share: Array | None) -> Tensor:
    """Back-projection onto the columns of voxels at ``points`` (P, 2): (P, B, slices).

    ``share`` has the weight of each view in the sum that the result is divided by; None
    where every view sees every voxel.
    """
    rows, magnification = geometry.detectors[0], geometry.source_detector / geometry.source_origin
    pitch, first = geometry.detector_pitch[0], detector_axes(geometry)[0][0]
    middle = (geometry.slices - 1) / 2
    z = np.asarray((np.arange(geometry.slices) - middle) * geometry.slice_spacing, np.float64)
    heights = torch.as_tensor(z, dtype=points.dtype).to(points.device)
    fade = None if share is None else _window(geometry, z, share)
    total = points.new_zeros((len(points), tables.shape[2], len(z)))
    seen = points.new_zeros((len(points), 1, len(z)))
    for k, source in enumerate(source_heights(geometry)):
        if fade is not None and not fade[k].any():
            continue
        low, part, scale = _columns(geometry, geometry.angles[k], points)
        level = ((heights - source) * scale[:, None] - first) / pitch
        inside = level.clamp(0, rows - 1)
        under = inside.long()
        value = blend(tables[k], low, part, under[:, None], (inside - under)[:, None])
        factor = (scale / magnification).square()[:, None, None]
        if share is None or fade is None:
            total.addcmul_(value, factor)
            continue
        weight = torch.as_tensor(fade[k], dtype=points.dtype).to(points.device)
        mask = ((level >= -0.5) & (level <= rows - 0.5) & (scale > 0)[:, None]) * weight
        total.addcmul_(value, factor * mask[:, None])
        seen += mask[:, None] * float(share[k])
    if share is None:
        return total
    whole = math.pi if geometry.travel else float(share.sum())
    return torch.where(seen > 0, total * (whole / seen.clamp_min(1e-12)), 0)


def _columns(geometry: ConeGeometry, angle: float, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where a view sees ``points`` (P, 2), as (x, y) in mm.

    Returns
    -------
    low, part : Tensor, shapes (P,) and (P, 1, 1)
        Lower column of the view's table, and the weight of the upper one.
    scale : Tensor, shape (P,)
        Size on the detector over size at the points; 0 behind the source, where corners of
        the image may lie.
    """
    x, y = points.unbind(-1)
    cosine, sine = math.cos(angle), math.sin(angle)
    columns, origin = geometry.detectors[1], geometry.source_origin
    depth = origin - x * sine + y * cosine
    scale = torch.where(depth > 0.01 * origin, geometry.source_detector / depth, 0)
    first = detector_axes(geometry)[1][0]
    place = ((x * cosine + y * sine) * scale - first) / geometry.detector_pitch[1] + 1
    place = place.clamp_(0, columns + 1)
    low = place.long().clamp_(max=columns)
    return low, (place - low)[:, None, None], scale


def _window(geometry: ConeGeometry, z: Array, share: Array) -> Array:
    """Weight from 0 to 1 of each view in each slice, (views, slices): one turn of a helix.

    The weights of views a whole turn apart add up to one. Near the ends of the scan the turn
    is moved so that it lies within.
    """
    if not geometry.travel:
        return np.ones((len(share), len(z)))
    first, last = geometry.angles.min(), geometry.angles.max()
    reach = min(np.pi, (last - first) / 2)
    middle = (first + last) / 2 + 2 * np.pi * z / geometry.travel
    middle = np.clip(middle, first + reach, last - reach)
    away = np.abs(geometry.angles[:, None] - middle[None, :])
    return np.asarray(np.clip((np.pi + FADE - away) / (2 * FADE), 0, 1))


def _sees_all(geometry: ConeGeometry) -> bool:
    """Whether the rows of a circular scan see every voxel in every view."""
    sides = [n * p for n, p in zip(geometry.image_shape, geometry.pixel, strict=True)]
    nearest = geometry.source_origin - math.hypot(*sides) / 2
    if nearest <= 0:
        return False
    top = (geometry.slices - 1) / 2 * geometry.slice_spacing * geometry.source_detector / nearest
    v = detector_axes(geometry)[0]
    margin = geometry.detector_pitch[0] / 2
    return bool(v[0] - margin <= -top and top <= v[-1] + margin)
