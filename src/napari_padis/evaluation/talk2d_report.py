"""Tables of the talk's tasks in Markdown, and whether the talk's orderings hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from napari_padis.evaluation.ledger import Row
from napari_padis.evaluation.talk2d import Study
from napari_padis.evaluation.talk2d_entries import Entry
from napari_padis.evaluation.talk2d_figures import of_talk
from napari_padis.evaluation.talk2d_tasks import Task

#: Entries that the talk puts first, and those that it puts below on all tasks.
FAMILY = ("padis", "padis-fast", "padis-calibrated")
RIVALS = ("tv", "pnp-admm", "red", "whole")

HEAD = ("method", "PSNR", "SSIM", "seconds a slice", "network evaluations", "talk PSNR / SSIM")


@dataclass(frozen=True)
class Gain:
    """By how much one entry is above another on the slices that both have.

    Attributes
    ----------
    mean : float
        Mean difference of the PSNR in dB.
    error : float
        Its standard error over the slices; nan of a single one.
    slices : int
    """

    mean: float
    error: float
    slices: int

    @classmethod
    def between(cls, above: Sequence[Row | None], below: Sequence[Row | None]) -> Gain | None:
        """Of the rows of two entries, slice by slice; None where they share none."""
        pairs = zip(above, below, strict=True)
        d = np.array([a["psnr"] - b["psnr"] for a, b in pairs if a is not None and b is not None])
        if not len(d):
            return None
        error = d.std(ddof=1) / np.sqrt(len(d)) if len(d) > 1 else np.nan
        return cls(float(d.mean()), float(error), len(d))

    def __str__(self) -> str:
        spread = f" ± {self.error:.2f}" if np.isfinite(self.error) else ""
        return f"{self.mean:+.2f}{spread}"


@dataclass(frozen=True)
class Ordering:
    """The PaDIS family against one rival on one task.

    Attributes
    ----------
    task, rival : str
    gains : dict of str to Gain
        By member of the family; those that were measured.
    talk : float or None
        The talk's gain of PaDIS in dB.
    """

    task: str
    rival: str
    gains: dict[str, Gain]
    talk: float | None

    @property
    def holds(self) -> bool:
        """Whether all members are above the rival."""
        return all(gain.mean > 0 for gain in self.gains.values())


def markdown(study: Study) -> Iterator[str]:
    """A table for each task, then the orderings."""
    for task in study.tasks:
        yield from _table(study, task)
    yield from _orderings(study)
    for failure in study.failures:
        yield f"Failed: {failure}"


def orderings(study: Study) -> list[Ordering]:
    """Everything that can be compared of what the talk puts in an order."""
    found = {entry.name: entry for entry in study.entries}
    rivals = [r for r in RIVALS if r in found and (r != "whole" or study.setting.whole_prior)]
    compared = []
    for task in study.tasks:
        for rival in rivals:
            below = study.rows(task, found[rival])
            gains = {
                name: gain
                for name in FAMILY
                if name in found and (gain := Gain.between(study.rows(task, found[name]), below))
            }
            if gains:
                compared.append(Ordering(task.name, rival, gains, _talk_gain(task.name, rival)))
    return compared


def _table(study: Study, task: Task) -> Iterator[str]:
    yield f"{task.title} ({task.name})"
    yield ""
    yield from _head(HEAD)
    for entry in study.entries:
        talk = of_talk(task.name, entry.name)
        last = f"{talk[0]:.2f} / {talk[1]:.3f}" if talk else ""
        yield _line([*_cells(study, task, entry), last])
    yield ""


def _cells(study: Study, task: Task, entry: Entry) -> list[str]:
    rows = study.rows(task, entry)
    there = [row for row in rows if row is not None]
    if not there:
        why = "not measured" if entry.serves(task) else "not for this task"
        return [entry.name, why, "", "", ""]
    samples = there[0]["samples"]
    name = entry.name + (f", mean of {samples}" if samples > 1 else "")
    if entry.whole and not study.setting.whole_prior:
        name += ", patch prior in one tile"
    if len(there) < len(rows):
        name += f" ({len(there)} of {len(rows)} slices)"
    mean = {k: float(np.mean([r[k] for r in there])) for k in ("psnr", "ssim", "seconds")}
    evaluations = there[0]["evaluations"]
    each = f"{evaluations // samples} x {samples}" if samples > 1 else f"{evaluations}"
    return [name, f"{mean['psnr']:.2f}", f"{mean['ssim']:.3f}", f"{mean['seconds']:.3g}", each]


def _orderings(study: Study) -> Iterator[str]:
    compared = orderings(study)
    if not compared:
        yield "No ordering can be judged: it takes one of the PaDIS family and one of the others."
        return
    members = [name for name in FAMILY if any(name in o.gains for o in compared)]
    yield "PSNR in dB above the others (mean over slices and its standard error)"
    yield ""
    yield from _head(("task", "above", *members, "talk, padis", "the talk's ordering"))
    for one in compared:
        cells = [str(one.gains.get(name, "")) for name in members]
        talk = "" if one.talk is None else f"{one.talk:+.2f}"
        verdict = "holds" if one.holds else "does not hold"
        yield _line([one.task, one.rival, *cells, talk, verdict])
    yield ""
    held = sum(one.holds for one in compared)
    yield f"The talk's ordering holds in {held} of {len(compared)} comparisons."
    if study.setting.steps:
        yield "With the evaluations cut by --steps this is a trial, which says nothing of methods."
    if "whole" in {entry.name for entry in study.entries} and not study.setting.whole_prior:
        yield "Whole-image diffusion is not compared: name a prior of whole images for it."


def _talk_gain(task: str, rival: str) -> float | None:
    ours, theirs = of_talk(task, "padis"), of_talk(task, rival)
    return ours[0] - theirs[0] if ours and theirs else None


def _head(names: Sequence[str]) -> Iterator[str]:
    yield _line(names)
    yield "|" + "---|" * len(names)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
