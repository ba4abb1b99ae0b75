"""Training patches drawn from volumes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_padis.errors import InputError
from napari_padis.prior.patches import position_channels
from napari_padis.scan.units import Scale
from napari_padis.scan.volume import Volume


def find_volumes(folder: str | Path) -> list[Path]:
    """All volume files below a folder, in a fixed order."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"Training folder '{folder}' does not exist.")
    endings = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", ".tif", ".tiff")
    paths = sorted(p for p in folder.rglob("*") if p.name.lower().endswith(endings))
    if not paths:
        raise InputError(f"No volumes ({', '.join(endings)}) below '{folder}'.")
    return paths


class PatchSampler:
    """Draws patches with their position from zero-padded axial slices.

    A volume is drawn with probability proportional to the square root of its number
    of slices, so that one long series does not outweigh many patients; then a slice,
    then a corner, uniform over the padded slice.

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
        self.pad, self.phase = pad, phase
        self.slices: list[NDArray[np.float16]] = []
        for volume in volumes:
            x = volume.array.astype(np.float32)
            if normalise:
                x *= np.float32((scale.low + scale.high) / 2 / _bright(volume))
            x = scale.to_unit_interval(x)
            self.slices.append(np.clip(x, 0, ceiling).astype(np.float16))
        if not self.slices:
            raise InputError("No training volumes were given.")
        weight = np.sqrt([len(s) for s in self.slices])
        self.probability = torch.tensor(weight / weight.sum())
        self.count = sum(len(s) for s in self.slices)

    def draw(self, patch: int, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw clean patches and their position channels.

        Returns
        -------
        patches : Tensor, shape (batch, 1 or 2, patch, patch), float32
        position : Tensor, shape (batch, 2, patch, patch), float32
        """
        which = torch.multinomial(self.probability, batch, replacement=True, generator=generator)
        u = torch.rand((batch, 3), generator=generator).tolist()
        out = np.zeros((batch, 1, patch, patch), np.float32)
        position = torch.empty((batch, 2, patch, patch))
        for i, (volume, (us, ur, uc)) in enumerate(zip(which.tolist(), u, strict=True)):
            stack = self.slices[volume]
            image = stack[int(us * len(stack))]
            corner = [self._corner(v, n, patch) for v, n in zip((ur, uc), image.shape, strict=True)]
            lo = [max(c, 0) for c in corner]
            hi = [min(c + patch, n) for c, n in zip(corner, image.shape, strict=True)]
            if all(b > a for a, b in zip(lo, hi, strict=True)):
                out[
                    i,
                    0,
                    lo[0] - corner[0] : hi[0] - corner[0],
                    lo[1] - corner[1] : hi[1] - corner[1],
                ] = image[lo[0] : hi[0], lo[1] : hi[1]]
            position[i] = position_channels(torch.tensor([corner]), patch, image.shape)[0]
        patches = torch.from_numpy(out)
        return (with_phase(patches, position, generator) if self.phase else patches), position

    def middles(self, most: int = 8) -> list[Tensor]:
        """Middle slice of the first volumes, (1, H, W), or (2, H, W) with a phase."""
        generator = torch.Generator().manual_seed(0)
        images = []
        for stack in self.slices[:most]:
            image = torch.from_numpy(stack[len(stack) // 2].astype(np.float32))[None, None]
            if self.phase:
                shape = (image.shape[-2], image.shape[-1])
                axes = (torch.linspace(-1 + 1 / n, 1 - 1 / n, n) for n in shape)
                position = torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]
                image = with_phase(image, position, generator)
            images.append(image[0])
        return images

    def _corner(self, u: float, size: int, patch: int) -> int:
        """Uniform first index over the padded axis, at least one position."""
        span = max(size + 2 * self.pad - patch, 0)
        return int(u * (span + 1)) - self.pad


def with_phase(magnitude: Tensor, position: Tensor, generator: torch.Generator) -> Tensor:
    """Real and imaginary part of images with random smooth phase.

    The phase is a polynomial of second degree in the position, drawn for each image, as field
    and coils make it vary slowly over a slice.

    Parameters
    ----------
    magnitude : Tensor, shape (B, 1, H, W)
    position : Tensor, shape (B, 2, H, W)
        Coordinates, [-1, 1] over the image.
    generator : torch.Generator

    Returns
    -------
    Tensor, shape (B, 2, H, W)
    """
    y, x = position[:, :1], position[:, 1:]
    terms = torch.cat((torch.ones_like(x), x, y, x * y, x.square(), y.square()), dim=1)
    scale = torch.tensor([0.0, 1.5, 1.5, 1.0, 1.0, 1.0])
    weights = scale * torch.randn((len(x), 6), generator=generator)
    weights[:, 0] = 2 * torch.pi * torch.rand(len(x), generator=generator)
    phase = (weights[:, :, None, None] * terms).sum(dim=1, keepdim=True)
    return torch.cat((magnitude * phase.cos(), magnitude * phase.sin()), dim=1)


def _bright(volume: Volume) -> float:
    """99th percentile of a volume; raises InputError where nothing is positive."""
    value = float(np.percentile(volume.array, 99))
    if not value > 0:
        raise InputError(f"Volume '{volume.name}' is dark: its 99th percentile is not positive.")
    return value


def read_volumes(paths: Sequence[Path]) -> Iterable[Volume]:
    """Read volumes one after another."""
    from napari_padis.scan.read import read

    for path in paths:
        found = read(path)
        if not isinstance(found, Volume):
            raise InputError(f"'{path.name}' is not a volume; priors are trained on volumes.")
        yield found
