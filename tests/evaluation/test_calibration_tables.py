"""Tables of calibration, as Markdown and as CSV, from tallies whose answers are known."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from scipy.stats import chisquare

from napari_padis.errors import InputError
from napari_padis.evaluation import calibration_study as study
from napari_padis.evaluation.calibration import LEVELS, expected_coverage
from napari_padis.evaluation.calibration_csv import export, open_tables, pooled_path
from napari_padis.evaluation.calibration_report import gain, markdown
from napari_padis.evaluation.slices import ChosenSlices
from napari_padis.evaluation.tally import BODY

FAST, CALIBRATED = "padis-fast", "padis-calibrated"


@pytest.fixture
def setting(tiny_prior):
    return study.Setting(str(tiny_prior), device="cpu")


@pytest.fixture
def chosen(small_volume):
    return [ChosenSlices("small", small_volume, (0, 2))]


@pytest.fixture
def table(tmp_path, setting, chosen, known_tally):
    """Calibrated: slices 0 and 2, of 30 and 34 dB; fast, of 1.25 times the spread: 0 of 29."""
    table = study.open_table(tmp_path / "t.json")
    judged = [(CALIBRATED, 1.0, 0, 30.0), (CALIBRATED, 1.0, 2, 34.0), (FAST, 1.25, 0, 29.0)]
    for name, ratio, index, psnr in judged:
        key = study._key(study.Contestant.parse(name), setting, "small", index)
        tally = known_tally(ratio, images=1, seed=index).to_dict()
        quality = {"psnr": psnr, "ssim": 0.9, "seconds": 7.0, "residual": 1.0}
        table.add({**key, **quality, "tally": tally})
    return table


def of(*names):
    return [study.Contestant.parse(name) for name in names]


def cells(lines, title, row):
    """Cells of a row of the table with this title, by column."""
    lines = list(lines)
    start = lines.index(f"**{title}**")
    head = lines[start + 2].split("|")[2:-1]
    body = next(line for line in lines[start + 4 :] if line.startswith(f"| {row} |"))
    return {
        name.strip(): cell.strip() for name, cell in zip(head, body.split("|")[2:-1], strict=True)
    }


@pytest.mark.parametrize("named", [(CALIBRATED, FAST), (CALIBRATED,)])
def test_gain_over_the_fast_method_is_that_of_common_slices(table, setting, chosen, named):
    lines = list(markdown(of(*named), chosen, setting, table))
    found = cells(lines, "Methods", CALIBRATED)
    assert found["PSNR of the mean (dB)"] == "32.00"
    assert found["less that of padis-fast (slices of both)"] == "+1.00 (1)"
    assert ("| padis-fast |" in "\n".join(lines)) == (FAST in named)


def test_gain_is_left_out_where_no_slice_is_common(table, setting, chosen):
    own = of(CALIBRATED, f"{FAST},steps=40")
    found = cells(markdown(own, chosen, setting, table), "Methods", CALIBRATED)
    assert found["less that of padis-fast,steps=40 (slices of both)"] == ""
    mean, count = gain([{"volume": "a", "slice": 0, "psnr": 1.0}], [])
    assert np.isnan(mean)
    assert count == 0


def test_only_chosen_slices_count(table, setting, chosen):
    first = [ChosenSlices("small", chosen[0].volume, (0,))]
    found = cells(markdown(of(CALIBRATED), first, setting, table), "Methods", CALIBRATED)
    assert (found["slices"], found["PSNR of the mean (dB)"]) == ("1", "30.00")


def test_ranks_come_with_their_p_value_and_what_it_is_worth(table, setting, chosen):
    lines = list(markdown(of(CALIBRATED), chosen, setting, table))
    title = f"{CALIBRATED}: rank of the true mean of regions among the samples"
    counts = [int(v) for v in cells(lines, title, "regions").values()]
    assert len(counts) == 17
    assert sum(counts) == 2 * 64
    (told,) = [line for line in lines if " p = " in line]
    assert f"p = {chisquare(counts).pvalue:.2g} (chi squared" in told
    assert "7.5 regions expected" in told
    assert "rough guide" in told


@pytest.fixture
def tables(tmp_path):
    return open_tables(tmp_path / "figures.csv")


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_slices_as_csv(table, setting, chosen, tables, tmp_path):
    export(tables, study.judged(of(CALIBRATED, FAST), chosen, setting, table))
    rows = read(tmp_path / "figures.csv")
    assert [(r["method"], r["slice"], r["psnr"]) for r in rows] == [
        (CALIBRATED, "0", "30.0"),
        (CALIBRATED, "2", "34.0"),
        (FAST, "0", "29.0"),
    ]
    for row, ratio in zip(rows, (1.0, 1.0, 1.25), strict=True):
        found = [float(row[f"covers_{100 * level:g}"]) for level in LEVELS]
        # 16,384 voxels: four standard errors of a share.
        assert np.allclose(found, expected_coverage(ratio, 16), atol=0.016)
        assert 0.2 < float(row["spearman"]) < 0.6
        assert float(row["seconds"]) == 7


def test_pooled_tallies_as_csv(table, setting, chosen, tables, tmp_path):
    export(tables, study.judged(of(CALIBRATED), chosen, setting, table))
    rows = read(pooled_path(tmp_path / "figures.csv"))
    by = {(r["table"], r["entry"]): r for r in rows}
    assert {r["slices"] for r in rows} == {"2"}
    nine = by["coverage", "90"]
    assert (nine["count"], nine["expected"]) == (str(2 * 128**2), "0.9")
    assert float(nine["found"]) == pytest.approx(0.9, abs=0.01)
    assert by["tissue", "bone"]["count"] == str(2 * 128**2 // 4)
    assert float(by["tissue", "bone"]["found"]) == pytest.approx(0.9, abs=0.02)
    assert by["tissue", "lung"]["found"] == "nan"
    for number in range(1, 11):
        bin_ = by["spread", str(number)]
        ratio = float(bin_["found"]) / float(bin_["expected"])
        assert ratio == pytest.approx(1, abs=0.1)
    ranks = [by["rank", str(number)] for number in range(1, 18)]
    assert sum(float(r["found"]) for r in ranks) == 128
    assert {r["expected"] for r in ranks} == {"7.52941"}
    assert len(rows) == len(LEVELS) + 6 + 10 + 17


def test_a_second_run_replaces_and_adds(table, setting, chosen, tables, tmp_path):
    export(tables, study.judged(of(CALIBRATED), chosen, setting, table))
    before = (tmp_path / "figures.csv").read_text()
    again = open_tables(tmp_path / "figures.csv")
    export(again, study.judged(of(CALIBRATED), chosen, setting, table))
    assert (tmp_path / "figures.csv").read_text() == before
    export(again, study.judged(of(FAST), chosen, setting, table))
    assert (tmp_path / "figures.csv").read_text().startswith(before)
    assert len(read(pooled_path(tmp_path / "figures.csv"))) == 2 * 39


def test_no_bin_of_an_earlier_table_is_left_over(table, setting, chosen, tables, tmp_path):
    found = study.judged(of(CALIBRATED), chosen, setting, table)
    export(tables, found)
    (one, _) = found[CALIBRATED]
    few = {**one, "tally": {**one["tally"], "fine": np.zeros((3, 242))}}
    few["tally"]["fine"][:, 100] = 50, 200, 800
    export(tables, {CALIBRATED: [few]})
    spread = [r for r in read(pooled_path(tmp_path / "figures.csv")) if r["table"] == "spread"]
    assert [r["count"] for r in spread] == ["50"] + ["0"] * 9
    assert float(spread[0]["found"]) == 2
    assert float(spread[0]["expected"]) == pytest.approx(4 * np.sqrt(1 + 1 / 16), rel=1e-5)
    assert spread[0]["slices"] == "1"


def test_other_files_are_not_overwritten(tmp_path):
    (tmp_path / "a-pooled.csv").write_text("x,y\n1,2\n")
    with pytest.raises(InputError, match=r"a-pooled\.csv' was not made by this command"):
        open_tables(tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"must end in \.csv"):
        open_tables(tmp_path / "a.txt")


def test_known_tallies_are_what_they_say(known_tally):
    right, narrow = known_tally(1.0), known_tally(0.5)
    assert np.allclose(right.coverage(), LEVELS, atol=0.008)
    assert [b.ratio for b in right.bins()] == pytest.approx([1] * 10, abs=0.05)
    assert right.voxels[BODY] == 4 * 128**2
    assert chisquare(right.rank_histogram()).pvalue > 0.01
    assert chisquare(narrow.rank_histogram()).pvalue < 1e-12
