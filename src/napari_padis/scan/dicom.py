"""DICOM series: files grouped, sorted along the slice normal and rescaled."""

from __future__ import annotations

import os
import warnings
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.dicom_frames import Frame, frames_of, load
from napari_padis.scan.files import existing, one_line
from napari_padis.scan.orientation import LPS_TO_RAS, assemble
from napari_padis.scan.volume import Volume

#: A folder with more files than this is not a series somebody dropped on the window.
MAX_FILES = 20_000


def is_dicom(path: Path) -> bool:
    """Whether a file carries the DICOM marker (128 bytes, then 'DICM')."""
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def read_dicom(path: str | Path | Sequence[Path]) -> list[Volume]:
    """Read every image series of a file, a folder (with subfolders) or a list of files.

    Frames are grouped by SeriesInstanceUID, orientation and size, sorted by position
    along the slice normal, and rescaled with RescaleSlope and RescaleIntercept; CT is
    then in HU. Gantry tilt, missing, uneven or duplicate slices and skipped objects are
    said in ``Volume.notes``. The affine is the true one (DICOM PS3.3 C.7.6.2.1.1).

    Returns
    -------
    list of Volume
        Largest first.

    Raises
    ------
    InputError
        If there is no readable image.
    """
    if isinstance(path, (str, Path)):
        root = existing(path)
        files = sorted(_files(root)) if root.is_dir() else [root]
    else:
        files = [existing(p) for p in path]
        root = files[0].parent
    frames: list[Frame] = []
    problems: list[str] = []
    for file in files:
        if root.is_dir() and (file.name.upper() == "DICOMDIR" or not _candidate(file)):
            continue
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
    groups: dict[tuple[Any, ...], list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[frame.group].append(frame)
    ordered = sorted(groups.values(), key=lambda g: -len(g) * g[0].shape[0] * g[0].shape[1])
    return [_volume(group, root, skipped) for group in ordered]


def _files(root: Path) -> list[Path]:
    files: list[Path] = []
    for folder, _, names in os.walk(root):
        files += [Path(folder) / name for name in names if not name.startswith(".")]
        if len(files) > MAX_FILES:
            raise InputError(
                f"'{root.name}' holds more than {MAX_FILES} files; choose one study's folder."
            )
    return files


def _candidate(path: Path) -> bool:
    return path.suffix.lower() in (".dcm", ".ima", ".dicom") or is_dicom(path)


def _skipped(problems: list[str]) -> tuple[str, ...]:
    if not problems:
        return ()
    return (f"{len(problems)} DICOM objects were skipped; the first: {problems[0]}",)


def _volume(frames: list[Frame], root: Path, notes: tuple[str, ...]) -> Volume:
    """One series as a volume."""
    first = frames[0]
    frames, step, more = arrange(frames)
    notes += more
    affine = np.eye(4)
    affine[:3, 0] = step
    affine[:3, 1] = first.column * first.pixel[0]  # the row index moves down a column
    affine[:3, 2] = first.row * first.pixel[1]
    if frames[0].position is not None:
        affine[:3, 3] = frames[0].position
    dataset = first.dataset
    modality = str(dataset.get("Modality", ""))
    rescale_type = str(dataset.get("RescaleType", "HU") or "HU")
    hounsfield = modality == "CT" and rescale_type == "HU"
    if modality == "CT" and not hounsfield:
        notes += (f"The rescale type is '{rescale_type}', so the values are not taken as HU.",)
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        notes += ("The images are stored with inverted grey values (MONOCHROME1).",)
    tags = ("Modality", "SeriesInstanceUID", "SeriesDescription", "Manufacturer", "KVP")
    description = str(dataset.get("SeriesDescription", "") or "").strip()
    name = root.name if root.is_dir() else root.stem
    return assemble(
        _stack(frames),
        LPS_TO_RAS @ affine,
        path=root,
        name=f"{name} {description}".strip(),
        kind="DICOM",
        unit="HU" if hounsfield else "arbitrary",
        notes=notes,
        metadata={tag: str(dataset[tag].value) for tag in tags if tag in dataset},
    )


def arrange(frames: list[Frame]) -> tuple[list[Frame], NDArray[np.float64], tuple[str, ...]]:
    """Sort frames along their normal and find the step from slice to slice.

    Returns
    -------
    frames : list of Frame
        Sorted, one per position.
    step : ndarray (3,)
        From one slice's first pixel to the next one's, in LPS mm.
    notes : tuple of str
        What is irregular.
    """
    first = frames[0]
    thickness = _thickness(first)
    placed = [f for f in frames if f.position is not None]
    if len(placed) < len(frames):
        frames = sorted(frames, key=lambda f: (f.number, f.path.name))
        note = "The images carry no position; they are ordered by number." if frames[1:] else (
            "The image carries no position.")  # fmt: skip
        return frames, first.normal * thickness, (note,)
    notes: list[str] = []
    positions = np.array([f.position for f in frames])
    depth = positions @ first.normal
    numbers = np.array([f.number for f in frames])
    order = np.lexsort((numbers, np.round(depth, 3)))
    frames, positions, depth = [frames[i] for i in order], positions[order], depth[order]
    keep = np.concatenate([[True], np.diff(depth) > 1e-2])
    if not keep.all():
        notes.append(
            f"{int((~keep).sum())} images lie at the position of another one; "
            "the one with the lowest number was kept."
        )
        frames = [f for f, kept in zip(frames, keep, strict=True) if kept]
        positions, depth = positions[keep], depth[keep]
    if len(frames) == 1:
        return frames, first.normal * thickness, tuple(notes)
    gaps = np.diff(depth)
    typical = float(np.median(gaps))
    missing = int(np.round(gaps / typical - 1).clip(min=0).sum())
    if missing:
        notes.append(
            f"About {missing} slices are missing from the series (gaps of up to "
            f"{gaps.max():.3g} mm between slices {typical:.3g} mm apart); positions beyond "
            "a gap are wrong."
        )
    elif np.ptp(gaps) > max(0.01, 0.01 * typical):
        notes.append(
            f"The slices are unevenly spaced, {gaps.min():.3g} to {gaps.max():.3g} mm; "
            "their mean is used."
        )
    # Along the line of slice origins, which a tilted gantry makes differ from the normal.
    travel = (positions[-1] - positions[0]) / (depth[-1] - depth[0])
    step = travel * (typical if missing else float(gaps.mean()))
    cosine = 1 / float(np.linalg.norm(travel))
    tilt = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    if tilt > 0.1:
        notes.append(
            f"The gantry was tilted by {tilt:.1f} degrees; the sheared grid is kept in the affine "
            "but not resampled."
        )
    return frames, step, tuple(notes)


def _thickness(frame: Frame) -> float:
    for tag in ("SpacingBetweenSlices", "SliceThickness"):
        try:
            value = abs(float(frame.dataset.get(tag) or 0))
        except (TypeError, ValueError):
            continue
        if np.isfinite(value) and value > 0:
            return value
    return 1.0


def _stack(frames: list[Frame]) -> NDArray[Any]:
    """Rescaled frames, integers where the rescale allows."""
    whole = all(f.slope.is_integer() and f.intercept.is_integer() for f in frames)
    images: list[NDArray[Any]] = []
    for frame in frames:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                stored = frame.pixels()
        except Exception as error:
            raise InputError(
                f"The pixels of '{frame.path.name}' cannot be decoded: {one_line(error)}."
            ) from error
        if stored.shape != frame.shape:
            raise InputError(f"The pixels of '{frame.path.name}' have shape {stored.shape}.")
        if whole and stored.dtype.kind in "iu":
            values = stored.astype(np.int32) * int(frame.slope) + int(frame.intercept)
        else:
            values = (stored * frame.slope + frame.intercept).astype(np.float32)
        images.append(values)
    volume = np.stack(images)
    if volume.dtype == np.int32 and volume.min() >= -(2**15) and volume.max() < 2**15:
        volume = volume.astype(np.int16)
    return volume
