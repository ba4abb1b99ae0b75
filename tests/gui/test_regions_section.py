"""The regions in the dock: painted, asked about, and forgotten when they no longer hold."""

import dataclasses
import threading

import numpy as np
import pytest
from napari.layers import Labels, Shapes

from napari_padis.engine.events import Finished
from napari_padis.gui.roles import MEAN
from napari_padis.gui.sections import regions as module
from napari_padis.gui.sections.folding import Fold


@pytest.fixture
def dock(make_dock, engine, qtbot):
    """A dock whose runs give 16 samples: region means 0 ... 15 HU, the same everywhere."""

    class Runner:
        count = 16

        def __call__(self, *arguments):
            for event in engine(*arguments):
                if isinstance(event, Finished):
                    shape = event.result.mean.shape
                    levels = np.arange(self.count, dtype=np.float32).reshape(-1, 1, 1, 1)
                    event = Finished(
                        dataclasses.replace(
                            event.result,
                            samples=np.broadcast_to(levels, (self.count, *shape)),
                            recipe={"method": "padis-calibrated"},
                            report={"samples_finished": self.count},
                        )
                    )
                yield event

    _viewer, dock = make_dock()
    dock.controller.runner = Runner()
    yield dock
    assert dock.regions.join(10), "a thread was left behind"


@pytest.fixture
def run(dock, finish):
    def run():
        dock.run()
        finish(dock.controller)

    return run


@pytest.fixture
def painted(dock, run):
    """A finished run with two painted regions."""
    run()
    dock.regions.new_button.click()
    layer = dock.regions.layer
    layer.data[1, 5:9, 6:10] = 1
    layer.data[2, 5:9, 6:10] = 3
    return layer


def ask(dock, qtbot, threshold=3.5):
    dock.regions.threshold.setValue(threshold)
    dock.regions.ask_button.click()
    qtbot.waitUntil(lambda: not dock.regions.busy, timeout=10_000)


