"""TIFF stacks: one file with several pages, or a folder with one page per file."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
from napari_padis.scan.orientation import assemble, plain_numbers, reorient, voxel_sizes
from napari_padis.scan.tiff_metadata import calibrated, spacing
from napari_padis.scan.units import UNITS
from napari_padis.scan.volume import Volume

SUFFIXES = (".tif", ".tiff")

_MARK = "napari-padis"

#: Axes whose parts are volumes of their own, by tifffile's letters.
_NAMED = {"C": "channel", "T": "time point", "R": "tile", "P": "position", "V": "view"}

#: More volumes in one image than this are taken for a film.
MAX_VOLUMES = 64

_ORIENTATION_NOTE = (
    "TIFF stores no orientation: pages are taken from feet to head, with the patient's front "
    "at the top and the patient's right at the left of each page."
)


def read_tiff(path: str | Path) -> list[Volume]:
    """Read the volumes of a TIFF file or a folder of single-page TIFF files (in natural order).

    Spacing comes from OME, ImageJ, the text of microscopes or the resolution in pixels per
    centimetre (see :mod:`napari_padis.scan.tiff_metadata`), otherwise it is 1 mm. The
    calibration of ImageJ is applied. The unit is arbitrary unless ImageJ or
    :func:`write_tiff` states another; the latter also keeps the affine. Pages are taken in
    radiological view, from feet to head.

    Returns
    -------
    list of Volume
        The largest image of the file first; channels and points in time are volumes of
        their own.

    Raises
    ------
    InputError
        If the file is missing, damaged, coloured or has axes that are not known.
    """
    path = existing(path)
    with reading(path, "TIFF"), quiet("tifffile"):
        files, left = _pages_of(path)
        images = _read_file(files[0])
        if len(files) > 1:
            stack = _stack(path, files, images[0].array)
            images = [replace(images[0], array=stack, notes=(*images[0].notes, *left))]
    return [_volume(path, image) for image in images]


def read_pages(path: Path) -> NDArray[Any]:
    """Pages of a TIFF file or folder, (pages, rows, columns), calibrated as ImageJ shows them."""
    files, _ = _pages_of(path)
    first = _read_file(files[0])[0].array
    return _stack(path, files, first) if len(files) > 1 else first


@dataclass(frozen=True)
class _Image:
    """Voxels (pages, rows, columns), spacing in that order, and what is known of them."""

    array: NDArray[Any]
    steps: tuple[float, float, float]
    unit: str | None
    label: str
    notes: tuple[str, ...]
    ours: dict[str, Any] | None


def _volume(path: Path, image: _Image) -> Volume:
    name, notes = f"{stem(path)}{image.label}", image.notes
    if image.ours is not None:
        affine = np.asarray(image.ours.get("affine"), dtype=np.float64)
        unit = image.ours.get("unit") if image.ours.get("unit") in UNITS else "arbitrary"
        extra = {k: image.ours[k] for k in ("orientation",) if k in image.ours}
        same = np.allclose(voxel_sizes(affine), image.steps, rtol=1e-3)
        if same and image.ours.get("shape", list(image.array.shape)) == list(image.array.shape):
            return assemble(image.array, affine, path=path, name=name, kind="TIFF", unit=unit,
                            metadata=extra, space=image.ours.get("space", "unknown"))  # fmt: skip
        notes += ("The image was cropped or scaled since napari-padis wrote it; its position in "
                  "the patient is lost.",)  # fmt: skip
        image = replace(image, unit=unit)
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    # Rows go from front to back and columns from the patient's right to the left.
    affine[2, 0], affine[1, 1], affine[0, 2] = image.steps[0], -image.steps[1], -image.steps[2]
    return assemble(image.array, affine, path=path, name=name, kind="TIFF", unit=image.unit,
                    notes=(*notes, _ORIENTATION_NOTE),
                    stated=image.unit != "arbitrary")  # fmt: skip


def _pages_of(path: Path) -> tuple[list[Path], tuple[str, ...]]:
    """Files that form one stack, in natural order, and a note on those left out of a folder.

    Pages of a stack differ in their numbers only; flat fields, previews and masks have names
    of their own.
    """
    if not path.is_dir():
        return [path], ()
    files = [f for f in path.iterdir() if f.suffix.lower() in SUFFIXES and f.name[0] != "."]
    if not files:
        raise InputError(f"The folder '{path.name}' holds no TIFF file.")
    files.sort(key=_natural)
    alike: dict[str, list[Path]] = {}
    for file in files:
        alike.setdefault(re.sub(r"\d+", "#", file.name.lower()), []).append(file)
    pages = max(alike.values(), key=len)
    if len(pages) < 2 or len(alike) == 1:
        return files, ()
    first = ", ".join(f"'{group[0].name}'" for group in alike.values() if group is not pages)
    return pages, (
        f"{len(pages)} files named like '{pages[0].name}' are the pages; "
        f"{len(files) - len(pages)} of another name were left out: {first}.",
    )


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(p), "") if p.isdigit() else (0, p) for p in re.split(r"(\d+)", path.name.lower())]


def _read_file(path: Path) -> list[_Image]:
    """Every greyscale image of a file, the largest first; the others are named."""
    with tifffile.TiffFile(path) as file:
        if not file.series:
            raise InputError(f"'{path.name}' holds no image; copy or export it again.")
        ordered = sorted(enumerate(file.series), key=lambda pair: -pair[1].size)
        images: list[_Image] = []
        failed: list[InputError] = []
        for index, series in ordered:
            try:
                images += _images_of(path, file, index, series)
            except InputError as error:
                failed.append(error)
    if not images:
        raise failed[0]
    if failed:
        words = "more of its images is" if len(failed) == 1 else "more of its images are"
        note = f"{len(failed)} {words} not read; the first: {failed[0]}"
        images = [replace(images[0], notes=(*images[0].notes, note)), *images[1:]]
    return images


def _images_of(
    path: Path, file: tifffile.TiffFile, index: int, series: tifffile.TiffPageSeries
) -> list[_Image]:
    """The volumes of one series; channels and points in time are taken apart."""
    voxel_count(path, series.shape)
    page = series.keyframe
    check_claim(path, series.nbytes, path.stat().st_size, int(page.compression) != 1)
    axes = [(a, n) for a, n in zip(series.axes[:-2], series.shape[:-2], strict=True) if n > 1]
    names = "".join(a for a, _ in axes)
    stacked = "Z" if len(axes) > 1 else names
    others = [(a, n) for a, n in axes if a != stacked]
    count = math.prod(n for _, n in others)
    if (
        series.axes[-2:] != "YX"
        or len(axes) != len(others) + len(stacked)
        or any(a not in _NAMED for a, _ in others)
        or count > MAX_VOLUMES
    ):
        raise InputError(
            f"'{path.name}' has shape {series.shape} ({series.axes}); one greyscale stack is "
            "needed."
        )
    stored = series.asarray()
    if stored.size != series.size:
        raise InputError(f"'{path.name}' is truncated.")
    stored = stored.reshape([n for _, n in axes] + list(series.shape[-2:]))
    if others:
        stored = np.moveaxis(stored, names.index("Z"), -3)
    stored = stored.reshape((count, -1, *series.shape[-2:]))
    steps, notes = spacing(file, index)
    if not others and stacked in (known := _NAMED | {"S": "colour plane"}):
        notes += (f"The pages are stated to be {known[stacked]}s; they are taken as slices.",)
    if int(page.photometric) == 0:
        notes += ("The file says that 0 is white; the values are those stored.",)
    turned = page.tags.valueof("Orientation", 1)
    if turned not in (0, 1):
        notes += (f"The file asks viewers to turn or mirror its pages (Orientation {turned}); they "
                  "are taken as stored.",)  # fmt: skip
    title = f" image {index + 1}" if len(file.series) > 1 else ""
    images = []
    for k, number in enumerate(np.ndindex(*(n for _, n in others))):
        words = [f" {_NAMED[a]} {i + 1}" for (a, _), i in zip(others, number, strict=True)]
        values, unit, more = calibrated(file, stored[k])
        images.append(_Image(values, steps, unit, title + "".join(words), (*notes, *more),
                             _own_record(file)))  # fmt: skip
    return images


def _stack(path: Path, files: list[Path], first: NDArray[Any]) -> NDArray[Any]:
    pages = [first]
    for file in files[1:]:
        page = _read_file(file)[0].array
        if page.shape != first.shape or page.shape[0] != 1:
            raise InputError(
                f"The TIFF files in '{path.name}' do not form one stack: '{file.name}' has "
                f"shape {page.shape}, the first {first.shape}."
            )
        pages.append(page)
    return np.concatenate(pages)


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
    record["space"], record["shape"] = volume.space, list(values.shape)
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
