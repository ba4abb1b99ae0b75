"""Weights as safetensors plus a JSON card: nothing is ever unpickled."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import safetensors
import torch
from safetensors.torch import load_file, save_file

from napari_padis.errors import InputError
from napari_padis.prior.card import PriorCard
from napari_padis.prior.network import EDMDenoiser


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
    target = folder / f"{card.name}.safetensors"
    temporary = target.with_suffix(".tmp")
    save_file(tensors, temporary)
    temporary.chmod(0o644)  # the library makes it readable by its owner only
    os.replace(temporary, target)
    card = card.model_copy(
        update={
            "network": network.config,
            "parameters": sum(p.numel() for p in network.parameters()),
            "sha256": sha256_of(target),
        }
    )
    (folder / f"{card.name}.json").write_text(card.model_dump_json(indent=1) + "\n")
    return card


def load_network(card_path: str | Path) -> tuple[EDMDenoiser, PriorCard]:
    """Read a card and its weights, checked against each other.

    Raises
    ------
    InputError
        If the weights are missing, damaged, have another digest than the card says,
        or do not fit the architecture.
    """
    card = PriorCard.load(card_path)
    path = weights_path(card_path)
    if not path.exists():
        raise InputError(f"The weights '{path.name}' are missing beside '{Path(card_path).name}'.")
    if card.sha256 and sha256_of(path) != card.sha256:
        raise InputError(
            f"The weights '{path.name}' are damaged: their sha256 differs from the card's."
        )
    try:
        tensors = load_file(path)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise InputError(
            f"The weights '{path.name}' are not a readable safetensors file."
        ) from error
    with torch.device("meta"):
        network = EDMDenoiser(card.network)
    expected = {k: tuple(v.shape) for k, v in network.state_dict().items()}
    found = {k: tuple(v.shape) for k, v in tensors.items()}
    if expected != found:
        odd = sorted(k for k in expected.keys() | found.keys() if expected.get(k) != found.get(k))
        raise InputError(
            f"The weights '{path.name}' do not fit the architecture in the card "
            f"({len(odd)} tensors differ, first '{odd[0]}')."
        )
    # Built again off the meta device only now: an absurd card must not allocate anything.
    network = EDMDenoiser(card.network)
    network.load_state_dict({k: v.to(torch.float32) for k, v in tensors.items()})
    if not all(torch.isfinite(p).all() for p in network.parameters()):
        raise InputError(f"The weights '{path.name}' contain values that are not finite.")
    return network.eval(), card
