"""Checkpoints of other networks, and damaged ones, end in one sentence."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

from napari_padis.errors import InputError
from napari_padis.prior.edm_import import import_network


def _renamed(w, old, new):
    return {name.replace(old, new): value for name, value in w.items()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w | {"map_label.weight": torch.ones(16, 10)}, "no place.*map_label.weight"),
        (lambda w: {k: v for k, v in w.items() if "in1" not in k}, "24x24_in1.*missing"),
        (lambda w: w | {"map_layer1.bias": torch.ones(3)}, "map_layer1.bias.*another shape"),
        (lambda w: _renamed(w, "enc.", "encoder."), "other names"),
        (lambda w: {k: v for k, v in w.items() if "48x48_conv" not in k}, "48x48_conv.*missing"),
        (
            lambda w: w | {"enc.24x24_down.conv0.resample_filter": torch.ones(1, 1, 4, 4)},
            "no place.*resample_filter",
        ),
        (lambda w: w | {"map_layer0.bias": torch.full((64,), float("nan"))}, "not finite"),
        (lambda w: w | {"enc.48x48_conv.weight": torch.ones(4, 3, 3, 3)}, "not supported: width"),
    ],
)
def test_other_networks_are_named(change, message, published, tmp_path):
    torch.save(change(published.Layout(blocks=1).weights()), tmp_path / "a.pt")
    with pytest.raises(InputError, match=message) as error:
        import_network(tmp_path / "a.pt", 8)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ({"precond": "VPPrecond"}, "'VPPrecond'.*EDM preconditioning"),
        ({"model": "DhariwalUNet"}, "'DhariwalUNet'.*SongUNet"),
        ({"sigma_data": "wide"}, "sigma_data"),
    ],
)
def test_other_classes_are_named(classes, message, published, tmp_path):
    layout = published.Layout(blocks=1)
    net = published.tree(layout.weights(), layout, **classes)
    with pytest.raises(InputError, match=message):
        import_network(published.snapshot(tmp_path / "a.pkl", net), 8)


def test_a_network_that_holds_itself_ends(published, tmp_path):
    layout = published.Layout(blocks=1)
    net = published.tree(layout.weights(), layout)
    inner = net.model.enc
    for i in range(40):  # 2^40 names
        outer = nn.ModuleDict()
        outer["a"] = outer["b"] = inner
        inner = outer
        if i == 10:
            net.model.enc = inner
    with pytest.raises(InputError, match="without end"):
        import_network(published.snapshot(tmp_path / "a.pkl", net), 8)


@pytest.mark.parametrize("kind", ["snapshot", "state", "older weights"])
def test_damaged_checkpoints_end_in_a_sentence(kind, published, tmp_path):
    """100 copies of each kind with bytes changed, taken out or repeated."""
    layout = published.Layout(width=8, mult=(1, 1), blocks=1)
    net = published.tree(layout.weights(), layout)
    file = tmp_path / "a.bin"
    if kind == "snapshot":
        published.snapshot(file, net)
    elif kind == "state":
        published.state(file, net)
    else:
        torch.save(net.state_dict(), file, _use_new_zipfile_serialization=False)
    data = file.read_bytes()
    g = random.Random(0)
    said = []
    for _ in range(100):
        damaged = bytearray(data)
        for _ in range(g.choice((1, 3, 30))):
            at, length = g.randrange(len(damaged)), g.choice((1, 1, 4, 200))
            way = g.randrange(3)
            if way == 0:
                damaged[at : at + length] = g.randbytes(length)
            elif way == 1:
                del damaged[at : at + length]
            else:
                damaged[at:at] = damaged[at : at + length]
        if g.random() < 0.2:
            damaged = damaged[: g.randrange(len(damaged))]
        file.write_bytes(damaged)
        try:
            import_network(file, 8)
        except InputError as error:
            said.append(str(error))
    assert len(said) > 30
    assert all(text.endswith(".") and "\n" not in text for text in said)
