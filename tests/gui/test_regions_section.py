"""The regions in the dock: painted, asked about, kept, and forgotten when they no longer hold."""

import csv
import dataclasses
import io
import threading

import numpy as np
import pytest
from napari.layers import Labels, Shapes
from qtpy.QtCore import QObject, Qt
from scipy.stats import beta

from napari_padis.engine.events import Finished
from napari_padis.gui.region_answers import Answers
from napari_padis.gui.roles import MEAN
from napari_padis.gui.sections import region_keep as keep_module
from napari_padis.gui.sections import regions as module
from napari_padis.gui.sections.folding import Fold
from napari_padis.gui.sections.region_watch import PAUSE, RegionWatch
from napari_padis.posterior.regions import Exceedance


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
    assert dock.regions.join(60), "a thread was left behind"


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
    qtbot.waitUntil(lambda: not dock.regions.busy)


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
    # 5 and 95 % of a beta distribution with 12.5 and 4.5.
    low, high = beta(12.5, 4.5).ppf([0.05, 0.95])
    share = f"0.75 ({low:.2f}–{high:.2f})"
    assert found == [["1", share, "7.5 ± 4.8"], ["3", share, "7.5 ± 4.8"]]
    titles = [dock.regions.table.horizontalHeaderItem(i).text() for i in range(3)]
    assert titles == ["Region", "P(> 3.5)\n(90 %)", "Mean\n(HU)"]
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
    assert [(row[0], row[1][:4]) for row in rows(dock)] == [("1", "0.50")]
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


@pytest.fixture
def undone(dock, painted, qtbot):
    """Answers about a stroke are gone after a step; undo and redo have no event of their own."""

    def gone(step):
        ask(dock, qtbot)
        assert rows(dock)
        step()
        qtbot.waitUntil(lambda: not rows(dock))
        assert "have changed" in dock.regions.message.text()
        assert not dock.regions.keep.isVisibleTo(dock.regions)

    return gone


def test_undo_and_redo_take_the_answers_away(dock, painted, undone, qtbot):
    painted.paint((3, 10, 10), 4)
    undone(painted.undo)
    ask(dock, qtbot)
    assert [row[0] for row in rows(dock)] == ["1", "3"]
    undone(painted.redo)
    ask(dock, qtbot)
    assert [row[0] for row in rows(dock)] == ["1", "3", "4"]


def test_undo_with_the_keys_of_napari(painted, undone):
    from app_model.types import KeyBinding

    painted.paint((3, 10, 10), 4)
    key = next(k for k in Labels.class_keymap if str(k) == str(KeyBinding.from_str("Ctrl+Z")))
    undone(lambda: Labels.class_keymap[key](painted))


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: layer.fill((1, 6, 7), 5),
        lambda layer: layer.paint((1, 6, 7), 0),  # erasing
        lambda layer: setattr(layer, "data", np.ones_like(layer.data)),
        lambda layer: (layer.data.__setitem__((1, 6, 7), 0), layer.refresh()),
        lambda layer: setattr(layer, "translate", np.array(layer.translate) + 4),
        lambda layer: setattr(layer, "scale", np.array(layer.scale) * 2),
    ],
)
def test_any_other_change_takes_the_answers_away(painted, undone, change):
    undone(lambda: change(painted))


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: setattr(layer, "data", [layer.data[0] + [0, 1, 0], layer.data[1]]),
        lambda layer: (setattr(layer, "selected_data", {1}), layer.remove_selected()),
        lambda layer: layer.add_ellipses([layer.data[0] + [0, 6, 6]]),
        lambda layer: setattr(layer, "shape_type", "ellipse"),
    ],
)
def test_any_change_of_shapes_takes_the_answers_away(dock, run, qtbot, change):
    run()
    mean = dock.controller.layers.get(MEAN)
    corners = np.array([[1, 4.5, 4.5], [1, 4.5, 9.5], [1, 9.5, 9.5], [1, 9.5, 4.5]])
    layer = Shapes(
        [corners, corners + np.array([0, 12, 12])],
        shape_type="rectangle",
        scale=mean.scale,
        translate=mean.translate,
        units=mean.units,
    )
    dock.regions._viewer().add_layer(layer)
    ask(dock, qtbot)
    assert len(rows(dock)) == 2
    change(layer)
    qtbot.waitUntil(lambda: not rows(dock))


