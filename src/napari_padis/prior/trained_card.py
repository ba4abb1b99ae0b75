"""The card of a prior from its training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from napari_padis.prior.card import PriorCard, Training
from napari_padis.prior.training import Trainer
from napari_padis.scan.units import Scale


def trained_card(
    trainer: Trainer, scale: Scale, described: Mapping[str, Any], measured_on: str
) -> PriorCard:
    """Card of a trained prior, its denoising errors not yet measured.

    Parameters
    ----------
    trainer : Trainer
    scale : Scale
        Intensities that the network saw as 0 and 1.
    described : mapping
        Name and what a person says about the prior.
    measured_on : str
        Where the denoising errors come from: "validation" or "training".
    """
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
