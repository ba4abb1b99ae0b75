"""Methods that can run on the data, their effort, and what is said about both."""

import dataclasses
import math

import numpy as np
import pytest

from napari_padis.engine.events import Finished, Progress
from napari_padis.errors import InputError
from napari_padis.gui.layer_data import measurement_layer
from napari_padis.gui.roles import MEAN, STD, VARIANCE
from napari_padis.gui.sections.run import RunSection
from napari_padis.posterior import METHODS
from napari_padis.prior.architecture import NetworkConfig
from napari_padis.prior.card import PriorCard
from napari_padis.scan.geometry import CartesianGeometry
from napari_padis.scan.measurement import Measurement, Noise

REASON = "needs a prior of complex images"


def card(name: str, channels: int) -> PriorCard:
    return PriorCard(name=name, network=NetworkConfig(image_channels=channels))


@pytest.fixture
def dock(make_dock, monkeypatch):
    """A dock with a prior of real images, and a method chosen that needs one."""
    from napari_padis.gui.sections import prior

    monkeypatch.setattr(prior, "catalogue", lambda: [card("real", 1)])
    _, dock = make_dock()
    dock.method.choose("padis-calibrated")
    dock.method.steps.setValue(33)
    dock.method.samples.setValue(3)
    return dock


def startable(dock) -> dict[str, bool]:
    box = dock.method.method_box
    methods = {box.itemData(i): i for i in range(box.count()) if box.itemData(i)}
    return {method: box.model().item(i).isEnabled() for method, i in methods.items()}


def test_methods_to_compare_with_come_after_a_line(dock):
    box = dock.method.method_box
    names = [box.itemData(i) for i in range(box.count())]
    line = names.index(None)
    assert [METHODS[n].comparison for n in names[:line]] == [False] * line
    assert all(METHODS[n].comparison for n in names[line + 1 :])
    assert names[:line] + names[line + 1 :] == list(METHODS)


def test_mri_takes_a_method_that_can_run_and_says_so(dock):
    assert all(startable(dock).values())
    dock.forward.choose("cartesian")
    assert dock.method.method == "cg"
    assert startable(dock) == {name: not m.needs_prior for name, m in METHODS.items()}
    assert REASON in dock.method.method_box.itemText(0)
    assert dock.method.notice.isVisibleTo(dock)
    for said in (dock.method.notice.text(), dock.run_bar.message.text()):
        assert said == (f"'PaDIS calibrated' {REASON}: 'Least squares (CG, CG-SENSE)' was chosen.")
    assert dock.request().recipe.method == "cg"


def test_the_wanted_method_is_back_with_its_settings(dock):
    dock.forward.choose("cartesian")
    dock.forward.choose("fan")
    assert dock.method.method == "padis-calibrated"
    assert (dock.method.steps.value(), dock.method.samples.value()) == (33, 3)
    assert all(startable(dock).values())
    assert REASON not in dock.method.method_box.itemText(0)
    assert not dock.method.notice.isVisibleTo(dock)
    assert dock.run_bar.message.text() == ""


def test_a_method_chosen_for_mri_stays(dock):
    dock.forward.choose("cartesian")
    dock.method.choose("fbp")
    assert not dock.method.notice.isVisibleTo(dock)
    dock.forward.choose("parallel")
    assert dock.method.method == "fbp"


def test_a_method_that_cannot_run_is_refused(dock):
    dock.forward.choose("cartesian")
    dock.method.choose("padis")
    with pytest.raises(InputError, match=REASON):
        dock.request()


def test_measured_k_space_chooses_too_when_the_dock_is_opened(make_dock, volume, monkeypatch):
    from napari_padis.gui.sections import prior

    monkeypatch.setattr(prior, "catalogue", lambda: [card("real", 1)])
    geometry = CartesianGeometry(np.ones((8, 8), bool), 1, None, (8, 8), (1.0, 1.0), 1.0)
    scan = Measurement(
        np.ones((1, 1, 8, 8), np.complex64), geometry, Noise("gaussian", 0.1), unit="arbitrary"
    )
    from napari_padis.gui.dock import ReconstructionDock

    viewer, dock = make_dock()
    data, options, _ = measurement_layer(scan)
    dock.data.choose(viewer.add_image(data, **options))
    assert startable(dock)["padis-fast"] is False
    viewer.layers.remove("torso")
    late = ReconstructionDock(viewer)
    assert late.method.method == "cg"
    assert REASON in late.run_bar.message.text()
    late.deleteLater()


def test_mri_takes_the_bundled_prior_of_complex_images(make_dock):
    _, dock = make_dock()
    dock.method.choose("padis-fast")
    assert dock.prior.name == "ct-small"
    dock.forward.choose("cartesian")
    assert dock.prior.name == "mr"
    assert dock.method.method == "padis-fast"
    dock.forward.choose("fan")
    assert dock.prior.name == "ct-small"


