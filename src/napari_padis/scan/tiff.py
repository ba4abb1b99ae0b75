"""TIFF stacks: one file with several pages, or a folder with one page per file."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.files import (
    check_claim,
    existing,
    quiet,
    reading,
    replacing,
    stem,
    voxel_count,
)
from napari_padis.scan.orientation import assemble, plain_numbers, reorient
from napari_padis.scan.units import UNITS
from napari_padis.scan.volume import Volume

SUFFIXES = (".tif", ".tiff")

_MARK = "napari-padis"

_MILLIMETRES = {
    "mm": 1.0, "millimeter": 1.0, "millimetre": 1.0, "cm": 10.0, "centimeter": 10.0,
    "m": 1000.0, "meter": 1000.0, "inch": 25.4, "in": 25.4, "nm": 1e-6, "nanometer": 1e-6,
    "um": 1e-3, "µm": 1e-3, "μm": 1e-3, "\\u00b5m": 1e-3, "micron": 1e-3, "microns": 1e-3,
    "micrometer": 1e-3,
}  # fmt: skip

_ORIENTATION_NOTE = (
    "TIFF stores no orientation: pages are taken from feet to head, with the patient's front "
    "at the top and the patient's right at the left of each page."
)


def read_tiff(path: str | Path) -> Volume:
    """Read a TIFF file or a folder of single-page TIFF files (in natural order).

    Spacing comes from ImageJ, OME or resolution tags where there are any (a plain
    resolution in dots per inch is a print size and is ignored), otherwise it is 1 mm.
    The unit is arbitrary unless the file was written by :func:`write_tiff`, which also
    keeps the affine. Pages are taken in radiological view, from feet to head.

    Raises
    ------
    InputError
        If the file is missing, damaged, coloured or has more than three axes.
    """
    path = existing(path)
    with reading(path, "TIFF"), quiet("tifffile"):
        files = _pages_of(path)
        array, steps, notes, ours = _read_file(files[0])
        if len(files) > 1:
            array = _stack(path, files, array)
    if ours is not None and len(files) == 1:
        affine = np.asarray(ours.get("affine"), dtype=np.float64)
        unit = ours.get("unit") if ours.get("unit") in UNITS else "arbitrary"
        extra = {"orientation": ours["orientation"]} if "orientation" in ours else {}
        return assemble(array, affine, path=path, name=stem(path), kind="TIFF", unit=unit,
                        metadata=extra, space=ours.get("space", "unknown"))  # fmt: skip
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    # Rows go from front to back and columns from the patient's right to the left.
    affine[2, 0], affine[1, 1], affine[0, 2] = steps[0], -steps[1], -steps[2]
    return assemble(array, affine, path=path, name=stem(path), kind="TIFF", unit="arbitrary",
                    notes=(*notes, _ORIENTATION_NOTE))  # fmt: skip


def read_pages(path: Path) -> NDArray[Any]:
    """Pages of a TIFF file or folder as they are stored: (pages, rows, columns)."""
    files = _pages_of(path)
    first = _read_file(files[0])[0]
    return _stack(path, files, first) if len(files) > 1 else first


def _pages_of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = [f for f in path.iterdir() if f.suffix.lower() in SUFFIXES and f.name[0] != "."]
    if not files:
        raise InputError(f"The folder '{path.name}' holds no TIFF file.")
    return sorted(files, key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(p), "") if p.isdigit() else (0, p) for p in re.split(r"(\d+)", path.name.lower())]


def _read_file(
    path: Path,
) -> tuple[NDArray[Any], tuple[float, float, float], tuple[str, ...], dict[str, Any] | None]:
    """Voxels (pages, rows, columns), spacing in that order, notes, our own record."""
    with tifffile.TiffFile(path) as file:
        if not file.series:
            raise InputError(f"'{path.name}' holds no image; copy or export it again.")
        series = max(file.series, key=lambda s: s.size)
        voxel_count(path, series.shape)
        page = file.pages.first
        compressed = int(page.compression) != 1
        check_claim(path, series.nbytes, path.stat().st_size, compressed)
        squeezed = tuple(n for n in series.shape[:-2] if n > 1) + tuple(series.shape[-2:])
        if "S" in series.axes or not 2 <= len(squeezed) <= 3:
            raise InputError(
                f"'{path.name}' has shape {series.shape} ({series.axes}); one greyscale stack "
                "is needed."
            )
        array = series.asarray().reshape((-1, *squeezed[-2:]))
        if array.shape[0] * array.shape[1] * array.shape[2] != series.size:
            raise InputError(f"'{path.name}' is truncated.")
        steps, notes = _spacing(file)
        return array, steps, notes, _own_record(file)


def _stack(path: Path, files: list[Path], first: NDArray[Any]) -> NDArray[Any]:
    pages = [first]
    for file in files[1:]:
        page = _read_file(file)[0]
        if page.shape != first.shape or page.shape[0] != 1:
            raise InputError(
                f"The TIFF files in '{path.name}' do not form one stack: '{file.name}' has "
                f"shape {page.shape}, the first {first.shape}."
            )
        pages.append(page)
    return np.concatenate(pages)


def _spacing(file: tifffile.TiffFile) -> tuple[tuple[float, float, float], tuple[str, ...]]:
    """Spacing of (pages, rows, columns) in mm, from whatever states it."""
    if file.ome_metadata:
        found = _ome_spacing(file.ome_metadata)
        if found:
            return found, ()
    tags = file.pages.first.tags
    unit_code = int(tags["ResolutionUnit"].value) if "ResolutionUnit" in tags else 1
    per_unit = []
    for name in ("YResolution", "XResolution"):
        top, bottom = tags[name].value if name in tags else (0, 1)
        per_unit.append(float(Fraction(int(top), int(bottom))) if top and bottom else 0.0)
    imagej = file.imagej_metadata or {}
    factor = _MILLIMETRES.get(str(imagej.get("unit", "")).strip().lower())
    if factor is None and not imagej and unit_code == 3:
        factor = 10.0
    if factor is not None and all(per_unit):
        depth = float(imagej.get("spacing", 0) or 0)
        rows, columns = factor / per_unit[0], factor / per_unit[1]
        if depth > 0:
            return (depth * factor, rows, columns), ()
        return (1.0, rows, columns), ("The distance of the slices is unknown; 1 mm is assumed.",)
    return (1.0, 1.0, 1.0), ("The file states no spacing; 1 mm is assumed.",)


def _ome_spacing(xml: str) -> tuple[float, float, float] | None:
    try:
        pixels = next(e for e in ElementTree.fromstring(xml).iter() if e.tag.endswith("Pixels"))
    except (ElementTree.ParseError, StopIteration):
        return None
    steps = []
    for axis in "ZYX":
        value = float(pixels.get(f"PhysicalSize{axis}", "0") or 0)
        unit = pixels.get(f"PhysicalSize{axis}Unit", "µm")
        steps.append(value * _MILLIMETRES.get(unit.lower(), 1.0))
    if not (steps[1] > 0 and steps[2] > 0):
        return None
    return steps[0] if steps[0] > 0 else 1.0, steps[1], steps[2]


def _own_record(file: tifffile.TiffFile) -> dict[str, Any] | None:
    """What :func:`write_tiff` left in the file."""
    imagej = file.imagej_metadata or {}
    text = imagej.get("Info") or file.pages.first.description
    try:
        record = json.loads(text)
        return record if record.get("format") == _MARK else None
    except (TypeError, ValueError, AttributeError):
        return None


def write_tiff(path: str | Path, volume: Volume) -> Path:
    """Write a volume as an ImageJ TIFF stack with spacing in mm.

    Pages go from feet to head in radiological view (front at the top, the patient's
    right at the left), so that ImageJ shows them as usual. int16, uint16, uint8 and
    float32 are kept; other integers become float32. The exact affine and the unit are
    kept in the file's information text.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"'{path.name}' must end in .tif or .tiff.")
    values, affine = reorient(volume.array, np.asarray(volume.affine), "SPL")
    values, _ = plain_numbers(values, path)
    if values.dtype not in (np.int16, np.uint16, np.uint8, np.float32):
        values = values.astype(np.float32)
    record: dict[str, Any] = {"format": _MARK, "unit": volume.unit, "affine": affine.tolist()}
    record["space"] = volume.space
    if "orientation" in volume.metadata:
        record["orientation"] = volume.metadata["orientation"]
    info = json.dumps(record)
    depth, rows, columns = volume.spacing
    options: dict[str, Any] = {"resolution": (1 / columns, 1 / rows), "photometric": "minisblack"}
    if values.nbytes < 2**32 - 2**20:
        options |= {"imagej": True, "metadata": {
            "axes": "ZYX", "spacing": depth, "unit": "mm", "Info": info}}  # fmt: skip
    else:  # ImageJ's own format ends at 4 GB
        options |= {"bigtiff": True, "description": info, "metadata": None}
    with replacing(path) as temporary:
        tifffile.imwrite(temporary, np.ascontiguousarray(values), **options)
    return path
