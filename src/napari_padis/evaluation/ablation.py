"""Ablation of patch priors: patch size, position, number of slices, patches or whole images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_padis.engine.recipe import Recipe
from napari_padis.evaluation import denoising
from napari_padis.evaluation.ablation_settings import AblationSettings, Entry, pick
from napari_padis.evaluation.ablation_training import patch_of, subset, train
from napari_padis.evaluation.ledger import Ledger
from napari_padis.evaluation.reconstruction import measure, quality_of_mean, reconstruct
from napari_padis.evaluation.slices import ChosenSlices, choose_slices, volumes_in
from napari_padis.prior.card import PriorCard
from napari_padis.prior.slice_store import Preparation, Stack, single_unit, stored_stacks
from napari_padis.scan.units import Scale

#: Receives the entry's name, what is being done, and the share of the whole study that is done.
Report = Callable[[str, str, float], None]

#: Parts of an entry, where they begin, and how much of its time they take.
PARTS = (("training", 0.0, 0.85), ("denoising", 0.85, 0.05), ("reconstruction", 0.9, 0.1))


@dataclass(frozen=True)
class Data:
    """Training and validation slices of a study, on the priors' scale and for judging."""

    training: list[Stack]
    validation: list[Stack]
    scale: Scale
    denoising: list[ChosenSlices]
    reconstruction: list[ChosenSlices]


def read_data(training: Path, validation: Path, out: Path, settings: AblationSettings) -> Data:
    """Prepare the slices, once for all entries, below ``out``."""
    prepare = Preparation(settings.low, settings.high, float(settings.training.get("ceiling", 1.0)))
    store = out / "slices"
    stacks = stored_stacks(volumes_in(training), prepare, store / "training")
    checked = stored_stacks(volumes_in(validation), prepare, store / "validation")
    return Data(
        stacks,
        checked,
        Scale(settings.low, settings.high, single_unit([*stacks, *checked])),
        choose_slices(validation, settings.denoising_slices),
        choose_slices(validation, settings.reconstruction_slices),
    )


def open_reconstructions(path: Path) -> Ledger:
    """Table of reconstructed slices."""
    return Ledger(
        path,
        {"method": str, "version": str, "views": int, "volume": str, "slice": int},
        {"psnr": float, "ssim": float, "seconds": float},
    )


def open_summary(path: Path, settings: AblationSettings) -> Ledger:
    """Table with a row for each entry."""
    facts = {"entry": str}
    values: dict[str, Any] = {
        "patch": int, "position": int, "whole": int, "slices": int, "parameters": int,
        "steps": int, "patches": int, "pixels": int, "seconds": float,
    }  # fmt: skip
    values |= {f"psnr_{sigma:g}": float for sigma in settings.sigmas}
    values |= {"views": int, "ct_psnr": float, "ct_ssim": float}
    return Ledger(path, facts, values)


