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
        Kept as float16 on the prior's scale, clipped to [0, 1].
    scale : Scale
        Intensity range that becomes [0, 1].
    pad : int
        Zero padding around each slice in pixels.
    """

    def __init__(self, volumes: Iterable[Volume], scale: Scale, pad: int) -> None:
        self.pad = pad
        self.slices: list[NDArray[np.float16]] = []
        for volume in volumes:
            x = scale.to_unit_interval(volume.array.astype(np.float32))
            self.slices.append(np.clip(x, 0, 1).astype(np.float16))
        if not self.slices:
            raise InputError("No training volumes were given.")
        weight = np.sqrt([len(s) for s in self.slices])
        self.probability = torch.tensor(weight / weight.sum())
        self.count = sum(len(s) for s in self.slices)

    def draw(self, patch: int, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw clean patches and their position channels.

        Returns
        -------
        patches : Tensor, shape (batch, 1, patch, patch), float32
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
        return torch.from_numpy(out), position

    def _corner(self, u: float, size: int, patch: int) -> int:
        """Uniform first index over the padded axis, at least one position."""
        span = max(size + 2 * self.pad - patch, 0)
        return int(u * (span + 1)) - self.pad


def read_volumes(paths: Sequence[Path]) -> Iterable[Volume]:
    """Read volumes one after another."""
    from napari_padis.scan.read import read

    for path in paths:
        found = read(path)
        if not isinstance(found, Volume):
            raise InputError(f"'{path.name}' is not a volume; priors are trained on volumes.")
        yield found
