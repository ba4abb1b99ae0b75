"""The prior and the pictures that a finished training leaves."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from napari_padis.prior.card import PriorCard
from napari_padis.prior.checkpoint import save_prior
from napari_padis.prior.data import PatchSampler
from napari_padis.prior.denoiser import PatchDenoiser
from napari_padis.prior.errors_table import error_table
from napari_padis.prior.pictures import draw_curves, draw_examples
from napari_padis.prior.trained_card import trained_card
from napari_padis.prior.training import Trainer
from napari_padis.scan.units import Scale


def export_error(trainer: Trainer, parent: PriorCard, name: str, measured_on: str) -> Path:
    """Write the prior that training started from with its new output; returns the card.

    Parameters
    ----------
    trainer : Trainer
        Of the objective "error", at the end of its budget.
    parent : PriorCard
        Of the prior that it started from: what it says of the first output stays true.
    name : str
    measured_on : str
        Where ``validation.csv`` comes from: "validation", or empty where there is none.
    """
    record = trained_card(trainer, parent.scale, {"name": name}, measured_on).training
    card = parent.model_copy(update={"name": name, "error_training": record})
    save_prior(trainer.averaged(), card, trainer.folder)
    draw_curves(trainer.folder)
    return trainer.folder / f"{name}.json"


def export(
    trainer: Trainer,
    measured: PatchSampler,
    scale: Scale,
    described: dict[str, Any],
    measured_on: str,
) -> Path:
    """Write weights and card, ``training.png`` and ``examples.png``.

    Parameters
    ----------
    trainer : Trainer
        At the end of its budget.
    measured : PatchSampler
        Its middle slices give the denoising errors, its patches stand beside drawn ones.
    scale : Scale
    described : dict
        Name and what a person says about the prior.
    measured_on : str
        "validation" or "training", for the record.

    Returns
    -------
    Path
        The card.
    """
    network = trainer.averaged()
    card = trained_card(trainer, scale, described, measured_on)
    images, spacings = measured.middles(), measured.spacings()
    # Denoisers change the network's precision in place, hence a copy; they share it.
    shared = copy.deepcopy(network)
    denoisers = [
        PatchDenoiser(
            shared, card, (image.shape[-2], image.shape[-1]), trainer.device,
            condition=(spacing / 10,) if card.network.conditions else (),
        )
        for image, spacing in zip(images, spacings, strict=True)
    ]  # fmt: skip
    table = error_table(denoisers, images)
    save_prior(network, card.model_copy(update={"error_table": table}), trainer.folder)
    draw_curves(trainer.folder)
    draw_examples(
        network, measured, trainer.config, trainer.device, trainer.folder / "examples.png"
    )
    return trainer.folder / f"{card.name}.json"