def rows(dock):
    table = dock.regions.table
    return [
        [table.item(row, column).text() for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def test_nothing_can_be_asked_before_a_run(dock):
    assert not dock.regions.new_button.isEnabled()
    assert not dock.regions.ask_button.isEnabled()
    assert dock.regions.message.text() == module.LATER


def test_the_section_is_folded_at_first(dock):
    fold = next(f for f in dock.findChildren(Fold) if f.body is dock.regions)
    assert not dock.regions.isVisibleTo(dock)
    fold.button.click()
    assert fold.opened
    assert dock.regions.isVisibleTo(dock)
    fold.open(False)
    assert not dock.regions.isVisibleTo(dock)


def test_new_regions_lie_on_the_reconstruction(dock, run):
    dock.measurement.first.setValue(2)
    dock.measurement.last.setValue(4)
    dock.controller.runner.count = 2
    run()
    dock.regions.new_button.click()
    layer, mean = dock.regions.layer, dock.controller.layers.get(MEAN)
    assert isinstance(layer, Labels)
    for name in ("scale", "translate", "units", "axis_labels"):
        assert tuple(getattr(layer, name)) == tuple(getattr(mean, name)), name
    assert layer.data.shape == mean.data.shape
    assert str(layer.mode) == "paint"
    assert dock.regions._viewer().layers.selection.active is layer


def test_each_label_is_answered(dock, painted, qtbot):
    assert dock.regions.ask_button.isEnabled()
    ask(dock, qtbot)
    found = rows(dock)
    assert [row[:2] for row in found] == [["1", "0.75"], ["3", "0.75"]]
    assert found[0][3] == "7.5 ± 4.8"
    titles = [dock.regions.table.horizontalHeaderItem(i).text() for i in range(4)]
    assert titles == ["Region", "P(mean > 3.5)", "90 %", "Mean (HU)"]
    assert "P(mean > 3.5 HU) = 0.75 (16 samples" in dock.regions.table.item(0, 0).toolTip()
    assert dock.regions.message.text() == "16 samples."
    assert dock.regions.table.isVisibleTo(dock.regions)


def test_the_colours_are_those_of_the_layer(dock, painted, qtbot):
    ask(dock, qtbot)
    icon = dock.regions.table.item(1, 0).icon().pixmap(10, 10).toImage().pixelColor(5, 5)
    expected = [round(255 * c) for c in painted.get_color(3)[:3]]
    # Screens of 16 bits have five or six of them for each colour.
    assert [icon.red(), icon.green(), icon.blue()] == pytest.approx(expected, abs=8)


def test_shapes_are_answered_too(dock, run, qtbot):
    run()
    mean = dock.controller.layers.get(MEAN)
    corners = np.array([[1, 4.5, 4.5], [1, 4.5, 9.5], [1, 9.5, 9.5], [1, 9.5, 4.5]])
    layer = Shapes(
        [corners],
        shape_type="rectangle",
        edge_color="red",
        scale=mean.scale,
        translate=mean.translate,
        units=mean.units,
    )
    dock.regions._viewer().add_layer(layer)
    assert dock.regions.layer is layer
    ask(dock, qtbot, 7.5)
    assert [row[:2] for row in rows(dock)] == [["1", "0.50"]]
    assert "(25 voxels)" in dock.regions.table.item(0, 0).toolTip()


def test_the_threshold_has_the_unit_of_the_run(dock, run):
    threshold = dock.regions.threshold
    assert threshold.suffix() == ""
    run()
    threshold.setValue(-512.5)
    assert threshold.text() == "-512.5 HU"
    dock.regions._set_unit("1/mm")
    threshold.setValue(0.01925)
    assert threshold.text() == "0.01925 1/mm"
    dock.regions._set_unit("arbitrary")
    assert threshold.suffix() == ""


@pytest.mark.parametrize(
    ("count", "words"), [(1, "one sample only"), (0, "stopped before a sample")]
)
def test_too_few_samples_are_said(dock, run, qtbot, count, words):
    dock.controller.runner.count = count
    run()
    dock.regions.add_layer()
    ask(dock, qtbot)
    assert words in dock.regions.message.text()
    assert not rows(dock)


def test_an_empty_layer_is_said_and_an_old_answer_goes(dock, painted, qtbot):
    ask(dock, qtbot)
    assert rows(dock)
    dock.regions.add_layer()
    assert not rows(dock)
    ask(dock, qtbot)
    assert "has no region yet" in dock.regions.message.text()


def test_painting_on_takes_the_answers_away(dock, painted, qtbot):
    ask(dock, qtbot)
    painted.paint((3, 10, 10), 4)
    assert not rows(dock)
    assert not dock.regions.table.isVisibleTo(dock.regions)
    assert "have changed" in dock.regions.message.text()
    ask(dock, qtbot)
    assert [row[0] for row in rows(dock)] == ["1", "3", "4"]


def test_the_next_run_takes_the_answers_away(dock, painted, qtbot, engine, finish):
    ask(dock, qtbot)
    engine.gate = threading.Event()
    dock.run()
    qtbot.waitUntil(lambda: dock.controller.state == "running", timeout=8000)
    assert not rows(dock)
    assert not dock.regions.ask_button.isEnabled()
    engine.gate.set()
    finish(dock.controller)
    assert dock.regions.ask_button.isEnabled()
    assert not rows(dock)


def test_an_answer_that_comes_too_late_is_dropped(dock, painted, qtbot, monkeypatch):
    gate, work = threading.Event(), module.answers.work
    monkeypatch.setattr(module.answers, "work", lambda *a: (gate.wait(10), work(*a)))
    dock.regions.ask_button.click()
    assert dock.regions.busy
    painted.paint((3, 10, 10), 4)
    gate.set()
    qtbot.waitUntil(lambda: not dock.regions.busy, timeout=10_000)
    assert not rows(dock)
    assert "have changed" in dock.regions.message.text()


def test_after_a_failed_run_the_samples_before_are_not_asked(dock, painted, engine, run):
    """The layers are those of the run that failed."""
    engine.error = RuntimeError("CUDA out of memory")
    run()
    assert dock.controller.result is not None
    assert not dock.regions.ask_button.isEnabled()
    assert dock.regions.message.text() == module.LATER


def test_the_list_follows_the_viewer(dock, run):
    run()
    viewer, box = dock.regions._viewer(), dock.regions.layer_box
    assert box.count() == 0, "images are no regions"
    layer = viewer.add_labels(np.zeros((6, 40, 48), int), name="first")
    viewer.add_shapes(ndim=3, name="second")
    assert [box.itemText(i) for i in range(box.count())] == ["first", "second"]
    box.setCurrentIndex(0)
    layer.name = "liver"
    assert box.currentText() == "liver"
    assert dock.regions.layer is layer
    viewer.layers.remove(layer)
    assert [box.itemText(i) for i in range(box.count())] == ["second"]


def test_opening_scrolls_to_the_answers(make_dock, dock, run, laid_out, qtbot):
    """At the bottom of the dock the section opens out of sight, and its table as well."""
    viewer, shown = make_dock(window=True, show=True)
    shown.controller.runner = dock.controller.runner
    shown.window().resize(1366, 740)
    shown.run()
    qtbot.waitUntil(lambda: not shown.controller.busy, timeout=8000)
    next(f for f in shown.findChildren(Fold) if f.body is shown.regions).open()
    shown.regions.add_layer()
    shown.regions.layer.data[1, 2:5, 2:5] = np.arange(1, 10).reshape(3, 3)
    ask(shown, qtbot)
    laid_out(shown.window())
    assert viewer is not None
    view, message = shown.scroll.viewport(), shown.regions.message
    assert message.height() == message.heightForWidth(message.width())
    end = message.mapTo(view, message.rect().bottomLeft()).y()
    assert 0 < end <= view.height()
    assert shown.regions.table.isVisible()


def test_the_dock_fits_350_pixels(make_dock, laid_out, engine, qtbot):
    """Nothing is cut off where it is as narrow as it can be."""
    from qtpy.QtCore import Qt
    from qtpy.QtWidgets import QDockWidget, QMainWindow

    _viewer, dock = make_dock(window=True, show=True)
    window = dock.window()
    assert isinstance(window, QMainWindow)
    window.resize(1366, 740)
    laid_out(window)
    next(f for f in dock.findChildren(Fold) if f.body is dock.regions).open()
    place = dock.parent()
    assert isinstance(place, QDockWidget)
    window.resizeDocks([place], [350], Qt.Orientation.Horizontal)
    laid_out(window)
    assert dock.width() == 350
    assert dock.scroll.widget().width() <= dock.scroll.viewport().width()
    assert dock.run_bar.minimumSizeHint().width() <= dock.width()
