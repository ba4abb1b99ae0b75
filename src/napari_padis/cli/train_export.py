"""The prior and the pictures that a finished training leaves."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_padis.prior.card import PriorCard, Training
from napari_padis.prior.checkpoint import save_prior
from napari_padis.prior.data import PatchSampler
from napari_padis.prior.denoiser import PatchDenoiser
from napari_padis.prior.errors_table import error_table
from napari_padis.prior.pictures import draw_curves, draw_examples
from napari_padis.prior.training import Trainer
from napari_padis.scan.units import Scale


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
    card = _card(trainer, scale, described, measured_on)
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


def _card(trainer: Trainer, scale: Scale, described: dict[str, Any], measured_on: str) -> PriorCard:
    config, counters, sampler = trainer.config, trainer.counters, trainer.sampler
    pixels = np.median([stack.spacing[1:] for stack in sampler.stacks], axis=0)
    hardware = f"{trainer.device.type}, {torch.get_num_threads()} threads a process"
    if trainer.device.type == "cuda":
        hardware = torch.cuda.get_device_name(trainer.device)
    return PriorCard(
        **described,
        unit=scale.unit,
        low=scale.low,
        high=scale.high,
        ceiling=config.ceiling,
        pixel_spacing=(float(pixels[0]), float(pixels[1])),
        slices=config.slices,
        slice_spacing=sampler.slice_spacing if config.slices > 1 else None,
        tiling=config.tiling,
        patch=config.patch_sizes[0],
        patch_sizes=config.patch_sizes,
        sigma_min=config.sigma_min,
        sigma_max=config.sigma_max,
        network=config.network,
        training=Training(
            steps=counters.step,
            patches=counters.patches,
            pixels=counters.pixels,
            seconds=counters.seconds,
            processes=trainer.world,
            hardware=hardware,
            slices=sampler.count,
            start=trainer.origin,
            settings={**config.model_dump(mode="json"), "errors_on": measured_on},
        ),
    )
