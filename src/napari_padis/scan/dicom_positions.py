"""Where the images of a series lie: from positions, slice locations, numbers or spacing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydicom.datadict import keyword_for_tag

from napari_padis.scan.dicom_frames import Frame

Array = NDArray[np.float64]

#: Positions that differ by less than this share of the voxel size are the same.
_SAME = 0.01


def slice_step(frames: list[Frame]) -> tuple[float, tuple[str, ...]]:
    """Stated distance of slices in mm along the normal, and a note where there is none.

    Only SpacingBetweenSlices can be negative: the slices then follow against the normal.
    """
    offsets = np.ravel(frames[0].dataset.get("GridFrameOffsetVector") or ())  # of a dose
    if len(offsets) > 1 and (step := abs(float(offsets[1]) - float(offsets[0]))):
        return step, ()
    for name in ("SpacingBetweenSlices", "SliceThickness"):
        value = frames[0].figure(name)
        if value:
            return (value if name == "SpacingBetweenSlices" else abs(value)), ()
    return 1.0, ("The file states no slice thickness; it is taken as 1 mm.",)


def place(frames: list[Frame]) -> tuple[list[Frame], bool, tuple[str, ...]]:
    """Give every frame a position as far as positions or slice locations say it.

    Parameters
    ----------
    frames : list of Frame
        Of one size and orientation.

    Returns
    -------
    frames : list of Frame
        All with a position, or none.
    stated : bool
        Whether the positions are the patient's, as the file states them.
    notes : tuple of str
        Where they are from, if not from ImagePositionPatient.
    """
    known = [f for f in frames if f.position is not None]
    if known and len(known) < len(frames):
        return _place_the_rest(frames, known)
    if known:
        positions = np.array([f.position for f in frames])
        locations = [f.figure("SliceLocation") for f in frames]
        if len(frames) > 1 and _equal(positions, frames) and _differ(locations):
            depth = np.array(locations, dtype=np.float64)
            depth -= depth.min()
            frames = _along(frames, positions[0], _head(frames[0]), depth)
            return (
                frames,
                False,
                ("All images state the same position; they are placed by their slice locations.",),
            )
        return frames, True, ()
    locations = [f.figure("SliceLocation") for f in frames]
    if _differ(locations):
        depth = np.array(locations, dtype=np.float64)
        upright = abs(frames[0].normal[2]) >= 0.7
        side = "" if upright else ", and from which side these grow is assumed"
        return (
            _along(frames, np.zeros(3), _head(frames[0]), depth),
            False,
            (f"The images carry no position; they are placed by their slice locations{side}.",),
        )
    return frames, False, (() if frames[1:] else ("The image carries no position.",))


def _differ(values: list[float | None]) -> bool:
    return len(values) > 1 and None not in values and len(set(values)) > 1


def _head(frame: Frame) -> Array:
    """Direction in which slice locations grow: to the head in axial images."""
    normal = frame.normal
    return normal if abs(normal[2]) < 0.7 or normal[2] > 0 else -normal


def _along(frames: list[Frame], origin: Array, direction: Array, depth: Array) -> list[Frame]:
    return [replace(f, position=origin + d * direction)
            for f, d in zip(frames, depth.tolist(), strict=True)]  # fmt: skip


def _equal(positions: Array, frames: list[Frame]) -> bool:
    return float(np.ptp(positions, axis=0).max()) <= 0.1 * _SAME * _size(frames)


def _size(frames: list[Frame]) -> float:
    """Smallest stated length of a voxel, in mm, or 1."""
    first = frames[0]
    stated = [*first.pixel] if not any("pixel spacing" in n for n in first.notes) else []
    thickness = (first.figure("SpacingBetweenSlices"), first.figure("SliceThickness"))
    return min([*stated, *(abs(t) for t in thickness if t)], default=1.0)


def _place_the_rest(
    frames: list[Frame], known: list[Frame]
) -> tuple[list[Frame], bool, tuple[str, ...]]:
    """Place frames without position by their numbers or slice locations."""
    lost = [f for f in frames if f.position is None]
    carry = "1 image carries" if len(lost) == 1 else f"{len(lost)} images carry"
    were = "was" if len(lost) == 1 else "were"
    by: tuple[tuple[str, Callable[[Frame], float | None]], ...] = (
        ("slice location", lambda f: f.figure("SliceLocation")),
        ("number", lambda f: f.number),
    )
    for word, value in by:
        line = _line(known, value)
        wanted = {id(f): v for f in lost if (v := value(f)) is not None}
        if line is None or len(wanted) < len(lost):
            continue
        start, step = line
        placed = [
            f if f.position is not None else replace(f, position=start + step * wanted[id(f)])
            for f in frames
        ]
        note = f"{carry} no position and {were} placed by {word} among the others: {_names(lost)}."
        return placed, True, (note,)
    note = f"{carry} no position, cannot be placed and {were} left out: {_names(lost)}."
    return known, True, (note,)


def _names(frames: list[Frame]) -> str:
    more = f" and {len(frames) - 5} more" if len(frames) > 5 else ""
    return ", ".join(f"'{f.path.name}'" for f in frames[:5]) + more


def _line(known: list[Frame], value: Callable[[Frame], float | None]) -> tuple[Array, Array] | None:
    """Start and step of positions that are linear in a value; None when they are not."""
    values = [value(f) for f in known]
    if not _differ(values):
        return None
    positions = np.array([f.position for f in known])
    x = np.array(values, dtype=np.float64)
    design = np.stack([np.ones_like(x), x], axis=1)
    solution = np.linalg.lstsq(design, positions, rcond=None)[0]
    off = np.abs(positions - design @ solution).max()
    step = float(np.linalg.norm(solution[1])) * float(np.diff(np.unique(x)).min())
    return (solution[0], solution[1]) if step > 0 and off < 0.1 * step else None


def same_places(frames: list[Frame]) -> NDArray[np.intp]:
    """Number of the position along the normal of each frame, from 0.

    Frames without position all lie at 0.
    """
    if any(f.position is None for f in frames) or len(frames) < 2:
        return np.zeros(len(frames), dtype=np.intp)
    depth = np.array([f.position @ frames[0].normal for f in frames])  # type: ignore[operator]
    order = np.argsort(depth, kind="stable")
    gaps = np.diff(depth[order])
    largest, size = float(gaps.max()), _size(frames)
    # Relative to the voxel, and to the gaps where the voxel's size is not credible.
    limit = max(min(_SAME * size, _SAME * largest), 0.1 * _SAME * size)
    places = np.zeros(len(frames), dtype=np.intp)
    places[order[1:]] = np.cumsum(gaps > limit)
    return places


def stacked(frames: list[Frame]) -> tuple[list[Frame], tuple[str, ...]]:
    """Frames that nothing tells apart, one upon the other in the order of their numbers."""
    frames = sorted(frames, key=lambda f: (f.number, f.path.name))
    step, notes = slice_step(frames)
    index = [f.figure("InStackPositionNumber") or f.figure("SliceVector") for f in frames]
    if None in index or len(set(index)) < len(frames):
        index = [float(k) for k in range(len(frames))]
    depth = np.array(index, dtype=np.float64)
    depth = step * (depth - depth.min())
    start = frames[0].position
    where = "carry no position" if start is None else "all state the same position"
    notes += (
        f"The images {where}; they are stacked in the order of their numbers, {abs(step):.3g} mm "
        "apart, and the order from feet to head is not known."
        if start is None
        else f"The images {where}; they are stacked along their normal in the order of their "
        f"numbers, {abs(step):.3g} mm apart.",
    )
    if _in_time(frames[0]):
        notes = (f"The {len(frames)} frames follow one another in time, not in space; their "
                 f"distance of {abs(step):.3g} mm means nothing.",)  # fmt: skip
    origin = np.zeros(3) if start is None else start
    return _along(frames, origin, frames[0].normal, depth), notes


def _in_time(frame: Frame) -> bool:
    """Whether the frames of an object are increments of time."""
    pointers = np.ravel(frame.get("FrameIncrementPointer") or ()).tolist()
    return any(keyword_for_tag(tag) in ("FrameTime", "FrameTimeVector") for tag in pointers)
