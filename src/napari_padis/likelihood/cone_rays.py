"""Joseph's ray model in three dimensions without a matrix, by batched torch indexing.

A ray is followed along x or y, whichever it is steeper against; in each plane of voxel
centres it crosses, its value is interpolated bilinearly and weighted with the path length
from plane to plane (Joseph, IEEE Trans. Med. Imaging 1(3), 1982, eq. 4-8, with one more axis
to interpolate along). Voxels outside the volume count as zero, and so does what lies behind
the source. The steps never run along z, which suits cones of far less than 45 degrees.

All rays to one detector column meet a plane of voxels at the same place across, and differ
in z alone. So two columns of voxels are blended first, once for all detector rows, and the
result is then read at the height of every row: four readings become two and a share.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from napari_padis.likelihood.cone_fans import Fans, detector_axes, find_fans
from napari_padis.scan.geometry import ConeGeometry

#: Scratch memory per ray, plane and image of the batch in bytes (positions, indices, values).
SCRATCH = 48

#: Readings at once on the CPU: they stay within its cache.
CACHED = 2**18


class ConeRays:
    """Ray-driven projector of a cone-beam geometry, and its exact transpose.

    Parameters
    ----------
    geometry : ConeGeometry
    device : torch.device
    dtype : torch.dtype
    scratch : int
        Most memory for intermediate results in bytes.
    """

    def __init__(
        self, geometry: ConeGeometry, device: torch.device, dtype: torch.dtype, scratch: int
    ) -> None:
        self.geometry, self.scratch = geometry, scratch
        v = detector_axes(geometry)[0]
        # Everything per ray or plane is linear; the constants are exact, the rest in ``dtype``.
        self.v = torch.as_tensor(v, dtype=dtype).to(device)
        self.fans = [fans.to(device) for fans in find_fans(geometry, dtype)]

    @property
    def nbytes(self) -> int:
        """Memory held in bytes."""
        return sum(f.lines.nbytes + f.index.nbytes for f in self.fans)

    def to(self, device: torch.device) -> Self:
        """The same projector on another device."""
        moved = object.__new__(type(self))
        moved.geometry, moved.scratch = self.geometry, self.scratch
        moved.v, moved.fans = self.v.to(device), [fans.to(device) for fans in self.fans]
        return moved

    def project(self, volume: Tensor) -> Tensor:
        """Line integrals (B, views, rows, columns) of a volume (B, S, H, W)."""
        batch = len(volume)
        views, rows, columns = self.geometry.data_shape
        data = volume.new_empty((views * columns, batch, rows))
        for fans in self.fans:
            table = _to_table(volume, fans.along_y)
            for index, sample in self._samples(fans, table.shape[0], batch):
                data[index] = sample.read(table)
        return data.unflatten(0, (views, columns)).permute(2, 0, 3, 1).contiguous()

    def back(self, data: Tensor) -> Tensor:
        """Transpose of :meth:`project`: (B, views, rows, columns) to (B, S, H, W)."""
        batch = len(data)
        slices, height, width = self.geometry.slices, *self.geometry.image_shape
        columns = data.permute(1, 3, 0, 2).flatten(0, 1)
        volume = data.new_zeros((batch, slices, height, width))
        for fans in self.fans:
            planes, across = (height, width) if fans.along_y else (width, height)
            table = data.new_zeros((planes, across + 2, batch, slices + 2))
            for index, sample in self._samples(fans, planes, batch):
                sample.spread(columns[index], table)
            volume += _from_table(table, fans.along_y)
        return volume

    def _samples(self, fans: Fans, planes: int, batch: int) -> Iterator[tuple[Tensor, Samples]]:
        """Readings of a few fans at a time."""
        across = self.geometry.image_shape[1 if fans.along_y else 0]
        rows, slices = self.geometry.detectors[0], self.geometry.slices
        each = planes * max(rows, slices + 2) * batch
        most = self.scratch // SCRATCH
        if fans.index.device.type == "cpu":
            most = min(most, CACHED)
        size = max(1, most // each)
        shape = (planes, across, slices)
        for index, lines in zip(fans.index.split(size), fans.lines.split(size), strict=True):
            yield index, _sample(lines, self.v, shape, self.geometry.slice_spacing)


@dataclass(frozen=True)
class Samples:
    """Where a few fans read the padded volume; the same numbers serve the transpose.

    Attributes
    ----------
    across, height : Tensor of int64, shapes (fans * planes,) and (fans * planes, 1, rows)
        Lower neighbour: number of the column of voxels, and of the voxel in it.
    across_share, height_share : Tensor, shapes (fans * planes, 1, 1) and like ``height``
        Weight of the upper neighbour.
    length : Tensor, shape (fans, 1, rows)
        Path length from plane to plane in mm.
    """

    across: Tensor
    across_share: Tensor
    height: Tensor
    height_share: Tensor
    length: Tensor

    def read(self, table: Tensor) -> Tensor:
        """Line integrals (fans, B, rows) of a padded volume (planes, across, B, slices)."""
        columns = table.flatten(0, 1)
        value = blend(columns, self.across, self.across_share, self.height, self.height_share)
        return value.unflatten(0, (len(self.length), -1)).sum(1) * self.length

    def spread(self, data: Tensor, table: Tensor) -> None:
        """Add the transpose of :meth:`read` of ``data`` (fans, B, rows) to ``table``."""
        fans, batch = data.shape[:2]
        planes = len(self.across) // fans
        value = (data * self.length)[:, None].expand(-1, planes, -1, -1).flatten(0, 1)
        height = self.height.expand(-1, batch, -1)
        upper = value * self.height_share
        column = value.new_zeros((fans * planes, batch, table.shape[-1]))
        column.scatter_add_(-1, height, value - upper)
        column[..., 1:].scatter_add_(-1, height, upper)
        columns = table.flatten(0, 1)
        upper = column * self.across_share
        columns.index_add_(0, self.across, column.sub_(upper))
        columns.index_add_(0, self.across + 1, upper)


def blend(
    table: Tensor, across: Tensor, across_share: Tensor, height: Tensor, height_share: Tensor
) -> Tensor:
    """Bilinear readings (N, B, heights) of a table (across, B, height).

    Parameters
    ----------
    table : Tensor
    across : Tensor of int64, shape (N,)
        Lower neighbour on the first axis.
    across_share : Tensor, shape (N, 1, 1)
        Weight of the upper one.
    height, height_share : Tensor, shape (N, 1, heights)
        The same on the last axis.
    """
    column = table.index_select(0, across)
    column = column.lerp_(table.index_select(0, across + 1), across_share)
    height = height.expand(-1, column.shape[1], -1)
    value = column.gather(-1, height)
    return value.lerp_(column[..., 1:].gather(-1, height), height_share)


def _sample(lines: Tensor, v: Tensor, shape: tuple[int, int, int], spacing: float) -> Samples:
    """Readings of the fans ``lines`` in a volume of (planes, across, slices) voxels."""
    planes, across, slices = shape
    start, slope, near, step, source, length, square = lines.unsqueeze(-1).unbind(1)
    plane = torch.arange(planes, device=lines.device)
    share = near + step * plane
    # Whatever lies outside, or behind the source, reads the border of zeros.
    place = torch.where(share > 0, start + slope * plane, 0).clamp(0, across + 1)
    low = place.long().clamp(max=across)
    column = (low + plane * (across + 2)).flatten()
    place = (place - low).flatten()[:, None, None]
    height = share[..., None] * (v / spacing) + source[..., None]
    height = height.clamp_(0, slices + 1).flatten(0, 1)[:, None]
    under = height.long().clamp_(max=slices)
    path = length * torch.sqrt(square + v.square())
    return Samples(column, place, under, height.sub_(under), path[:, None])


def _to_table(volume: Tensor, along_y: bool) -> Tensor:
    """Volume (B, S, H, W) as (planes, across, B, slices) with a border of zeros."""
    turned = volume.permute((2, 3, 0, 1) if along_y else (3, 2, 0, 1))
    return torch.nn.functional.pad(turned, (1, 1, 0, 0, 1, 1)).contiguous()


def _from_table(table: Tensor, along_y: bool) -> Tensor:
    """Transpose of :func:`_to_table`."""
    return table[:, 1:-1, :, 1:-1].permute((2, 3, 0, 1) if along_y else (2, 3, 1, 0))