class Ablation:
    """The study: entries are trained and judged one after another.

    What is done already is not done again, and a killed run goes on where it was, at most a
    minute of training earlier.

    Parameters
    ----------
    data : Data
    settings : AblationSettings
    out : Path
        Receives ``summary.csv``, the tables of single slices and a folder for each entry.
    minutes : float, optional
        Training time of each entry, counting its steps only.
    steps : int, optional
        Steps of each entry instead: equal numbers of pixels.
    device : str
    """

    def __init__(
        self,
        data: Data,
        settings: AblationSettings,
        out: Path,
        minutes: float | None = None,
        steps: int | None = None,
        device: str = "cpu",
    ) -> None:
        self.data, self.settings, self.out, self.device = data, settings, out, device
        self.minutes, self.steps = minutes, steps
        self.summary = open_summary(out / "summary.csv", settings)
        self.denoised = denoising.open_table(out / "denoising.csv")
        self.reconstructed = open_reconstructions(out / "reconstruction.csv")

    def run(self, report: Report, only: Sequence[str] = ()) -> Ledger:
        """Do all entries, or those named; returns the rows of all done so far."""
        available = sum(len(stack.slices) for stack in self.data.training)
        entries = pick(only, self.settings.entries(available))
        configs = [self.settings.config(e, self.minutes, self.steps) for e in entries]
        for i, (entry, config) in enumerate(zip(entries, configs, strict=True)):
            tell = [
                _Part(report, entry.name, what, (i + start) / len(entries), share / len(entries))
                for what, start, share in PARTS
            ]
            path = train(
                entry.name,
                config,
                subset(self.data.training, entry.slices, config.seed),
                self.data.validation,
                self.data.scale,
                self.out / "entries" / entry.name,
                self.device,
                tell[0],
            )
            card = PriorCard.load(path)
            curve = self._denoise(path, card, tell[1])
            quality = self._reconstruct(path, card, tell[2])
            self.summary.add(_row(entry, card, self.settings, curve, quality))
        return self.summary

    def _denoise(self, path: Path, card: PriorCard, report: Callable[[float], None]) -> list[float]:
        """Mean PSNR of denoised slices at each noise level."""
        contender = denoising.prior_contender(path, self.device, patch_of(card))
        chosen, sigmas = self.data.denoising, self.settings.sigmas
        for done, total in denoising.compare_denoisers([contender], chosen, self.denoised, sigmas):
            report(done / total)
        found = [denoising.best_of(contender, sigma, chosen, self.denoised) for sigma in sigmas]
        return [best.psnr for best in found if best is not None]

    def _reconstruct(
        self, path: Path, card: PriorCard, report: Callable[[float], None]
    ) -> tuple[float, float]:
        """Mean PSNR and SSIM of reconstructions from few views, exact data."""
        settings, table, found = self.settings, self.reconstructed, []
        recipe = Recipe.create(
            method=settings.method,
            prior=str(path),
            samples=settings.samples,
            steps=settings.steps,
            device=self.device,
            patch=patch_of(card),
            quantiles=False,
            null_space=False,
        )
        fixed = {
            "method": card.name, "version": f"sha256 {card.sha256[:12]}", "views": settings.views
        }  # fmt: skip
        for done, chosen in enumerate(self.data.reconstruction):
            report(done / len(self.data.reconstruction))
            keys = [{**fixed, "volume": chosen.name, "slice": i} for i in chosen.indices]
            if not all(table.has(key) for key in keys):
                result = reconstruct(recipe, measure(chosen, settings.views))
                seconds = result.report["seconds_per_slice"]
                for key, (psnr, ssim) in zip(keys, quality_of_mean(result, chosen), strict=True):
                    table.add({**key, "psnr": psnr, "ssim": ssim, "seconds": seconds})
            found += [table.row(key) for key in keys]
        return float(np.mean([r["psnr"] for r in found])), float(
            np.mean([r["ssim"] for r in found])
        )


@dataclass(frozen=True)
class _Part:
    """Progress of one task as part of the whole study."""

    report: Report
    entry: str
    what: str
    start: float
    length: float

    def __call__(self, share: float) -> None:
        self.report(self.entry, self.what, self.start + self.length * min(share, 1.0))


def _row(
    entry: Entry,
    card: PriorCard,
    settings: AblationSettings,
    curve: Sequence[float],
    quality: tuple[float, float],
) -> dict[str, Any]:
    assert card.training is not None
    t = card.training
    row = {
        "entry": entry.name, "patch": entry.patch, "position": int(entry.position),
        "whole": int(entry.whole), "slices": t.slices, "parameters": card.parameters,
        "steps": t.steps, "patches": t.patches, "pixels": t.pixels, "seconds": round(t.seconds, 1),
    }  # fmt: skip
    psnr = {f"psnr_{s:g}": v for s, v in zip(settings.sigmas, curve, strict=True)}
    return {**row, **psnr, "views": settings.views, "ct_psnr": quality[0], "ct_ssim": quality[1]}