def test_priors_of_the_other_kind_are_grey(make_dock, monkeypatch):
    from napari_padis.gui.sections import prior

    monkeypatch.setattr(prior, "catalogue", lambda: [card("real", 1), card("complex", 2)])
    _, dock = make_dock()
    dock.method.choose("padis-fast")
    items = [dock.prior.prior_box.model().item(i) for i in range(2)]
    assert dock.prior.name == "real"
    assert [item.isEnabled() for item in items] == [True, False]
    assert "complex images only" in items[1].toolTip()
    dock.forward.choose("cartesian")
    assert dock.method.method == "padis-fast"
    assert dock.prior.name == "complex"
    assert [item.isEnabled() for item in items] == [False, True]
    assert dock.request().recipe.prior == "complex"


def test_iterations_and_ridge_are_options_of_the_recipe(dock):
    method = dock.method
    ridge = method.settings.controls["ridge"]
    method.settings.open()
    assert not ridge.isVisibleTo(dock)
    assert method.steps.accessibleName() == "Steps"
    method.choose("cg")
    assert method.steps.value() == METHODS["cg"].options["iterations"]
    assert ridge.value() == METHODS["cg"].options["ridge"]
    assert method.steps.isEnabled()
    assert method.steps.accessibleName() == "Iterations"
    assert ridge.isVisibleTo(dock)
    method.steps.setValue(7)
    ridge.setValue(0.25)
    recipe = dock.request().recipe
    assert recipe.options == {"iterations": 7, "ridge": 0.25}
    assert METHODS["cg"].plan(recipe.steps, recipe.options) == (7, 0)
    method.choose("fbp")
    assert not method.steps.isEnabled()
    assert dock.request().recipe.options == {}
    method.choose("cg")
    assert (method.steps.value(), ridge.value()) == (7, 0.25)


def test_total_variation_counts_iterations_and_has_no_ridge(dock):
    method = dock.method
    method.choose("tv")
    method.settings.open()
    assert method.steps.accessibleName() == "Iterations"
    assert not method.settings.controls["ridge"].isVisibleTo(dock)
    assert not method.samples.isEnabled()
    assert method.values()["options"] == {"iterations": METHODS["tv"].options["iterations"]}


def test_recalibration_is_left_to_the_card_or_not_wanted(dock):
    assert dock.method.values()["recalibrate"] is None
    dock.method.recalibrate.setChecked(False)
    assert dock.method.values()["recalibrate"] is False
    dock.method.choose("fbp")
    assert not dock.method.recalibrate.isEnabled()


def test_the_run_bar_tells_what_mean_and_spread_are_worth(qtbot):
    bar = RunSection()
    qtbot.addWidget(bar)
    bar.set_title(MEAN, {"mean": "average of 4 samples", "std": "not calibrated: coupled"})
    tips = {role: bar._view_buttons[role].toolTip() for role in (MEAN, STD, VARIANCE)}
    assert tips[MEAN].endswith("\naverage of 4 samples.")
    assert "'standard deviation (not calibrated)'" in tips[STD]
    assert tips[STD].endswith("\nnot calibrated: coupled.")
    bar.set_title("FBP")
    assert "\n" not in bar._view_buttons[STD].toolTip()


def test_methods_that_seek_one_image_need_no_samples(dock):
    dock.method.choose("pnp-admm")
    assert METHODS["pnp-admm"].single
    assert not dock.method.samples.isEnabled()
    assert dock.method.steps.isEnabled()


def test_the_run_bar_tells_iterations_or_noise_levels(qtbot, engine, a_measurement):
    bar = RunSection()
    qtbot.addWidget(bar)
    shown = bar._values["Noise level"]
    started = engine.started(a_measurement)
    bar.set_started(dataclasses.replace(started, levels=12, evaluations=0))
    bar.set_progress(Progress(0.5, 1.0, 1.0, 5, 12, 0, math.nan, 1.0))
    assert shown.text() == "iteration 6"
    bar.set_started(started)
    assert shown.text() == "–", "nothing of the run before is left"
    bar.set_progress(Progress(0.1, 1.0, 1.0, 0, 5, 0, math.nan, math.nan))
    assert shown.text() == "–"
    bar.set_progress(Progress(0.5, 1.0, 1.0, 3, 5, 3, 0.25, 1.0))
    assert shown.text() == "σ 0.25"


def test_the_end_of_a_direct_method_tells_time_and_residual(dock, engine, finish):
    """Such methods report no progress."""
    whole = type(engine).__call__

    def direct(recipe, measurement, control):
        for event in whole(engine, recipe, measurement, control):
            if isinstance(event, Finished):
                report = {"seconds": 75.2, "residual": 1.25}
                yield Finished(dataclasses.replace(event.result, report=report))
            elif not isinstance(event, Progress):
                yield event

    dock.controller.runner = direct
    dock.run()
    finish(dock.controller)
    shown = {name: label.text() for name, label in dock.run_bar._values.items()}
    assert (shown["Elapsed"], shown["Time left"]) == ("1:15", "–")
    assert shown["Residual"] == "1.25 σ_y"
    assert dock.run_bar.bar.value() == dock.run_bar.bar.maximum()