def test_looking_around_leaves_the_answers(dock, painted, qtbot):
    """Another slice is told by the same event as undo."""
    ask(dock, qtbot)
    dock.regions._viewer().dims.set_current_step(0, 4)
    painted.opacity, painted.contour = 0.3, 1
    qtbot.wait(2 * PAUSE)
    assert len(rows(dock)) == 2


def test_undo_in_a_hidden_layer_is_seen_before_anything_is_kept(dock, painted, qtbot, clipboard):
    """There napari tells nothing at all."""
    painted.paint((3, 10, 10), 4)
    painted.visible = False
    ask(dock, qtbot)
    assert len(rows(dock)) == 3
    painted.undo()
    dock.regions.keep.copy_button.click()
    assert clipboard.text() == "nothing"
    assert not rows(dock)


def test_undo_while_the_samples_are_looked_at(dock, painted, qtbot, monkeypatch):
    gate, work = threading.Event(), module.answers.work
    monkeypatch.setattr(module.answers, "work", lambda *a: (gate.wait(60), work(*a)))
    painted.paint((3, 10, 10), 4)
    dock.regions.ask_button.click()
    painted.undo()
    gate.set()
    qtbot.waitUntil(lambda: not dock.regions.busy)
    assert not rows(dock)
    assert "have changed" in dock.regions.message.text()


def test_a_closed_dock_is_told_nothing(qtbot):
    parent, told = QObject(), []
    layer = Labels(np.zeros((3, 4, 5), np.uint8))
    watch = RegionWatch(parent, lambda: told.append(1))
    watch.follow(layer)
    parent.deleteLater()
    qtbot.waitUntil(lambda: watch.layer is None)
    layer.paint((1, 2, 2), 1)
    layer.undo()  # would start a timer that is gone
    assert not told


@pytest.fixture
def clipboard(qapp):
    found = qapp.clipboard()
    found.setText("nothing")
    return found


def table_of(text, delimiter):
    return list(csv.DictReader(io.StringIO(text), delimiter=delimiter))


def test_the_table_is_saved_with_its_numbers(dock, painted, qtbot, monkeypatch, tmp_path):
    asked = []

    def dialog(_parent, _title, name, kinds):
        asked.append((name, kinds))
        return str(tmp_path / "kept"), kinds

    painted.name = "left/right lung"
    ask(dock, qtbot)
    monkeypatch.setattr(keep_module.QFileDialog, "getSaveFileName", dialog)
    dock.regions.keep.save_button.click()
    assert asked == [("left-right lung.csv", "Table (*.csv)")]
    found = table_of((tmp_path / "kept.csv").read_text(encoding="utf-8"), ",")
    shown = rows(dock)
    assert len(found) == len(shown) == 2
    for row, (region, share, mean) in zip(found, shown, strict=True):
        probability, low, high = (float(row[name]) for name in ("probability", "low", "high"))
        assert row["region"] == region
        assert f"{probability:.2f} ({low:.2f}–{high:.2f})" == share
        assert f"{float(row['mean']):.1f} ± {float(row['std']):.1f}" == mean
        assert (row["voxels"], row["unit"], float(row["threshold"])) == ("16", "HU", 3.5)
    assert dock.regions.message.text() == "16 samples. Saved as kept.csv."


