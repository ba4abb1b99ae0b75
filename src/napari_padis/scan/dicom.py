"""DICOM: the volumes of a file, a folder or a disc, each on its own grid in mm."""

from __future__ import annotations

import re
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
from napari_padis.scan.dicom_kinds import Part
from napari_padis.scan.dicom_objects import modality
from napari_padis.scan.dicom_pixels import values_of
from napari_padis.scan.dicom_series import volumes_of
from napari_padis.scan.files import one_line, reading
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
                dataset = load(file)
                if root.is_dir() and "DirectoryRecordSequence" in dataset:
                    continue  # the table of contents of files that are read anyway
                frames += frames_of(dataset, file)
        except InputError as error:
            problems.append(str(error))
        except Exception as error:
            problems.append(f"'{file.name}' has a damaged header: {one_line(error)}.")
    if not frames:
        if len(problems) == 1:
            raise InputError(problems[0])
        why = f"; the first of {len(problems)} problems: {problems[0]}" if problems else "."
        raise InputError(f"No DICOM image was found in '{root.name}'{why}")
    volumes: list[Volume] = []
    found: list[tuple[Part, list[Part]]] = []
    with reading(root, "DICOM"):
        series = volumes_of(frames)
    for parts in series:
        for part in parts:
            try:
                with reading(part.frames[0].path, "DICOM"):
                    volumes.append(_volume(part, root))
                found.append((part, parts))
            except InputError as error:
                problems.append(f"{str(error).rstrip('.')} ({len(part.frames)} images).")
    if not volumes:
        raise InputError(problems[-1])
    skipped = _skipped(problems)
    names = _names(root, found)
    notes = [_shared(parts, [n for n, (_, p) in zip(names, found, strict=True) if p is parts])
             for _, parts in found]  # fmt: skip
    return [
        replace(volume, name=name, notes=(*note, *volume.notes, *skipped))
        for volume, name, note in zip(volumes, names, notes, strict=True)
    ]


def _skipped(problems: list[str]) -> tuple[str, ...]:
    """One note of all that is not read, each kind of problem with its first file."""
    if not problems:
        return ()
    kinds: dict[str, list[str]] = {}
    for problem in problems:
        kinds.setdefault(re.sub("'.*?'", "", problem, count=1), []).append(problem)
    said = [first if not more else f"{first.rstrip('.')}; {len(more)} more are like it."
            for first, *more in list(kinds.values())[:4]]  # fmt: skip
    if len(kinds) > 4:
        said.append(f"There are {len(kinds) - 4} more kinds of problems.")
    were = "1 DICOM object was" if len(problems) == 1 else f"{len(problems)} DICOM objects were"
    return (f"{were} skipped: {' '.join(said)}",)


def _shared(parts: list[Part], names: list[str]) -> tuple[str, ...]:
    """The note of a series that holds several volumes."""
    if len(names) == 1:
        return ()
    reasons = list(dict.fromkeys(reason for part in parts for reason in part.reasons))
    return (
        f"The series holds {len(names)} volumes, told apart by {' and '.join(reasons)}: "
        f"{listed(names)}.",
    )


def listed(names: Sequence[str], most: int = 6) -> str:
    """Names in quotes, of which the last are counted when there are many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(f"'{name}'" for name in names[:most]) + more


def _names(root: Path, found: list[tuple[Part, list[Part]]]) -> list[str]:
    """Names of the volumes: the folder, the series and what tells volumes of it apart."""
    where = root.name if root.is_dir() else root.stem
    series: dict[int, tuple[str, str]] = {}
    for _, parts in found:
        first = parts[0].frames[0]
        text = str(first.get("SeriesDescription") or "").strip()
        serial = first.figure("SeriesNumber")
        series[id(parts)] = (f"{where} {text}".strip(), "" if serial is None else f"{serial:g}")
    people = _people(found)
    kinds = {key: _kind_beside(key, series, found) for key in series}
    several = Counter(base for base, _ in series.values())
    kinds = {key: f"{people[key] if several[series[key][0]] > 1 else ''} {kind}".strip()
             for key, kind in kinds.items()}  # fmt: skip
    twice = Counter((base, kinds[key]) for key, (base, _) in series.items())
    names: list[str] = []
    for part, parts in found:
        base, number = series[id(parts)]
        kind = kinds[id(parts)]
        also = f"series {number}" if twice[base, kind] > 1 and number else ""
        names.append(" ".join(filter(None, (base, kind, also, *part.labels))))
    again = Counter(names)
    return [name if again[name] == 1 else f"{name} volume {names[: n + 1].count(name)}"
            for n, name in enumerate(names)]  # fmt: skip


def _people(found: list[tuple[Part, list[Part]]]) -> dict[int, str]:
    """Number of the patient of each series, where there are several in the folder."""
    owners = {id(parts): str(parts[0].frames[0].get("PatientID") or "") for _, parts in found}
    order = sorted(set(owners.values()) - {""}, key=lambda o: (len(o), o))
    several = len(order) > 1
    return {key: f"patient {order.index(o) + 1}" if several and o else ""
            for key, o in owners.items()}  # fmt: skip


def _kind_beside(
    key: int, series: dict[int, tuple[str, str]], found: list[tuple[Part, list[Part]]]
) -> str:
    """Modality of a series where others of the same description have another one."""
    kinds = {id(parts): modality(parts[0].frames[0].dataset) for _, parts in found}
    others = {kinds[k] for k, (base, _) in series.items() if base == series[key][0]}
    return kinds[key] if len(others) > 1 else ""


def _volume(part: Part, root: Path) -> Volume:
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
    return assemble(
        grid.resample(values),
        LPS_TO_RAS @ affine,
        path=root,
        name=root.name,
        kind="DICOM",
        unit=unit,
        space="scanner" if part.stated and oriented else "unknown",
        notes=tuple(dict.fromkeys((*part.notes, *grid.notes, *first.notes, *more))),
        metadata={tag: str(value) for tag in _TAGS if (value := first.get(tag)) is not None},
    )
