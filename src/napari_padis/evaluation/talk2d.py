"""The talk's tables measured on slices whose truth is known; can be taken up again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from napari_padis.engine.recipe import Recipe
from napari_padis.errors import ReconstructionError
from napari_padis.evaluation.ledger import Ledger, Row
from napari_padis.evaluation.reconstruction import quality_of_mean, shares, version_of
from napari_padis.evaluation.talk2d_entries import Entry
from napari_padis.evaluation.talk2d_tasks import TalkSlice, Task, measure

KEYS = {
    "task": str,
    "entry": str,
    "settings": str,
    "prior": str,
    "samples": int,
    "seed": int,
    "size": str,
    "volume": str,
    "slice": int,
}
#: PSNR in dB that stands for equality: JSON knows no infinity.
EXACT = 200.0

VALUES = {
    "psnr": float,
    "ssim": float,
    "seconds": float,
    "evaluations": int,
    "residual": float,
    "device": str,
}


@dataclass(frozen=True)
class Setting:
    """What is the same for all tasks and methods.

    Parameters
    ----------
    prior : str
        Of patches.
    whole_prior : str, optional
        Prior of whole images, for the entry 'whole'; it takes the other one in one tile when
        missing.
    samples : int, optional
        Samples whose mean is judged; each method's own number when missing.
    steps : int, optional
        Network evaluations, or iterations, in place of each method's own; for trials.
    seed : int
        Of noise and samples.
    device : str
    """

    prior: str = "ct-small"
    whole_prior: str | None = None
    samples: int | None = None
    steps: int | None = None
    seed: int = 0
    device: str = "auto"

    def prior_of(self, entry: Entry) -> str:
        """Name of the prior of an entry, empty when it needs none."""
        if not entry.how.needs_prior:
            return ""
        return self.whole_prior if entry.whole and self.whole_prior else self.prior


class State(NamedTuple):
    """Where a study is: work done and in all, in network evaluations, and what is under way."""

    done: float
    total: float
    what: str


@dataclass
class Study:
    """Reconstructs every slice of every task by every method, one slice at a time.

    Noise and samples of a slice have seeds of their own, so that its row is the same whatever
    else is run. A method that fails on a slice leaves no row, and a line in ``failures``; the
    next call tries again.

    Parameters
    ----------
    tasks, entries, slices : sequence
    setting : Setting
    table : Ledger
        See :func:`open_table`.
    """

    tasks: Sequence[Task]
    entries: Sequence[Entry]
    slices: Sequence[TalkSlice]
    setting: Setting
    table: Ledger
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        priors = {self.setting.prior_of(entry) for entry in self.entries} - {""}
        self._versions = {name: version_of(name) for name in priors} | {"": ""}

    def run(self) -> Iterator[State]:
        """Fill the table; yields after every slice, and often within one."""
        missing = [cell for cell in self._cells() if not self.table.has(self.key(*cell))]
        setting, done = self.setting, 0.0
        total = sum(e.work(t, setting.steps, setting.samples) for t, e, _ in missing)
        for task, entry, given in missing:
            work = entry.work(task, setting.steps, setting.samples)
            what = f"{task.name}, {entry.name}, {given.volume_name}:{given.index}"
            try:
                for share in self._reconstruct(task, entry, given):
                    yield State(done + share * work, total, what)
            except ReconstructionError as error:
                self.failures.append(f"{what}: {error}")
            done += work
            yield State(done, total, what)

    def key(self, task: Task, entry: Entry, given: TalkSlice) -> Row:
        """What says which row it is."""
        return {
            "task": task.name,
            "entry": entry.name,
            "settings": entry.describe(task, self.setting.steps),
            "prior": self._versions[self.setting.prior_of(entry)],
            "samples": entry.samples(self.setting.samples),
            "seed": self.setting.seed,
            "size": "x".join(map(str, given.volume.shape[1:])),
            "volume": given.volume_name,
            "slice": given.index,
        }

    def rows(self, task: Task, entry: Entry) -> list[Row | None]:
        """Row of each slice, None where there is none."""
        keys = [self.key(task, entry, given) for given in self.slices]
        return [self.table.row(key) if self.table.has(key) else None for key in keys]

    def _cells(self) -> Iterator[tuple[Task, Entry, TalkSlice]]:
        for task in self.tasks:
            for entry in self.entries:
                if entry.serves(task):
                    yield from ((task, entry, given) for given in self.slices)

    def _reconstruct(self, task: Task, entry: Entry, given: TalkSlice) -> Iterator[float]:
        """Reconstruct a slice and add its row; yields the share done."""
        setting = self.setting
        recipe = Recipe.create(
            method=entry.method,
            prior=setting.prior_of(entry) or setting.prior,
            samples=entry.samples(setting.samples),
            steps=setting.steps,
            seed=given.seed(setting.seed),
            device=setting.device,
            tiling=entry.tiling,
            options=entry.settings(task),
            quantiles=False,
            null_space=False,
        )
        result = yield from shares(recipe, measure(given, task, setting.seed))
        ((psnr, ssim),) = quality_of_mean(result, given.alone)
        report: dict[str, Any] = result.report
        row = {
            "psnr": min(psnr, EXACT),
            "ssim": ssim,
            "seconds": report["seconds"],
            "evaluations": report["image_evaluations"],
            "residual": report["residual"],
            "device": report["device"],
        }
        self.table.add({**self.key(task, entry, given), **row})


def open_table(path: str | Path) -> Ledger:
    """The table of this study, with what it holds already.

    Raises
    ------
    InputError
        If it is not a ``.json`` file of this study.
    """
    return Ledger(path, KEYS, VALUES, (".json",))
