import pytest

from napari_padis.cli.options import (
    output_file,
    output_folder,
    parse_options,
    parse_slices,
    parse_steps,
)
from napari_padis.errors import InputError


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, None), ("2:5", (2, 5)), (":5", (0, 5)), ("2:", (2, 9)), (":", (0, 9)), ("4", (4, 5))],
)
def test_slices(text, expected):
    assert parse_slices(text, 9) == expected


@pytest.mark.parametrize("text", ["", "5:2", "3:3", "0:10", "-1:3", "a:b", "1.5:3", "9"])
def test_slices_that_do_not_exist(text):
    with pytest.raises(InputError):
        parse_slices(text, 9)


def test_slices_with_a_step():
    assert parse_steps(None, 9) is None
    assert parse_steps("1:9:4", 9) == slice(1, 9, 4)
    assert parse_steps("::3", 9) == slice(0, 9, 3)
    assert parse_steps("2:4", 9) == slice(2, 4, 1)
    for text in ("1:9:0", "1:9:-1", "1:9:x", "1:2:3:4"):
        with pytest.raises(InputError):
            parse_steps(text, 9)


def test_options_get_their_types():
    pairs = ["eta=1", "gamma=1e3", "name=abc", "on=True", "sigma-max=0.5", "path=a=b"]
    assert parse_options(pairs) == {
        "eta": 1,
        "gamma": 1000.0,
        "name": "abc",
        "on": True,
        "sigma_max": 0.5,
        "path": "a=b",
    }
    assert parse_options(None) == {}


@pytest.mark.parametrize("pairs", [["eta"], ["=1"], ["eta=1", "eta=2"]])
def test_options_that_are_none(pairs):
    with pytest.raises(InputError):
        parse_options(pairs)


def test_output_is_checked_before_the_work(tmp_path):
    assert output_file(tmp_path / "new" / "y.h5", (".h5",)).parent.is_dir()
    with pytest.raises(InputError, match=r"must end in \.h5"):
        output_file(tmp_path / "y.txt", (".h5",))
    (tmp_path / "folder.h5").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        output_file(tmp_path / "folder.h5", (".h5",))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        output_folder(tmp_path / "file")
