"""The study of calibration from slices to tables, and that it goes on."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from napari_padis.cli.main import app
from napari_padis.errors import InputError
from napari_padis.evaluation import calibration_study as study
from napari_padis.evaluation.calibration_report import markdown
from napari_padis.evaluation.slices import ChosenSlices
from napari_padis.scan.volume import Volume
from napari_padis.scan.write import write


@pytest.fixture
def setting(tiny_prior):
    return study.Setting(str(tiny_prior), samples=4, device="cpu")


@pytest.fixture
def chosen(small_volume):
    return [ChosenSlices("small", small_volume, (0, 2))]


def all_of(*arguments):
    return list(study.judge(*arguments))


def test_every_slice_gets_its_row_and_is_not_done_again(setting, chosen, tmp_path, monkeypatch):
    contestants = [study.Contestant.parse(f"padis-{n},steps=4") for n in ("calibrated", "fast")]
    table = study.open_table(tmp_path / "t.json")
    steps = all_of(contestants, chosen, setting, table)
    assert steps[-1] == (4, 4)
    assert [d for d, _ in steps] == sorted(d for d, _ in steps)
    assert [(r["method"], r["slice"]) for r in table.rows] == [
        (c.label, i) for c in contestants for i in (0, 2)
    ]
    rows = study.rows_of(contestants[0], chosen, setting, table)
    (name, tally), _ = study.tallies(rows)
    assert name == "small:0"
    assert tally.samples == 4
    assert tally.images == 1
    # From the file, nothing is run any more.
    monkeypatch.setattr(study, "shares", None)
    again = study.open_table(tmp_path / "t.json")
    assert all_of(contestants, chosen, setting, again)[-1] == (4, 4)
    assert study.pooled(study.rows_of(contestants[1], chosen, setting, again)).images == 2
    text = "\n".join(markdown(contestants, chosen, setting, again))
    assert "padis-fast,steps=4" in text
    assert "| small:0 | small:2 |" in text
    for line in text.splitlines():  # whole tables
        assert not line.startswith("|") or line.endswith("|")


def test_another_setting_is_another_row(setting, chosen, tmp_path):
    contestants = [study.Contestant.parse("padis-fast,steps=4")]
    table = study.open_table(tmp_path / "t.json")
    all_of(contestants, chosen, setting, table)
    other = study.Setting(setting.prior, samples=4, noise=0.02, device="cpu")
    assert study.rows_of(contestants[0], chosen, other, table) == []
    assert study.judged(contestants, chosen, other, table) == {}
    assert list(markdown(contestants, chosen, other, table)) == ["Nothing was judged yet."]
    all_of(contestants, chosen, other, table)
    assert len(table.rows) == 4
    assert len(study.rows_of(contestants[0], chosen, other, table)) == 2


@pytest.mark.usefixtures("float32")
def test_samples_are_kept_and_taken_up(setting, chosen, tmp_path):
    setting = replace(setting, keep=tmp_path / "kept", chains=2)
    contestants = [study.Contestant.parse("padis-calibrated,steps=4")]
    steps = study.judge(contestants, chosen, setting, study.open_table(tmp_path / "t.json"))
    for done, _ in steps:
        if done > 0.6:  # two of four samples of the first slice, and the first level of the others
            break
    steps.close()
    whole = study.open_table(tmp_path / "u.json")
    all_of(contestants, chosen, replace(setting, keep=None), whole)
    table = study.open_table(tmp_path / "t.json")
    assert table.rows == []
    assert next(study.judge(contestants, chosen, setting, table))[0] >= 0.5
    all_of(contestants, chosen, setting, table)
    for a, b in zip(table.rows, whole.rows, strict=True):
        assert a["psnr"] == pytest.approx(b["psnr"], abs=1e-3)
        assert np.allclose(a["tally"]["fine"], b["tally"]["fine"], rtol=0.05, atol=5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nope", "no method 'nope'"),
        ("fbp", "draws no samples"),
        ("padis-fast,zeta", "KEY=NUMBER"),
        ("padis-fast,zeta=1", "no option 'zeta'"),
        ("padis-fast,epsilon=much", "KEY=NUMBER"),
    ],
)
def test_wrong_methods_are_named(text, message):
    with pytest.raises(InputError, match=message):
        study.Contestant.parse(text)


def test_settings_of_a_method_are_used():
    found = study.Contestant.parse("padis-calibrated, steps=20, epsilon=0.25")
    assert found.label == "padis-calibrated,epsilon=0.25,steps=20"
    assert (found.steps, found.options) == (20, {"epsilon": 0.25})


def test_a_method_may_have_a_prior_of_its_own(setting, chosen, tmp_path):
    own = study.Contestant.parse("padis-fast, prior=ellipses, steps=4")
    assert (own.prior, own.options, own.steps) == ("ellipses", {}, 4)
    other = study.Contestant.parse("padis-fast,steps=4")
    table = study.open_table(tmp_path / "t.json")
    all_of([own, other], chosen, setting, table)
    assert [row["prior"] for row in table.rows] == ["ellipses"] * 2 + [setting.prior] * 2
    assert table.rows[0]["psnr"] != table.rows[2]["psnr"]
    assert table.rows[0]["version"] != table.rows[2]["version"]


def test_rows_of_other_defaults_are_not_taken_for_these(setting, chosen, tmp_path, monkeypatch):
    contestants = [study.Contestant.parse("padis-fast,steps=4")]
    table = study.open_table(tmp_path / "t.json")
    all_of(contestants, chosen, setting, table)
    how = study.find_method("padis-fast")
    changed = replace(how, options={**how.options, "epsilon": 0.25})
    monkeypatch.setattr(study, "find_method", lambda name: changed)
    assert study.rows_of(contestants[0], chosen, setting, table) == []


@pytest.fixture
def words(tiny_prior, small_volume, tmp_path):
    """A short run of the command, on one slice."""
    (tmp_path / "data").mkdir()
    write(tmp_path / "data" / "a.nii.gz", Volume(small_volume.array, small_volume.spacing, "HU"))
    words = ["benchmark", "calibration", "--data", tmp_path / "data", "--prior", tiny_prior]
    words += ["--json", tmp_path / "t.json", "--csv", tmp_path / "t.csv", "--samples", 4]
    words += ["--slices", 1, "--method", "padis-calibrated,steps=4", "--device", "cpu"]
    return [str(word) for word in words]


def test_command_line(words, tmp_path):
    shown = CliRunner().invoke(app, [*words, "--plot", str(tmp_path / "t.svg")])
    assert shown.exit_code == 0, shown.output
    assert "RMS error" in shown.output
    (row,) = study.open_table(tmp_path / "t.json").rows
    (line,) = csv.DictReader((tmp_path / "t.csv").open())
    assert float(line["psnr"]) == row["psnr"]
    assert (tmp_path / "t-pooled.csv").read_text().count("spread") == 10
    assert "padis-calibrated,steps=4" in (tmp_path / "t.svg").read_text()


def test_what_is_there_is_reported_without_any_work(words, tmp_path, monkeypatch):
    CliRunner().invoke(app, words)
    monkeypatch.setattr(study, "judge", None)
    words[words.index("--slices") + 1] = "2"
    figure = ["--report", "--plot", str(tmp_path / "t.svg")]
    shown = CliRunner().invoke(app, [*words, *figure])
    assert shown.exit_code == 0, shown.output
    assert "RMS error" in shown.output
    assert (tmp_path / "t.svg").exists()
    words[words.index("--samples") + 1] = "5"
    shown = CliRunner().invoke(app, [*words, "--report", "--plot", str(tmp_path / "u.svg")])
    assert "Nothing was judged yet." in shown.output
    assert not (tmp_path / "u.svg").exists()


def test_slices_that_were_averaged_down_are_another_study(words, tmp_path, small_volume):
    CliRunner().invoke(app, words)
    half = max(small_volume.shape[1:]) // 2
    shown = CliRunner().invoke(app, [*words, "--size", str(half)])
    assert shown.exit_code == 0, shown.output
    assert f"averaged down to {half} pixels" in shown.output
    whole, small = study.open_table(tmp_path / "t.json").rows
    assert (whole["size"], small["size"]) == (0, half)
    assert np.sum(small["tally"]["fine"]) < np.sum(whole["tally"]["fine"])


@pytest.mark.parametrize(
    ("spoiled", "more", "message"),
    [
        ("t.csv", [], "was not made by this command"),
        ("t-pooled.csv", [], "was not made by this command"),
        (None, ["--plot", "figure.pdf"], "must end in .png or .svg"),
    ],
)
def test_files_that_cannot_be_written_are_named_before_the_work(
    words, tmp_path, spoiled, more, message
):
    if spoiled:
        (tmp_path / spoiled).write_text("a,b\n1,2\n")
    shown = CliRunner().invoke(app, [*words, *more])
    assert shown.exit_code == 2
    assert message in " ".join(shown.output.split())
    assert not (tmp_path / "t.json").exists()
