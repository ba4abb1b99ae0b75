"""What the programs that write TIFF state about lengths and values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_padis.scan.rescale import rescaled
from napari_padis.scan.units import intensity, is_no_length, length_scale

Steps = tuple[float, float, float]

#: Polynomials among the calibration functions of ImageJ, and its code for none at all.
_POLYNOMIALS, _UNCALIBRATED = range(4), 20

#: ResolutionUnit of a TIFF file.
_INCH, _CENTIMETRE = 2, 3

_NO_UNIT = "The file states lengths without a unit; they are taken as mm."
_NO_SPACING = "The file states no spacing; 1 mm is assumed."


@dataclass(frozen=True)
class Lengths:
    """Distances of pages, rows and columns in mm, None where the file states none."""

    steps: tuple[float | None, float | None, float | None]
    notes: tuple[str, ...] = ()


def spacing(file: tifffile.TiffFile, index: int = 0) -> tuple[Steps, tuple[str, ...]]:
    """Distances of pages, rows and columns in mm, with a note on what had to be assumed.

    Asked in this order: OME, ImageJ (and tifffile's own text), the text of microscopes,
    the resolution tags. A distance that is missing is taken as that of the columns.

    Parameters
    ----------
    file : TiffFile
    index : int
        Number of the series, for OME files with several images.
    """
    asked = (_ome(file, index), _imagej(file), _microscope(file), _resolution(file))
    stated = [lengths for lengths in asked if lengths is not None]
    found = next((lengths for lengths in stated if any(lengths.steps[1:])), stated[0])
    depth, rows, columns = (step if step and 0 < step < np.inf else None for step in found.steps)
    notes = found.notes
    if rows is None and columns is None:
        return (depth or 1.0, 1.0, 1.0), (*notes, _NO_SPACING)
    pixel = columns or rows or 1.0
    if rows is None or columns is None:
        notes += (f"The file states one side of the pixels only; both are taken as {pixel:g} mm.",)
    if depth is None:
        notes += (f"The distance of the slices is not stated; it is taken as the size of the "
                  f"pixels, {pixel:g} mm.",)  # fmt: skip
    return (depth or pixel, rows or pixel, columns or pixel), notes


def _scaled(values: Mapping[str, Any], units: Mapping[str, str]) -> Lengths:
    """Lengths of the axes Z, Y and X, each in its own unit; every note once.

    A length in pixels beside others in units of length states none.
    """
    steps: list[float | None] = []
    notes: list[str] = []
    scaled = any(_number(values.get(a)) and not is_no_length(units[a]) for a in "ZYX")
    for axis in "ZYX":
        value = _number(values.get(axis))
        if not value or (scaled and is_no_length(units[axis])):
            steps.append(None)
            continue
        factor, more = length_scale(units[axis], without=_NO_UNIT)
        steps.append(abs(value) * factor)
        notes += more
    return Lengths((steps[0], steps[1], steps[2]), tuple(dict.fromkeys(notes)))


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def _ome(file: tifffile.TiffFile, index: int) -> Lengths | None:
    """PhysicalSizeX, Y and Z, in micrometres unless their units say otherwise."""
    if not file.ome_metadata:
        return None
    try:
        root = ElementTree.fromstring(file.ome_metadata)
    except ElementTree.ParseError:
        return None
    images = [e for e in root.iter() if e.tag.rpartition("}")[2] == "Pixels"]
    if not images:
        return None
    pixels = images[index if len(images) == len(file.series) else 0]
    sizes = {axis: pixels.get(f"PhysicalSize{axis}") for axis in "ZYX"}
    return _scaled(sizes, {axis: pixels.get(f"PhysicalSize{axis}Unit", "µm") for axis in "ZYX"})


def _pixels_per_unit(file: tifffile.TiffFile) -> tuple[float, float, int]:
    """XResolution, YResolution (0 where they are not stated) and ResolutionUnit."""
    tags = file.pages.first.tags
    found = []
    for name in ("XResolution", "YResolution"):
        top, bottom = tags[name].value if name in tags else (0, 1)
        found.append(float(Fraction(int(top), int(bottom))) if top and bottom else 0.0)
    unit = int(tags["ResolutionUnit"].value) if "ResolutionUnit" in tags else 1
    return found[0], found[1], unit


def _imagej(file: tifffile.TiffFile) -> Lengths | None:
    """``unit`` and ``spacing`` of ImageJ or tifffile; the pixels stand in the resolution tags.

    ImageJ leaves out ``spacing`` where it is one unit, and ``yunit`` and ``zunit`` where
    they are those of the columns. A spacing below zero only tells the order of the pages.
    """
    imagej = file.imagej_metadata or {}
    stated = imagej or next(iter(file.shaped_metadata or ()), {})
    stack = _number(imagej.get("images", 1)) > 1
    unit, depth = str(stated.get("unit", "")), stated.get("spacing", int(stack))
    across, down, code = _pixels_per_unit(file)
    if is_no_length(unit):
        plain = across in (0, 1) and down in (0, 1) and _number(depth) in (0, 1)
        if code == _CENTIMETRE:
            unit = "cm"
        elif plain or not imagej or code == _INCH:
            return None
    units = {"X": unit, "Y": str(stated.get("yunit", unit)), "Z": str(stated.get("zunit", unit))}
    values = {"X": 1 / (across or 1), "Y": 1 / (down or across or 1), "Z": depth}
    return _scaled(values, units)


def _microscope(file: tifffile.TiffFile) -> Lengths | None:
    """Zeiss LSM, FEI and Olympus SIS (in metres), MetaMorph STK and Micro-Manager."""
    if lsm := file.lsm_metadata:
        return _scaled({a: lsm.get(f"VoxelSize{a}") for a in "ZYX"}, dict.fromkeys("ZYX", "m"))
    if stk := file.stk_metadata:
        distances = np.ravel(stk.get("ZDistance", 0))
        unit = str(stk.get("CalibrationUnits", ""))
        sizes = {"X": stk.get("XCalibration"), "Y": stk.get("YCalibration"),
                 "Z": distances[0] if distances.size else 0}  # fmt: skip
        return _scaled(sizes, dict.fromkeys("ZYX", unit))
    if fei := file.fei_metadata:
        scan = fei.get("Scan", {})
        sizes = {"X": scan.get("PixelWidth"), "Y": scan.get("PixelHeight")}
        return _scaled(sizes, dict.fromkeys("ZYX", "m"))
    if sis := file.sis_metadata:
        sizes = {"X": sis.get("pixelsizex"), "Y": sis.get("pixelsizey")}
        return _scaled(sizes, dict.fromkeys("ZYX", "m"))
    if manager := file.micromanager_metadata:
        summary = manager.get("Summary") or {}
        pixel = summary.get("PixelSize_um")
        sizes = {"X": pixel, "Y": pixel, "Z": summary.get("z-step_um")}
        return _scaled(sizes, dict.fromkeys("ZYX", "um"))
    return None


def _resolution(file: tifffile.TiffFile) -> Lengths:
    """Pixels per centimetre; dots per inch are the size of a print and are only told."""
    across, down, code = _pixels_per_unit(file)
    if code == _CENTIMETRE:
        sizes = {"X": 10 / across if across else 0, "Y": 10 / down if down else 0}
        return _scaled(sizes, dict.fromkeys("ZYX", "mm"))
    if code == _INCH and across > 1:
        return Lengths((None, None, None), (
            f"{across:g} dots per inch ({25.4 / across:.3g} mm) are taken as the size of a print.",
        ))  # fmt: skip
    return Lengths((None, None, None))


def calibrated(
    file: tifffile.TiffFile, stored: NDArray[Any]
) -> tuple[NDArray[Any], str | None, tuple[str, ...]]:
    """Values of the calibration that ImageJ keeps beside the stored numbers.

    Returns
    -------
    values : ndarray
    unit : str or None
        Intensity unit: 'arbitrary' where nothing is stated, None where the values are
        calibrated and only their evidence can tell the unit.
    notes : tuple of str
    """
    stated = file.imagej_metadata or {}
    coefficients = [_number(stated.get(f"c{k}")) for k in range(5) if f"c{k}" in stated]
    function = stated.get("cf", _UNCALIBRATED)
    values = stored
    notes: tuple[str, ...] = ()
    # ImageJ calibrates integers only, and holds signed ones raised by 32768.
    applies = stored.dtype.kind in "iu" and function != _UNCALIBRATED
    known = function in _POLYNOMIALS and len(coefficients) >= 2
    if applies and known:
        raised = 2 ** (8 * stored.dtype.itemsize - 1) if stored.dtype.kind == "i" else 0
        if not any(coefficients[2:]):
            low, slope = coefficients[:2]
            values = rescaled(stored, slope, low + slope * raised)
        else:
            numbers = stored.astype(np.float64) + raised
            values = np.polynomial.Polynomial(coefficients)(numbers).astype(np.float32)
    elif applies:
        notes = ("The file states a calibration curve of ImageJ that is no polynomial; the "
                 "values are those stored.",)  # fmt: skip
    word = str(stated.get("vunit", ""))
    unit = intensity(word)
    if unit is not None and word and not notes:
        return rescaled(values, unit[1], 0), unit[0], notes
    if word and word.lower() != "gray value":
        notes = (*notes, f"The unit of the values, '{word}', is not known.")
    return values, None if applies and known else "arbitrary", notes
