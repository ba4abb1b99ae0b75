"""Weights as safetensors plus a JSON card: nothing is ever unpickled."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import safetensors
import torch
from safetensors.torch import load, save
from torch import Tensor

from napari_padis.errors import InputError
from napari_padis.prior.architecture import NetworkConfig
from napari_padis.prior.card import PriorCard
from napari_padis.prior.network import EDMDenoiser
from napari_padis.prior.reading import read_bytes, shown
from napari_padis.prior.weights_header import Shapes, read_header

#: Least number of tensors in one residual block: two norms, two convolutions, a modulation.
BLOCK = 8
_NOT_A_NETWORK = (
    RuntimeError,
    ValueError,
    TypeError,
    OverflowError,
    ZeroDivisionError,
    AssertionError,
    IndexError,
)


def weights_path(card_path: str | Path) -> Path:
    """The weights file that belongs to a card."""
    return Path(card_path).with_suffix(".safetensors")


def sha256_of(path: Path) -> str:
    """Hex digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def save_prior(
    network: EDMDenoiser, card: PriorCard, folder: str | Path, half: bool = True
) -> PriorCard:
    """Write ``<name>.safetensors`` and ``<name>.json``; returns the completed card.

    Parameters
    ----------
    network : EDMDenoiser
    card : PriorCard
        Its architecture, parameter count and sha256 are filled in here.
    folder : path
    half : bool
        Store float16 (a float16 mantissa is finer than the bfloat16 that CPUs compute in).
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    dtype = torch.float16 if half else torch.float32
    tensors = {k: v.detach().cpu().to(dtype).contiguous() for k, v in network.state_dict().items()}
    weights = save(tensors)
    card = card.model_copy(
        update={
            "network": network.config,
            "parameters": sum(p.numel() for p in network.parameters()),
            "sha256": hashlib.sha256(weights).hexdigest(),
        }
    )
    _replace(folder / f"{card.name}.safetensors", weights)
    _replace(folder / f"{card.name}.json", f"{card.model_dump_json(indent=1)}\n".encode())
    return card


def _replace(target: Path, data: bytes) -> None:
    """Write a file so that at any moment there is the old one or the new one."""
    temporary = target.with_name(f"{target.name}.tmp")
    temporary.write_bytes(data)
    os.replace(temporary, target)


def load_network(card_path: str | Path) -> tuple[EDMDenoiser, PriorCard]:
    """Read a card and its weights, checked against each other.

    Nothing is allocated before the header of the weights was found to fit the file to the
    byte, and the architecture in the card to fit the header.

    Raises
    ------
    InputError
        If the weights are missing, damaged, have another digest than the card says,
        or do not fit the architecture.
    """
    card = PriorCard.load(card_path)
    path = weights_path(card_path)
    name = shown(path.name)
    if not os.path.lexists(path):
        raise InputError(
            f"The weights '{name}' are missing beside '{shown(Path(card_path).name)}'."
        )
    _check_card(card, name)
    _check_shapes(card.network, read_header(path), name)
    # One reading: what is loaded is what the digest was computed of.
    data = read_bytes(path, "The weights")
    if card.sha256 and hashlib.sha256(data).hexdigest() != card.sha256.lower():
        raise InputError(f"The weights '{name}' are damaged: their sha256 differs from the card's.")
    network = EDMDenoiser(card.network)
    network.load_state_dict(_tensors(data, name))
    if not all(torch.isfinite(p).all() for p in network.parameters()):
        raise InputError(f"The weights '{name}' contain values that are not finite.")
    return network.eval(), card


def _tensors(data: bytes, name: str) -> dict[str, Tensor]:
    try:
        tensors = load(data)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise InputError(f"The weights '{name}' are not a readable safetensors file.") from error
    return {key: value.to(torch.float32) for key, value in tensors.items()}


def _check_card(card: PriorCard, name: str) -> None:
    """What the network must have so that patches of the card can pass through it."""
    config = card.network
    if config.image_channels % card.slices:
        raise InputError(
            f"The card of '{name}' speaks of {card.slices} slices, its network of "
            f"{config.image_channels} channels; one must divide the other."
        )
    if card.patch % config.multiple:
        raise InputError(
            f"The card of '{name}' speaks of patches of {card.patch} pixels; its network "
            f"needs a multiple of {config.multiple}."
        )


def _check_shapes(config: NetworkConfig, found: Shapes, name: str) -> None:
    """Whether these are the tensors of the architecture; allocates and builds nothing large."""
    widest = max((side for shape in found.values() for side in shape), default=0)
    # Bounds that hold for every network, so that building it on 'meta' takes no time.
    largest = max(config.width * max(config.multipliers), config.width)
    if largest > widest or BLOCK * sum(config.blocks) > len(found):
        raise InputError(
            f"The weights '{name}' do not fit the architecture in the card, which is larger."
        )
    try:
        with torch.device("meta"):
            network = EDMDenoiser(config)
    except _NOT_A_NETWORK as error:
        raise InputError(
            f"The card of '{name}' describes a network that cannot be built: {shown(error, 200)}."
        ) from error
    expected = {k: tuple(v.shape) for k, v in network.state_dict().items()}
    if expected != found:
        odd = sorted(k for k in expected.keys() | found.keys() if expected.get(k) != found.get(k))
        raise InputError(
            f"The weights '{name}' do not fit the architecture in the card "
            f"({len(odd)} tensors differ, first '{shown(odd[0])}')."
        )
