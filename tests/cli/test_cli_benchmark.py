"""``napari-padis benchmark`` on the command line."""

import json
import subprocess
import sys

import pytest
from PIL import Image

#: Settings of the smallest ablation.
TINY = {
    "training": {"network": {"width": 8, "multipliers": [1, 1], "blocks": [1, 1]}},
    "patches": [8],
    "slices": [2],
    "pixels_per_step": 256,
    "sigmas": [0.1],
    "denoising_slices": 1,
    "views": 6,
    "samples": 1,
    "steps": 2,
    "whole": 32,
}


def test_denoising(cli, tiny_prior, training_folder, tmp_path):
    words = ("benchmark", "denoising", "--data", training_folder, "--prior", tiny_prior)
    words += ("--slices", 1, "--sigma", 0.1, "--no-bm3d")
    first = cli(*words, "--json", tmp_path / "t.json")
    assert first.exit_code == 0, first.output
    for line in ("| sigma | 0.1 |", "| tiny | ", "| TV | ", "| NL-means | "):
        assert line in first.output
    rows = json.loads((tmp_path / "t.json").read_text())
    assert {row["volume"] for row in rows} == {"3", "4"}
    # A second call has nothing to do and says the same.
    before = (tmp_path / "t.json").stat().st_mtime_ns
    again = cli(*words, "--json", tmp_path / "t.json")
    assert (tmp_path / "t.json").stat().st_mtime_ns == before
    assert [x for x in again.output.splitlines() if x.startswith("|")] == [
        x for x in first.output.splitlines() if x.startswith("|")
    ]


def test_ctrl_c_keeps_the_rows_that_are_there(tiny_prior, training_folder, tmp_path):
    program = (
        "from napari_padis.cli.main import app\n"
        "from napari_padis.evaluation import denoising\n"
        "real, calls = denoising.quality, []\n"
        "def quality(*given):\n"
        "    calls.append(given)\n"
        "    if len(calls) == 4:\n"
        "        raise KeyboardInterrupt\n"
        "    return real(*given)\n"
        "denoising.quality = quality\n"
        f"app(['benchmark', 'denoising', '--data', {str(training_folder)!r}, '--no-bm3d',\n"
        f"     '--prior', {str(tiny_prior)!r}, '--csv', {str(tmp_path / 't.csv')!r}])\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 130
    assert "the same command goes on from here" in run.stderr
    assert "Traceback" not in run.stderr
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 1 + 3


def test_samples(cli, tiny_prior, tmp_path):
    words = ("benchmark", "samples", "--prior", tiny_prior, "--count", 2, "--shape", 24, 32)
    result = cli(*words, "--levels", 3, "--inner", 1, "--out", tmp_path / "s.png")
    assert result.exit_code == 0, result.output
    assert "2 images from 3 evaluations each" in result.output
    assert Image.open(tmp_path / "s.png").size[0] == 2 * 32 + 4
    other = cli(*words, "--levels", 4, "--out", tmp_path / "s.png")
    assert other.exit_code == 2
    assert "other settings" in other.stderr


def test_ablation(cli, training_folder, tmp_path):
    (tmp_path / "tiny.json").write_text(json.dumps(TINY))
    result = cli(
        "benchmark", "prior-ablation", "--data", training_folder, "--validation", training_folder,
        "--out", tmp_path / "out", "--config", tmp_path / "tiny.json", "--steps", 1,
        "--entry", "whole",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "| whole | 7 |" in result.output
    assert (tmp_path / "out" / "summary.csv").exists()
    assert (tmp_path / "out" / "ablation.png").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["denoising", "--data", "none", "--prior", "ct-small", "--csv", "t.csv"], "no folder"),
        (["denoising", "--data", ".", "--prior", "nope", "--csv", "t.csv"], "no prior 'nope'"),
        (["denoising", "--data", ".", "--prior", "mr", "--csv", "t.csv"], "'mr' cannot be"),
        (["denoising", "--data", ".", "--prior", "ct-small"], "--csv or with --json"),
        (["denoising", "--data", ".", "--prior", "ct-small", "--csv", "t.txt"], ".csv"),
        (
            ["denoising", "--data", ".", "--prior", "ct-small", "--csv", "t.csv", "--sigma", "0"],
            "must be positive",
        ),
        (
            ["denoising", "--data", ".", "--prior", "ct-small", "--csv", "t.csv", "--tiling", "x"],
            "no tiling 'x'; choose from shifted",
        ),
        (["samples", "--prior", "nope", "--out", "s.png"], "no prior 'nope'"),
        (["samples", "--prior", "ct-small", "--out", "s.gif"], ".png"),
        (["samples", "--prior", "ct-small", "--out", "s.png", "--shape", "4", "4"], "too small"),
        (
            ["samples", "--prior", "ct-small", "--out", "s.png", "--window", "5", "5"],
            "is empty",
        ),
        (
            ["samples", "--prior", "ct-small", "--out", "s.png", "--sigma-max", "0"],
            "sigma_max",
        ),
        (["prior-ablation", "--data", "none", "--validation", ".", "--out", "o"], "no folder"),
        (
            ["prior-ablation", "--data", ".", "--validation", ".", "--out", "o", "--minutes", "0"],
            "positive",
        ),
        (
            ["prior-ablation", "--data", ".", "--validation", ".", "--out", "o", "--config", "n"],
            "'n' cannot be read",
        ),
    ],
)
def test_wrong_words_end_in_one_sentence(cli, tmp_path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    result = cli("benchmark", *words)
    assert result.exit_code == 2, result.output
    lines = [x for x in result.stderr.splitlines() if x.startswith("napari-padis:")]
    assert len(lines) == 1
    assert sentence in lines[0]


def test_an_entry_that_does_not_exist(cli, training_folder, tmp_path):
    result = cli(
        "benchmark", "prior-ablation", "--data", training_folder, "--validation", training_folder,
        "--out", tmp_path / "out", "--entry", "patch-7",
    )  # fmt: skip
    assert result.exit_code == 2
    assert "no entry 'patch-7'" in result.stderr
