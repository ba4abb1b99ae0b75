import json
import signal

import pytest

from napari_padis.prior.card import PriorCard
from napari_padis.prior.checkpoint import load_network
from napari_padis.prior.training import Trainer
from napari_padis.scan.volume import Volume
from napari_padis.scan.write import write


def train(cli, folder, out, config, *words):
    return cli("train", folder, "--out", out, "--config", config, *words)


def test_makes_a_prior_that_can_be_loaded(tiny_prior):
    network, card = load_network(tiny_prior)
    assert card.name == "tiny"
    assert card.unit == "HU"
    assert (card.low, card.high) == (-1000, 1000)
    assert card.pixel_spacing == pytest.approx((2, 2))
    assert card.patch_sizes == (16,)
    assert card.training.steps == 3
    assert card.training.patches == 12
    assert card.training.slices == 7
    assert card.training.settings["errors_on"] == "training"
    assert all(error >= 0 for _, error in card.error_table)
    assert card.error_table
    assert next(network.parameters()).isfinite().all()


def test_goes_on_where_it_was(cli, training_folder, tiny_config, tiny_prior):
    words = ("--steps", 5, "--validation", training_folder)
    result = train(cli, training_folder, tiny_prior.parent, tiny_config, *words)
    assert result.exit_code == 0, result.output
    card = PriorCard.load(tiny_prior)
    assert card.training.steps == 5
    assert card.training.patches == 20
    assert card.training.settings["errors_on"] == "validation"


def test_other_settings_are_refused(cli, training_folder, tiny_config, tiny_prior):
    words = ("--steps", 5, "--seed", 7)
    result = train(cli, training_folder, tiny_prior.parent, tiny_config, *words)
    assert result.exit_code == 2
    assert "seed" in result.stderr


def test_budget_is_needed(cli, training_folder, tiny_config, tmp_path):
    result = train(cli, training_folder, tmp_path / "out", tiny_config)
    assert result.exit_code == 2
    assert "--hours or --steps" in result.stderr


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("{", "not valid JSON"),
        ("[]", "JSON object"),
        ('{"patchsizes": 3}', "patchsizes"),
        ('{"pad": -1}', "pad"),
    ],
)
def test_wrong_settings(cli, training_folder, tmp_path, text, fragment):
    config = tmp_path / "wrong.json"
    config.write_text(text)
    result = train(cli, training_folder, tmp_path / "out", config, "--steps", 1)
    assert result.exit_code == 2
    assert fragment in result.stderr


def test_missing_settings_file(cli, training_folder, tmp_path):
    result = train(cli, training_folder, tmp_path / "out", tmp_path / "none.json", "--steps", 1)
    assert result.exit_code == 2
    assert "none.json" in result.stderr


def test_volumes_of_different_units_are_refused(cli, training_folder, tiny_config, tmp_path):
    import numpy as np

    other = Volume(np.ones((2, 20, 20), np.float32), spacing=(1, 1, 1), unit="1/mm")
    write(training_folder / "other.nii.gz", other)
    result = train(cli, training_folder, tmp_path / "out", tiny_config, "--steps", 1)
    assert result.exit_code == 2
    assert "one unit" in result.stderr


def test_interrupt_keeps_the_state(cli, training_folder, tiny_config, tmp_path, monkeypatch):
    row = {"step": 2, "patches": 8, "patches_per_second": 1.0, "progress": 0.1}

    def run(self, save_every=300.0, report=None):
        self._step(0.0)
        signal.raise_signal(signal.SIGINT)
        report(row)

    monkeypatch.setattr(Trainer, "run", run)
    result = train(cli, training_folder, tmp_path / "out", tiny_config, "--steps", 5)
    assert result.exit_code == 130
    assert (tmp_path / "out" / "state.pt").exists()
    assert json.loads((tmp_path / "out" / "config.json").read_text())["steps"] == 5


def test_the_card_carries_what_a_person_says(cli, training_folder, tiny_config, tmp_path):
    said = tmp_path / "said.json"
    said.write_text(json.dumps({"title": "Mine", "licence": "CC0", "trained_on": ["a", "b"]}))
    out = tmp_path / "named"
    result = train(cli, training_folder, out, tiny_config, "--steps", 1, "--card", said)
    assert result.exit_code == 0, result.output
    card = PriorCard.load(out / "named.json")
    assert (card.title, card.licence, card.trained_on) == ("Mine", "CC0", ("a", "b"))


def test_the_card_may_not_say_what_is_measured(cli, training_folder, tiny_config, tmp_path):
    said = tmp_path / "said.json"
    said.write_text(json.dumps({"parameters": 1}))
    words = ("--steps", 1, "--card", said)
    result = train(cli, training_folder, tmp_path / "out", tiny_config, *words)
    assert result.exit_code == 2
    assert "'parameters'" in result.stderr


def test_committed_settings_are_valid():
    from pathlib import Path

    from napari_padis.cli.train_settings import read_card, read_config

    configs = Path(__file__).parents[2] / "configs"
    settings = read_config(configs / "ct-small.json", hours=None, steps=None, seed=None)
    assert settings.hours == 2.0
    assert "LIDC" in read_card(configs / "ct-small.card.json")["trained_on"][0]
