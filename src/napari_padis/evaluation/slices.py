"""Slices on which studies are made: chosen by rule, compared on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_padis.engine.metrics import WINDOW, psnr, ssim
from napari_padis.errors import InputError
from napari_padis.prior.data import find_volumes, read_volumes
from napari_padis.scan.units import scale_in
from napari_padis.scan.volume import Volume


def spread(count: int, slices: int) -> list[int]:
    """Indices of ``slices`` slices spread over a stack of ``count``, away from its ends.

    A slice comes once only, so that a short stack gives fewer.
    """
    return sorted({int(i) for i in np.linspace(0, count - 1, slices + 2)[1:-1].round()})


@dataclass(frozen=True)
class ChosenSlices:
    """Slices of one volume whose truth is known.

    Parameters
    ----------
    name : str
        What the volume is called in tables.
    volume : Volume
        In HU or 1/mm.
    indices : tuple of int
        The chosen slices, increasing.
    """

    name: str
    volume: Volume
    indices: tuple[int, ...]

    @cached_property
    def truth(self) -> NDArray[np.float32]:
        """The slices on the scale of comparison, shape (n, rows, columns), within [0, 1].

        [-1000, 1000] HU becomes [0, 1]; values beyond are clipped.
        """
        values = np.asarray(self.volume.array[list(self.indices)], dtype=np.float32)
        return np.clip(scale_in(WINDOW, self.volume.unit).to_unit_interval(values), 0, 1)


def choose_slices(
    folder: str | Path, per_volume: int, size: int | None = None
) -> list[ChosenSlices]:
    """The same slices of every volume below a folder at every call, see :func:`spread`.

    Parameters
    ----------
    folder : path
    per_volume : int
    size : int, optional
        Larger side in pixels that the slices are averaged down to, for quick trials.

    Raises
    ------
    InputError
        If the folder holds no volumes, one whose unit is not physical, or the size does not fit.
    """
    folder = Path(folder)
    paths = volumes_in(folder)
    chosen = []
    for path, volume in zip(paths, read_volumes(paths), strict=True):
        if volume.unit == "arbitrary":
            raise InputError(
                f"Volume '{path.name}' has no physical unit to compare in; give CT volumes."
            )
        name = table_name(path, folder)
        indices = tuple(spread(len(volume.array), per_volume))
        chosen.append(ChosenSlices(name, smaller(volume, size), indices))
    return chosen


def smaller(volume: Volume, size: int | None) -> Volume:
    """Slices averaged down to a wanted larger side, with pixels as much larger.

    Raises
    ------
    InputError
        If the size does not divide the slices.
    """
    if size is None:
        return volume
    count, *shape = volume.shape
    factor, rest = divmod(max(shape), size)
    if rest or not factor or any(n % factor for n in shape):
        raise InputError(
            f"Slices of {shape[0]} x {shape[1]} pixels cannot be averaged down to {size}: choose "
            "a size that divides them."
        )
    rows, columns = (n // factor for n in shape)
    blocks = np.asarray(volume.array, np.float32).reshape(count, rows, factor, columns, factor)
    between, *pixel = volume.spacing
    spacing = (between, *(factor * p for p in pixel))
    return Volume(blocks.mean(axis=(2, 4)), spacing, volume.unit, name=volume.name)  # type: ignore[arg-type]


def volumes_in(folder: str | Path) -> list[Path]:
    """All volume files below a folder, in a fixed order.

    Raises
    ------
    InputError
        If there is no such folder, or no volume in it.
    """
    if not Path(folder).is_dir():
        raise InputError(f"There is no folder '{folder}'; give one that holds volumes.")
    return find_volumes(folder)


def table_name(path: Path, folder: Path) -> str:
    """Name of a volume in tables: where it lies below the folder, without its endings."""
    place = path.relative_to(folder)
    return str(place.with_name(place.name.split(".")[0]))


def quality(images: NDArray[np.floating], truth: NDArray[np.floating]) -> list[tuple[float, float]]:
    """PSNR in dB and SSIM of each slice, clipped to [0, 1], data range 1.

    Parameters
    ----------
    images, truth : ndarray, shape (n, rows, columns)
        On the scale of comparison.
    """
    pairs = zip(np.clip(images, 0, 1), truth, strict=True)
    return [(psnr(image, reference), ssim(image, reference)) for image, reference in pairs]


def count_of(chosen: Sequence[ChosenSlices]) -> int:
    """Number of slices in all."""
    return sum(len(c.indices) for c in chosen)
