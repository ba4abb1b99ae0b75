"""Stored pixels to values: rescale, lookup table, dose, padding, and their unit."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_modality_lut
from pydicom.uid import UID, JPEGExtended12Bit
from scipy.ndimage import binary_propagation

from napari_padis.errors import InputError
from napari_padis.scan.dicom_frames import Frame
from napari_padis.scan.dicom_objects import is_capture, modality, picture
from napari_padis.scan.files import one_line
from napari_padis.scan.intensity import looks_like
from napari_padis.scan.units import intensity

#: CT number of what is not there.
_AIR = -1000

#: CT numbers that a body can have; padding outside of them is no tissue wherever it lies.
_BODY = (-900.0, 3071.0)


def values_of(frames: list[Frame]) -> tuple[NDArray[Any], str | None, tuple[str, ...]]:
    """Values, unit and notes of the frames of a volume.

    Parameters
    ----------
    frames : list of Frame
        Of one size.

    Returns
    -------
    values : ndarray, shape (frames, rows, columns)
        Integers where the rescale allows.
    unit : str or None
        None when a CT does not say what its values are.
    notes : tuple of str

    Raises
    ------
    InputError
        If pixels cannot be decoded.
    """
    unit, notes = unit_of(frames)
    scales = [_rescale(f) for f in frames]
    whole = all(slope.is_integer() and intercept.is_integer() for slope, intercept in scales)
    images: list[NDArray[Any]] = []
    padded, kept = 0, 0
    for frame, (slope, intercept) in zip(frames, scales, strict=True):
        stored = _stored(frame)
        image: NDArray[Any]
        if _table(frame) is not None:
            image = apply_modality_lut(stored, frame.dataset).astype(np.int32)
        elif whole and stored.dtype.kind in "iu":
            image = stored.astype(np.int64) * int(slope) + int(intercept)
        else:
            image = (stored * slope + intercept).astype(np.float32)
        if unit == "HU" and (padding := _padding(frame, stored, image)) is not None:
            inside = int(padding.sum())
            padding = _outside(padding, image)
            image[padding] = _AIR
            padded, kept = padded + int(padding.sum()), kept + inside - int(padding.sum())
        images.append(_smallest(image))
    if padded:
        notes += (f"{padded} voxels of padding were set to air ({_AIR} HU).",)
    if kept:
        notes += (f"{kept} voxels inside the body have the value that the file calls padding; "
                  "they were left as they are.",)  # fmt: skip
    values = np.stack(images)
    return values, unit, (*notes, *(_doubt(values) if unit == "HU" else ()))


def _doubt(values: NDArray[Any]) -> tuple[str, ...]:
    """A note on values that are CT numbers by the file, and look like something else."""
    looks = looks_like(values)
    if looks is None or looks[1] == "HU":
        return ()
    return (
        f"By the file the values are CT numbers (HU), but they look like {looks[0]}; if they are, "
        f"state --unit {looks[1]}, or Unit in the dock.",
    )


def unit_of(frames: list[Frame]) -> tuple[str | None, tuple[str, ...]]:
    """Intensity unit that the file states for CT; anything else is arbitrary."""
    first = frames[0]
    kind = modality(first.dataset)
    notes: tuple[str, ...] = ()
    if is_capture(first.dataset):
        notes += ("It is a secondary capture, a picture made by a program: its values need not be "
                  "those that were measured.",)  # fmt: skip
    if first.get("PhotometricInterpretation") == "MONOCHROME1":
        notes += ("The images are stored with inverted grey values (MONOCHROME1).",)
    if kind == "RTDOSE":
        dose = str(first.get("DoseUnits") or "unknown units").strip()
        return "arbitrary", (*notes, f"The values are a radiation dose in {dose}.")
    if kind != "CT":
        return "arbitrary", notes
    if picture(first.get) == "localizer":
        return "arbitrary", (*notes, "A localizer is a radiograph; its values are not HU.")
    table = _table(first)
    stated = first.get("RescaleType") if table is None else table.get("ModalityLUTType")
    if stated is None and table is None:
        if first.get("RescaleIntercept") is None:
            return None, (*notes, "The file does not say how its values become CT numbers.")
        return "HU", notes
    found = intensity(str(stated or ""))
    if found is not None and found[0] == "HU":
        return "HU", notes
    if table is None and str(stated).strip().upper() == "US":
        return None, (*notes, "The rescale type is 'US': the unit of the values is unspecified.")
    what = f"The rescale type is '{stated}'" if stated else "The lookup table states no unit"
    return "arbitrary", (*notes, f"{what}, so the values are not taken as HU.")


def _table(frame: Frame) -> Any:
    table = frame.dataset.get("ModalityLUTSequence")
    return table[0] if table else None


def _rescale(frame: Frame) -> tuple[float, float]:
    """Slope and intercept of a frame's stored values."""
    for name in ("RescaleSlope", "RescaleIntercept"):
        if frame.get(name) is not None and frame.figure(name) is None:
            raise InputError(f"'{frame.path.name}' has a damaged {name}.")
    slope, intercept = frame.figure("RescaleSlope"), frame.figure("RescaleIntercept")
    if modality(frame.dataset) == "RTDOSE":
        return frame.figure("DoseGridScaling") or 1.0, 0.0
    return (1.0 if slope is None else slope), (0.0 if intercept is None else intercept)


