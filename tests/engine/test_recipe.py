"""Recipes: validation and JSON."""

from __future__ import annotations

import pytest

from napari_padis.engine.memory import check
from napari_padis.engine.recipe import Recipe
from napari_padis.engine.setup import choose_device
from napari_padis.errors import InputError, ReconstructionError


def test_round_trip(tmp_path):
    recipe = Recipe(method="padis", samples=3, slices=(2, 5), options={"zeta": 0.2})
    recipe.save(tmp_path / "r.json")
    assert Recipe.load(tmp_path / "r.json") == recipe


@pytest.mark.parametrize(
    ("values", "word"),
    [({"samples": 0}, "samples"), ({"seed": -1}, "seed"), ({"colour": 1}, "colour")],
)
def test_wrong_values_name_the_setting(values, word):
    with pytest.raises(InputError, match=rf"Wrong settings: {word}"):
        Recipe.create(**values)


def test_damaged_and_missing_files(tmp_path):
    path = tmp_path / "r.json"
    with pytest.raises(InputError, match="cannot be read"):
        Recipe.load(path)
    path.write_text('{"samples": "many"}')
    with pytest.raises(InputError, match="not valid: samples"):
        Recipe.load(path)


def test_binary_file_is_no_recipe(tmp_path):
    (tmp_path / "r.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"cannot be read"):
        Recipe.load(tmp_path / "r.json")


@pytest.mark.parametrize("wrong", [0, -1, float("inf"), float("nan")])
def test_noise_level_is_a_positive_number(wrong):
    with pytest.raises(InputError, match="sigma_y"):
        Recipe.create(sigma_y=wrong)


@pytest.mark.parametrize("name", ["meta", "quantum", "cuda:99", ""])
def test_devices_that_do_not_exist(name):
    with pytest.raises(InputError, match="not available"):
        choose_device(name)


def test_memory_message_names_what_takes_it():
    with pytest.raises(ReconstructionError, match="fewer samples"):
        check(10, 5, operator=1)
    with pytest.raises(ReconstructionError, match="back end 'auto'"):
        check(10, 5, operator=9)
    check(5, 5)
