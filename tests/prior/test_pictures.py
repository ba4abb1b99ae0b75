"""Curves are drawn where their numbers are; examples show what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from napari_padis.prior.charts import COLOURS, Chart, decades, ticks
from napari_padis.prior.data import PatchSampler
from napari_padis.prior.pictures import draw_curves, draw_examples
from napari_padis.prior.settings import TrainingConfig
from napari_padis.prior.slice_store import Preparation
from napari_padis.prior.training_log import Table
from napari_padis.scan.volume import Volume


def pixels(image, colour):
    """Rows and columns of a colour inside the frame of a chart."""
    rgb = tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
    found = (np.asarray(image)[:, :629] == rgb).all(axis=-1)
    return np.nonzero(found)


def test_ticks_are_round_numbers():
    assert ticks(0, 10) == pytest.approx([0, 2, 4, 6, 8, 10])
    assert ticks(28.1, 33.2) == pytest.approx([30, 32])
    assert ticks(0, 71_234) == pytest.approx([0, 20_000, 40_000, 60_000])
    assert 10 ** np.array(decades(-1.5, 0.1)) == pytest.approx([0.05, 0.1, 0.2, 0.5, 1.0])
    assert 10 ** np.array(decades(-4.5, 0.1)) == pytest.approx([1e-4, 1e-3, 1e-2, 0.1, 1.0])


def test_a_rising_line_rises_and_a_logarithm_makes_powers_straight():
    straight = Chart("t", "x", {"a": [(x, x) for x in range(50)]}).draw()
    rows, columns = pixels(straight, COLOURS[0])
    assert np.corrcoef(rows, columns)[0, 1] < -0.999
    powers = [(x, 10.0**-x) for x in range(50)]
    rows, columns = pixels(Chart("t", "x", {"a": powers}, log_y=True).draw(), COLOURS[0])
    assert np.corrcoef(rows, columns)[0, 1] > 0.999


def test_charts_without_numbers_are_drawn_too():
    gaps = [(0, float("nan")), (1, 0.0), (2, float("inf"))]
    image = Chart("t", "x", {"a": gaps, "b": []}, log_y=True).draw()
    assert not len(pixels(image, COLOURS[0])[0])
    single = Chart("t", "x", {"a": [(3, 0.0)]}).draw()
    assert len(pixels(single, COLOURS[0])[0])


def test_curves_of_a_run(tmp_path):
    log, curve = Table(tmp_path / "log.csv"), Table(tmp_path / "validation.csv")
    for i in range(200):
        row = {"step": i, "patches": 10 * i, "learning_rate": 1e-4, "loss_below_0.1": 1 / (1 + i)}
        log.add(row | {"loss_below_inf": ""})
    without = Image.open(draw_curves(tmp_path)).size
    for i in range(3):
        curve.add({"step": i, "patches": 900 * i, "psnr_0.1": 30 + i})
    path = draw_curves(tmp_path)
    assert path == tmp_path / "training.png"
    image = Image.open(path).convert("RGB")
    assert image.height == pytest.approx(without[1] * 1.5)
    rows, columns = pixels(image.crop((0, 0, image.width, 260)), COLOURS[2])  # 0.03 to 0.1
    assert rows[columns.argmin()] < rows[columns.argmax()]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_examples_stand_beside_real_patches(tmp_path):
    config = TrainingConfig(patch_sizes=(16,), probabilities=(1,), batches=(1,), steps=1, pad=0)
    flat = Preparation(0, 1)(Volume(np.full((1, 20, 20), 0.8)))
    sampler = PatchSampler.of([flat], config)

    def network(x, sigma, position):
        return torch.full_like(x, 0.2)

    path = draw_examples(network, sampler, config, torch.device("cpu"), tmp_path / "examples.png")
    image = np.asarray(Image.open(path).convert("L"))
    left, right = image[60:, : image.shape[1] // 2], image[60:, image.shape[1] // 2 :]
    assert (left == 51).sum() == pytest.approx((right == 204).sum(), rel=0.02)
    assert (left == 51).mean() > 0.7
    assert not (left == 204).any()
