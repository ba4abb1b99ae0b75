"""Training patches drawn from the slices of volumes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from napari_padis.errors import InputError
from napari_padis.prior.augmentation import with_intensity, with_phase
from napari_padis.prior.patches import PatchGrid, position_channels
from napari_padis.prior.settings import Drawing
from napari_padis.prior.slice_store import Preparation, Stack, halved
from napari_padis.prior.training_files import find_volumes, read_volumes
from napari_padis.scan.units import Scale
from napari_padis.scan.volume import Volume

__all__ = ["Batch", "PatchSampler", "find_volumes", "read_volumes"]


class Batch(NamedTuple):
    """Clean patches and what the network is told about them.

    ``patches`` (B, C, P, P) and ``position`` (B, 2, P, P) are float32. ``condition``, (B, 1), is
    the distance of the slices that are the channels, in cm; None for single slices.
    """

    patches: Tensor
    position: Tensor
    condition: Tensor | None = None


class PatchSampler:
    """Draws patches with their position from zero-padded axial slices.

    A volume is drawn with probability proportional to the square root of its number
    of slices, so that one long series does not outweigh many patients; then a slice,
    then a corner. See :class:`~napari_padis.prior.settings.Drawing` for the ways to draw.

    Parameters
    ----------
    volumes : iterable of Volume
        Kept as float16 on the prior's scale, clipped to [0, ceiling].
    scale : Scale
        Intensity range that becomes [0, 1].
    pad : int
        Zero padding around each slice in pixels.
    normalise : bool
        Scale each volume so that its 99th percentile becomes the middle of ``scale``.
    phase : bool
        Draw complex images of two channels: the slices with a random smooth phase.
    ceiling : float
        Largest value kept.
    """

    def __init__(
        self,
        volumes: Iterable[Volume],
        scale: Scale,
        pad: int,
        normalise: bool = False,
        phase: bool = False,
        ceiling: float = 1.0,
    ) -> None:
        prepare = Preparation(scale.low, scale.high, ceiling, normalise)
        stacks = [prepare(volume) for volume in volumes]
        self._use(stacks, Drawing(pad=pad, phase=phase, ceiling=ceiling))

    @classmethod
    def of(cls, stacks: Sequence[Stack], drawing: Drawing) -> Self:
        """A sampler of prepared slices.

        Raises
        ------
        InputError
            If there are none, or no volume has as many slices as a patch needs.
        """
        sampler = cls.__new__(cls)
        sampler._use(stacks, drawing)
        return sampler

    def _use(self, stacks: Sequence[Stack], drawing: Drawing) -> None:
        if not stacks:
            raise InputError("No training volumes were given.")
        self.drawing = drawing
        self.stacks = [s for s in stacks if len(s.slices) >= drawing.slices]
        if not self.stacks:
            raise InputError(f"No training volume has {drawing.slices} slices or more.")
        self.count = sum(len(s.slices) for s in self.stacks)
        if drawing.halved:
            self.stacks += [halved(stack) for stack in self.stacks]
        weight = np.sqrt([len(s.slices) for s in self.stacks])
        self.probability = torch.tensor(weight / weight.sum())

    @property
    def slice_spacing(self) -> tuple[float, float]:
        """Least and largest distance in mm between the slices that are channels."""
        least = min(s.spacing[0] for s in self.stacks)
        return least, max(s.spacing[0] * self._most(s, self.drawing.stride) for s in self.stacks)

    def draw(self, patch: int, batch: int, generator: torch.Generator) -> Batch:
        """Draw clean patches and their position channels."""
        d = self.drawing
        which = torch.multinomial(self.probability, batch, replacement=True, generator=generator)
        u = torch.rand((batch, 3), generator=generator).tolist()
        strides = [1] * batch
        if d.stride > 1:
            strides = torch.randint(1, d.stride + 1, (batch,), generator=generator).tolist()
        mirrored = torch.zeros(batch, dtype=torch.bool)
        if d.flip > 0:
            mirrored = torch.rand(batch, generator=generator) < d.flip
        out = np.zeros((batch, d.slices, patch, patch), np.float32)
        corners, shapes, spacings = [], [], []
        for i, (volume, where, stride) in enumerate(zip(which.tolist(), u, strides, strict=True)):
            stack = self.stacks[volume]
            stride = self._most(stack, stride)
            rows, columns = shape = stack.slices.shape[1:]
            corner = self._corner(where[1], rows, patch), self._corner(where[2], columns, patch)
            # The mirror image of a patch of the mirror image is a patch of the image.
            column = columns - corner[1] - patch if mirrored[i] else corner[1]
            _cut(self._slices(stack, where[0], stride), corner[0], column, out[i])
            corners.append(corner)
            shapes.append(shape)
            spacings.append(stack.spacing[0] * stride)
        patches = torch.from_numpy(out)
        patches[mirrored] = patches[mirrored].flip(-1)
        position = _positions(corners, shapes, patch)
        if d.gain != (1.0, 1.0) or d.offset != (0.0, 0.0):
            patches = with_intensity(patches, position, d.gain, d.offset, d.ceiling, generator)
        if d.phase:
            patches = with_phase(patches, position, generator)
        condition = torch.tensor(spacings)[:, None] / 10 if d.slices > 1 else None
        return Batch(patches, position, condition)

    def middles(self, most: int = 8) -> list[Tensor]:
        """Middle slices of the first volumes, (C, H, W), with a phase where patches have one."""
        generator = torch.Generator().manual_seed(0)
        images = []
        for stack in self.stacks[:most]:
            start = len(stack.slices) // 2 - (self.drawing.slices - 1) // 2
            slices = stack.slices[start : start + self.drawing.slices].astype(np.float32)
            image = torch.from_numpy(slices)[None]
            if self.drawing.phase:
                shape = (image.shape[-2], image.shape[-1])
                axes = (torch.linspace(-1 + 1 / n, 1 - 1 / n, n) for n in shape)
                position = torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]
                image = with_phase(image, position, generator)
            images.append(image[0])
        return images

    def spacings(self, most: int = 8) -> list[float]:
        """Slice spacings in mm of the volumes that :meth:`middles` takes slices from."""
        return [stack.spacing[0] for stack in self.stacks[:most]]

    def _slices(self, stack: Stack, u: float, stride: int) -> np.ndarray:
        """Slices around one that has all its neighbours: the ends have none to repeat."""
        reach = (self.drawing.slices - 1) // 2 * stride
        centre = reach + int(u * (len(stack.slices) - 2 * reach))
        return stack.slices[centre - reach : centre + reach + 1 : stride]

    def _most(self, stack: Stack, stride: int) -> int:
        """The stride, or the largest one that the volume has slices for."""
        steps = self.drawing.slices - 1
        return min(stride, (len(stack.slices) - 1) // steps) if steps else 1

    def _corner(self, u: float, size: int, patch: int) -> int:
        """First index along one axis."""
        d = self.drawing
        if d.whole:
            return -((patch - size) // 2)
        if d.fixed_grid:
            grid = PatchGrid((size, size), patch, moves=False)
            return int(u * grid.tiles[0]) * patch - grid.pad[0]
        span = max(size + 2 * d.pad - patch, 0)
        return int(u * (span + 1)) - d.pad


def _cut(slices: np.ndarray, row: int, column: int, out: np.ndarray) -> None:
    """Copy a patch at any corner; what lies outside of the slices is left as it is."""
    patch = out.shape[-1]
    top, left = max(row, 0), max(column, 0)
    bottom, right = (
        min(c + patch, n) for c, n in zip((row, column), slices.shape[1:], strict=True)
    )
    if bottom > top and right > left:
        target = out[:, top - row : bottom - row, left - column : right - column]
        target[...] = slices[:, top:bottom, left:right]


def _positions(corners: list[tuple[int, int]], shapes: list[tuple[int, ...]], patch: int) -> Tensor:
    """Position channels of patches of images of several shapes."""
    position = torch.empty((len(corners), 2, patch, patch))
    for rows, columns in set(shapes):
        same = [i for i, shape in enumerate(shapes) if shape == (rows, columns)]
        where = torch.tensor([corners[i] for i in same])
        position[same] = position_channels(where, patch, (rows, columns))
    return position
