"""Filtered back-projection of parallel and fan beams.

Rows are weighted, filtered with the ramp and read by every pixel at the place where its ray
meets the detector (Kak and Slaney, Principles of Computerized Tomographic Imaging, 1988,
sections 3.3 and 3.4). A fan's rows are first weighted with the cosine of the fan angle, and
what a pixel reads with the inverse square of its distance from the source. Lengths on the
detector are scaled to the rotation axis, so that all three geometries share one ramp; along
a curved detector its impulse response has the factor ``(gamma / sin gamma)^2`` (eq. 3.4.1).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from napari_padis.likelihood.filters import filter_rows, ramp_filter
from napari_padis.likelihood.linear_map import Apply
from napari_padis.likelihood.rays import PlanarGeometry, bin_positions, centred, fan_angles
from napari_padis.likelihood.redundancy import blind_bins, ray_weights
from napari_padis.scan.geometry import FanGeometry

#: Slices back-projected at once.
COLUMNS = 32

#: Pixels closer to the source than this share of its distance from the axis read nothing.
NEAREST = 0.01


class FilteredBackprojection:
    """Approximate inverse of the line integrals of a geometry, differentiable.

    Parameters
    ----------
    geometry : ParallelGeometry or FanGeometry
    filter : str
        One of :data:`napari_padis.likelihood.filters.FILTERS`.
    cutoff : float
        Share of the Nyquist frequency where the window ends.
    device : torch.device
    dtype : torch.dtype

    Raises
    ------
    InputError
        On an unknown filter or a cutoff outside (0, 1].
    """

    def __init__(
        self,
        geometry: PlanarGeometry,
        filter: str,
        cutoff: float,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.geometry, self.device, self.dtype = geometry, device, dtype
        weights = ray_weights(geometry)
        pitch, turn = geometry.detector_pitch, 0.0
        if isinstance(geometry, FanGeometry):
            weights = weights * np.cos(fan_angles(geometry))
            turn = pitch / geometry.source_detector if geometry.curved else 0.0
            pitch /= geometry.magnification
        band = cutoff / (2 * max(pitch, *geometry.pixel))
        # Filtered rows go on beyond the end of a detector that stands to one side.
        self._blind = blind_bins(geometry)
        self._bins = geometry.detectors + sum(self._blind)
        response = ramp_filter(self._bins, pitch, band, torch.device("cpu"), filter, turn)
        self._weights, self._response = self._tensor(weights), self._tensor(response)
        (rows, columns), (pixel_y, pixel_x) = geometry.image_shape, geometry.pixel
        self._y = self._tensor(centred(rows, pixel_y))[:, None]
        self._x = self._tensor(centred(columns, pixel_x))[None, :]

    def __call__(self, y: Tensor) -> Tensor:
        """Slices (B, rows, columns) in 1/mm of line integrals (B, views, bins)."""
        rows = torch.nn.functional.pad(y * self._weights, self._blind)
        rows = filter_rows(rows, self._response)
        images = [
            Apply.apply(block.movedim(0, -1).contiguous(), self._collect, self._spread)
            for block in rows.split(COLUMNS)
        ]
        return torch.cat(images, dim=-1).movedim(-1, 0)

    def _collect(self, rows: Tensor) -> Tensor:
        """Sum over the views of ``rows`` (views, bins, B) at every pixel: (H, W, B)."""
        image = rows.new_zeros((self._y.numel() * self._x.numel(), rows.shape[-1]))
        # One zero bin stands on either side, so that whatever lies outside reads zero.
        padded = torch.nn.functional.pad(rows, (0, 0, 1, 1))
        for row, angle in zip(padded, self.geometry.angles, strict=True):
            low, share, gain = self._places(angle)
            near, next_ = row.index_select(0, low), row.index_select(0, low + 1)
            value = torch.lerp(near, next_, share[:, None])
            image += value if gain is None else value.mul_(gain[:, None])
        return image.reshape(*self.geometry.image_shape, -1)

    def _spread(self, image: Tensor) -> Tensor:
        """Euclidean transpose of :meth:`_collect`."""
        flat = image.flatten(0, 1)
        views = len(self.geometry.angles)
        padded = image.new_zeros((views, self._bins + 2, flat.shape[-1]))
        for row, angle in zip(padded, self.geometry.angles, strict=True):
            low, share, gain = self._places(angle)
            value = flat if gain is None else flat * gain[:, None]
            row.index_add_(0, low, value * (1 - share[:, None]))
            row.index_add_(0, low + 1, value * share[:, None])
        return padded[:, 1:-1]

    def _places(self, angle: float) -> tuple[Tensor, Tensor, Tensor | None]:
        """Where all pixels read a row with one zero before it: bin, share of the next, gain."""
        geometry = self.geometry
        cosine, sine = math.cos(angle), math.sin(angle)
        place, gain = self._x * cosine + self._y * sine, None
        if isinstance(geometry, FanGeometry):
            origin = geometry.source_origin
            depth = origin - self._x * sine + self._y * cosine
            ahead = depth > NEAREST * origin
            depth = depth.clamp(min=NEAREST * origin)
            square = depth.square() + place.square() if geometry.curved else depth.square()
            gain = (ahead * origin**2 / square).ravel()
            slope = torch.atan2(place, depth) if geometry.curved else place / depth
            place = slope * geometry.source_detector
        first = float(bin_positions(geometry)[0])
        place = (place - first) / geometry.detector_pitch + self._blind[0] + 1
        place = place.clamp(0, self._bins + 1).ravel()
        low = place.long().clamp(max=self._bins)
        return low, place - low, gain

    def _tensor(self, array: object) -> Tensor:
        return torch.as_tensor(array, dtype=self.dtype).to(self.device)
