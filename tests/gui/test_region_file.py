"""Answers about regions as text: the same numbers as in the table and in a run's report."""

import csv
import io
from dataclasses import fields

import pytest

from napari_padis.errors import InputError
from napari_padis.gui.region_answers import Answers, sentence
from napari_padis.gui.region_file import COLUMNS, as_text, name_for, rows, save
from napari_padis.posterior.regions import Exceedance


@pytest.fixture
def answers():
    found = (
        Exceedance(2, 6, 7.5, 4.761, 3.5, 0.75, 0.1063, 0.547, 0.893, 7.25),
        Exceedance(7, 1, 1 / 3, 0.0, 3.5, 1.0, 0.0412, 0.889, 1.0, 7.25),
    )
    return Answers(found, "HU", "16 samples.", 16)


def test_every_number_of_the_report_is_a_column(answers):
    names = [field.name for field in fields(Exceedance)]
    assert sorted(set(COLUMNS) - set(names)) == ["draws", "level", "unit"]
    assert not set(names) - set(COLUMNS)
    first, _ = rows(answers)
    assert first == {**answers.found[0].to_dict(), "unit": "HU", "level": 0.9, "draws": 16}


@pytest.mark.parametrize("separator", [",", "\t"])
def test_no_digit_is_lost(answers, separator):
    text = as_text(answers, range(2), separator)
    found = list(csv.DictReader(io.StringIO(text), delimiter=separator))
    assert [row["region"] for row in found] == ["2", "7"]
    for row, answer in zip(found, answers.found, strict=True):
        for name, value in answer.to_dict().items():
            assert float(row[name]) == value, name
    assert all("\r" not in line for line in text.splitlines())


def test_the_chosen_rows_only(answers):
    lines = as_text(answers, [1], "\t").splitlines()
    assert [line.split("\t")[0] for line in lines] == ["region", "7"]


def test_the_sentence_of_a_row_has_its_numbers(answers):
    """What the table tells as a tooltip."""
    first = rows(answers)[0]
    said = sentence(answers.found[0], first["unit"])
    assert f"Region {first['region']} ({first['voxels']} voxels)" in said
    assert f"= {first['probability']} ({first['samples']} samples" in said


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("regions", "regions.csv"),
        ("a/b: c", "a-b- c.csv"),
        ("../..", "regions.csv"),
        ("Leber (l)", "Leber -l.csv"),
        ("", "regions.csv"),
    ],
)
def test_a_layer_s_name_as_a_file_name(title, name):
    assert name_for(title) == name


def test_a_file_that_the_user_agreed_to_replace(answers, tmp_path):
    path = tmp_path / "a.CSV"
    path.write_text("old")
    assert save(answers, path) == path
    assert path.read_bytes() == as_text(answers, range(2), ",").encode()
    assert [file.name for file in tmp_path.iterdir()] == ["a.CSV"]


def test_an_ending_is_added_but_nothing_is_replaced(answers, tmp_path):
    assert save(answers, tmp_path / "a.b") == tmp_path / "a.b.csv"
    before = (tmp_path / "a.b.csv").stat().st_mtime_ns
    with pytest.raises(InputError, match="exists already"):
        save(answers, tmp_path / "a.b")
    assert (tmp_path / "a.b.csv").stat().st_mtime_ns == before


def test_places_that_cannot_be_written(answers, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        save(answers, tmp_path / "file" / "a.csv")
    with pytest.raises(InputError, match="is a folder"):
        save(answers, tmp_path / "folder.csv")
