"""Recipes: validation and JSON."""

from __future__ import annotations

import pytest

from napari_padis.engine.recipe import Recipe
from napari_padis.errors import InputError


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
