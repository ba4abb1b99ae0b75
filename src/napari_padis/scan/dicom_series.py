"""Frames grouped into volumes by what makes them different, each named by it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import replace
from itertools import pairwise

import numpy as np

from napari_padis.scan.dicom_frames import Frame
from napari_padis.scan.dicom_keys import KEYS, RECONSTRUCTION, Key, order_of
from napari_padis.scan.dicom_kinds import Part, by_kind, named
from napari_padis.scan.dicom_objects import COMPONENTS, component, is_capture, modality, picture
from napari_padis.scan.dicom_positions import place, same_places, stacked

#: With fewer of its positions repeated than this, a series has stray copies, not parts.
_REPEATED = 0.2

#: A gap of more than this many slices ends a volume; less is filled.
_LARGEST_GAP = 10

#: Distances of slices that differ by less than this share are even.
_EVEN = 0.1


def volumes_of(frames: list[Frame]) -> list[list[Part]]:
    """The volumes of each series; magnitude and large ones first, localizers last."""
    series: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        series[str(frame.get("SeriesInstanceUID") or "")].append(frame)
    found = [_volumes_of_series(group) for group in series.values()]
    return sorted(found, key=lambda parts: min(map(_rank, parts)))


def _volumes_of_series(frames: list[Frame]) -> list[Part]:
    parts: list[Part] = []
    for kind in by_kind(frames):
        placed, stated, notes = place(kind.frames)
        kind = replace(kind, frames=placed, stated=stated, notes=(*kind.notes, *notes))
        for stack in _interleaved(kind):
            parts += [piece for part in _by_place(stack, KEYS) for piece in _without_gaps(part)]
    return sorted(parts, key=_rank)


def _rank(part: Part) -> tuple[int, int, int]:
    """Localizers, doses and captured pictures come last, then magnitude first, then the largest."""
    first = part.frames[0]
    kind = modality(first.dataset)
    aside = (
        picture(first.get) in ("localizer", "screen save")
        or kind == "RTDOSE"
        or is_capture(first.dataset)
    )
    size = len(part.frames) * first.shape[0] * first.shape[1]
    return int(aside), COMPONENTS.index(component(first.get, kind)), -size


def _interleaved(part: Part) -> list[Part]:
    """Stacks that lie between one another, though at no one position.

    Such are two reconstructions, or two phases or energies of a body that moved on between
    them. The passes of one measurement that lie between one another are one stack.
    """
    if any(f.position is None for f in part.frames):
        return [part]
    for key in (*RECONSTRUCTION, *KEYS):
        groups = _groups(part.frames, key)
        ends, depths = [], []
        for frames in groups.values():
            depths.append(_depths(frames, part.frames[0]))
            ends.append((float(depths[-1][0]), float(depths[-1][-1])))
        if key not in RECONSTRUCTION and not _whole(depths, part.frames, key):
            continue
        for (low, high), (start, end) in pairwise(sorted(ends)):
            if min(high, end) - start > 0.5 * min(high - low, end - start) > 0:
                return [
                    replace(part, frames=frames).named(key.label(value, number), key.name)
                    for number, (value, frames) in enumerate(groups.items(), 1)
                ]
    return [part]


def _depths(frames: list[Frame], first: Frame) -> np.ndarray:
    """Positions along the normal, sorted."""
    return np.sort([float(f.position @ first.normal) for f in frames])  # type: ignore[operator]


def _whole(depths: list[np.ndarray], frames: list[Frame], key: Key) -> bool:
    """Whether stacks are whole by themselves and not together: each even, their union uneven.

    Where the union is even as well, stacks are whole whose slices leave no gaps; times that
    differ then may be those of slices that overlap.
    """
    if len(depths) < 2 or min(map(len, depths)) < 3:
        return False
    union = np.diff(_depths(frames, frames[0]))
    if union.min() <= 0.01 * union.max() or not all(map(_even, map(np.diff, depths))):
        return False
    thickness = frames[0].figure("SliceThickness") or 0.0
    largest = max(float(np.median(np.diff(d))) for d in depths)
    timed = key.weak and key.name != "acquisition"
    return not _even(union) or (largest <= 1.1 * thickness and not timed)


def _even(gaps: np.ndarray) -> bool:
    return float(np.ptp(gaps)) <= _EVEN * float(np.median(gaps))


def _groups(frames: list[Frame], key: Key) -> dict[Hashable, list[Frame]]:
    """Frames by a key's value, in the order of the values."""
    groups: dict[Hashable, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[key.value(frame)].append(frame)
    if key.in_turn:
        return dict(sorted(groups.items(), key=lambda pair: min(f.number for f in pair[1])))
    return {value: groups[value] for value in sorted(groups, key=order_of)}


def _by_place(part: Part, keys: tuple[Key, ...]) -> list[Part]:
    """Split frames until each volume has one frame per position."""
    places = same_places(part.frames)
    counts = np.bincount(places)
    if counts.max() == 1:
        return [part]
    for n, key in enumerate(keys):
        values = [key.value(f) for f in part.frames]
        if key.weak and not _trusted(key, part, counts):
            continue
        if not _tells_apart(places, values, key.weak):
            continue
        split = []
        for number, (value, frames) in enumerate(_groups(part.frames, key).items(), 1):
            one = replace(part, frames=frames).named(key.label(value, number), key.name)
            split += _by_place(one, keys[n + 1 :])
        return split
    return _repeats(part, places, counts)


def _tells_apart(places: Iterable[int], values: list[Hashable], weak: bool) -> bool:
    """Whether a key differs at a repeated position and gives sensible volumes."""
    at: dict[int, set[Hashable]] = defaultdict(set)
    of: dict[Hashable, set[int]] = defaultdict(set)
    for where, value in zip(places, values, strict=True):
        at[where].add(value)
        of[value].add(where)
    if max(map(len, at.values())) == 1:
        return False
    covered = float(np.median([len(where) for where in of.values()]))
    return not weak or covered >= 0.5 * len(at)


def _trusted(key: Key, part: Part, counts: np.ndarray) -> bool:
    """Whether a key that may differ from slice to slice can be one of time here.

    Not where a few stray images repeat a position, and not where all images state one
    position that may as well be a fault of the file.
    """
    if len(counts) > 1:
        return bool(np.count_nonzero(counts > 1) >= _REPEATED * len(counts))
    return _one_place(part) or key.name in ("trigger time", "frame time")


def _one_place(part: Part) -> bool:
    """Whether single images say twice that they lie at one place."""
    first = part.frames[0]
    return (first.index is None and first.position is not None
            and first.figure("SliceLocation") is not None)  # fmt: skip


def _repeats(part: Part, places: np.ndarray, counts: np.ndarray) -> list[Part]:
    """Volumes of frames that lie at the same positions and that no key tells apart."""
    if len(counts) == 1 and not _one_place(part):
        frames, notes = stacked(part.frames)
        return [replace(part, frames=frames, stated=part.stated and frames[0].index is not None,
                        notes=(*part.notes, *notes))]  # fmt: skip
    ordered = sorted(zip(places.tolist(), part.frames, strict=True), key=lambda p: _in_time(p[1]))
    ranks: list[list[Frame]] = []
    copies: list[Frame] = []
    seen: dict[int, list[Frame]] = defaultdict(list)
    for where, frame in ordered:
        if any(_same_picture(frame, other) for other in seen[where]):
            copies.append(frame)
            continue
        rank = len(seen[where])
        seen[where].append(frame)
        ranks += [[]] if rank == len(ranks) else []
        ranks[rank].append(frame)
    notes = part.notes
    if copies:
        are = "1 image is a copy" if len(copies) == 1 else f"{len(copies)} images are copies"
        were = "was" if len(copies) == 1 else "were"
        notes += (f"{are} of another one and {were} left out: "
                  f"{named(copies)}.",)  # fmt: skip
    few = len(ranks) > 1 and len(ranks[1]) < _REPEATED * len(counts)
    if few:
        left = [frame for rank in ranks[1:] for frame in rank]
        lie = "1 image lies" if len(left) == 1 else f"{len(left)} images lie"
        were = "was" if len(left) == 1 else "were"
        notes += (f"{lie} at the position of another one and {were} left out; the "
                  f"one with the lowest number was kept: {named(left)}.",)  # fmt: skip
        ranks = ranks[:1]
    parts = [replace(part, frames=frames, notes=notes) for frames in ranks]
    if len(parts) == 1:
        return parts
    timed = len({f.figure("TriggerTime") for f in part.frames}) > 1
    word, reason = ("time", "trigger time") if timed else ("repeat", "repeated positions")
    return [p.named(f"{word} {k}", reason) for k, p in enumerate(parts, 1)]


def _in_time(frame: Frame) -> tuple[float, float, str]:
    return frame.figure("TriggerTime") or 0.0, frame.number, frame.path.name


def _same_picture(one: Frame, other: Frame) -> bool:
    if one.index is not None or other.index is not None or one.tile or other.tile:
        return False
    return one.dataset.get("PixelData") == other.dataset.get("PixelData")


def _without_gaps(part: Part) -> list[Part]:
    """Cut a volume where slices are missing that nobody could fill in."""
    frames = part.frames
    if len(frames) < 3 or any(f.position is None for f in frames):
        return [part]
    depth = np.array([f.position @ frames[0].normal for f in frames])  # type: ignore[operator]
    order = np.argsort(depth, kind="stable")
    gaps = np.diff(depth[order])
    cuts = np.flatnonzero(gaps > _LARGEST_GAP * np.median(gaps)) + 1
    if not len(cuts) or len(cuts) > 0.2 * len(gaps):
        return [part]
    pieces = np.split(order, cuts)
    note = (f"The series has a gap of {gaps.max():.4g} mm between slices {np.median(gaps):.3g} mm "
            f"apart and was divided there into {len(pieces)} volumes.")  # fmt: skip
    return [
        replace(part, frames=[frames[i] for i in piece], notes=(*part.notes, note)).named(
            f"part {number}", "gaps"
        )
        for number, piece in enumerate(pieces, 1)
    ]
