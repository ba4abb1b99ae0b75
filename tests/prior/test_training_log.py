"""The tables of a training run, and means by noise level."""

from __future__ import annotations

import pytest
import torch

from napari_padis.prior.training_log import LossBands, Table


def test_means_by_noise_level():
    bands = LossBands()
    bands.add(torch.tensor([0.005, 0.02, 0.02]), torch.tensor([1.0, 2.0, 4.0]))
    bands.add(torch.tensor([50.0, 0.03]), torch.tensor([7.0, 6.0]))
    means = bands.take()
    assert means == {
        "loss_below_0.01": 1.0, "loss_below_0.03": 4.0, "loss_below_0.1": "",
        "loss_below_0.3": "", "loss_below_1": "", "loss_below_inf": 7.0,
    }  # fmt: skip
    assert set(bands.take().values()) == {""}


def test_rows_after_a_step_are_forgotten(tmp_path):
    table = Table(tmp_path / "t.csv")
    for step in range(5):
        table.add({"step": step, "x": step / 2})
    table.rewind(2)
    table.add({"step": 3, "x": 9})
    assert [(r["step"], r["x"]) for r in table.rows()] == [
        ("0", "0.0"), ("1", "0.5"), ("2", "1.0"), ("3", "9"),
    ]  # fmt: skip
    table.rewind(-1)
    assert not table.path.exists()


def test_a_line_that_a_kill_cut_short_is_dropped(tmp_path):
    table = Table(tmp_path / "t.csv")
    table.add({"step": 1, "x": 1, "y": 1})
    with table.path.open("a") as file:
        file.write("2,0.")
    table.rewind(5)
    table.add({"step": 2, "x": 2, "y": 2})
    assert [r["step"] for r in table.rows()] == ["1", "2"]


def test_new_columns_are_added_to_an_older_file(tmp_path):
    table = Table(tmp_path / "t.csv")
    table.add({"step": 1, "x": 1})
    table.add({"step": 2, "rate": 3, "x": 2})
    assert [r["rate"] for r in table.rows()] == ["", "3"]
    assert [r["x"] for r in table.rows()] == ["1", "2"]
    assert Table(tmp_path / "none.csv").rows() == []


def test_gpu_utilisation_is_empty_on_the_cpu():
    from napari_padis.prior.training_log import gpu_percent

    assert gpu_percent(torch.device("cpu")) == ""


@pytest.mark.parametrize(("steps", "hours", "share"), [(8, None, 0.25), (None, 2.0, 0.5)])
def test_share_of_the_budget(steps, hours, share):
    from napari_padis.prior.settings import TrainingConfig
    from napari_padis.prior.training_log import Counters

    counters = Counters(step=2, patches=64, pixels=1, seconds=3600)
    config = TrainingConfig(steps=steps, hours=hours)
    assert counters.share(config) == share
    row = counters.row(config, 0.1)
    assert (row["patches_per_second"], row["progress"]) == (round(64 / 3600, 2), share)
