"""The map of standard deviations in a prior's card."""

from __future__ import annotations

import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.prior.card import PriorCard
from napari_padis.prior.recalibration import Recalibration


def make(spread=(0.01, 0.02, 0.04), error=(0.02, 0.03, 0.03), **changed):
    values = {
        "method": "m", "settings": "m a=1", "task": "t", "samples": 4, "weights": "ab" * 32,
        "voxels": 1000, "slices": 12, "volumes": 3, "conditions": {"views": 20, "noise": 0.005},
    }  # fmt: skip
    return Recalibration(**{**values, "spread": spread, "error": error, **changed})


def test_it_takes_the_measured_values_and_keeps_the_ratio_beyond_them():
    given = np.array([[0.0, 0.005, 0.01], [0.015, 0.03, 0.08]])
    expected = [[0.0, 0.01, 0.02], [0.025, 0.03, 0.06]]
    assert make().apply(given) == pytest.approx(np.array(expected))


def test_it_is_monotone_and_continuous():
    sd = np.linspace(0, 0.1, 5001)
    found = make().apply(sd)
    assert (np.diff(found) >= 0).all()
    assert np.diff(found).max() < 2.001 * 0.1 / 5000


def test_a_card_keeps_it(tmp_path):
    card = PriorCard(name="p", recalibrations=(make(), make(samples=16)))
    path = tmp_path / "p.json"
    path.write_text(card.model_dump_json(), encoding="utf-8")
    assert PriorCard.load(path) == card
    assert str(card.recalibrations[0]) == "12 slices of 3 volumes (t, 4 samples)"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"error": [0.02, 0.03]}, "one length"),
        ({"error": [0.02, 0.03, 0.01]}, "must not fall"),
        ({"spread": [0.01, 0.01, 0.04]}, "must increase"),
        ({"spread": [0.0, 0.01, 0.04]}, "greater than 0"),
    ],
)
def test_a_map_that_is_none_is_refused(changed, message):
    one = {**make().model_dump(mode="json"), **changed}
    with pytest.raises(InputError, match=message):
        PriorCard.create({"name": "p", "recalibrations": [one]}, "p.json")
