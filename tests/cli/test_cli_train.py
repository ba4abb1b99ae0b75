import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from napari_padis.cli.train_settings import read_card, read_config
from napari_padis.prior.card import PriorCard
from napari_padis.prior.checkpoint import load_network
from napari_padis.prior.network import EDMDenoiser
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
        self.step(0.0)
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


CONFIGS = Path(__file__).parents[2] / "configs"


NAMES = sorted(p.name.removesuffix(".card.json") for p in CONFIGS.glob("*.card.json"))


@pytest.mark.parametrize("name", [*NAMES, "ct-small-continued"])
def test_committed_settings_are_valid(name):
    settings = read_config(CONFIGS / f"{name}.json", hours=None, steps=None, seed=None)
    assert settings.hours > 0
    with torch.device("meta"):
        count = sum(p.numel() for p in EDMDenoiser(settings.network).parameters())
    assert count <= 30e6
    said = read_card(CONFIGS / f"{name.removesuffix('-continued')}.card.json")
    assert said["title"]
    assert said["licence"]
    assert said["trained_on"]


def changed(tiny_config, more):
    """The smallest settings with some others; those of the network are added to its own."""
    values = json.loads(tiny_config.read_text())
    network = values["network"] | more.get("network", {})
    tiny_config.write_text(json.dumps(values | more | {"network": network}))
    return tiny_config


def test_a_run_that_was_killed_ends_in_the_same_weights(
    cli, training_folder, tiny_config, tmp_path
):
    more = {"flip": 0.5, "gain": [0.9, 1.1], "validate_every": 0.2}
    config = changed(tiny_config, more)
    words = ["--steps", 20, "--validation", training_folder, "--name", "same"]
    result = train(cli, training_folder, tmp_path / "straight", config, *words)
    assert result.exit_code == 0, result.output
    out = tmp_path / "killed"
    line = ["train", training_folder, "--out", out, "--config", config, *words, "--save-every", 0]
    process = subprocess.Popen(
        [sys.executable, "-c", "from napari_padis.cli.main import main; main()", *map(str, line)],
        env=os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    end = time.monotonic() + 600
    while not (out / "state.pt").exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.002)
    process.kill()
    process.wait()
    assert (out / "state.pt").exists()
    assert not (out / "same.json").exists()
    result = train(cli, training_folder, out, config, *words)
    assert result.exit_code == 0, result.output
    one, other = ((f / "same.safetensors").read_bytes() for f in (tmp_path / "straight", out))
    assert one == other
    curves = [(f / "validation.csv").read_text() for f in (tmp_path / "straight", out)]
    psnr = [[line.split(",")[6:] for line in text.splitlines()] for text in curves]
    assert psnr[0] == psnr[1]
    assert len(psnr[0]) == 7


def test_starts_from_a_prior(cli, training_folder, tiny_config, tiny_prior, tmp_path):
    parent = PriorCard.load(tiny_prior)
    out = tmp_path / "child"
    words = ("--steps", 2, "--start", tiny_prior)
    result = train(cli, training_folder, out, tiny_config, *words)
    assert result.exit_code == 0, result.output
    card = PriorCard.load(out / "child.json")
    assert card.training.start == f"tiny, sha256 {parent.sha256}"
    assert card.training.steps == 2
    # Going on needs no repetition of --start, and does not forget it.
    result = train(cli, training_folder, out, tiny_config, "--steps", 3)
    assert result.exit_code == 0, result.output
    assert PriorCard.load(out / "child.json").training.start == card.training.start


def test_start_of_another_network_is_refused(
    cli, training_folder, tiny_config, tiny_prior, tmp_path
):
    wider = changed(tiny_config, {"network": {"width": 16}})
    words = ("--steps", 2, "--start", tiny_prior)
    result = train(cli, training_folder, tmp_path / "out", wider, *words)
    assert result.exit_code == 2
    assert "another network" in result.stderr


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"whole": True, "patch_sizes": [32]}, {"tiling": "whole", "patch": 32}),
        ({"fixed_grid": True}, {"tiling": "fixed"}),
        (
            {"slices": 3, "network": {"image_channels": 3, "conditions": 1}},
            {"tiling": "shifted", "slices": 3, "slice_spacing": (3.0, 3.0)},
        ),
    ],
    ids=["whole", "fixed", "slices"],
)
def test_the_card_says_how_to_tile(cli, training_folder, tiny_config, tmp_path, more, expected):
    config = changed(tiny_config, more)
    out = tmp_path / "made"
    result = train(cli, training_folder, out, config, "--steps", 1)
    assert result.exit_code == 0, result.output
    _, card = load_network(out / "made.json")
    for key, value in expected.items():
        assert getattr(card, key) == value
    assert card.error_table


def test_leaves_log_and_pictures_and_tells_the_speed(cli, training_folder, tiny_config, tmp_path):
    out = tmp_path / "out"
    words = ("--steps", 2, "--validation", training_folder)
    result = train(cli, training_folder, out, tiny_config, *words)
    assert result.exit_code == 0, result.output
    assert "2 steps, 8 patches" in result.output
    assert "a second" in result.output
    names = {p.name for p in out.iterdir()}
    assert names == {
        "state.pt", "config.json", "log.csv", "validation.csv", "training.png", "examples.png",
        "out.json", "out.safetensors",
    }  # fmt: skip


def test_damaged_state_is_one_sentence(cli, training_folder, tiny_config, tiny_prior):
    state = tiny_prior.parent / "state.pt"
    state.write_bytes(state.read_bytes()[:5000])
    result = train(cli, training_folder, tiny_prior.parent, tiny_config, "--steps", 5)
    assert result.exit_code == 2
    assert result.stderr.count("napari-padis: ") == 1
    assert "delete it to start this training anew" in result.stderr
    assert "Traceback" not in result.stderr


def test_errors_are_foretold_by_a_trained_prior(
    cli, training_folder, tiny_config, tiny_prior, tmp_path
):
    """Its card stays, D too; how the second output came about is added."""
    values = json.loads(tiny_config.read_text())
    values |= {"objective": "error", "network": values["network"] | {"error_width": 4}}
    tiny_config.write_text(json.dumps(values))
    out = tmp_path / "errors"
    refused = train(cli, training_folder, out, tiny_config, "--steps", 2)
    assert refused.exit_code == 2
    assert "--start" in refused.stderr
    words = ("--steps", 2, "--start", tiny_prior, "--validation", training_folder)
    result = train(cli, training_folder, out, tiny_config, *words)
    assert result.exit_code == 0, result.output
    before, parent = load_network(tiny_prior)
    after, card = load_network(out / "errors.json")
    assert card.error_table == parent.error_table
    assert card.training == parent.training
    assert card.error_training.steps == 2
    kept = after.state_dict()
    assert all(torch.equal(v, kept[k]) for k, v in before.state_dict().items())
    assert "ratio_0.1" in (out / "validation.csv").read_text()
