"""Calibration of methods on real slices, measured by simulation; can be taken up again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_padis.engine.events import Result
from napari_padis.engine.metrics import WINDOW
from napari_padis.engine.recalibration import all_settings_of
from napari_padis.engine.recipe import Recipe
from napari_padis.errors import InputError
from napari_padis.evaluation.ledger import Ledger, Row
from napari_padis.evaluation.reconstruction import (
    measure,
    on_scale,
    quality_of_mean,
    shares,
    version_of,
)
from napari_padis.evaluation.slices import ChosenSlices, count_of
from napari_padis.evaluation.tally import Tally, take, together
from napari_padis.posterior.methods import find_method

KEYS = {
    "method": str,
    "settings": str,
    "prior": str,
    "version": str,
    "samples": int,
    "views": int,
    "noise": float,
    "seed": int,
    "size": int,
    "volume": str,
    "slice": int,
}
VALUES = {"psnr": float, "ssim": float, "seconds": float, "residual": float, "tally": dict}


@dataclass(frozen=True)
class Setting:
    """What is the same for all methods and slices of a study.

    Parameters
    ----------
    prior : str
        Of methods that name none.
    samples : int
    views : int
        Of the parallel beam over 180 degrees.
    noise : float
        Standard deviation of white noise as a share of the RMS of the sinogram.
    seed : int
        Of the noise and of the samples.
    size : int
        Larger side in pixels that the slices were averaged down to; 0 where they were not.
    device : str
    chains : int, optional
        Samples that are made together.
    keep : path, optional
        Folder that takes the samples, a store per method and slice, so that a run that was
        interrupted within a slice goes on there.
    """

    prior: str
    samples: int = 16
    views: int = 20
    noise: float = 0.005
    seed: int = 0
    size: int = 0
    device: str = "auto"
    chains: int | None = None
    keep: Path | None = None

    def __str__(self) -> str:
        """As it is told over tables and figures."""
        return (
            f"{self.views} views, noise of {100 * self.noise:g} % of the RMS, "
            f"{self.samples} samples, prior {self.prior}"
            + (f", slices averaged down to {self.size} pixels" if self.size else "")
        )


@dataclass(frozen=True)
class Contestant:
    """A method with its settings, named as it was typed: ``NAME[,KEY=VALUE...]``.

    ``steps`` among the keys are the network evaluations, ``prior`` a prior of its own.
    """

    label: str
    method: str
    steps: int | None
    options: dict[str, float]
    prior: str | None = None

    @classmethod
    def parse(cls, text: str) -> Contestant:
        """From what was typed.

        Raises
        ------
        InputError
            If there is no such method, or a setting is none of its own.
        """
        name, *rest = (part.strip() for part in text.split(","))
        method = find_method(name)
        priors = [item for item in rest if item.startswith("prior=")]
        numbers = [item for item in rest if item not in priors]
        if not method.needs_prior:
            raise InputError(f"'{name}' draws no samples: choose a method with a prior.")
        try:
            options = {key: float(value) for key, value in (item.split("=") for item in numbers)}
        except ValueError as error:
            raise InputError(
                f"'{text}' is no method with settings: give NAME,KEY=NUMBER,... ."
            ) from error
        steps = options.pop("steps", None)
        method.settings(options)
        label = ",".join([name, *sorted(rest)])
        prior = priors[-1].removeprefix("prior=") if priors else None
        return cls(label, name, None if steps is None else int(steps), options, prior)

    def prior_in(self, setting: Setting) -> str:
        """Its prior, or that of the study."""
        return setting.prior if self.prior is None else self.prior


def open_table(path: str | Path) -> Ledger:
    """The table of this study, with what it holds already.

    Raises
    ------
    InputError
        If it is not a ``.json`` file of this study.
    """
    return Ledger(path, KEYS, VALUES, (".json",))


def judge(
    contestants: Sequence[Contestant],
    chosen: Sequence[ChosenSlices],
    setting: Setting,
    table: Ledger,
) -> Iterator[tuple[float, int]]:
    """Fill the table; yields the slices done, with the share of the one under way, and all."""
    total = len(contestants) * count_of(chosen)
    done = 0
    for contestant in contestants:
        for volume in chosen:
            for index in volume.indices:
                one = ChosenSlices(volume.name, volume.volume, (index,))
                key = _key(contestant, setting, volume.name, index)
                if not table.has(key):
                    for share in _fill(contestant, one, setting, table, key):
                        yield done + share, total
                done += 1
                yield done, total


def rows_of(
    contestant: Contestant, chosen: Sequence[ChosenSlices], setting: Setting, table: Ledger
) -> list[Row]:
    """Rows of a method in this setting, of those among the chosen slices that were judged."""
    keys = (_key(contestant, setting, c.name, index) for c in chosen for index in c.indices)
    return [table.row(key) for key in keys if table.has(key)]


def tallies(rows: Sequence[Row]) -> list[tuple[str, Tally]]:
    """Name and tally of every slice of a method's rows."""
    return [(f"{row['volume']}:{row['slice']}", Tally.from_dict(row["tally"])) for row in rows]


