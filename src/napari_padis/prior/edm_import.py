"""Published EDM and PaDIS checkpoints as networks of this package, by names and shapes.

The names are those of ``SongUNet`` in NVlabs/edm (training/networks.py), which PaDIS uses as it
is: ``enc`` and ``dec`` hold blocks called after the side of the images at their level.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import Tensor

from napari_padis.errors import InputError, explain
from napari_padis.prior.architecture import NetworkConfig
from napari_padis.prior.edm_find import find_network
from napari_padis.prior.network import EDMDenoiser
from napari_padis.prior.pickle_values import StoredTensor, quoted
from napari_padis.prior.pickles import read_checkpoint
from napari_padis.prior.reading import shown

#: Without effect when nothing is augmented, which is how the network is used.
UNUSED = ("map_augment.weight",)

BLOCK = {
    "norm1": "norm0",
    "conv1": "conv0",
    "modulation": "affine",
    "norm2": "norm1",
    "conv2": "conv1",
    "skip": "skip",
    "attention.norm": "norm2",
    "attention.qkv": "qkv",
    "attention.proj": "proj",
}

Tensors = dict[str, StoredTensor]


@dataclass(frozen=True)
class Imported:
    """A network and the side of the images, padding included, that it was trained on."""

    network: EDMDenoiser
    side: int


def import_network(path: str | Path, padding: int = 64) -> Imported:
    """Read the network of a published checkpoint; none of the file's code is run.

    Parameters
    ----------
    path : path
        Network snapshot (.pkl), training state or state dictionary (.pt) of a DDPM++ network
        with EDM preconditioning.
    padding : int
        Zeros on each side of the training images. Position channels counted from -1 to 1
        over the padded image there, ``u = 2 (i / (R - 1) - 1/2)`` for pixel i of R; ours
        count v from -1 to 1 over the image of N = R - 2 padding pixels, at pixel centres, and
        ``u = v N / (R - 1)`` holds exactly.

    Raises
    ------
    InputError
        If the file is refused, holds another network, or tensors that have no place.
    """
    file = shown(Path(path).name)
    with read_checkpoint(path) as content:
        tensors, sigma_data = find_network(content, file)
        sides = _sides(tensors, file)
        try:
            config = _config(tensors, sides, sigma_data, padding)
        except KeyError as error:
            raise InputError(
                f"'{file}' does not hold a DDPM++ network: {error.args[0]} is missing."
            ) from error
        except ValidationError as error:
            raise InputError(
                f"The network in '{file}' is not supported: {explain(error)}"
            ) from error
        network = _fill(tensors, config, sides, file)
    return Imported(network, sides[0])


def _position_scale(side: int, padding: int) -> float:
    if side <= 2 * padding:
        raise InputError(
            f"The network was trained on images of {side} pixels a side with their padding; "
            f"a padding of {padding} on each side leaves nothing, give another --padding."
        )
    return (side - 2 * padding) / (side - 1)


def _sides(tensors: Tensors, file: str) -> list[int]:
    """Sides of the images at each level, finest first."""
    found = {int(m[1]) for name in tensors if (m := re.match(r"enc\.(\d{1,6})x\1_", name))}
    if not found:
        raise InputError(
            f"'{file}' does not hold a DDPM++ network: its tensors have other names "
            f"(the first is {quoted(min(tensors, default=''))})."
        )
    return sorted(found, reverse=True)


def _config(tensors: Tensors, sides: list[int], sigma_data: float, padding: int) -> NetworkConfig:
    """Architecture from names and shapes.

    Raises
    ------
    KeyError
        With the name of a missing tensor.
    """
    stem = _shape(tensors, f"enc.{sides[0]}x{sides[0]}_conv.weight")
    out = _shape(tensors, f"dec.{sides[0]}x{sides[0]}_aux_conv.weight")[0]
    width, inputs = stem[0], stem[1]
    multipliers, blocks, attention = [], [], []
    for level, side in enumerate(sides):
        start = f"enc.{side}x{side}_block"
        multipliers.append(_shape(tensors, f"{start}0.conv0.weight")[0] // width)
        blocks.append(sum(n.startswith(start) and n.endswith(".conv0.weight") for n in tensors))
        if f"{start}0.qkv.weight" in tensors:
            attention.append(level)
    return NetworkConfig.ddpmpp(
        width,
        tuple(multipliers),
        blocks[0],
        image_channels=out,
        position_channels=inputs - out,
        attention=tuple(attention),
        sigma_data=sigma_data,
        position_scale=_position_scale(sides[0], padding) if inputs > out else 1.0,
    )


def _shape(tensors: Tensors, name: str) -> tuple[int, ...]:
    """Shape of a convolution's weights."""
    if name not in tensors or len(tensors[name].shape) != 4 or not tensors[name].count:
        raise KeyError(quoted(name))
    return tensors[name].shape


