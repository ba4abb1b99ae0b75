"""Curves are drawn where their numbers are; examples show what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from napari_padis.prior.charts import Chart, figure_of, save
from napari_padis.prior.data import PatchSampler
from napari_padis.prior.pictures import _grey, draw_curves, draw_examples
from napari_padis.prior.settings import TrainingConfig
from napari_padis.prior.slice_store import Preparation
from napari_padis.prior.training_log import Table
from napari_padis.scan.volume import Volume


def lines(chart):
    """What is drawn of each curve."""
    (axes,) = figure_of([chart]).axes
    return {line.get_label(): line.get_xydata().tolist() for line in axes.lines}, axes


def test_curves_are_drawn_where_their_numbers_are():
    drawn, axes = lines(Chart("t", "x", {"a": [(0, 1), (2, 5)], "b": [(1, 3)]}))
    assert drawn == {"a": [[0, 1], [2, 5]], "b": [[1, 3]]}
    assert (axes.get_title(loc="left"), axes.get_xlabel(), axes.get_yscale()) == (
        "t",
        "x",
        "linear",
    )
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]


def test_charts_without_numbers_are_drawn_too():
    gaps = [(0, float("nan")), (1, 0.0), (2, float("inf")), (3, 0.1)]
    drawn, axes = lines(Chart("t", "x", {"a": gaps, "b": []}, log_y=True))
    assert drawn == {"a": [[3, 0.1]], "b": []}
    assert axes.get_yscale() == "log"


def test_a_picture_is_whole_or_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "p.png"
    save(figure_of([Chart("t", "x", {"a": [(0, 1)]})]), path)
    before = path.read_bytes()
    figure = figure_of([Chart("t", "x", {"a": [(0, 2)]})])
    monkeypatch.setattr("os.replace", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save(figure, path)
    assert path.read_bytes() == before


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
    assert Image.open(path).height == pytest.approx(without[1] * 1.5, abs=2)
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


def test_the_front_is_on_top_and_the_right_side_at_the_left():
    patches = torch.zeros(1, 3, 4, 6)
    patches[0, 1, 0, 0] = 1  # behind, left, in the middle slice
    shown = _grey(patches, phase=False)
    assert shown.shape == (1, 4, 6)
    assert shown[0, -1, -1] == 255 == shown.sum()
