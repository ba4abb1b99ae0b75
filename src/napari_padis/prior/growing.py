"""A larger network that begins as a trained smaller one.

Added residual blocks and attention end in a convolution that starts at zero, so that they begin
as the identity (Chen, Goodfellow and Shlens, "Net2Net", 2016, section 2.3): training goes on from
what the smaller network has learnt, instead of from noise. A network of several slices
begins with what one of single slices knows about the middle one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from napari_padis.errors import InputError
from napari_padis.prior.architecture import NetworkConfig
from napari_padis.prior.network import EDMDenoiser

#: What may differ in any case.
ADDED = {"conditions", "dropout", "error_width"}


def grown(small: EDMDenoiser, config: NetworkConfig) -> EDMDenoiser:
    """Network of another architecture that computes what a smaller one does.

    One for several adjacent slices computes it for the middle slice, and returns the others
    scaled (``c_skip x``).

    Parameters
    ----------
    small : EDMDenoiser
    config : NetworkConfig
        The same layout with more blocks, attention, conditions or adjacent slices.

    Returns
    -------
    EDMDenoiser
        With the weights of ``small`` and new ones that change nothing yet.

    Raises
    ------
    InputError
        If the larger network cannot begin as the smaller one.
    """
    large = EDMDenoiser(config)
    weights, room = small.state_dict(), large.state_dict()
    before, after = small.config.model_dump(), config.model_dump()
    other = {key for key in before if before[key] != after[key]}
    if forbidden := other - _may_differ(small.config):
        raise _unlike(forbidden)
    if "image_channels" in other and config.image_channels % 2:  # two are a complex image
        weights |= _in_the_middle(weights, config.image_channels)
    if any(name not in room or room[name].shape != weights[name].shape for name in weights):
        raise _unlike(other)
    with torch.no_grad():
        for name, tensor in weights.items():
            room[name].copy_(tensor)
    return large


def _may_differ(small: NetworkConfig) -> set[str]:
    """Settings whose change can leave what the network computes as it is."""
    allowed = set(ADDED)
    if small.residual_scale == 1:  # otherwise a block that adds nothing still scales
        allowed |= {"attention", "middle_attention"}
        if small.skips == "level":  # otherwise every block has a skip connection to the way up
            allowed.add("blocks")
    if not (small.attention or small.middle_attention):
        allowed.add("head_channels")
    if small.image_channels == 1:
        allowed.add("image_channels")
    return allowed


def _in_the_middle(weights: dict[str, Tensor], slices: int) -> dict[str, Tensor]:
    """First and last layer for several slices, of which only the middle one takes part."""
    stem, head = weights["unet.stem.weight"], weights["unet.head.2.weight"]
    bias = weights["unet.head.2.bias"]
    image = stem.new_zeros(len(stem), slices, *stem.shape[2:])
    last, shift = head.new_zeros(slices, *head.shape[1:]), bias.new_zeros(slices)
    image[:, slices // 2], last[slices // 2], shift[slices // 2] = stem[:, 0], head[0], bias[0]
    return {
        "unet.stem.weight": torch.cat([image, stem[:, 1:]], dim=1),
        "unet.head.2.weight": last,
        "unet.head.2.bias": shift,
    }


def _unlike(settings: set[str]) -> InputError:
    return InputError(
        "The prior to start from has another network than the settings, and theirs cannot begin "
        f"as its: see {', '.join(sorted(settings))}. Only blocks, attention, conditions and slices "
        "can be added."
    )
