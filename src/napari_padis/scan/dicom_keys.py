"""What tells images of the same position apart: echo, time, diffusion weight, energy ..."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.datadict import keyword_for_tag

from napari_padis.scan.dicom_frames import Frame
from napari_padis.scan.dicom_objects import image_type, modality

Value = Callable[[Frame], Hashable]


@dataclass(frozen=True)
class Key:
    """One difference between volumes of a series.

    Attributes
    ----------
    name : str
        For notes.
    value : callable
        Of a frame; frames of one value form a volume.
    label : callable
        Of the value and its rank from 1, for the volume's name.
    weak : bool
        Whether it can also differ from slice to slice of one volume.
    in_turn : bool
        Whether volumes follow as they were measured and not by the size of the value.
    """

    name: str
    value: Value
    label: Callable[[Any, int], str]
    weak: bool = False
    in_turn: bool = False


def order_of(value: Hashable) -> tuple[int, Any]:
    """Sorts numbers before texts before what is missing."""
    if value is None:
        return 2, ""
    return (0, value) if isinstance(value, (int, float)) else (1, str(value))


def _number(*names: str | tuple[int, int]) -> Value:
    """First of several attributes as a number, alike when equal to six digits."""

    def value(frame: Frame) -> Hashable:
        found = next((v for n in names if (v := frame.figure(n)) is not None), None)
        return None if found is None else float(f"{found:.6g}")

    return value


def _text(*names: str | tuple[int, int]) -> Value:
    def value(frame: Frame) -> Hashable:
        found = next((v for n in names if (v := frame.get(n)) is not None), None)
        return None if found is None else str(found).strip()

    return value


def _b_value(frame: Frame) -> Hashable:
    """Diffusion weight in s/mm^2: the standard's, Siemens' or GE's (of 10^9 plus b)."""
    siemens = frame.get((0x0019, 0x0010)) or ""
    found = frame.figure("DiffusionBValue")
    if found is None and "SIEMENS" in str(siemens).upper():
        found = frame.figure((0x0019, 0x100C))
    if found is None and "GEMS" in str(frame.get((0x0043, 0x0010)) or "").upper():
        found = frame.figure((0x0043, 0x1039))
        found = None if found is None else found % 100_000
    if found is None and "PHILIPS" in str(frame.get((0x2001, 0x0010)) or "").upper():
        found = frame.figure((0x2001, 0x1003))
    return None if found is None else round(found, 1)


def _direction(frame: Frame) -> Hashable:
    value = frame.get("DiffusionGradientOrientation") or frame.get((0x0019, 0x100E))
    try:
        return None if value is None else tuple(np.round(np.asarray(value, float), 3).tolist())
    except (TypeError, ValueError):
        return None


def _picture(frame: Frame) -> Hashable:
    return "\\".join(image_type(frame.get))


def _station(frame: Frame) -> Hashable:
    """Place of the image in its plane in tenths of its width, as several stations differ."""
    if frame.position is None:
        return None
    corner = np.array([frame.position @ frame.row, frame.position @ frame.column])
    size = np.array(frame.shape[::-1]) * np.array(frame.pixel[::-1])
    return tuple(np.round(corner / (0.1 * size)).tolist())


def _other_dimension(frame: Frame) -> Hashable:
    """Index values of an enhanced object without those of position in the stack."""
    values = np.ravel(frame.get("DimensionIndexValues") or ()).tolist()
    items = frame.dataset.get("DimensionIndexSequence") or ()
    space = ("InStackPositionNumber", "ImagePositionPatient", "StackID")
    kept = []
    for value, item in zip(values, items, strict=False):
        pointer = item.get("DimensionIndexPointer")
        if pointer is None or keyword_for_tag(pointer) not in space:
            kept.append(int(value))
    return tuple(kept) if any(kept) else None


def _stage(frame: Frame) -> Hashable:
    """Temporal position; of a CT a phase, of anything else a time."""
    found = _number("TemporalPositionIdentifier", "TemporalPositionIndex")(frame)
    return None if found is None else (found, "phase" if _is_ct(frame) else "time")


def _is_ct(frame: Frame) -> bool:
    return modality(frame.dataset) == "CT"


def _unit(word: str, unit: str = "") -> Callable[[Any, int], str]:
    def label(value: Any, rank: int) -> str:
        return f"without {word}" if value is None else f"{word} {value:.5g} {unit}".strip()

    return label


def _rank(word: str) -> Callable[[Any, int], str]:
    return lambda value, rank: f"{word} {rank}"


def _words(value: Any, rank: int) -> str:
    text = "".join(c for c in str(value or "").replace("\\", " ") if c.isprintable()).strip()
    return text[:60].lower() or f"kind {rank}"


#: How images were computed from one measurement.
RECONSTRUCTION = (
    Key("slice thickness", _number("SliceThickness"), _unit("slices of", "mm")),
    Key("reconstruction kernel", _text("ConvolutionKernel"),
        lambda value, rank: f"kernel {value}" if value else "without kernel"),
)  # fmt: skip

#: Asked in this order; the first that differs at a repeated position divides the series.
KEYS = (
    Key("series number", _number("SeriesNumber"), _unit("series")),
    Key("place in the plane", _station, _rank("station")),
    Key("description", _text("SeriesDescription"), _words),
    Key("image type", _picture, _words),
    Key("echo time", _number("EffectiveEchoTime", "EchoTime"), _rank("echo")),
    Key("echo number", _number("EchoNumbers"), _rank("echo")),
    Key("inversion time", _number("InversionTime"), _unit("inversion", "ms")),
    Key("flip angle", _number("FlipAngle"), _unit("flip angle")),
    Key("diffusion weight", _b_value, _unit("b")),
    Key("diffusion direction", _direction, _rank("direction"), in_turn=True),
    Key("energy", _number("MonoenergeticEnergyEquivalent"), _unit("", "keV")),
    Key("tube voltage", _number("KVP"), _unit("", "kV")),
    *RECONSTRUCTION,
    Key("energy window", _number("EnergyWindowVector"), _rank("energy window")),
    Key("detector", _number("DetectorVector"), _rank("detector")),
    Key("cardiac phase", _number("NominalPercentageOfCardiacPhase"), _unit("", "%")),
    Key("breathing phase", _number("NominalPercentageOfRespiratoryPhase"), _unit("", "%")),
    Key("temporal position", _stage, lambda value, rank: f"{value[1] if value else 'time'} {rank}"),
    Key("phase", _number("PhaseVector"), _rank("phase")),
    Key("time slot", _number("TimeSlotVector", "TimeSliceVector"), _rank("time")),
    Key("frame time", _number("FrameReferenceTime"), _rank("time"), weak=True),
    Key("trigger time", _number("NominalCardiacTriggerDelayTime", "TriggerTime"), _rank("time"),
        weak=True),
    Key("dimension", _other_dimension, _rank("dimension")),
    Key("coil", _text((0x0051, 0x100F)), lambda value, rank: f"coil {value or rank}"),
    Key("comment", _text("ImageComments"), _words, weak=True),
    Key("acquisition", _number("AcquisitionNumber"), _unit("acquisition"), weak=True),
    Key("acquisition time", _text("FrameAcquisitionDateTime", "AcquisitionDateTime",
                                  "AcquisitionTime"), _rank("time"), weak=True),
    Key("content time", _text("ContentTime"), _rank("time"), weak=True),
)  # fmt: skip