def _fill(tensors: Tensors, config: NetworkConfig, sides: list[int], file: str) -> EDMDenoiser:
    """Our network with the checkpoint's weights; every tensor must find its place."""
    with torch.device("meta"):
        expected = EDMDenoiser(config).unet.state_dict()
    places = dict(_places(config, sides))
    theirs = {name: _their_name(name, places) for name in expected}
    missing = sorted(
        name
        for ours, name in theirs.items()
        if name not in tensors or tensors[name].shape != tuple(expected[ours].shape)
    )
    if missing:
        raise InputError(
            f"'{file}' does not hold a DDPM++ network of the usual layout: {_list(missing)} "
            "is missing or has another shape."
        )
    left = sorted(tensors.keys() - theirs.values() - set(UNUSED))
    odd = [name for name in left if not _averages(name, tensors[name])]
    if odd:
        raise InputError(
            f"'{file}' holds tensors that have no place in a DDPM++ network: {_list(odd)}."
        )
    weights = {ours: _converted(ours, tensors[name].load()) for ours, name in theirs.items()}
    if not all(torch.isfinite(weight).all() for weight in weights.values()):
        raise InputError(f"The weights in '{file}' contain values that are not finite.")
    network = EDMDenoiser(config)
    network.unet.load_state_dict(weights)
    return network.eval()


def _places(config: NetworkConfig, sides: list[int]) -> Iterator[tuple[str, str]]:
    """Our modules and theirs, in pairs."""
    at = [f"{side}x{side}" for side in sides]
    yield "embed.layers.0", "map_layer0"
    yield "embed.layers.2", "map_layer1"
    yield "stem", f"enc.{at[0]}_conv"
    yield "middle", f"dec.{at[-1]}_in0"
    yield "middle_rest.0", f"dec.{at[-1]}_in1"
    yield "head.0", f"dec.{at[0]}_aux_norm"
    yield "head.2", f"dec.{at[0]}_aux_conv"
    last = len(at) - 1
    for level, blocks in enumerate(config.blocks):
        for i in range(blocks):
            yield f"down.{level}.{i}", f"enc.{at[level]}_block{i}"
        for i in range(blocks + 1):
            yield f"up.{last - level}.{i}", f"dec.{at[level]}_block{i}"
        if level < last:
            yield f"shrink.{level}", f"enc.{at[level + 1]}_down"
            yield f"grow.{last - level - 1}", f"dec.{at[level]}_up"


def _their_name(ours: str, places: dict[str, str]) -> str:
    """'down.0.1.conv1.weight' -> 'enc.384x384_block1.conv0.weight'."""
    path, kind = ours.rsplit(".", 1)
    if path in places:
        return f"{places[path]}.{kind}"
    place = next(p for p in places if path.startswith(f"{p}."))
    return f"{places[place]}.{BLOCK[path.removeprefix(f'{place}.')]}.{kind}"


def _averages(name: str, tensor: StoredTensor) -> bool:
    """Whether this is the filter that averages 2x2 pixels, as our resampling does."""
    if not name.endswith(".resample_filter") or tensor.shape != (1, 1, 2, 2):
        return False
    return bool((tensor.load() == 0.25).all())


def _converted(ours: str, weight: Tensor) -> Tensor:
    """Weights in our order: sines after cosines, queries before keys before values."""
    weight = weight.to(torch.float32)
    if ours == "embed.layers.0.weight":
        return weight.roll(weight.shape[1] // 2, 1)
    if ".attention.qkv." in ours:
        channels = weight.shape[0] // 3
        return weight.unflatten(0, (channels, 3)).transpose(0, 1).flatten(0, 1).contiguous()
    return weight


def _list(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(quoted(name) for name in names[:3]) + more
