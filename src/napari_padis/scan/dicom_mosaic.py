"""Siemens mosaics: all slices of a volume as the tiles of one stored image."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from napari_padis.errors import InputError


@dataclass(frozen=True)
class Tile:
    """One slice in a mosaic.

    Attributes
    ----------
    number : int
        Place in the mosaic and in space, from 0.
    shape : (rows, columns)
    window : tuple of slice
        Where it lies in the stored image.
    normal : ndarray (3,) or None
        Direction from slice to slice, where the scanner states it.
    step : float
        Distance of neighbouring slices in mm.
    """

    number: int
    shape: tuple[int, int]
    window: tuple[slice, slice]
    normal: NDArray[np.float64] | None
    step: float


def tiles_of(dataset: Dataset, shape: tuple[int, int], path: Path) -> list[Tile]:
    """The tiles of a mosaic; none when the image is not one.

    Raises
    ------
    InputError
        If the image says that it is a mosaic, but not of how many slices.
    """
    kind = dataset.get("ImageType") or ()
    if isinstance(kind, str) or "MOSAIC" not in [str(word).upper() for word in kind]:
        return []
    header = _siemens_header(dataset)
    count = _number(dataset.get((0x0019, 0x100A))) or _number(header.get("NumberOfImagesInMosaic"))
    side = math.ceil(math.sqrt(count or 0))
    if not count or count > 10_000 or shape[0] % side or shape[1] % side:
        raise InputError(
            f"'{path.name}' is a Siemens mosaic that does not say how many slices it holds; "
            "export it again as single slices or as NIfTI."
        )
    rows, columns = shape[0] // side, shape[1] // side
    normal = _vector(header.get("SliceNormalVector"))
    try:
        step = float(dataset.get("SpacingBetweenSlices") or dataset.get("SliceThickness") or 1.0)
    except (TypeError, ValueError):
        step = 1.0
    return [
        Tile(
            number=k,
            shape=(rows, columns),
            window=(
                slice(k // side * rows, (k // side + 1) * rows),
                slice(k % side * columns, (k % side + 1) * columns),
            ),
            normal=normal,
            step=abs(step) or 1.0,
        )
        for k in range(int(count))
    ]


def _siemens_header(dataset: Dataset) -> dict[str, Any]:
    """The items of Siemens' private image header; empty when there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from nibabel.nicom.csareader import get_csa_header

            header = get_csa_header(dataset, "image") or {}
            return {name: tag["items"] for name, tag in header["tags"].items()}
        except Exception:  # a private header that cannot be read is as good as none
            return {}


def _number(value: Any) -> int | None:
    value = getattr(value, "value", value)
    try:
        return int(np.ravel(value)[0])
    except (TypeError, ValueError, IndexError):
        return None


def _vector(value: Any) -> NDArray[np.float64] | None:
    try:
        vector = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    length = float(np.linalg.norm(vector)) if vector.shape == (3,) else 0.0
    return vector / length if np.isfinite(length) and length > 0.5 else None
