"""What is compared on the talk's tasks: methods with their tiling and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from napari_padis.engine.recalibration import settings_of
from napari_padis.errors import InputError
from napari_padis.evaluation.talk2d_tasks import Task
from napari_padis.posterior.method import Method
from napari_padis.posterior.methods import METHODS, find_method
from napari_padis.prior.card import Tiling


@dataclass(frozen=True)
class Entry:
    """A row of the talk's tables.

    Attributes
    ----------
    name, title : str
    method : str
        Key of :data:`napari_padis.posterior.methods.METHODS`.
    tiling : str, optional
        How images are cut into patches; the method's or prior's own when missing.
    options : mapping
        Settings that differ from the method's defaults.
    published : bool
        Whether the last noise level is that of the paper for the task.
    whole : bool
        Whether it takes the prior of whole images, when there is one.
    """

    name: str
    title: str
    method: str
    tiling: Tiling | None = None
    options: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    published: bool = False
    whole: bool = False

    @property
    def how(self) -> Method:
        """The registered method."""
        return find_method(self.method)

    def serves(self, task: Task) -> bool:
        """Whether the method can do the task; VE-DDNM, as in the talk, cannot deblur."""
        return task.inverse or self.method != "ve-ddnm"

    def settings(self, task: Task) -> dict[str, float]:
        """Options of the method for a task."""
        last = {"sigma_min": task.sigma_min} if self.published else {}
        return {**last, **self.options}

    def samples(self, wanted: int | None) -> int:
        """Samples whose mean is judged."""
        method = self.how
        if method.single or not method.needs_prior:
            return 1
        return wanted or method.default_samples

    def evaluations(self, task: Task, steps: int | None) -> int:
        """Network evaluations of a sample."""
        return self.how.plan(steps, self.settings(task))[1]

    def work(self, task: Task, steps: int | None, wanted: int | None) -> float:
        """About how long it takes, in network evaluations; for the time that is left."""
        method = self.how
        levels, evaluations = method.plan(steps, self.settings(task))
        if not method.needs_prior:
            return 0.2 + levels / 25
        gradient = 3.0 if method.gradient else 1.0
        overlap = 1.5 if self.tiling in ("averaged", "stitched") else 1.0
        shared = method.shared(steps, self.settings(task))
        images = shared + (evaluations - shared) * self.samples(wanted)
        return images * gradient * overlap

    def describe(self, task: Task, steps: int | None) -> str:
        """Everything that is set, so that rows of other settings are not taken for these."""
        return settings_of(self.how, self.settings(task), steps, self.tiling)


def _plain(name: str) -> Entry:
    """A method as it is registered."""
    return Entry(name, find_method(name).title, name)


#: In the talk's order, then what the talk does not have.
ENTRIES: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry("fbp", "Baseline (direct)", "fbp"),
        Entry("tv", "Total variation", "tv"),
        Entry("pnp-admm", "PnP-ADMM", "pnp-admm"),
        Entry("red", "PnP-RED", "red"),
        Entry("whole", "Whole-image diffusion", "padis", "whole", published=True, whole=True),
        Entry("langevin", "Langevin", "langevin"),
        Entry("predictor-corrector", "Predictor-corrector", "predictor-corrector"),
        Entry("ve-ddnm", "VE-DDNM", "ve-ddnm"),
        Entry("averaged", "Patch averaging", "padis", "averaged", published=True),
        Entry("stitched", "Patch stitching", "padis", "stitched", published=True),
        Entry("padis", "PaDIS as published", "padis", published=True),
        Entry("padis-fast", "PaDIS fast", "padis-fast"),
        Entry("padis-calibrated", "PaDIS calibrated", "padis-calibrated"),
        Entry("noise-aware", "Noise-aware Langevin", "noise-aware"),
        Entry("dds", "DDS", "dds"),
        Entry("diffpir", "DiffPIR", "diffpir"),
        Entry("dpm-solver", "DPM-Solver++ (2M)", "dpm-solver"),
        Entry("map", "MAP", "map"),
    )
}


def find_entries(names: Sequence[str] | None) -> list[Entry]:
    """Entries by name, all when there are no names; other registered methods can be named too.

    Raises
    ------
    InputError
        If there is no such entry, or one is named twice.
    """
    if not names:
        return list(ENTRIES.values())
    if len(set(names)) < len(names):
        raise InputError("The same method was named twice: name each method once.")
    unknown = [name for name in names if name not in ENTRIES and name not in METHODS]
    if unknown:
        known = ", ".join([*ENTRIES, *(name for name in METHODS if name not in ENTRIES)])
        raise InputError(f"There is no method '{unknown[0]}'. Choose from: {known}.")
    return [ENTRIES.get(name) or _plain(name) for name in names]