def test_a_file_that_nobody_was_asked_about_stays(dock, painted, qtbot, monkeypatch, tmp_path):
    ask(dock, qtbot)
    (tmp_path / "kept.csv").write_text("mine")
    name = str(tmp_path / "kept")
    monkeypatch.setattr(keep_module.QFileDialog, "getSaveFileName", lambda *_: (name, ""))
    dock.regions.keep.save_button.click()
    assert (tmp_path / "kept.csv").read_text() == "mine"
    assert "exists already" in dock.regions.message.text()


def test_a_folder_that_cannot_be_written_is_said(dock, painted, qtbot, tmp_path):
    ask(dock, qtbot)
    dock.regions.keep.save(tmp_path / "missing" / "kept.csv")
    said = dock.regions.message.text()
    assert "kept.csv' cannot be written: No such file or directory" in said
    assert rows(dock), "the answers stay, to be saved elsewhere"


def test_saving_can_be_cancelled(dock, painted, qtbot, monkeypatch, tmp_path):
    ask(dock, qtbot)
    monkeypatch.setattr(keep_module.QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    dock.regions.keep.save_button.click()
    assert dock.regions.message.text() == "16 samples."


def test_rows_are_copied(dock, painted, qtbot, clipboard):
    ask(dock, qtbot)
    dock.regions.keep.copy_button.click()
    found = table_of(clipboard.text(), "\t")
    assert [(row["region"], row["probability"]) for row in found] == [("1", "0.75"), ("3", "0.75")]
    assert dock.regions.message.text() == "16 samples. Copied 2 rows."
    dock.regions.table.selectRow(1)
    qtbot.keyClick(dock.regions.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert [row["region"] for row in table_of(clipboard.text(), "\t")] == ["3"]
    assert dock.regions.message.text() == "16 samples. Copied 1 row."


def test_the_next_run_takes_the_answers_away(dock, painted, qtbot, engine, finish):
    ask(dock, qtbot)
    engine.gate = threading.Event()
    dock.run()
    qtbot.waitUntil(lambda: dock.controller.state == "running")
    assert not rows(dock)
    assert not dock.regions.ask_button.isEnabled()
    engine.gate.set()
    finish(dock.controller)
    assert dock.regions.ask_button.isEnabled()
    assert not rows(dock)


def test_an_answer_that_comes_too_late_is_dropped(dock, painted, qtbot, monkeypatch):
    gate, work = threading.Event(), module.answers.work
    monkeypatch.setattr(module.answers, "work", lambda *a: (gate.wait(60), work(*a)))
    dock.regions.ask_button.click()
    assert dock.regions.busy
    painted.paint((3, 10, 10), 4)
    gate.set()
    qtbot.waitUntil(lambda: not dock.regions.busy)
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
    qtbot.waitUntil(lambda: not shown.controller.busy)
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
    assert_whole(dock, laid_out, qtbot)


def assert_whole(dock, laid_out, qtbot):
    """Threshold with its unit, cells and headings of the longest numbers are all to be read."""
    section = dock.regions
    section._set_unit("1/mm")
    section.threshold.setValue(-0.02051)
    found = tuple(
        Exceedance(number, 400, 0.02054, 0.00031, 0.02051, 0.62, 0.1, 0.33, 0.86, 16)
        for number in (*range(1, 9), 255)  # more than are shown without scrolling
    )
    layer = Labels(np.zeros((3, 4, 5), np.uint8))
    section.table.fill(Answers(found, "1/mm", "16 samples.", 16), layer)
    laid_out(dock.window())
    line = section.threshold.lineEdit()
    assert line.fontMetrics().horizontalAdvance(line.text()) <= line.width()
    table, header = section.table, section.table.horizontalHeader()
    assert sum(table.columnWidth(i) for i in range(3)) <= table.viewport().width()
    for column in range(3):
        need = max(table.sizeHintForColumn(column), header.sectionSizeHint(column))
        assert need <= table.columnWidth(column), column
    for button in (section.ask_button, section.keep.copy_button, section.keep.save_button):
        assert button.isVisible()
        assert button.fontMetrics().horizontalAdvance(button.text()) < button.width()