def judged(
    contestants: Sequence[Contestant],
    chosen: Sequence[ChosenSlices],
    setting: Setting,
    table: Ledger,
) -> dict[str, list[Row]]:
    """Rows of each method by its label; methods without any are left out."""
    found = {c.label: rows_of(c, chosen, setting, table) for c in contestants}
    return {label: rows for label, rows in found.items() if rows}


def pooled(rows: Sequence[Row]) -> Tally:
    """All slices of a method together."""
    return together(tally for _, tally in tallies(rows))


def _fill(
    contestant: Contestant, one: ChosenSlices, setting: Setting, table: Ledger, key: Row
) -> Iterator[float]:
    """Reconstruct a slice and add its row; yields the share done."""
    recipe = Recipe.create(
        method=contestant.method,
        prior=contestant.prior_in(setting),
        samples=setting.samples,
        chains=setting.chains,
        steps=contestant.steps,
        seed=setting.seed,
        device=setting.device,
        options=contestant.options,
        quantiles=False,
        null_space=False,
    )
    store = None
    if setting.keep is not None:
        place = f"{one.name}-{one.indices[0]}".replace("/", "-")
        store = setting.keep / re.sub(r"[^\w.=-]+", "_", contestant.label) / place
    measurement = measure(one, setting.views, setting.noise, setting.seed)
    result = yield from shares(recipe, measurement, store)
    table.add({**key, **_row(result, one)})


def _row(result: Result, one: ChosenSlices) -> Row:
    ((psnr, ssim),) = quality_of_mean(result, one)
    samples = _hounsfield(np.asarray(result.samples)[:, 0], result.unit)
    truth = _hounsfield(np.asarray(one.volume.array[one.indices[0]]), one.volume.unit)
    return {
        "psnr": psnr,
        "ssim": ssim,
        "seconds": result.report["seconds"],
        "residual": result.report["residual"],
        "tally": take(samples, truth).to_dict(),
    }


def _hounsfield(array: NDArray[np.floating], unit: str) -> NDArray[np.floating]:
    return WINDOW.from_unit_interval(on_scale(np.asarray(array, np.float64), unit))


def _key(contestant: Contestant, setting: Setting, volume: str, index: int) -> Row:
    prior = contestant.prior_in(setting)
    return {
        "method": contestant.label,
        "settings": all_settings_of(
            find_method(contestant.method), contestant.options, contestant.steps
        ),
        "prior": prior,
        "version": version_of(prior),
        "samples": setting.samples,
        "views": setting.views,
        "noise": setting.noise,
        "seed": setting.seed,
        "size": setting.size,
        "volume": volume,
        "slice": index,
    }
