"""``napari-padis priors import``: from a published checkpoint to a prior."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_padis.prior.card import PriorCard
from napari_padis.prior.checkpoint import load_network, save_prior
from napari_padis.prior.edm_import import import_network


@pytest.fixture
def snapshot(published, tmp_path):
    layout = published.Layout(width=8, mult=(1, 1), blocks=1)
    net = published.tree(layout.weights(), layout)
    return published.snapshot(tmp_path / "network-snapshot-000800.pkl", net)


@pytest.fixture
def command(monkeypatch, tmp_path):
    from typer.testing import CliRunner

    from napari_padis.cli.main import app

    monkeypatch.setenv("NAPARI_PADIS_PRIORS", str(tmp_path / "priors"))
    return lambda *words: CliRunner().invoke(app, ["priors", "import", *map(str, words)])


def test_command_writes_a_prior(command, snapshot, tmp_path):
    words = ("--out", tmp_path / "out", "--name", "padis", "--padding", 8, "--licence", "CC0")
    result = command(snapshot, *words, "--low", -500, "--patch", 16)
    assert result.exit_code == 0, result.output
    network, card = load_network(tmp_path / "out" / "padis.json")
    assert (card.name, card.origin, card.licence) == ("padis", snapshot.name, "CC0")
    assert (card.low, card.high, card.patch) == (-500, 1000, 16)
    assert card.network == network.config
    assert network.config.position_scale == pytest.approx(32 / 47)
    expected = import_network(snapshot, 8).network.state_dict()
    assert all(map(torch.equal, network.state_dict().values(), expected.values()))


def test_command_measures_the_denoising_error(command, published, small_volume, tmp_path):
    """F = 0 leaves D = c x: the error is (1 - c)^2 mean(x^2) + c^2 sigma^2."""
    from napari_padis.scan.write import write

    layout = published.Layout(width=8, mult=(1, 1), blocks=1)
    w = layout.weights()
    w = {name: 0 * value if "aux_conv" in name else value for name, value in w.items()}
    snapshot = published.snapshot(tmp_path / "zero.pkl", published.tree(w, layout))
    (tmp_path / "volumes").mkdir()
    write(tmp_path / "volumes" / "a.nii.gz", small_volume)
    words = ("--out", tmp_path, "--name", "a", "--padding", 8, "--patch", 16)
    result = command(snapshot, *words, "--validation", tmp_path / "volumes", "--device", "cpu")
    assert result.exit_code == 0, result.output
    table = dict(PriorCard.load(tmp_path / "a.json").error_table)
    assert "dB" in result.output
    power = float((np.clip(small_volume.array[1] / 2000 + 0.5, 0, 1) ** 2).mean())
    for sigma in (0.01, 0.2, 1.0):
        c = 0.25 / (0.25 + sigma**2)
        assert table[sigma] == pytest.approx((1 - c) ** 2 * power + (c * sigma) ** 2, rel=0.1)


def test_imported_priors_denoise_images(snapshot, tmp_path):
    from napari_padis.prior import load_prior
    from napari_padis.prior.denoiser import finish

    network = import_network(snapshot, 8).network
    save_prior(network, PriorCard(name="a", patch=16, patch_sizes=(16,)), tmp_path)
    denoiser = load_prior(tmp_path / "a.json", (40, 36))
    x = torch.rand(1, 1, 40, 36)
    draw = denoiser.draw(x, 0.1, torch.Generator().manual_seed(0))
    estimate = finish(denoiser.denoise(x, 0.1, draw))
    assert estimate.shape == x.shape
    assert estimate.isfinite().all()
