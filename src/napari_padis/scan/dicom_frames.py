"""DICOM objects as a flat list of image frames with their place in the patient."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset

from napari_padis.errors import InputError
from napari_padis.scan.dicom_mosaic import Tile, tiles_of
from napari_padis.scan.dicom_objects import no_volume
from napari_padis.scan.files import one_line

Vector = NDArray[np.float64]

#: Larger frames are taken for a broken header.
MAX_SIDE = 32_768

#: Attributes that stand for the distance of pixel centres, and what is said of each.
_PIXEL = {
    "PixelSpacing": None,
    "ImagerPixelSpacing": "The pixel spacing is measured at the detector, not in the patient.",
    "NominalScannedPixelSpacing": "The pixel spacing is that of a scanned film, not of the body.",
}


@dataclass(frozen=True, eq=False)
class Frame:
    """One greyscale image.

    Attributes
    ----------
    dataset : pydicom.Dataset
        Object that holds the pixels.
    index : int or None
        Frame number in a multi-frame object.
    path : Path
    places : tuple of pydicom.Dataset
        Where attributes of this frame are looked up, first found first.
    number : float
        Order of the images: InstanceNumber, then the frame number.
    position : ndarray (3,) or None
        Centre of the first pixel in LPS mm.
    row, column : ndarray (3,)
        Unit vectors along which the column and the row index grow.
    pixel : (row spacing, column spacing) in mm
    shape : (rows, columns)
    tile : Tile, optional
        Part of the stored image that is this frame, in a mosaic.
    notes : tuple of str
        What is not known of its geometry.
    """

    dataset: Dataset
    index: int | None
    path: Path
    places: tuple[Dataset, ...]
    number: float
    position: Vector | None
    row: Vector
    column: Vector
    pixel: tuple[float, float]
    shape: tuple[int, int]
    tile: Tile | None = None
    notes: tuple[str, ...] = ()

    @property
    def normal(self) -> Vector:
        """Unit vector across the slice."""
        return np.cross(self.row, self.column)

    def get(self, name: str | tuple[int, int]) -> Any:
        """Value of an attribute by keyword or (group, element); None when absent or damaged."""
        return next((v for v in (_value(p, name) for p in self.places) if v is not None), None)

    def figure(self, name: str | tuple[int, int]) -> float | None:
        """First number of an attribute; None when absent or no finite number."""
        try:
            value = float(np.ravel(self.get(name))[0])
        except (TypeError, ValueError, IndexError):
            return None
        return value if np.isfinite(value) else None

    def pixels(self) -> NDArray[Any]:
        """Stored values of this frame, shape (rows, columns)."""
        stored = np.asarray(self.dataset.pixel_array)
        if self.index is not None:
            stored = stored[self.index]
        return stored if self.tile is None else stored[self.tile.window]


def _value(place: Dataset, name: str | tuple[int, int]) -> Any:
    try:
        value = place.get(name)
        value = getattr(value, "value", value) if isinstance(name, tuple) else value
    except Exception:  # pydicom converts a value when it is asked for, and then raises anything
        return None
    return None if value is None or (hasattr(value, "__len__") and not len(value)) else value


def frames_of(dataset: Dataset, path: Path) -> list[Frame]:
    """The image frames of one object; raises InputError when it is no greyscale image."""
    if (why := no_volume(dataset)) is not None:
        raise InputError(f"'{path.name}' is {why}.")
    palette = str(dataset.get("PhotometricInterpretation", "")).startswith("PALETTE")
    if int(dataset.get("SamplesPerPixel", 1)) != 1 or palette:
        raise InputError(f"'{path.name}' is a colour image; a greyscale image is needed.")
    shape = int(dataset.get("Rows", 0)), int(dataset.get("Columns", 0))
    count = int(dataset.get("NumberOfFrames", 1) or 1)
    if not all(0 < side <= MAX_SIDE for side in shape) or not 0 < count < 100_000:
        raise InputError(f"'{path.name}' declares an image of {shape} pixels, {count} frames.")
    _check_length(dataset, path, shape[0] * shape[1] * count)
    detectors = [_value(item, "ImageOrientationPatient") and item
                 for item in dataset.get("DetectorInformationSequence") or ()]  # fmt: skip
    common = (dataset, *[item for item in detectors[:1] if item])
    if count == 1 and "PerFrameFunctionalGroupsSequence" not in dataset:
        frame = _frame(dataset, path, shape, None, common)
        tiles = tiles_of(dataset, shape, path)
        return [_of_tile(frame, tile) for tile in tiles] if tiles else [frame]
    per_frame = list(dataset.get("PerFrameFunctionalGroupsSequence") or ())
    shared = _macros(list(dataset.get("SharedFunctionalGroupsSequence") or ()))
    if per_frame and len(per_frame) < count:
        raise InputError(f"'{path.name}' describes {len(per_frame)} of its {count} frames.")
    vectors = _vectors(dataset, count)
    offsets = vectors.get("GridFrameOffsetVector")
    frames = []
    for i in range(count):
        own = Dataset()
        for name, values in vectors.items():
            setattr(own, name, values[i])
        if "SliceLocationVector" in own:
            own.SliceLocation = own.SliceLocationVector
        index = i if count > 1 else None
        places = (own, *_macros(per_frame[i : i + 1]), *shared, *common)
        frame = _frame(dataset, path, shape, index, places)
        frames.append(frame if offsets is None else _offset(frame, offsets[0], offsets[i]))
    return frames


def _macros(items: list[Dataset]) -> list[Dataset]:
    """The macros (position, orientation, echo, diffusion ...) of functional groups."""
    found = [e for item in items for e in item if e.VR == "SQ" and e.value]
    return [e.value[0] for e in sorted(found, key=lambda e: e.tag.is_private)]


def _vectors(dataset: Dataset, count: int) -> dict[str, list[Any]]:
    """What each frame of a multi-frame object is, by the vectors it is incremented with."""
    pointers = _value(dataset, "FrameIncrementPointer")
    if pointers is None:
        return {}
    found = {}
    for tag in pointers if isinstance(pointers, (list, tuple)) or _many(pointers) else [pointers]:
        name = keyword_for_tag(tag)
        values = _value(dataset, name) if name.endswith("Vector") else None
        if values is not None and hasattr(values, "__len__") and len(values) == count:
            found[name] = list(values)
    return found


def _many(value: Any) -> bool:
    return type(value).__name__ == "MultiValue"


def _frame(
    dataset: Dataset,
    path: Path,
    shape: tuple[int, int],
    index: int | None,
    places: tuple[Dataset, ...],
) -> Frame:
    """A frame whose attributes are looked up in ``places``, first found first."""

    def numbers(name: str, count: int) -> Vector | None:
        value = next((v for v in (_raw(place, name) for place in places) if v is not None), None)
        if value is None:
            return None
        found = np.atleast_1d(np.asarray(value, dtype=np.float64))
        if found.shape != (count,) or not np.isfinite(found).all():
            raise InputError(f"'{path.name}' has a damaged {name}.")
        return found

    notes: list[str] = []
    try:
        position = numbers("ImagePositionPatient", 3)
        axes = numbers("ImageOrientationPatient", 6)
        spacing = None
        for name, note in _PIXEL.items():
            spacing = numbers(name, 2)
            if spacing is not None and (note is None or min(spacing) > 0):
                notes += [note] if note else []
                break
            spacing = None
        spacing = _of_ultrasound(dataset) if spacing is None else spacing
        aspect = numbers("PixelAspectRatio", 2)
    except (ValueError, TypeError) as error:
        raise InputError(f"'{path.name}' has a damaged header: {one_line(error)}.") from error
    if spacing is None:
        known = aspect is not None and min(aspect) > 0
        spacing = np.array([aspect[0] / aspect[1], 1.0]) if known else np.ones(2)  # type: ignore[index]
        notes.append("The file states no pixel spacing; it is taken as 1 mm.")
    if axes is None:
        axes = np.array([1.0, 0, 0, 0, 1, 0])
        notes.append("The file states no orientation; the images are taken as axial.")
    row, column = axes[:3], axes[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if min(spacing) <= 0 or min(lengths) < 0.5 or abs(row @ column) > 0.05:
        raise InputError(f"'{path.name}' has an impossible pixel spacing or orientation.")
    row, column = row / lengths[0], column / lengths[1]
    instance = float(dataset.get("InstanceNumber", 0) or 0)
    return Frame(
        dataset=dataset,
        index=index,
        path=path,
        places=places,
        number=instance if index is None else instance * 100_000 + index,
        position=position,
        row=row,
        column=column,
        pixel=(float(spacing[0]), float(spacing[1])),
        shape=shape,
        notes=tuple(notes),
    )


def _of_ultrasound(dataset: Dataset) -> Vector | None:
    """Row and column spacing in mm that all regions of an ultrasound image in cm share."""
    found = {
        (10 * abs(float(item.PhysicalDeltaY)), 10 * abs(float(item.PhysicalDeltaX)))
        for item in _value(dataset, "SequenceOfUltrasoundRegions") or ()
        if (item.get("PhysicalUnitsXDirection"), item.get("PhysicalUnitsYDirection")) == (3, 3)
        and item.get("PhysicalDeltaX")
        and item.get("PhysicalDeltaY")
    }
    return np.array(found.pop()) if len(found) == 1 else None


def _offset(frame: Frame, first: Any, own: Any) -> Frame:
    """A frame of a dose grid at its offset, which is absolute when the first is not 0."""
    if frame.position is None:
        return frame
    sign = -1.0 if float(first) != 0 and frame.normal[2] < 0 else 1.0
    return replace(
        frame, position=frame.position + sign * (float(own) - float(first)) * frame.normal
    )


def _raw(place: Dataset, name: str) -> Any:
    """A value that may be damaged, which is then said."""
    value = place.get(name)
    return None if value is None or value == "" else value


def _of_tile(frame: Frame, tile: Tile) -> Frame:
    """One slice of a mosaic; the stored position is that of the whole mosaic's corner."""
    rows, columns = tile.shape
    position = frame.position
    if position is not None:
        position = (
            position
            + frame.row * frame.pixel[1] * (frame.shape[1] - columns) / 2
            + frame.column * frame.pixel[0] * (frame.shape[0] - rows) / 2
            + (tile.normal if tile.normal is not None else frame.normal) * tile.step * tile.number
        )
    number = frame.number * 1000 + tile.number
    return replace(frame, number=number, position=position, shape=tile.shape, tile=tile)


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