def _stored(frame: Frame) -> NDArray[Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            stored = frame.pixels()
    except Exception as error:
        syntax = frame.dataset.file_meta.TransferSyntaxUID
        if syntax.is_encapsulated and _lacks_decoder(syntax, error):
            package = "python-gdcm" if syntax != JPEGExtended12Bit else "pylibjpeg[libjpeg]"
            raise InputError(
                f"The pixels of '{frame.path.name}' are compressed by {syntax.name}, for which no "
                f"decoder is installed; install '{package}' or export the images uncompressed."
            ) from error
        raise InputError(
            f"The pixels of '{frame.path.name}' cannot be decoded: {one_line(error)}."
        ) from error
    if stored.shape != frame.shape:
        raise InputError(f"The pixels of '{frame.path.name}' have shape {stored.shape}.")
    return stored


def _lacks_decoder(syntax: UID, error: Exception) -> bool:
    """Whether pixels could be decoded by a package that is not installed."""
    try:
        return not get_decoder(syntax).is_available or "does not support" in str(error)
    except NotImplementedError:
        return False


def _padding(frame: Frame, stored: NDArray[Any], image: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Voxels whose stored value the file calls padding; None when it calls none so."""
    low, high = frame.figure("PixelPaddingValue"), frame.figure("PixelPaddingRangeLimit")
    if low is None or stored.dtype.kind not in "iu":
        return None
    ends = [_as_stored(v, frame) for v in (low, low if high is None else high)]
    mask = (stored >= min(ends)) & (stored <= max(ends))
    return mask if mask.any() else None


def _as_stored(value: float, frame: Frame) -> float:
    """A padding value with the sign of the pixels; files often give it the other one."""
    size = 2.0 ** int(frame.dataset.get("BitsAllocated", 16))
    if frame.dataset.get("PixelRepresentation") == 1:
        return value - size if value >= size / 2 else value
    return value + size if value < 0 else value


def _outside(padding: NDArray[np.bool_], image: NDArray[Any]) -> NDArray[np.bool_]:
    """Padding that is no part of the body: of an impossible value, or joined to the border."""
    certain = padding & ((image < _BODY[0]) | (image > _BODY[1]))
    rest = padding & ~certain
    if not rest.any():
        return certain
    border = np.zeros_like(rest)
    border[[0, -1]], border[:, [0, -1]] = rest[[0, -1]], rest[:, [0, -1]]
    return certain | binary_propagation(border, mask=rest)


def _smallest(image: NDArray[Any]) -> NDArray[Any]:
    """Integers as 16 or 32 bits where they fit."""
    if image.dtype.kind != "i":
        return image
    low, high = int(image.min()), int(image.max())
    for kind in (np.int16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return image.astype(kind)
    return image.astype(np.float32)
