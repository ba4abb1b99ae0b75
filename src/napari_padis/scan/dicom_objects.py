"""What a DICOM object is: no image at all, a dose, a localizer, a magnitude or a phase."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pydicom.dataset import Dataset

#: Objects that hold no volume of grey values, by modality.
_NO_VOLUME = {
    "SEG": "a segmentation (SEG)", "RTSTRUCT": "a set of contours (RTSTRUCT)",
    "RTPLAN": "a treatment plan (RTPLAN)", "RTRECORD": "a treatment record (RTRECORD)",
    "PR": "a presentation state (PR)", "SR": "a report (SR)", "KO": "a selection of images (KO)",
    "REG": "a registration (REG)", "DOC": "a document (DOC)", "FID": "a set of fiducials (FID)",
    "PLAN": "a plan (PLAN)", "ECG": "a curve (ECG)", "M3D": "a surface (M3D)",
    "ANN": "a set of annotations (ANN)", "AU": "a sound (AU)", "HD": "a curve (HD)",
    "STAIN": "a record of stains (STAIN)", "RWV": "a mapping of values (RWV)",
    "TEXTUREMAP": "a texture (TEXTUREMAP)",
}  # fmt: skip

#: The same by the class of the object, where the modality is missing or wrong.
_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.66.4": "SEG", "1.2.840.10008.5.1.4.1.1.66.7": "SEG",
    "1.2.840.10008.5.1.4.1.1.481.3": "RTSTRUCT", "1.2.840.10008.5.1.4.1.1.481.5": "RTPLAN",
    "1.2.840.10008.5.1.4.1.1.481.8": "RTPLAN", "1.2.840.10008.5.1.4.1.1.66.1": "REG",
    "1.2.840.10008.5.1.4.1.1.66.3": "REG", "1.2.840.10008.5.1.4.1.1.66.2": "FID",
    "1.2.840.10008.5.1.4.1.1.88.59": "KO", "1.2.840.10008.5.1.4.1.1.104.1": "DOC",
    "1.2.840.10008.5.1.4.1.1.104.3": "M3D", "1.2.840.10008.5.1.4.1.1.67": "RWV",
}  # fmt: skip

_MODALITIES = {
    "1.2.840.10008.5.1.4.1.1.2": "CT", "1.2.840.10008.5.1.4.1.1.2.1": "CT",
    "1.2.840.10008.5.1.4.1.1.2.2": "CT", "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.4.1": "MR", "1.2.840.10008.5.1.4.1.1.4.4": "MR",
    "1.2.840.10008.5.1.4.1.1.481.2": "RTDOSE", "1.2.840.10008.5.1.4.1.1.128": "PT",
}  # fmt: skip

#: Secondary captures; those of several frames have a number more.
_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"

#: Parts of a complex image, in the order in which volumes are offered.
COMPONENTS = ("", "magnitude", "real", "imaginary", "phase", "velocity")

_BY_TYPE = {
    "M": "magnitude", "MAGNITUDE": "magnitude", "P": "phase", "PHASE": "phase",
    "R": "real", "REAL": "real", "I": "imaginary", "IMAGINARY": "imaginary", "V": "velocity",
    "VELOCITY": "velocity",
}  # fmt: skip
_GE = ("magnitude", "phase", "real", "imaginary")

#: Values of ImageType that make an image another kind of picture of the same place.
_PICTURES = {
    "MIP": "MIP", "MAX_IP": "MIP", "MINIP": "minIP", "MIN_IP": "minIP", "MPR": "MPR",
    "PROJECTION IMAGE": "projection", "SUBTRACTION": "subtraction", "SUB": "subtraction",
    "ADC": "ADC", "FA": "FA", "T1 MAP": "T1 map", "T2 MAP": "T2 map", "T2_STAR MAP": "T2* map",
    "B0 MAP": "B0 map", "FIELD_MAP": "field map", "TRACEW": "trace", "TTP": "TTP",
    "CBF": "CBF", "CBV": "CBV", "MTT": "MTT", "W": "water", "WATER": "water", "F": "fat",
    "FAT": "fat", "IP": "in phase", "IN_PHASE": "in phase", "OP": "opposed phase",
    "OPP_PHASE": "opposed phase", "OUT_PHASE": "opposed phase", "OOP": "opposed phase",
    "FAT_FRACTION": "fat fraction", "FF": "fat fraction", "PERFUSION": "perfusion map",
    "SCREEN SAVE": "screen save", "MOSAIC": "",
}  # fmt: skip

Get = Callable[[Any], Any]


def modality(dataset: Dataset) -> str:
    """Modality, from the class of the object where it is not stated."""
    stated = re.sub("[^A-Z0-9]", "", str(dataset.get("Modality", "") or "").upper())[:16]
    kind = str(dataset.get("SOPClassUID", ""))
    return _CLASSES.get(kind) or stated or _MODALITIES.get(kind, "")


def no_volume(dataset: Dataset) -> str | None:
    """What an object is that holds no volume of grey values; None for an image."""
    if "DirectoryRecordSequence" in dataset:
        return "a table of contents (DICOMDIR) without images"
    kind = modality(dataset)
    if kind in _NO_VOLUME:
        return f"{_NO_VOLUME[kind]}, which is no volume of grey values"
    if not any(name in dataset for name in
               ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):  # fmt: skip
        return f"a DICOM object{f' ({kind})' if kind else ''} without an image"
    return None


def is_capture(dataset: Dataset) -> bool:
    """Whether an object is a secondary capture: a picture that some program made."""
    kind = str(dataset.get("SOPClassUID", ""))
    return kind == _CAPTURE or kind.startswith(_CAPTURE + ".")


def image_type(get: Get) -> tuple[str, ...]:
    """Values of ImageType, or of the frame's own type in an enhanced object."""
    value = get("FrameType") or get("ImageType") or ()
    values = [value] if isinstance(value, str) else list(value)
    return tuple(str(v).strip().upper() for v in values)


def component(get: Get, kind: str) -> str:
    """Which of :data:`COMPONENTS` an MR image is; empty when it is not said.

    The standard's attribute, GE's and Philips' private ones and ImageType are asked in
    this order.
    """
    if kind != "MR":
        return ""
    stated = str(get("ComplexImageComponent") or "").strip().upper()
    if stated in _BY_TYPE:
        return _BY_TYPE[stated]
    if "GEMS_PARM" in str(get((0x0043, 0x0010)) or ""):
        try:
            return _GE[int(_first(get((0x0043, 0x102F))))]
        except (TypeError, ValueError, IndexError):
            pass
    words = [*image_type(get)[2:], str(_first(get((0x2005, 0x1011))) or "").strip().upper()]
    for word in words:
        for spelling in (word, word.split("_")[0], word.removesuffix(" MAP")):
            if spelling in _BY_TYPE:
                return _BY_TYPE[spelling]
    return ""


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, (list, tuple)) or _many(value) else value


def _many(value: Any) -> bool:
    return type(value).__name__ == "MultiValue"


def picture(get: Get) -> str:
    """The kind of picture: localizer, MIP, ADC, derived ...; empty for an original image."""
    words = image_type(get)
    if "LOCALIZER" in words[2:] or "SCOUT" in words[2:]:
        return "localizer"
    found = [_PICTURES[w] for w in words[2:] if _PICTURES.get(w)]
    if found:
        return " ".join(dict.fromkeys(found))
    if "SECONDARY" in words[1:2]:
        return "secondary"
    return "derived" if "DERIVED" in words[:1] else ""
