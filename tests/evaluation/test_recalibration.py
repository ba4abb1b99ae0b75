"""From a calibration study to a map in the card, on samples whose error is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from napari_padis.cli.main import app
from napari_padis.errors import InputError
from napari_padis.evaluation import recalibration as maps
from napari_padis.evaluation.calibration import LEVELS, coverage
from napari_padis.evaluation.tally import EDGES, Tally
from napari_padis.prior.card import PriorCard
from napari_padis.prior.recalibration import Recalibration
from napari_padis.scan.write import write

WIDTH = 2000.0


def as_map(spread, error):
    return Recalibration(
        method="m", settings="m", task="t", samples=16, voxels=1, slices=1, volumes=1,
        spread=spread, error=error,
    )  # fmt: skip


def exact(known_tally, curve):
    """A tally whose squared errors are those of normal samples and ``curve(sd)``, to the digit."""
    tally = known_tally()
    number, sd = np.zeros(len(EDGES) + 1), np.append(EDGES, 2 * EDGES[-1])
    number[100:160] = 100
    right = (1 + 1 / tally.samples) * curve(sd) ** 2
    return replace(tally, fine=np.array([number, number * right, number * sd**2]))


def test_a_spread_that_is_half_the_right_one_is_doubled(known_tally):
    spread, error = maps.measured_map(exact(known_tally, lambda sd: 2 * sd), WIDTH)
    assert error == pytest.approx(2 * np.array(spread))
    sd = np.geomspace(0.1, 1000, 50) / WIDTH
    assert as_map(spread, error).apply(sd) == pytest.approx(2 * sd)


def test_the_map_is_monotone_where_errors_are_not(known_tally):
    tally = exact(known_tally, lambda sd: sd * (1.5 + np.sin(3 * np.log(sd))))
    ratios = [one.error for one in tally.bins()]
    assert (np.diff(ratios) < 0).any()
    spread, error = maps.measured_map(tally, WIDTH)
    assert (np.diff(error) >= 0).all()
    # Pooled bins keep the sum of their squared errors.
    voxels = [one.voxels for one in tally.bins()]
    expected = np.dot(voxels, np.square(ratios)) / (1 + 1 / tally.samples)
    assert np.dot(voxels, np.square(error)) * WIDTH**2 == pytest.approx(expected)
    assert len(spread) == len(error) == 10


@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.6])
def test_intervals_of_other_images_cover_what_they_should(known_tally, ratio):
    spread, error = maps.measured_map(known_tally(ratio), WIDTH)
    rng = np.random.default_rng(7)  # none of the images that the map comes from
    sd = np.exp(rng.normal(3, 0.6, 40_000))
    mean = sd * rng.standard_normal(sd.shape)
    drawn = mean + ratio * sd * rng.standard_normal((16, *sd.shape))
    right = as_map(spread, error).apply(drawn.std(0, ddof=1) / WIDTH) * WIDTH
    found = coverage(-drawn.mean(0), right, 16)
    # The mean scatters by the wrong spread, the intervals allow for the right one: a little off.
    assert found == pytest.approx(np.array(LEVELS), abs=0.03)
    if ratio != 1:
        raw = coverage(-drawn.mean(0), drawn.std(0, ddof=1), 16)
        assert abs(raw - LEVELS).max() > 0.1


def test_volumes_are_judged_by_the_others(known_tally):
    rows = [
        {"volume": str(i), "slice": 0, "tally": known_tally(0.5, images=1, seed=i).to_dict()}
        for i in range(3)
    ]
    before, after = maps.held_out(rows, WIDTH)
    assert all(one.ratio > 1.5 for one in before.bins())
    assert all(one.ratio == pytest.approx(1, abs=0.06) for one in after.bins())
    assert maps.held_out(rows[:1], WIDTH) is None


def test_samples_that_do_not_differ_are_refused(known_tally):
    tally: Tally = known_tally()
    flat = replace(tally, fine=np.zeros_like(tally.fine))
    with pytest.raises(InputError, match="nothing to measure"):
        maps.measured_map(flat, WIDTH)


@pytest.fixture
def studied(tiny_prior, small_volume, tmp_path):
    """A card of its own and the command that judges and writes into it."""
    card = tmp_path / tiny_prior.name
    for ending in (".json", ".safetensors"):
        source = tiny_prior.with_suffix(ending)
        card.with_suffix(ending).write_bytes(source.read_bytes())
    (tmp_path / "data").mkdir()
    write(tmp_path / "data" / "one.nii.gz", small_volume)
    return card, [
        "benchmark", "calibration", "--data", str(tmp_path / "data"), "--json",
        str(tmp_path / "t.json"), "--prior", str(card), "--samples", "4", "--slices", "1",
        "--method", "padis-calibrated,steps=4", "--device", "cpu", "--recalibrate", str(card),
    ]  # fmt: skip


def test_the_command_writes_the_card_once(studied):
    card, command = studied
    for _ in range(2):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
    (found,) = PriorCard.load(card).recalibrations
    assert (found.method, found.samples) == ("padis-calibrated", 4)
    assert (found.slices, found.volumes) == (1, 1)
    assert found.weights == PriorCard.load(card).sha256
    assert found.task.startswith("Parallel-beam CT, ")
    assert "steps=4" in found.settings
    assert "measured on" in done.output


def test_another_priors_card_is_refused(studied, tmp_path):
    card, command = studied
    other = tmp_path / "other.json"
    values = PriorCard.load(card).model_copy(update={"name": "other"})
    other.write_text(values.model_dump_json(), encoding="utf-8")
    done = CliRunner().invoke(app, [*command[:-1], str(other)])
    assert done.exit_code != 0
    assert "the card of the prior that was judged" in str(done.output) + str(done.exception)
