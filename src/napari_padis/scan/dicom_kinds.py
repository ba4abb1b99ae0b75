"""Frames that can form one volume at all: of one body, kind of image, grid and direction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from napari_padis.scan.dicom_frames import Frame
from napari_padis.scan.dicom_objects import component, modality, picture

#: What the words of a kind of image are.
_REASONS = ("modality", "image type", "image type", "size", "rescale type", "owner", "orientation")

#: Images that differ in these do not show one body in one place, whatever the series says.
_OWNERS = (
    ("PatientID", "patient"),
    ("StudyInstanceUID", "study"),
    ("FrameOfReferenceUID", "frame of reference"),
)


@dataclass(frozen=True)
class Part:
    """Frames of one volume.

    Attributes
    ----------
    frames : list of Frame
        All with a position, in any order.
    labels : tuple of str
        What tells it from the other volumes of its series, such as 'phase', 'echo 2'.
    reasons : tuple of str
        The kinds of difference, such as 'image type', 'echo time'.
    stated : bool
        Whether the positions are the patient's.
    notes : tuple of str
    """

    frames: list[Frame]
    labels: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    stated: bool = True
    notes: tuple[str, ...] = ()

    def named(self, label: str, reason: str) -> Part:
        """The same with one more label."""
        return replace(self, labels=(*self.labels, label), reasons=(*self.reasons, reason))


def by_kind(frames: list[Frame]) -> list[Part]:
    """Frames that can form one volume at all, named by what differs within the series."""

    def kind_of(frame: Frame) -> tuple[str, ...]:
        kind = modality(frame.dataset)
        return kind, component(frame.get, kind), picture(frame.get), _size(frame), _rescale(frame)

    kinds: dict[tuple[str, ...], list[Frame]] = defaultdict(list)
    for frame in frames:
        kinds[kind_of(frame)].append(frame)
    groups: list[tuple[tuple[str, ...], list[Frame]]] = []
    lent: dict[int, tuple[str, ...]] = {}
    for kind, all_of in kinds.items():
        for owner, owned in _owned(all_of):
            owned, notes = _completed(owned)
            lent |= dict.fromkeys(map(id, owned), notes)
            groups += [((*kind, owner), group) for group in _alike(owned)]
    words = [(*kind, _plane(group[0])) for kind, group in groups]
    differing = [n for n in range(len(_REASONS)) if len({w[n] for w in words}) > 1]
    parts: list[Part] = []
    for word, (_, group) in zip(words, groups, strict=True):
        labels = [word[n] for n in differing if word[n]]
        if words.count(word) > 1:
            labels.append(f"grid {sum(w == word for w in words[: len(parts) + 1])}")
        reasons = [r for n in differing for r in _reasons(n, words)] or ["pixel spacing or angle"]
        told = tuple(reasons) if len(groups) > 1 else ()
        parts.append(Part(group, tuple(labels), told, notes=lent[id(group[0])]))
    return parts


def _reasons(place: int, words: list[tuple[str, ...]]) -> list[str]:
    """What the differing words at one place of the kinds of a series are."""
    if _REASONS[place] != "owner":
        return [_REASONS[place]]
    return [name for _, name in _OWNERS if any(name in word[place] for word in words)]


def _size(frame: Frame) -> str:
    return f"{frame.shape[1]} x {frame.shape[0]}"


def _rescale(frame: Frame) -> str:
    stated = str(frame.get("RescaleType") or "").strip().upper()
    # What a CT with an intercept is in by default.
    usual = modality(frame.dataset) == "CT" and frame.get("RescaleIntercept") is not None
    return stated or ("HU" if usual else "")


def _plane(frame: Frame) -> str:
    return ("sagittal", "coronal", "axial")[int(np.argmax(np.abs(frame.normal)))]


def _completed(frames: list[Frame]) -> tuple[list[Frame], tuple[str, ...]]:
    """Frames that lack their pixel spacing or direction, with that which all others state."""
    notes: list[str] = []
    for word, names in (("pixel spacing", ("pixel",)), ("orientation", ("row", "column"))):
        lacking = {id(f): f for f in frames if any(f"no {word}" in note for note in f.notes)}
        stated = [f for f in frames if id(f) not in lacking]
        values = [np.concatenate([np.ravel(getattr(f, name)) for name in names]) for f in stated]
        if not lacking or not stated or not np.allclose(values, values[0], rtol=1e-3, atol=2e-3):
            continue
        usual = {name: getattr(stated[0], name) for name in names}
        for key, frame in lacking.items():
            rest = tuple(note for note in frame.notes if f"no {word}" not in note)
            lacking[key] = replace(frame, **usual, notes=rest)
        frames = [lacking.get(id(f), f) for f in frames]
        state = "1 image states" if len(lacking) == 1 else f"{len(lacking)} images state"
        notes.append(f"{state} no {word}; that of the others is used: {named(lacking.values())}.")
    return frames, tuple(notes)


def named(frames: Iterable[Frame], most: int = 5) -> str:
    """The files of frames, of which the last are counted when there are many."""
    names = list(dict.fromkeys(f"'{f.path.name}'" for f in frames))
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if names[most:] else "")


def _alike(frames: list[Frame]) -> list[list[Frame]]:
    """Frames of the same direction and pixel spacing, relative to the spacing."""
    groups: list[list[Frame]] = []
    for frame in frames:
        for group in groups:
            first = group[0]
            if (
                np.allclose(frame.pixel, first.pixel, rtol=1e-3, atol=0)
                and np.allclose(frame.row, first.row, atol=2e-3)
                and np.allclose(frame.column, first.column, atol=2e-3)
            ):
                group.append(frame)
                break
        else:
            groups.append([frame])
    return groups


def _owned(frames: list[Frame]) -> list[tuple[str, list[Frame]]]:
    """Frames of one patient, study and frame of reference, with a word where there are several.

    A number that differs in every single image is a fault of the program that made it up.
    """
    columns = []
    for name, word in _OWNERS:
        column = [str(frame.get(name) or "") for frame in frames]
        known = {value for value in column if value}
        unique = len(known) > 1 and len(known) == sum(map(bool, column)) and word != "patient"
        # What is missing in some images is that of the others.
        columns.append([""] * len(frames) if unique or len(known) < 2 else column)
    groups: dict[tuple[str, ...], list[Frame]] = defaultdict(list)
    for owner, frame in zip(zip(*columns, strict=True), frames, strict=True):
        groups[owner].append(frame)
    named = []
    for owner, group in groups.items():
        words = []
        for n, (_, word) in enumerate(_OWNERS):
            others = sorted({o[n] for o in groups if o[:n] == owner[:n]}, key=lambda o: (len(o), o))
            if len(others) > 1:
                words.append(f"{word} {others.index(owner[n]) + 1}")
        named.append((" ".join(words), group))
    return named
