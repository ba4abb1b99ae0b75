"""Results of earlier runs stay in the layer list, hidden and named by their method."""

import dataclasses

import numpy as np
import pytest

from napari_padis.engine.events import Statistics
from napari_padis.gui import earlier
from napari_padis.gui.layers import RunLayers
from napari_padis.gui.roles import GRID, HIGH, ITERATE, LOW, MEAN, MEDIAN, SOURCE, STD, VARIANCE


@pytest.fixture
def started(engine, a_measurement):
    return engine.started(a_measurement)


@pytest.fixture
def layers(viewer):
    return RunLayers(viewer)


def a_run(layers, started, method, value=0.0, title=MEAN, quantiles=()):
    """A whole run; those without samples have one image."""
    image = np.full(started.shape, value, np.float32)
    note = layers.begin(dataclasses.replace(started, method=method))
    if title == MEAN:
        layers.update(Statistics(image - 1, image, image, 2))
        final = Statistics(image, image + 1, image + 2, 2)
    else:
        final = Statistics(image, None, None, 0)
    layers.finish(final, dict.fromkeys(quantiles, image), title)
    return note


def names(viewer):
    return [layer.name for layer in viewer.layers]


def test_two_methods_can_be_compared(viewer, layers, started):
    assert a_run(layers, started, "PaDIS fast", 10) == ""
    assert a_run(layers, started, "Total variation", 20, "Total variation") == ""
    a_run(layers, started, "PaDIS fast", 30)
    kept = ["standard deviation, PaDIS fast 1", "posterior mean, PaDIS fast 1", "Total variation 2"]
    assert names(viewer) == ["torso", *kept, VARIANCE, STD, MEAN, ITERATE, GRID]
    layers.show(MEAN)
    values = {name: float(viewer.layers[name].data.max()) for name in (*kept, MEAN)}
    assert values == dict(zip((*kept, MEAN), (11, 10, 20, 30), strict=True))
    assert not any(viewer.layers[name].visible for name in kept)


def test_what_was_hidden_at_the_end_is_kept_as_it_ended(viewer, layers, started):
    """Hidden layers get their newest data late, but not too late."""
    a_run(layers, started, "PaDIS fast", 10)
    layers.show(ITERATE)
    assert not layers.get(MEAN).visible
    layers.begin(started)
    assert (viewer.layers["posterior mean, PaDIS fast 1"].data == 10).all()
    assert (viewer.layers["standard deviation, PaDIS fast 1"].data == 11).all()


def test_quantiles_stay_with_their_run(viewer, layers, started):
    a_run(layers, started, "PaDIS calibrated", 5, quantiles=("q05", "q50", "q95"))
    a_run(layers, started, "FBP", 7, "FBP")
    for role in (LOW, MEDIAN, HIGH):
        assert (viewer.layers[f"{role}, PaDIS calibrated 1"].data == 5).all()
        assert layers.get(role) is None
    assert not layers.has_quantiles


def test_a_run_that_failed_leaves_nothing(viewer, layers, started):
    image = np.ones(started.shape, np.float32)
    layers.begin(started)
    layers.update(Statistics(image, image, image, 2))
    a_run(layers, started, "PaDIS fast")
    assert names(viewer) == ["torso", VARIANCE, STD, MEAN, ITERATE, GRID]


def test_names_of_the_user_stay(viewer, layers, started):
    a_run(layers, started, "PaDIS fast", 10)
    layers.get(MEAN).name = "the good one"
    a_run(layers, started, "PaDIS fast", 20)
    assert (viewer.layers["the good one"].data == 10).all()


def test_memory_is_bounded_and_the_loss_is_said(viewer, layers, started, monkeypatch):
    volume = int(np.prod(started.shape)) * 4
    monkeypatch.setattr(earlier, "LIMIT", 3 * volume)  # one run and a half
    a_run(layers, started, "PaDIS fast", 1)
    assert a_run(layers, started, "DDS", 2) == ""
    note = a_run(layers, started, "Langevin", 3)
    assert "'standard deviation, PaDIS fast 1' was removed" in note
    left = ["posterior mean, PaDIS fast 1", "standard deviation, DDS 2", "posterior mean, DDS 2"]
    assert names(viewer)[1:4] == left
    viewer.layers["posterior mean, PaDIS fast 1"].name = "mine"
    viewer.layers["standard deviation, DDS 2"].visible = True
    a_run(layers, started, "FBP", 4, "FBP")
    assert "mine" in names(viewer), "what has a name of the user's own is kept"
    monkeypatch.setattr(earlier, "LIMIT", 0)
    a_run(layers, started, "FBP", 5, "FBP")
    assert "FBP 4" in names(viewer), "the last result is always kept"


def test_deleted_results_are_no_trouble(viewer, layers, started):
    for value in range(3):
        a_run(layers, started, "DDS", value)
        viewer.layers.remove(layers.get(STD))
        for layer in [x for x in viewer.layers if x.name.startswith("posterior mean, ")]:
            viewer.layers.remove(layer)
    assert names(viewer) == ["torso", VARIANCE, MEAN, ITERATE, GRID]


def test_the_last_result_is_there_again_after_a_second_run(make_dock, finish):
    """As a user sees it: the run before is not overwritten."""
    viewer, dock = make_dock()
    dock.run()
    finish(dock.controller)
    first = dock.controller.result.mean.copy()
    before = dock.controller.layers.get(MEAN)
    dock.method.seed.setValue(1)
    dock.run()
    finish(dock.controller)
    assert dock.controller.layers.get(MEAN) is not before
    assert before in viewer.layers
    shown = dock.controller.layers.get(MEAN)
    assert np.array_equal(np.sort(before.data, None), np.sort(first, None))
    assert not np.array_equal(before.data, shown.data)
    assert dock.controller.layers.get(SOURCE) is viewer.layers["torso"]


@pytest.mark.parametrize(
    ("name", "method", "wanted"),
    [
        ("posterior mean", "DDS", "posterior mean, DDS 3"),
        ("FBP", "FBP", "FBP 3"),
        ("FBP", "PaDIS fast", "FBP, PaDIS fast 3"),
        ("reconstruction", "", "reconstruction 3"),
    ],
)
def test_names_of_earlier_results(name, method, wanted):
    assert earlier.earlier_name(name, method, 3) == wanted
