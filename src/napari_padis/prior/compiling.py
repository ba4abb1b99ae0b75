"""``torch.compile`` for training, where the machine can do it."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from napari_padis.prior.hardware import mixed_precision
from napari_padis.prior.settings import TrainingConfig


def compiled(
    model: nn.Module, config: TrainingConfig, device: torch.device
) -> tuple[nn.Module, str]:
    """A network compiled for the patch sizes of a training, or the network itself.

    Returns
    -------
    network : Module
        Shares its weights with ``model``.
    note : str
        Why it is not compiled; empty if it is.
    """
    network = cast(nn.Module, torch.compile(model, dynamic=False))
    try:
        # Every shape now, so that the time of compiling is not part of the budget.
        for patch, batch in zip(config.patch_sizes, config.batches, strict=True):
            _once(network, config, patch, batch, device)
    except Exception as error:  # no compiler, an old one, a part it cannot compile
        why = (str(error).strip() or type(error).__name__).splitlines()[0][:150].rstrip(". ")
        return model, f"The network is not compiled, training is slower: {why}."
    finally:
        model.zero_grad(set_to_none=True)
    return network, ""


def _once(
    network: nn.Module, config: TrainingConfig, patch: int, batch: int, device: torch.device
) -> None:
    """Forward and backward on zeros, as a training step does them."""
    c = config.network
    x = torch.zeros((batch, c.image_channels, patch, patch), device=device)
    told = [torch.zeros((batch, 2, patch, patch), device=device)]
    if c.conditions:
        told.append(torch.zeros((batch, c.conditions), device=device))
    with mixed_precision(device, config.bfloat16):
        network(x, torch.ones(batch, device=device), *told).sum().backward()
