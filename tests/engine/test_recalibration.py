"""Standard deviations of a run, corrected by the prior's card."""

from __future__ import annotations

import numpy as np
import pytest

from napari_padis.engine import recalibration as subject
from napari_padis.engine.events import Finished, Notice
from napari_padis.engine.plan import make_plan
from napari_padis.engine.recipe import Recipe
from napari_padis.engine.run import run
from napari_padis.posterior.methods import find_method
from napari_padis.prior.card import PriorCard
from napari_padis.prior.recalibration import Recalibration

NAME, STEPS, SAMPLES = "padis-calibrated", 4, 3


def recipe(path, **changed):
    values = {
        "method": NAME, "steps": STEPS, "samples": SAMPLES, "prior": str(path), "device": "cpu",
        "null_space": False,
    }  # fmt: skip
    return Recipe.create(**{**values, **changed})


@pytest.fixture
def measured(tiny_prior, small_measurement, tmp_path):
    """``measured(**changed)``: card that says that errors are twice the standard deviation."""

    def make(**changed):
        path = tmp_path / tiny_prior.name
        for ending in (".json", ".safetensors"):
            path.with_suffix(ending).write_bytes(tiny_prior.with_suffix(ending).read_bytes())
        card = PriorCard.load(path)
        plan = make_plan(recipe(path), small_measurement)
        values = {
            "method": NAME,
            "settings": subject.all_settings_of(find_method(NAME), {}, STEPS),
            "task": subject.family_of(small_measurement, plan.problem.sigma),
            "samples": SAMPLES, "weights": card.sha256, "voxels": 9, "slices": 12, "volumes": 3,
            "spread": (0.1,), "error": (0.2,),
        }  # fmt: skip
        one = Recalibration(**{**values, **changed})
        card = card.model_copy(update={"recalibrations": (one,)})
        path.write_text(card.model_dump_json(), encoding="utf-8")
        return path

    return make


def result_of(*arguments):
    events = list(run(*arguments))
    assert isinstance(events[-1], Finished)
    return events[-1].result, [e.message for e in events if isinstance(e, Notice)]


@pytest.mark.usefixtures("float32")
def test_the_spread_is_recalibrated_and_the_samples_stay(measured, small_measurement):
    path = measured()
    plain, notices = result_of(recipe(path, recalibrate=False), small_measurement)
    assert not any("recalibrat" in text for text in notices)
    assert plain.report["recalibration"] == (
        "standard deviation not recalibrated: it was not asked for"
    )
    found, notices = result_of(recipe(path), small_measurement)
    assert any("will be recalibrated" in text for text in notices)
    assert found.std == pytest.approx(2 * plain.std, rel=1e-4)
    assert found.variance == pytest.approx(found.std**2)
    assert np.array_equal(found.samples, plain.samples)
    assert np.array_equal(found.mean, plain.mean)
    assert (found.report["recalibrated"], plain.report["recalibrated"]) == (True, False)
    assert found.report["recalibration"] in found.about["std"]
    assert "12 slices of 3 volumes" in found.report["recalibration"]
    assert "as they were drawn" in found.report["recalibration"]


@pytest.mark.parametrize(
    ("card", "changed", "why"),
    [
        ({"samples": 16}, {}, "measured with 16 samples, and this run has 3"),
        ({"method": "other"}, {}, f"nothing was measured for '{NAME}'"),
        ({}, {"steps": 8}, "other settings"),
        ({}, {"options": {"epsilon": 0.3}}, "other settings"),
        ({"weights": "ab" * 32}, {}, "other weights"),
        ({"task": "blur, heavy, noisy"}, {}, "a task like this (Parallel-beam CT"),
        ({"conditions": {"size": 128}}, {}, "slices of another size than 40 pixels"),
    ],
)
def test_what_was_not_measured_is_not_corrected(measured, small_measurement, card, changed, why):
    path = measured(**card)
    quiet = make_plan(recipe(path, **changed), small_measurement)
    assert list(subject.announced(quiet)) == []
    plan = make_plan(recipe(path, recalibrate=True, **changed), small_measurement)
    (said,) = subject.announced(plan)
    assert said.startswith("Standard deviation not recalibrated: ")
    assert why in said


def test_a_card_without_a_map_says_so(tiny_prior, small_measurement):
    plan = make_plan(recipe(tiny_prior), small_measurement)
    assert subject.recalibration_of(plan, SAMPLES) == (
        f"nothing was measured for the prior '{PriorCard.load(tiny_prior).name}'"
    )
