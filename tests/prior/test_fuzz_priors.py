"""Three hundred damaged priors: each loads, or is refused in one sentence."""

import json
import random
import re
import time

import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.prior.checkpoint import load_network

#: What somebody, or something, could write in place of an entry.
VALUES = (
    None, True, -1, 0, 1, 2, 7, 10**6, 10**17, 10**30, -(2**63), 0.5, -0.5, 1e300, 1e-300, "",
    "x", "\0", "a\nb", "<b>&", "../../x", "é" * 300, [], [1], [1, 2], [[1, 2]], [-1] * 50, {},
    {"a": 1}, float("nan"), float("inf"), [float("nan"), 1], {"a": {"b": {"c": []}}},
)  # fmt: skip


def flip(rng, card, weights):
    """A few bytes somewhere in the weights, header included."""
    for _ in range(rng.randint(1, 20)):
        weights[rng.randrange(len(weights))] = rng.randrange(256)
    return card, weights


def flip_start(rng, card, weights):
    """A few bytes of the weights' header."""
    for _ in range(rng.randint(1, 4)):
        weights[rng.randrange(200)] = rng.randrange(256)
    return card, weights


def cut(rng, card, weights):
    """The end is missing, or there is more than there should be."""
    if rng.random() < 0.2:
        return card, weights + bytes(rng.randint(1, 1000))
    return card, weights[: rng.randrange(len(weights))]


def header(rng, card, weights):
    """A well-formed header that says something else."""
    length = int.from_bytes(weights[:8], "little")
    entries = json.loads(weights[8 : 8 + length])
    for name in rng.sample(sorted(entries), rng.randint(1, 3)):
        kind = rng.choice(("drop", "rename", "dtype", "shape", "data_offsets", "entry"))
        if kind == "drop":
            del entries[name]
        elif kind == "rename":
            entries[f"{name}x"] = entries.pop(name)
        elif kind == "entry":
            entries[name] = rng.choice(VALUES)
        elif isinstance(entries[name], dict):
            entries[name][kind] = rng.choice((*VALUES, "F32", "BF16", "I8", [8, 3, 3, 3]))
    text = json.dumps(entries).encode()
    return card, bytearray(len(text).to_bytes(8, "little") + text) + weights[8 + length :]


def entry(rng, card, weights):
    """Other values in the card, at any depth."""
    values = json.loads(card)
    for _ in range(rng.randint(1, 3)):
        table = rng.choice((values, values, values.get("network")))
        if not isinstance(table, dict):
            continue
        name = rng.choice((*sorted(table), "surprise"))
        if rng.random() < 0.2:
            table.pop(name, None)
        elif name != "network":
            table[name] = rng.choice(VALUES)
    return json.dumps(values).encode(), weights


def text(rng, card, weights):
    """Damage to the text of the card."""
    damaged = bytearray(card)
    for _ in range(rng.randint(1, 5)):
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    if rng.random() < 0.3:
        damaged = damaged[: rng.randrange(len(damaged))]
    return bytes(damaged), weights


DAMAGES = (flip, flip_start, cut, header, entry, text)


@pytest.fixture(scope="module")
def whole(tiny_prior):
    return tiny_prior.read_bytes(), tiny_prior.with_suffix(".safetensors").read_bytes()


def test_three_hundred_damaged_priors(whole, tmp_path):
    path = tmp_path / "tiny.json"
    loaded = refused = 0
    begun = time.process_time()
    for seed in range(300):
        rng = random.Random(seed)
        card, weights = DAMAGES[seed % len(DAMAGES)](rng, whole[0], bytearray(whole[1]))
        if rng.random() < 0.7:  # without a digest the damage must be found otherwise
            card = re.sub(rb'"sha256": "[0-9a-f]{64}"', b'"sha256": ""', card)
        path.write_bytes(card)
        path.with_suffix(".safetensors").write_bytes(weights)
        try:
            network, found = load_network(path)
        except InputError as error:
            refused += 1
            assert_one_sentence(str(error), seed)
        else:
            loaded += 1
            assert network.config == found.network
            assert all(torch.isfinite(p).all() for p in network.parameters()), seed
    assert time.process_time() - begun < 10
    assert refused > 200
    assert loaded > 10


def assert_one_sentence(message, seed):
    assert message.endswith("."), (seed, message)
    assert "\n" not in message, (seed, message)
    assert message.isprintable(), (seed, message)
    assert 20 < len(message) < 500, (seed, message)
