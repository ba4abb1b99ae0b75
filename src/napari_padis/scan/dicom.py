"""DICOM: the volumes of a file, a folder or a disc, each on its own grid in mm."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_padis.errors import InputError
from napari_padis.scan.dicom_files import files_of, is_dicom, load
from napari_padis.scan.dicom_frames import Frame, frames_of
from napari_padis.scan.dicom_grid import arrange
from napari_padis.scan.dicom_pixels import values_of
from napari_padis.scan.dicom_series import Part, volumes_of
from napari_padis.scan.files import one_line
from napari_padis.scan.orientation import LPS_TO_RAS, assemble
from napari_padis.scan.volume import Volume

__all__ = ["is_dicom", "read_dicom"]

_TAGS = ("Modality", "SeriesInstanceUID", "SeriesDescription", "Manufacturer", "KVP")


def read_dicom(path: str | Path | Sequence[Path]) -> list[Volume]:
    """Read every volume of a file, a folder (with subfolders), a DICOMDIR or a list of files.

    Frames are grouped by series and by what makes them different (kind of image, echo,
    time, diffusion weight ...), sorted by position along the slice normal, and rescaled;
    CT is then in HU where the file says so. Slices of two distances and gaps are
    resampled so that the height is kept. What is irregular, not known or left out is said
    in ``Volume.notes``. The affine is the true one (DICOM PS3.3 C.7.6.2.1.1).

    Returns
    -------
    list of Volume
        Magnitude images first, then the largest; localizers last.

    Raises
    ------
    InputError
        If there is no readable image.
    """
    root, files = files_of(path)
    frames: list[Frame] = []
    problems: list[str] = []
    for file in files:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                frames += frames_of(load(file), file)
        except InputError as error:
            problems.append(str(error))
        except Exception as error:
            problems.append(f"'{file.name}' has a damaged header: {one_line(error)}.")
    if not frames:
        if len(problems) == 1:
            raise InputError(problems[0])
        why = f"; the first of {len(problems)} problems: {problems[0]}" if problems else "."
        raise InputError(f"No DICOM image was found in '{root.name}'{why}")
    skipped = _skipped(problems)
    series = volumes_of(frames)
    found = [(part, parts) for parts in series for part in parts]
    volumes = [_volume(part, root, skipped) for part, _ in found]
    names = _distinct(volumes, [part for part, _ in found])
    notes = [_shared(parts, [n for n, (_, p) in zip(names, found, strict=True) if p is parts])
             for _, parts in found]  # fmt: skip
    return [
        replace(volume, name=name, notes=(*note, *volume.notes))
        for volume, name, note in zip(volumes, names, notes, strict=True)
    ]


def _skipped(problems: list[str]) -> tuple[str, ...]:
    """One note of all objects that are not read, each kind with its first file."""
    if not problems:
        return ()
    if len(problems) == 1:
        return (f"1 DICOM object was skipped: {problems[0]}",)
    kinds = Counter(p.split("' is ", 1)[-1] if "' is " in p else p for p in problems)
    firsts = [next(p for p in problems if p.endswith(kind)) for kind in list(kinds)[:4]]
    said = " ".join(
        first if number == 1 else f"{first.rstrip('.')}, like {number - 1} more."
        for first, number in zip(firsts, kinds.values(), strict=False)
    )
    more = f" And {len(kinds) - 4} other kinds." if len(kinds) > 4 else ""
    return (f"{len(problems)} DICOM objects were skipped: {said}{more}",)


def _shared(parts: list[Part], names: list[str]) -> tuple[str, ...]:
    """The note of a series that holds several volumes."""
    if len(parts) == 1:
        return ()
    reasons = list(dict.fromkeys(reason for part in parts for reason in part.reasons))
    return (
        f"The series holds {len(parts)} volumes, told apart by {' and '.join(reasons)}: "
        f"{listed(names)}.",
    )


def listed(names: Sequence[str], most: int = 6) -> str:
    """Names in quotes, of which the last are counted when there are many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(f"'{name}'" for name in names[:most]) + more


def _distinct(volumes: list[Volume], parts: list[Part]) -> list[str]:
    """Names of which no two are equal; series of one name are told by number."""
    names = [volume.name for volume in volumes]
    for how in ("series", "volume"):
        twice = {name for name, number in Counter(names).items() if number > 1}
        for n, (name, part) in enumerate(zip(list(names), parts, strict=True)):
            number = part.frames[0].figure("SeriesNumber")
            if name in twice and (how == "volume" or number is not None):
                rank = names[: n + 1].count(name) if how == "volume" else f"{number:g}"
                names[n] = f"{name} {how} {rank}"
    return names


def _volume(part: Part, root: Path, notes: tuple[str, ...]) -> Volume:
    """One group of frames as a volume."""
    grid = arrange(part.frames)
    first = grid.frames[0]
    values, unit, more = values_of(grid.frames)
    affine = np.eye(4)
    affine[:3, 0] = grid.step
    affine[:3, 1] = first.column * first.pixel[0]  # the row index moves down a column
    affine[:3, 2] = first.row * first.pixel[1]
    if first.position is not None:
        affine[:3, 3] = first.position
    oriented = first.get("ImageOrientationPatient") is not None
    description = str(first.get("SeriesDescription") or "").strip()
    name = root.name if root.is_dir() else root.stem
    return assemble(
        grid.resample(values),
        LPS_TO_RAS @ affine,
        path=root,
        name=" ".join((name, *filter(None, (description, *part.labels)))),
        kind="DICOM",
        unit=unit,
        space="scanner" if part.stated and oriented else "unknown",
        notes=tuple(dict.fromkeys((*part.notes, *grid.notes, *first.notes, *more, *notes))),
        metadata={tag: str(value) for tag in _TAGS if (value := first.get(tag)) is not None},
    )
