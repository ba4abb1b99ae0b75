"""Cards and weights: what does not hold is refused in one sentence."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.prior.catalogue import find_prior
from napari_padis.prior.checkpoint import load_network


@pytest.fixture
def prior(tiny_prior, tmp_path):
    for file in tiny_prior.parent.iterdir():
        shutil.copy(file, tmp_path)
    return tmp_path / "tiny.json"


def _edit(path, **changes):
    values = json.loads(path.read_text())
    values.update(changes)
    path.write_text(json.dumps(values))


def test_round_trip(prior):
    network, card = load_network(prior)
    assert card.name == "tiny"
    assert card.parameters == sum(p.numel() for p in network.parameters())
    assert network.config == card.network


def test_weights_are_in_float16_precision(prior):
    network, _ = load_network(prior)
    weight = network.unet.stem.weight
    assert weight.dtype == torch.float32
    assert torch.equal(weight.half().float(), weight)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: p.write_text("{"), "JSON is damaged"),
        (lambda p: p.write_bytes(b"\xff\xfe\x00"), "JSON is damaged"),
        (lambda p: p.write_text("[1]"), "not a prior"),
        (lambda p: p.unlink(), "cannot be read"),
        (lambda p: _edit(p, format_version=99), "format version 99"),
        (lambda p: _edit(p, patch=-3), "not a valid prior.*patch"),
        (lambda p: _edit(p, surprise=1), "not a valid prior.*surprise"),
        (lambda p: p.with_suffix(".safetensors").unlink(), "are missing"),
        (lambda p: p.with_suffix(".safetensors").write_bytes(b"nonsense"), "damaged"),
        (
            lambda p: (
                p.with_suffix(".safetensors").write_bytes(b"\xff" * 100),
                _edit(p, sha256=""),
            ),
            "not a readable safetensors",
        ),
    ],
)
def test_damage_is_named(prior, damage, message):
    damage(prior)
    with pytest.raises(InputError, match=message):
        load_network(prior)


def test_truncated_weights(prior):
    path = prior.with_suffix(".safetensors")
    path.write_bytes(path.read_bytes()[:-100])
    _edit(prior, sha256="")
    with pytest.raises(InputError, match="not a readable safetensors"):
        load_network(prior)


def test_header_that_claims_terabytes(prior):
    path = prior.with_suffix(".safetensors")
    claim = {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}
    header = json.dumps({"x": claim}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    _edit(prior, sha256="")
    with pytest.raises(InputError, match="not a readable safetensors"):
        load_network(prior)


def test_other_architecture(prior):
    values = json.loads(prior.read_text())
    values["network"]["width"] = 1024
    prior.write_text(json.dumps(values))
    with pytest.raises(InputError, match="do not fit the architecture"):
        load_network(prior)


def test_unknown_name_lists_the_catalogue():
    with pytest.raises(InputError, match=r"no prior 'nope'.*ct-small"):
        find_prior("nope")


def test_files_are_found_by_either_ending(prior):
    assert find_prior(prior.with_suffix(".safetensors")) == prior
    assert find_prior(prior) == prior
