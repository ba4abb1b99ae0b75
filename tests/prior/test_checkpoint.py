"""Cards and weights: what does not hold is refused in one sentence."""

from __future__ import annotations

import json
import os
import shutil
import tracemalloc

import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.prior.checkpoint import load_network, save_prior


def assert_one_sentence(error):
    text = str(error)
    assert text.endswith(".")
    assert "\n" not in text
    assert len(text) < 500


@pytest.fixture
def prior(tiny_prior, tmp_path):
    for file in tiny_prior.parent.iterdir():
        shutil.copy(file, tmp_path)
    return tmp_path / "tiny.json"


def _edit(path, **changes):
    values = json.loads(path.read_text())
    values.update(changes)
    path.write_text(json.dumps(values))


def _edited(**changes):
    return lambda path: _edit(path, **changes)


def _network(**changes):
    """Other entries of the architecture in the card."""
    return lambda path: _edit(path, network=json.loads(path.read_text())["network"] | changes)


def _weights(data):
    """Other weights, whose digest nobody has stated."""

    def damage(path):
        path.with_suffix(".safetensors").write_bytes(data)
        _edit(path, sha256="")

    return damage


def _header(content):
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return len(text).to_bytes(8, "little") + text


def _entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def _sparse(path, size):
    with path.open("r+b") as file:
        file.truncate(size)


def _instead(path, make):
    path.unlink()
    make(path)


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
        (_weights(b"nonsense"), "its header claims"),
        (_weights(b"\xff" * 100), "its header claims 1.84e.07 TB, the file has 100 bytes"),
        (_weights(b""), "it is empty"),
        (_weights(b"\1\0"), "it is cut off"),
        (_weights(_header(b"nonsense") + b"1234"), "its header is damaged"),
        (_weights(_header(b"[1]")), "not a table of tensors"),
        (_weights(_header(b"{}")), "holds no tensors"),
        (_weights(_header(b'{"a": {"dtype": "F16", "shape": [NaN]}}')), "NaN"),
        (_weights(_header(b'{"a":' * 100_000)), "nested too deeply"),
        (_weights(_header({"x": _entry("I64", [1], 0, 8)}) + bytes(8)), "type 'I64', not one of"),
        (_weights(_header({"x": _entry("F16", [-1, -4], 0, 8)}) + bytes(8)), "no valid shape"),
        (_weights(_header({"x": _entry("F16", [2.0], 0, 4)}) + bytes(4)), "no valid shape"),
        (_weights(_header({"x": _entry("F16", [3], 0, 4)}) + bytes(4)), "does not fill"),
        (_weights(_header({"x": _entry("F16", [2], 4, 8)}) + bytes(8)), "overlap or leave gaps"),
        (
            _weights(
                _header({k: _entry("F16", [2], 0, 4) for k in "ab"}) + bytes(4),
            ),
            "overlap or leave gaps",
        ),
        (_weights(_header({"x": _entry("F16", [2], 0, 4)}) + bytes(9)), "belong to no tensor"),
        (_weights(_header({"x": _entry("F16", [1] * 99, 0, 2)}) + bytes(2)), "has 99 axes"),
        (_weights(_header({"x": _entry("F32", [2**40], 0, 2**42)})), "4.4 TB are missing"),
        (_weights(_header({"x": _entry("F32", [2**17] * 3, 0, 2**53)})), "e.03 TB are missing"),
        (
            _weights(_header({str(i): _entry("F32", [0], 0, 0) for i in range(5000)})),
            "lists 5000 tensors",
        ),
        (_edited(format_version="9" * 5000), "format version 999"),
        (_edited(low=5, high=5), "'low' must be below 'high'"),
        (_edited(low=1e999), "JSON is damaged .*Infinity"),
        (_edited(error_table=[[-1, 0.5]]), "error_table.0.0"),
        (_edited(pixel_spacing=[0, 1]), "pixel_spacing"),
        (_edited(name="x" * 1000), "name: String should have at most 200"),
        (_edited(slices=2), "2 slices, its network of 1 channels"),
        (_edited(patch=17), "patches of 17 pixels; its network needs a multiple of 2"),
        (_edited(**{str(i): 1 for i in range(900)}), "not a valid prior: 0: .*and 899 more"),
        (_network(image_channels=2), "do not fit the architecture"),
        (_network(position_channels=0), "do not fit the architecture"),
        (_network(width=1024), "do not fit the architecture"),
        (_network(width=10**9), "not a valid prior: network.width"),
        (_network(multipliers=[1, 10**9]), "network.multipliers.1"),
        (_network(blocks=[10**9, 1]), "network.blocks.0"),
        (_network(blocks=[16, 16]), "do not fit the architecture in the card, which is larger"),
        (_network(blocks=[1]), "need the same length"),
        (lambda p: p.write_bytes(p.read_text().encode("utf-16")), "not text in UTF-8"),
        (lambda p: p.write_bytes(b""), "JSON is damaged .line 1"),
        (lambda p: p.write_text("[" * 100_000), "nested too deeply"),
        (lambda p: p.write_text('{"a": 1e999}'), "1e999, which is too large a number"),
        (lambda p: p.write_text('{"a": %s}' % ("7" * 99)), "a whole number of 99 digits"),
        (lambda p: _sparse(p, 2 << 30), "a card of 2.15 GB is too large"),
        (lambda p: _sparse(p.with_suffix(".safetensors"), 5 << 30), "5.37 GB, more than any"),
        (lambda p: _instead(p, os.mkdir), "Prior '.*' cannot be read: it is a folder"),
        (lambda p: _instead(p.with_suffix(".safetensors"), os.mkdir), "it is a folder"),
    ],
)
def test_damage_is_named(prior, damage, message):
    damage(prior)
    with pytest.raises(InputError, match=message) as caught:
        load_network(prior)
    assert_one_sentence(caught.value)


def test_truncated_weights(prior):
    path = prior.with_suffix(".safetensors")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="it is cut off: 100 bytes are missing"):
        load_network(prior)


def test_a_single_changed_bit(prior):
    path = prior.with_suffix(".safetensors")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged: their sha256 differs"):
        load_network(prior)


def test_values_that_are_not_finite(prior):
    path = prior.with_suffix(".safetensors")
    data = bytearray(path.read_bytes())
    data[-2:] = b"\x00\x7c"  # infinity as float16
    path.write_bytes(data)
    _edit(prior, sha256="")
    with pytest.raises(InputError, match="not finite"):
        load_network(prior)


def test_absurd_claims_cost_no_memory(prior):
    """Twenty gigabytes of weights, as a card and a header could claim them."""
    values = json.loads(prior.read_text())
    values["network"] |= {"width": 1024, "multipliers": [16] * 6, "blocks": [16] * 6}
    values["patch"] = 32
    prior.write_text(json.dumps(values))
    tracemalloc.start()
    with pytest.raises(InputError, match="do not fit"):
        load_network(prior)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


def test_writing_is_all_or_nothing(prior, monkeypatch):
    """A program that is killed while it writes leaves the prior that was there."""
    network, card = load_network(prior)
    real = os.replace

    def killed(source, target):
        if str(target).endswith(".json"):
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        save_prior(network, card, prior.parent)
    assert load_network(prior)[1] == card


def test_a_byte_order_mark_is_no_damage(prior):
    prior.write_bytes(b"\xef\xbb\xbf" + prior.read_bytes())
    assert load_network(prior)[1].name == "tiny"
