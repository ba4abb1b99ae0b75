"""The run bar tells what is shown, what there is, and what speaks against the run."""

import threading

import pytest

from napari_padis.errors import InputError
from napari_padis.gui.ortho import OrthoViews, toggle_ortho_views
from napari_padis.gui.roles import HIGH, ITERATE, LOW, MEAN, MEDIAN, SOURCE, STD, VARIANCE


def lit(dock) -> list[str]:
    return [role for role, button in dock.run_bar._view_buttons.items() if button.isChecked()]


def offered(dock) -> set[str]:
    return {role for role, button in dock.run_bar._view_buttons.items() if button.isEnabled()}


def test_a_button_is_lit_while_its_layer_is_seen(make_dock, engine, qtbot, finish):
    viewer, dock = make_dock()
    assert offered(dock) == set()
    engine.gate = threading.Event()
    dock.run()
    qtbot.waitUntil(lambda: STD in offered(dock))
    assert lit(dock) == [ITERATE]
    iterate = dock.controller.layers.get(ITERATE)
    iterate.visible = False
    assert lit(dock) == [], "hidden by hand"
    iterate.visible = True
    assert lit(dock) == [ITERATE]
    dock.run_bar._view_buttons[ITERATE].click()
    assert lit(dock) == [ITERATE], "a second click does not put it out"
    dock.run_bar._view_buttons[STD].click()
    assert lit(dock) == [STD]
    viewer.layers.remove(dock.controller.layers.get(STD))
    assert lit(dock) == [], "taken out of the list"
    assert STD not in offered(dock)
    engine.gate.set()
    finish(dock.controller)
    assert offered(dock) == {SOURCE, ITERATE, MEAN, VARIANCE}
    assert not {LOW, MEDIAN, HIGH} & offered(dock)


@pytest.mark.parametrize(("steps", "title"), [(None, "FBP"), (3, "Least squares")])
def test_a_method_without_samples_offers_no_spread(make_dock, finish, steps, title):
    """The whole way, with the real engine."""
    from napari_padis.gui import job

    viewer, dock = make_dock()
    dock.controller.runner, dock.controller.simulator = job.run_engine, job.simulate
    dock.method.choose("fbp" if steps is None else "cg")
    if steps:
        dock.method.steps.setValue(steps)
    dock.forward.control("detectors").setValue(64)
    dock.run()
    finish(dock.controller)
    assert dock.controller.message == ("info", "Finished.")
    names = [layer.name for layer in viewer.layers]
    assert title in names
    assert not [name for name in names if "posterior" in name or "deviation" in name]
    assert {STD, VARIANCE}.isdisjoint(offered(dock))
    assert dock.run_bar._view_buttons[MEAN].text() == "Result"
    assert title in dock.run_bar._view_buttons[MEAN].toolTip()
    assert lit(dock) == [MEAN]


def test_stopped_before_the_first_sample(make_dock, finish, qtbot, tmp_path):
    """No posterior, no standard deviation: neither in the list nor in the folder."""
    from napari_padis.engine.events import Started
    from napari_padis.gui import job

    viewer, dock = make_dock()
    dock.controller.simulator = job.simulate
    dock.method.choose("padis-fast")
    dock.method.samples.setValue(2)

    def stopped(recipe, measurement, control):
        for event in job.run_engine(recipe, measurement, control):
            yield event
            if isinstance(event, Started):
                control.stop()

    dock.controller.runner = stopped
    dock.run()
    finish(dock.controller)
    names = [layer.name for layer in viewer.layers]
    assert "FBP" in names
    assert not [name for name in names if "posterior" in name or "deviation" in name]
    assert dock.run_bar.message.text() == "Stopped; 'FBP' is kept."
    assert {STD, VARIANCE}.isdisjoint(offered(dock))
    dock.controller.save(tmp_path / "out")
    finish(dock.controller)
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"mean.nii.gz", "recipe.json", "report.json"}


def test_what_does_not_fit_the_prior_stands_beside_run(make_dock, volume):
    import numpy as np

    from napari_padis.gui.layer_data import volume_layer
    from napari_padis.scan.volume import Volume

    viewer, dock = make_dock()
    warning = dock.run_bar.warning
    dock.method.choose("padis-fast")
    assert not warning.isVisibleTo(dock)
    fine = Volume(np.zeros((2, 32, 32), np.float32), (3.0, 0.297, 0.297), "HU", name="fine")
    data, options, _ = volume_layer(fine)
    viewer.add_image(data, **options)
    assert dock.data.layer.name == "fine"
    assert "0.297 mm" in warning.text()
    assert "1.58 mm" in warning.text()
    assert warning.isVisibleTo(dock)
    assert dock.run_bar.isAncestorOf(warning), "in sight wherever the form is scrolled to"
    dock.method.choose("cg")
    assert not warning.isVisibleTo(dock), "without a prior nothing can misfit it"
    dock.method.choose("padis-fast")
    card = dock.prior.cards[0]
    dock.prior.cards[0] = card.model_copy(update={"pixel_spacing": (0.3, 0.3)})
    dock.prior.prior_box.setCurrentIndex(1)
    dock.prior.prior_box.setCurrentIndex(0)
    assert not warning.isVisibleTo(dock), "follows the prior"


def test_the_checkbox_of_the_orthogonal_views_is_true(make_dock, qtbot):
    viewer, dock = make_dock(window=True, show=True)
    box = dock.display.ortho

    def views():
        return [w for w in viewer.window.dock_widgets.values() if isinstance(w, OrthoViews)]

    box.setChecked(True)
    (widget,) = views()
    qtbot.waitUntil(lambda: widget.opened)
    widget.parent().close()  # the button that hides a dock
    qtbot.waitUntil(lambda: not box.isChecked())
    box.setChecked(True)
    assert views() == [widget], "shown again rather than made again"
    assert widget.opened
    widget.parent().destroyOnClose()  # the cross
    qtbot.waitUntil(lambda: not box.isChecked())
    assert views() == []
    # As napari's menu does: the widget is made outside this dock.
    viewer.window.add_dock_widget(OrthoViews(viewer), name="Orthogonal views", area="bottom")
    qtbot.waitUntil(box.isChecked)
    again = type(dock)(viewer)
    assert again.display.ortho.isChecked(), "a dock opened later knows"
    again.deleteLater()
    box.setChecked(False)
    assert views() == []
    toggle_ortho_views(viewer, True)
    qtbot.waitUntil(box.isChecked)


def test_no_figure_of_the_run_before_stands_beside_the_next(make_dock, finish, qtbot):
    """Also not beside the error of one that never began."""
    _, dock = make_dock()
    dock.run()
    finish(dock.controller)
    facts = dock.run_bar._values
    assert facts["Residual"].text() != "–", "the case"

    def broken(*_):
        raise InputError("Not possible.")

    dock.controller.simulator = broken
    dock.run()
    finish(dock.controller)
    assert dock.run_bar.message.text() == "Not possible."
    assert {value.text() for value in facts.values()} == {"–"}
