"""DICOM objects as a flat list of image frames with their place in the patient."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from napari_padis.errors import InputError
from napari_padis.scan.files import one_line

Vector = NDArray[np.float64]

#: Larger frames are taken for a broken header.
MAX_SIDE = 32_768


@dataclass(frozen=True)
class Frame:
    """One greyscale image.

    Attributes
    ----------
    dataset : pydicom.Dataset
        Object that holds the pixels.
    index : int or None
        Frame number in a multi-frame object.
    path : Path
    series : str
        SeriesInstanceUID.
    number : float
        InstanceNumber, or the frame number.
    position : ndarray (3,) or None
        Centre of the first pixel in LPS mm.
    row, column : ndarray (3,)
        Unit vectors along which the column and the row index grow.
    pixel : (row spacing, column spacing) in mm
    shape : (rows, columns)
    slope, intercept : float
        Rescale of the stored values.
    """

    dataset: Dataset
    index: int | None
    path: Path
    series: str
    number: float
    position: Vector | None
    row: Vector
    column: Vector
    pixel: tuple[float, float]
    shape: tuple[int, int]
    slope: float
    intercept: float

    @property
    def normal(self) -> Vector:
        """Unit vector across the slice."""
        return np.cross(self.row, self.column)

    @property
    def group(self) -> tuple[Any, ...]:
        """Frames with the same key can form one volume."""
        direction = np.round(np.concatenate([self.row, self.column]), 3) + 0.0
        pixel = (round(self.pixel[0], 4), round(self.pixel[1], 4))
        return self.series, self.shape, pixel, tuple(direction.tolist())

    def pixels(self) -> NDArray[Any]:
        """Stored values of this frame, shape (rows, columns)."""
        if self.index is None:
            return np.asarray(self.dataset.pixel_array)
        return np.asarray(self.dataset.pixel_array)[self.index]


def load(path: Path) -> Dataset:
    """Read one DICOM object; raises InputError when the file is no DICOM."""
    # Real-world headers violate the standard in ways that do not matter here.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(path, force=True)
            known = "SOPClassUID" in dataset or "Rows" in dataset
        except OSError as error:
            raise InputError(f"'{path.name}' cannot be read: {one_line(error)}.") from error
        except Exception as error:
            raise InputError(
                f"'{path.name}' is not a readable DICOM file: {one_line(error)}."
            ) from error
    if not known:
        raise InputError(f"'{path.name}' is not a DICOM file.")
    return dataset


def frames_of(dataset: Dataset, path: Path) -> list[Frame]:
    """The image frames of one object; raises InputError when it is no greyscale image."""
    if "PixelData" not in dataset and "FloatPixelData" not in dataset:
        raise InputError(f"'{path.name}' is a DICOM object without an image.")
    if int(dataset.get("SamplesPerPixel", 1)) != 1:
        raise InputError(f"'{path.name}' is a colour image; a greyscale image is needed.")
    shape = int(dataset.get("Rows", 0)), int(dataset.get("Columns", 0))
    count = int(dataset.get("NumberOfFrames", 1) or 1)
    if not all(0 < side <= MAX_SIDE for side in shape) or not 0 < count < 100_000:
        raise InputError(f"'{path.name}' declares an image of {shape} pixels, {count} frames.")
    _check_length(dataset, path, shape[0] * shape[1] * count)
    if count == 1 and "PerFrameFunctionalGroupsSequence" not in dataset:
        return [_frame(dataset, path, shape, None, [dataset])]
    per_frame = list(dataset.get("PerFrameFunctionalGroupsSequence", []))
    shared = list(dataset.get("SharedFunctionalGroupsSequence", []))
    if per_frame and len(per_frame) < count:
        raise InputError(f"'{path.name}' describes {len(per_frame)} of its {count} frames.")
    frames = []
    for i in range(count):
        groups = _functional_groups([*per_frame[i : i + 1], *shared])
        index = i if count > 1 else None
        frames.append(_frame(dataset, path, shape, index, [*groups, dataset]))
    return frames


def _functional_groups(items: list[Dataset]) -> list[Dataset]:
    """The macros (position, orientation, measures, rescale) of one enhanced frame."""
    names = (
        "PlanePositionSequence",
        "PlaneOrientationSequence",
        "PixelMeasuresSequence",
        "PixelValueTransformationSequence",
    )
    return [item[name].value[0] for item in items for name in names if item.get(name)]


def _frame(
    dataset: Dataset, path: Path, shape: tuple[int, int], index: int | None, places: list[Dataset]
) -> Frame:
    """A frame whose attributes are looked up in ``places``, first found first."""

    def numbers(name: str, count: int) -> Vector | None:
        for place in places:
            value = place.get(name)
            if value not in (None, ""):
                found = np.atleast_1d(np.asarray(value, dtype=np.float64))
                if found.shape != (count,) or not np.isfinite(found).all():
                    raise InputError(f"'{path.name}' has a damaged {name}.")
                return found
        return None

    try:
        position = numbers("ImagePositionPatient", 3)
        axes = numbers("ImageOrientationPatient", 6)
        spacing = numbers("PixelSpacing", 2)
        if spacing is None:
            spacing = numbers("ImagerPixelSpacing", 2)
        slope, intercept = numbers("RescaleSlope", 1), numbers("RescaleIntercept", 1)
    except (ValueError, TypeError) as error:
        raise InputError(f"'{path.name}' has a damaged header: {one_line(error)}.") from error
    spacing = np.ones(2) if spacing is None else spacing
    axes = np.array([1.0, 0, 0, 0, 1, 0]) if axes is None else axes
    row, column = axes[:3], axes[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if min(spacing) <= 0 or min(lengths) < 0.5 or abs(row @ column) > 0.05:
        raise InputError(f"'{path.name}' has an impossible pixel spacing or orientation.")
    return Frame(
        dataset=dataset,
        index=index,
        path=path,
        series=str(dataset.get("SeriesInstanceUID", "")),
        number=float(index if index is not None else dataset.get("InstanceNumber", 0) or 0),
        position=position,
        row=row / lengths[0],
        column=column / lengths[1],
        pixel=(float(spacing[0]), float(spacing[1])),
        shape=shape,
        slope=1.0 if slope is None else float(slope[0]),
        intercept=0.0 if intercept is None else float(intercept[0]),
    )


def _check_length(dataset: Dataset, path: Path, pixels: int) -> None:
    syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    if "PixelData" not in dataset or (syntax is not None and syntax.is_compressed):
        return
    expected = pixels * int(dataset.get("BitsAllocated", 16)) // 8
    if len(dataset.PixelData) < expected:
        raise InputError(
            f"'{path.name}' is truncated: it holds {len(dataset.PixelData)} of {expected} bytes "
            "of pixels."
        )
