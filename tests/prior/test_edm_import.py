"""Published checkpoints give the numbers of an independent description of DDPM++."""

from __future__ import annotations

import math
import pickle

import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.prior.architecture import NetworkConfig
from napari_padis.prior.edm_import import import_network
from napari_padis.prior.network import EDMDenoiser
from napari_padis.prior.patches import position_channels

LAYOUTS = {
    "PaDIS, small": {},
    "attention on a level": {"attention": (24,)},
    "three levels, widths that are no power of two": {
        "width": 24, "mult": (2, 1, 2), "blocks": 1, "attention": (48, 12)
    },
    "two image channels, no position": {"inputs": 2, "outputs": 2, "mult": (1, 1), "blocks": 1},
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_equals_the_description(layout, published, tmp_path):
    """Snapshot, importer and network give what the description gives."""
    layout = published.Layout(**layout)
    w = layout.weights()
    file = published.snapshot(tmp_path / "network-snapshot.pkl", published.tree(w, layout))
    network = import_network(file, padding=8).network
    x = torch.rand(2, layout.outputs, 16, 16, generator=torch.Generator().manual_seed(1))
    sigma = torch.tensor([0.05, 3.0])
    ours = position_channels(torch.tensor([[-3, 5], [10, -8]]), 16, (32, 32))
    theirs = ours * 32 / 47 if layout.inputs > layout.outputs else None
    expected = published.denoiser(layout, w, x, sigma, theirs)
    assert expected.std() > 0.1
    with torch.no_grad():
        assert (network(x, sigma, ours) - expected).abs().max() < 1e-5


def test_positions_become_those_of_the_training():
    """u(i) = 2 (i / (R - 1) - 1/2) for pixel i of the padded image, R = N + 2 padding."""
    n, padding, patch = 256, 64, 56
    side = n + 2 * padding
    u = 2 * (torch.arange(side) / (side - 1) - 0.5)
    first = torch.tensor([[-20, 31], [200, -64]])
    ours = position_channels(first, patch, (n, n)) * (n / (side - 1))
    for (row, column), found in zip((first + padding).tolist(), ours, strict=True):
        assert torch.allclose(found[0], u[column : column + patch].expand(patch, patch), atol=1e-6)
        assert torch.allclose(found[1].T, u[row : row + patch].expand(patch, patch), atol=1e-6)


def test_padding_of_the_training_gives_the_factor(published, tmp_path):
    layout = published.Layout()
    file = published.snapshot(tmp_path / "a.pkl", published.tree(layout.weights(), layout))
    assert import_network(file, padding=8).network.config.position_scale == pytest.approx(32 / 47)
    assert import_network(file, padding=8).side == 48
    with pytest.raises(InputError, match="--padding"):
        import_network(file, padding=24)


def test_networks_without_position_need_no_padding(published, tmp_path):
    layout = published.Layout(inputs=1, blocks=1)
    file = published.snapshot(tmp_path / "a.pkl", published.tree(layout.weights(), layout))
    config = import_network(file, padding=64).network.config
    assert (config.position_channels, config.position_scale) == (0, 1)


def test_sigma_data_is_the_networks(published, tmp_path):
    layout = published.Layout()
    net = published.tree(layout.weights(), layout, sigma_data=0.25)
    assert import_network(
        published.snapshot(tmp_path / "a.pkl", net), 8
    ).network.config.sigma_data == pytest.approx(0.25)


def test_the_published_size(published):
    """54.41 M parameters: 128 channels times (2, 2, 2), 4 blocks, three channels in, one out."""
    layout = published.Layout(side=384, width=128, mult=(2, 2, 2), blocks=4)
    count = sum(
        math.prod(s) for n, s in layout.shapes().items() if not n.endswith("resample_filter")
    )
    with torch.device("meta"):
        network = EDMDenoiser(NetworkConfig.ddpmpp())
    assert sum(p.numel() for p in network.parameters()) == count == 54_409_729


@pytest.mark.parametrize("kind", ["protocol 2", "state", "weights", "older weights", "wrapped"])
def test_all_kinds_of_files_give_the_same(kind, published, tmp_path):
    layout = published.Layout(blocks=1, attention=(24,))
    w = layout.weights()
    net = published.tree(w, layout)
    expected = import_network(published.snapshot(tmp_path / "a.pkl", net), 8).network
    file = tmp_path / "b.pt"
    if kind == "protocol 2":
        published.snapshot(file, net, protocol=2)
    elif kind == "state":
        published.state(file, net)
    elif kind == "wrapped":
        torch.save({"state_dict": {f"module.model.{k}": v for k, v in w.items()}}, file)
    else:
        torch.save(net.state_dict(), file, _use_new_zipfile_serialization=kind == "weights")
    found = import_network(file, 8).network
    assert found.config == expected.config
    assert all(map(torch.equal, found.state_dict().values(), expected.state_dict().values()))


def test_a_half_precision_snapshot_becomes_float32(published, tmp_path):
    layout = published.Layout(blocks=1)
    w = {name: value.half() for name, value in layout.weights().items()}
    found = import_network(published.snapshot(tmp_path / "a.pkl", published.tree(w, layout)), 8)
    weight = found.network.unet.stem.weight
    assert torch.equal(weight, w["enc.48x48_conv.weight"].float())


def test_unused_parts_of_the_training_are_left_out(published, tmp_path):
    layout = published.Layout(blocks=1)
    w = layout.weights() | {"map_augment.weight": torch.ones(16, 9)}
    import_network(published.snapshot(tmp_path / "a.pkl", published.tree(w, layout)), 8)


def test_the_source_in_the_file_is_not_run(published, tmp_path, monkeypatch):
    layout = published.Layout(blocks=1)
    canary = tmp_path / "canary"
    monkeypatch.setitem(published.source, "module_src", f"open({str(canary)!r}, 'w')\n")
    file = published.snapshot(tmp_path / "a.pkl", published.tree(layout.weights(), layout))
    assert b"canary" in file.read_bytes()
    import_network(file, 8)
    assert not canary.exists()
    pickle.loads(file.read_bytes())  # read as Python does, it is run
    assert canary.exists()
