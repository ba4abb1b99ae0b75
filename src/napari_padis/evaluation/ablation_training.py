"""One prior of the ablation: its training slices, its training, its card."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_padis.errors import InputError
from napari_padis.prior.card import PriorCard
from napari_padis.prior.checkpoint import save_prior
from napari_padis.prior.data import PatchSampler
from napari_padis.prior.denoiser import PatchDenoiser
from napari_padis.prior.errors_table import error_table
from napari_padis.prior.settings import CHANGEABLE, TrainingConfig
from napari_padis.prior.slice_store import Stack
from napari_padis.prior.trained_card import trained_card
from napari_padis.prior.training import Trainer
from napari_padis.scan.units import Scale

#: Seconds between two saved states: what a kill costs at most.
SAVE_EVERY = 60.0


def subset(stacks: Sequence[Stack], count: int | None, seed: int = 0) -> list[Stack]:
    """Some of the training slices: volumes in a fixed random order, the last one thinned.

    Few slices are those of few patients, as where data are scarce; a smaller subset is part of
    a larger one, but for the slices of the last volume.

    Parameters
    ----------
    stacks : sequence of Stack
    count : int or None
        Slices in all; None takes everything.
    seed : int
    """
    if count is None or count >= sum(len(s.slices) for s in stacks):
        return list(stacks)
    chosen: list[Stack] = []
    left = count
    for i in np.random.default_rng(seed).permutation(len(stacks)):
        stack = stacks[i]
        if left >= len(stack.slices):
            chosen.append(stack)
        elif left > 0:
            keep = np.linspace(0, len(stack.slices) - 1, left).round().astype(int)
            chosen.append(replace(stack, slices=stack.slices[keep]))
        left -= len(chosen[-1].slices) if left > 0 else 0
    return chosen


def train(
    name: str,
    config: TrainingConfig,
    stacks: Sequence[Stack],
    validation: Sequence[Stack],
    scale: Scale,
    folder: Path,
    device: str,
    report: Callable[[float], None],
) -> Path:
    """Train a prior to the end of its budget, from where it stopped; returns its card.

    Parameters
    ----------
    name : str
    config : TrainingConfig
    stacks : sequence of Stack
        Training slices.
    validation : sequence of Stack
        Their middle slices give the denoising errors that samplers rely on.
    scale : Scale
    folder : Path
        Holds the state of the training and then the prior.
    device : str
    report : callable
        Receives the share of the budget that is spent, about every five seconds.
    """
    path = folder / f"{name}.json"
    if finished(path, config):
        return path
    trainer = Trainer(config, PatchSampler.of(stacks, config), folder, device)
    trainer.run(SAVE_EVERY, lambda row: report(float(row["progress"])), log_every=5.0)
    described = {"name": name, "description": "Small prior of an ablation, not for use."}
    card = trained_card(trainer, scale, described, "validation")
    plain = config.model_copy(update={**config.plain, "pad": 0})
    images = PatchSampler.of(validation, plain).middles()
    # Denoisers change the network's precision in place, hence a copy.
    network = copy.deepcopy(trainer.averaged())
    denoisers = [
        PatchDenoiser(network, card, (image.shape[-2], image.shape[-1]), device, patch_of(card))
        for image in images
    ]
    table = error_table(denoisers, images)
    save_prior(trainer.averaged(), card.model_copy(update={"error_table": table}), folder)
    return path


def finished(path: Path, config: TrainingConfig) -> bool:
    """Whether there is a prior already that was trained with these settings and this budget."""
    if not path.exists():
        return False
    try:
        training = PriorCard.load(path).training
    except InputError:
        return False
    wanted = config.model_dump(mode="json", exclude=CHANGEABLE - {"steps", "hours"})
    found = training.settings if training else {}
    return all(found.get(key) == value for key, value in wanted.items())


def patch_of(card: PriorCard) -> int | None:
    """Side of the tiles under study: just what was trained, not the cheapest about it."""
    return None if card.tiling == "whole" else card.patch
