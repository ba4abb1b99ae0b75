"""The preparation dock: asks for what is missing, previews live, makes the measurement."""

import gc
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import psutil
import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QPushButton,
    QScrollBar,
    QSlider,
    QToolButton,
)

from napari_padis.gui.layer_data import measurement_from_layer
from napari_padis.gui.prepare import dock as module
from napari_padis.gui.prepare import look as looks
from napari_padis.gui.prepare.answers import EVEN, LIST
from napari_padis.gui.projection_layer import projections_layer
from napari_padis.scan.preparation.axis import Axis
from napari_padis.scan.read import read

CONTROLS = (QComboBox, QAbstractSpinBox, QPushButton, QCheckBox, QSlider, QToolButton)

IMPORTS = """
import sys
import napari
from napari.components import ViewerModel
from napari.qt import get_qapp
app = get_qapp()
viewer = ViewerModel()
from napari_padis.gui.prepare.dock import PreparationDock
dock = PreparationDock(viewer)
dock.show()
app.processEvents()
loaded = [name for name in ("torch", "odl", "astra") if name in sys.modules]
assert not loaded, loaded
"""


def add(viewer, scan, **overrides):
    data, options, _ = projections_layer(scan, **overrides)
    return viewer.add_image(data, **options)


@pytest.fixture
def prepare(request, qtbot, monkeypatch):
    """A viewer with a shown dock; the viewer is a bare model unless a window is wanted."""
    from napari.components import ViewerModel

    monkeypatch.setattr(module, "FIRST_PREVIEW", 0)
    controllers = []

    def make(*scans, window=False):
        if window:
            viewer = request.getfixturevalue("make_napari_viewer")(show=True)
        else:
            viewer = ViewerModel()
        for scan in scans:
            add(viewer, scan)
        dock = module.PreparationDock(viewer)
        if window:
            viewer.window.add_dock_widget(dock, name="Prepare measured data")
        else:
            qtbot.addWidget(dock)
            dock.show()
        controllers.append(dock.controller)
        qtbot.waitUntil(lambda: dock._live)
        return viewer, dock

    yield make
    for controller in controllers:
        controller.close()
        assert controller.join(60), "a thread was left behind"
    controllers.clear()
    gc.collect()


@pytest.fixture
def settle(qtbot):
    """Wait until a dock has nothing to wait for."""

    def wait(dock):
        control = dock.controller
        qtbot.waitUntil(
            lambda: (
                not (
                    control.waiting or control.finding or control.busy or control._timer.isActive()
                )
            )
        )

    return wait


def choose(box, value):
    index = box.findData(value)
    assert index >= 0
    box.setCurrentIndex(index)


def test_opening_the_dock_loads_neither_torch_nor_odl():
    subprocess.run([sys.executable, "-c", textwrap.dedent(IMPORTS)], check=True, timeout=600)


def test_without_a_scan_the_dock_says_what_to_do(prepare):
    _, dock = prepare()
    assert "Drop a file" in dock.form.data.facts.text()
    for part in (
        dock.form.geometry_section,
        dock.form.corrections,
        dock.form.centre,
        dock.form.selection,
    ):
        assert not part.isEnabled()
    assert not dock.bar.make_button.isEnabled()
    dock.make()
    dock.find_centre()
    assert not dock.controller.busy


def test_a_scan_that_is_opened_is_chosen_found_and_shown(prepare, settle, disk_scan):
    viewer, dock = prepare()
    layer = add(viewer, disk_scan(views=90))
    assert dock.form.data.layer is layer
    settle(dock)
    assert dock.form.centre.centre == pytest.approx(33, abs=0.3)
    assert "Found at" in dock.form.centre.facts.text()
    assert not dock.form.preview.picture.empty
    assert "72 × 72 pixels" in dock.form.preview.facts.text()
    assert dock.form.preview.picture.note == ""
    assert dock.bar.make_button.isEnabled()


def test_what_is_missing_is_asked_for_first(prepare, settle, disk_scan):
    _, dock = prepare(disk_scan(beam=None, angles=None, detector_pitch=None))
    section = dock.form.geometry_section
    assert section.ask.text() == (
        "The file does not state the beam, the view angles and the detector pitch: please fill in."
    )
    settle(dock)
    assert "view angles" in dock.form.preview.facts.text()
    assert not dock.bar.make_button.isEnabled()
    choose(section.source, EVEN)
    choose(section.beam, "parallel")
    settle(dock)
    assert "without it the image has no unit" in section.ask.text()
    assert dock.bar.make_button.isEnabled()
    assert not dock.form.preview.picture.empty
    section.pitch.setValue(0.5)
    assert section.ask.text() == ""
    settle(dock)


def test_rows_of_the_form_follow_what_is_missing(prepare, disk_scan):
    viewer, dock = prepare()
    section = dock.form.geometry_section

    def first_field():
        fields = (section.form.itemAt(row, section.form.ItemRole.FieldRole) for row in range(9))
        widgets = (field.widget() for field in fields if field is not None)
        return next(w for w in widgets if isinstance(w, CONTROLS))

    add(viewer, disk_scan(detector_pitch=None, name="pitch"))
    assert first_field() is section.pitch
    add(viewer, disk_scan(beam=None, name="beam"))
    assert first_field() is section.beam


def test_a_fan_asks_for_its_distances(prepare, disk_scan):
    _, dock = prepare(disk_scan())
    section = dock.form.geometry_section
    assert not section.origin.isVisibleTo(dock)
    choose(section.beam, "fan")
    assert section.origin.isVisibleTo(dock)
    assert "source to axis and the distance from source to detector" in section.ask.text()
    assert not dock.bar.make_button.isEnabled()
    section.origin.setValue(100)
    section.distance.setValue(150)
    assert dock.bar.make_button.isEnabled()
    assert dock.form.scan().source_detector == 150


def test_evenly_spaced_angles_with_and_without_the_end(prepare, disk_scan):
    _, dock = prepare(disk_scan(views=5, angles=None))
    section = dock.form.geometry_section
    choose(section.source, EVEN)
    section.first.setValue(10)
    section.arc.setValue(200)
    np.testing.assert_allclose(np.rad2deg(dock.form.scan().angles), [10, 50, 90, 130, 170])
    section.closed.setChecked(True)
    np.testing.assert_allclose(np.rad2deg(dock.form.scan().angles), [10, 60, 110, 160, 210])
    section.reverse.setChecked(True)
    np.testing.assert_allclose(np.rad2deg(dock.form.scan().angles), [-10, -60, -110, -160, -210])


def test_a_list_of_angles(prepare, disk_scan, tmp_path, monkeypatch):
    _, dock = prepare(disk_scan(views=4, angles=None))
    section = dock.form.geometry_section
    (tmp_path / "short.txt").write_text("0\n45\n90\n")
    (tmp_path / "right.txt").write_text("0\n45\n90\n135\n")
    (tmp_path / "wrong.txt").write_text("0\nx\n")
    paths = [str(tmp_path / "short.txt")]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (paths[-1], ""))
    choose(section.source, LIST)
    assert "3 angles" in section.problem.text()
    assert "4 views" in section.problem.text()
    assert not dock.bar.make_button.isEnabled()
    paths.append(str(tmp_path / "right.txt"))
    section.open_list.click()
    assert section.problem.text() == ""
    assert "right.txt: 0° to 135°" in section.open_list.text()
    np.testing.assert_allclose(dock.form.scan().angles, np.deg2rad([0, 45, 90, 135]))
    section.load_list(tmp_path / "wrong.txt")
    assert "wrong.txt" in section.problem.text()


def test_the_kind_of_the_values_decides_about_the_logarithm(prepare, disk_scan):
    _, dock = prepare(disk_scan(contents="counts"))
    assert "mean of 4 flat images, minus 4 dark" in dock.form.corrections.steps.text()
    choose(dock.form.corrections.contents, "line integrals")
    assert "no logarithm" in dock.form.corrections.steps.text()
    assert dock.form.scan().contents == "line integrals"


def test_flat_images_of_a_file_of_their_own(prepare, settle, disk_scan, tmp_path):
    scan = disk_scan(contents="counts")
    flats, darks = scan.flats, scan.darks
    viewer, dock = prepare(disk_scan(contents="counts", flats=None, darks=None))
    section = dock.form.corrections
    assert "outer bins are taken for air" in section.steps.text()
    np.save(tmp_path / "flats.npy", flats)
    np.save(tmp_path / "darks.npy", darks)
    np.save(tmp_path / "wrong.npy", flats[..., :50])
    section.load_images("flats", tmp_path / "flats.npy")
    section.load_images("darks", tmp_path / "darks.npy")
    assert "mean of 4 flat images, minus 4 dark" in section.steps.text()
    np.testing.assert_array_equal(dock.form.scan().flats, flats)
    section.load_images("flats", tmp_path / "wrong.npy")
    assert "does not fit" in section.steps.text()
    np.testing.assert_array_equal(dock.form.scan().flats, flats)
    add(viewer, disk_scan())
    dock.form.data.choose(viewer.layers[0])
    np.testing.assert_array_equal(dock.form.scan().darks, darks)
    settle(dock)


def test_settings_survive_switching_layers_back_and_forth(prepare, settle, disk_scan):
    viewer, dock = prepare(disk_scan(name="a", beam=None), disk_scan(name="b", rows=9))
    first, second = viewer.layers
    dock.form.data.choose(first)
    choose(dock.form.geometry_section.beam, "parallel")
    dock.form.geometry_section.pitch.setValue(0.25)
    dock.form.corrections.rings.setChecked(False)
    settle(dock)
    dock.form.centre.value.box.setValue(30.5)
    dock.form.selection.last.setValue(1)
    dock.form.selection.use_arc.setChecked(True)
    dock.form.selection.arc.setValue(120)
    before = dock.question().settings
    dock.form.data.choose(second)
    assert dock.form.corrections.rings.isChecked()
    assert dock.form.selection.last.value() == 8
    settle(dock)
    dock.form.data.choose(first)
    assert dock.question().settings == before
    assert dock.form.geometry_section.pitch.value() == 0.25
    assert dock.form.scan().beam == "parallel"
    # By hand it was set, so it is not looked for again.
    settle(dock)
    assert dock.form.centre.centre == 30.5


def test_settings_become_those_of_the_preparation(prepare, disk_scan):
    _, dock = prepare(disk_scan(rows=9))
    dock.form.selection.first.setValue(6)
    dock.form.selection.last.setValue(2)
    dock.form.selection.every.setValue(3)
    dock.form.selection.binning.setValue(2)
    dock.form.selection.side.setValue(40)
    settings = dock.question().settings
    assert settings["rows"] == "2:7"
    assert (settings["every"], settings["binning"], settings["image_side"]) == (3, 2, 40)
    assert "arc_degrees" not in settings
    assert "5 slices of 40 × 40" in dock.form.selection.facts.text()
    dock.form.selection.use_arc.setChecked(True)
    dock.form.selection.arc.setValue(60)
    assert dock.question().settings["arc_degrees"] == 60


def test_slider_box_and_buttons_of_the_centre_agree(prepare, settle, disk_scan, qtbot):
    _, dock = prepare(disk_scan())
    settle(dock)
    value = dock.form.centre.value
    value.slider.setValue(300)
    assert value.box.value() == 30
    value.more.click()
    assert (value.value, value.slider.value()) == (30.25, 302)
    value.less.click()
    value.box.setValue(35.5)
    assert value.slider.value() == 355
    qtbot.keyClick(value.slider, Qt.Key.Key_Right)
    assert value.value == pytest.approx(35.7)
    assert dock.form.centre.facts.text() == "Set by hand."
    dock.form.centre.middle.click()
    assert value.value == 35.5
    settle(dock)


def test_dragging_the_slider_never_holds_up_the_window(
    prepare, settle, disk_scan, qtbot, monkeypatch
):
    _, dock = prepare(disk_scan())
    settle(dock)
    whole, asked, threads = looks.look, [], set()

    def slow(question, factor, fine, cache):
        asked.append(question.settings["centre"])
        threads.add(threading.current_thread())
        time.sleep(0.1)
        return whole(question, factor, fine, cache)

    monkeypatch.setattr(looks, "look", slow)
    for position in range(200, 500, 5):
        dock.form.centre.value.slider.setValue(position)
        qtbot.wait(2)
    settle(dock)
    assert threading.main_thread() not in threads
    assert len(asked) < 30
    assert asked[-1] == 49.5


def test_memory_does_not_grow_with_the_slider(prepare, settle, disk_scan):
    _, dock = prepare(disk_scan(bins=256, views=90, centre=120.0))
    process = psutil.Process()

    def move(times):
        for step in range(times):
            dock.form.centre.value.box.setValue(100 + step % 30)
            settle(dock)
        gc.collect()
        return process.memory_info().rss

    before = move(10)
    assert move(30) - before < 12e6


def test_the_preview_as_a_layer_replaces_the_projections(prepare, settle, disk_scan):
    viewer, dock = prepare(disk_scan())
    (scan,) = viewer.layers
    settle(dock)
    dock.form.preview.in_viewer.setChecked(True)
    settle(dock)
    layer = viewer.layers["preview"]
    assert not scan.visible
    assert layer.data.shape == (72, 72)
    np.testing.assert_allclose(layer.extent.world.mean(axis=0), 0, atol=1e-6)
    dock.form.selection.binning.setValue(2)
    settle(dock)
    assert layer in viewer.layers
    assert layer.data.shape == (36, 36)
    np.testing.assert_allclose(layer.scale, (2, 2))
    dock.form.preview.in_viewer.setChecked(False)
    assert layer not in viewer.layers
    assert scan.visible


def test_make_adds_a_measurement_that_can_be_reconstructed(prepare, settle, disk_scan):
    from napari_padis.gui.source import candidates, load

    viewer, dock = prepare(disk_scan(contents="counts", views=90))
    (scan,) = viewer.layers
    settle(dock)
    dock.bar.make_button.click()
    settle(dock)
    layer = viewer.layers["disk measurement"]
    measurement = measurement_from_layer(layer)
    assert measurement.data.shape == (3, 90, 72)
    assert measurement.geometry.shift == pytest.approx(35.5 - 33, abs=0.3)
    assert measurement.data.max() == pytest.approx(0.03 * 28, rel=0.05)
    assert not scan.visible
    assert candidates(viewer) == [layer]
    assert load(layer).data.shape == (3, 90, 72)
    assert "ready to be reconstructed" in dock.bar.message.text()
    assert dock.bar.save_button.isEnabled()
    assert dock.bar.next_button.isVisibleTo(dock)


def test_make_can_be_cancelled(prepare, settle, disk_scan, monkeypatch, qtbot):
    from napari_padis.scan import preparation

    viewer, dock = prepare(disk_scan())
    settle(dock)
    begun = threading.Event()

    def endless(_scan, _settings, progress):
        while True:
            progress(0.5)
            begun.set()
            time.sleep(0.01)

    monkeypatch.setattr(preparation, "prepare", endless)
    dock.make()
    qtbot.waitUntil(begun.is_set)
    qtbot.waitUntil(lambda: dock.bar.bar.value() == 500)
    assert not dock.bar.make_button.isEnabled()
    dock.bar.stop_button.click()
    qtbot.waitUntil(lambda: not dock.controller.busy)
    assert dock.bar.message.text() == "Cancelled."
    assert len(viewer.layers) == 1
    assert dock.bar.make_button.isEnabled()


def test_an_error_is_one_sentence_in_the_dock(prepare, settle, disk_scan):
    _, dock = prepare(disk_scan())
    settle(dock)
    dock.form.selection.use_arc.setChecked(True)
    dock.form.selection.arc_first.setValue(300)
    dock.form.selection.arc.setValue(1)
    settle(dock)
    assert dock.form.preview.facts.text().startswith("No view is left")
    dock.make()
    settle(dock)
    assert dock.bar.message.text().startswith("No view is left")
    assert dock.bar.make_button.isEnabled()


def test_save_writes_the_measurement(prepare, settle, disk_scan, tmp_path, monkeypatch):
    _, dock = prepare(disk_scan())
    settle(dock)
    dock.make()
    settle(dock)
    target = str(tmp_path / "out")
    monkeypatch.setattr(module.QFileDialog, "getSaveFileName", lambda *_: (target, ""))
    dock.bar.save_button.click()
    settle(dock)
    assert dock.bar.message.text() == "Saved as out.h5."
    assert read(tmp_path / "out.h5").data.shape == (3, 60, 72)
    # Now "out" would replace "out.h5", about which the dialog did not ask.
    before = (tmp_path / "out.h5").stat().st_mtime_ns
    dock.bar.save_button.click()
    settle(dock)
    assert "exists already" in dock.bar.message.text()
    assert (tmp_path / "out.h5").stat().st_mtime_ns == before


def test_any_stack_can_be_opened_as_projections(prepare, settle, disk_scan, tmp_path):
    viewer, dock = prepare()
    np.save(tmp_path / "sinogram.npy", disk_scan().data[:, 0])
    dock.form.data.open(tmp_path / "sinogram.npy")
    assert dock.form.data.layer is viewer.layers["sinogram"]
    assert dock.form.data.projections.shape == (60, 1, 72)
    dock.form.data.open(tmp_path / "missing.npy")
    assert "does not exist" in dock.form.data.facts.text()


def test_a_scan_that_is_removed_is_forgotten(prepare, settle, disk_scan):
    viewer, dock = prepare(disk_scan(name="a"), disk_scan(name="b"))
    settle(dock)
    viewer.layers.remove("b")
    assert dock.form.data.layer is viewer.layers["a"]
    viewer.layers.clear()
    assert dock.form.data.layer is None
    assert dock.form.preview.picture.empty
    settle(dock)


def test_a_dock_that_is_opened_again_shows_the_same_state(prepare, settle, disk_scan):
    viewer, dock = prepare(disk_scan())
    settle(dock)
    dock.form.centre.value.box.setValue(31.25)
    dock.make()
    settle(dock)
    other = module.PreparationDock(viewer)
    assert other.controller is dock.controller
    assert other.form.centre.centre == 31.25
    assert other.bar.save_button.isEnabled()
    other.deleteLater()


def test_two_docks_of_one_viewer_do_not_disturb_each_other(prepare, settle, disk_scan):
    viewer, dock = prepare(disk_scan(name="a", views=90), disk_scan(name="b", views=90))
    other = module.PreparationDock(viewer)
    other.show()
    other.form.data.choose(viewer.layers["a"])
    other._go_live()
    settle(dock)
    dock.form.centre.value.box.setValue(20)
    settle(dock)
    other.find_centre()
    settle(dock)
    assert dock.form.centre.centre == 20
    assert other.form.centre.centre == pytest.approx(33, abs=0.3)
    dock.make()
    settle(dock)
    assert [layer.name for layer in viewer.layers] == ["a", "b", "b measurement"]
    other.close()
    other.deleteLater()


def test_the_measurement_arrives_also_when_the_dock_is_closed(prepare, settle, disk_scan, qtbot):
    viewer, dock = prepare(disk_scan(), window=True)
    settle(dock)
    dock.make()
    viewer.window.remove_dock_widget(dock)
    control = dock.controller
    dock.deleteLater()
    del dock
    qtbot.waitUntil(lambda: len(viewer.layers) == 2)
    qtbot.waitUntil(lambda: not control.busy)
    assert viewer.layers[-1].name == "disk measurement"


def test_a_centre_that_was_looked_for_is_found_after_switching_back(prepare, settle, disk_scan):
    viewer, dock = prepare(
        disk_scan(name="a", views=90), disk_scan(name="b", centre=36.5, views=90)
    )
    dock.form.data.choose(viewer.layers["a"])
    dock.form.data.choose(viewer.layers["b"])
    settle(dock)
    assert dock.form.centre.centre == pytest.approx(36.5, abs=0.3)
    dock.form.data.choose(viewer.layers["a"])
    settle(dock)
    assert dock.form.centre.centre == pytest.approx(33, abs=0.3)
    assert dock.form.centre.find.isEnabled()


def test_a_hidden_dock_computes_no_previews(prepare, settle, disk_scan, monkeypatch):
    _, dock = prepare(disk_scan())
    settle(dock)
    asked = []
    monkeypatch.setattr(dock.controller, "preview", asked.append)
    dock.hide()
    dock.form.centre.value.box.setValue(31)
    assert asked == []
    dock.show()
    dock._go_live()
    assert len(asked) == 1


def test_closing_the_viewer_in_the_middle_of_a_preview(prepare, disk_scan, qtbot, monkeypatch):
    viewer, dock = prepare(disk_scan(), window=True)
    begun, gate = threading.Event(), threading.Event()

    def slow(*_arguments):
        begun.set()
        gate.wait(60)
        raise RuntimeError("too late")

    monkeypatch.setattr(looks, "look", slow)
    dock.form.centre.value.box.setValue(31)
    qtbot.waitUntil(begun.is_set)
    viewer.close()
    gate.set()
    assert dock.controller.join(60)
    qtbot.wait(100)
    assert not dock.controller._timer.isActive()


def test_closing_the_dock_in_the_middle_of_a_preview(
    prepare, settle, disk_scan, qtbot, monkeypatch
):
    viewer, dock = prepare(disk_scan(), window=True)
    control = dock.controller
    begun = threading.Event()
    whole = looks.look

    def slow(*arguments):
        begun.set()
        time.sleep(0.2)
        return whole(*arguments)

    monkeypatch.setattr(looks, "look", slow)
    dock.form.centre.value.box.setValue(31)
    qtbot.waitUntil(begun.is_set)
    viewer.window.remove_dock_widget(dock)
    settle(dock)
    dock.deleteLater()
    del dock
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    viewer.layers.clear()
    again = module.PreparationDock(viewer)
    assert again.controller is control
    again.deleteLater()


def test_the_way_leads_on_to_the_reconstruction(prepare, settle, disk_scan, monkeypatch):
    from napari_padis.gui import warmup

    monkeypatch.setattr(warmup, "start", lambda: None)
    viewer, dock = prepare(disk_scan(), window=True)
    settle(dock)
    dock.make()
    settle(dock)
    dock.bar.next_button.click()
    (name,) = [name for name in viewer.window.dock_widgets if "Reconstruction" in name]
    found = viewer.window.dock_widgets[name]
    assert found.data.layer is viewer.layers["disk measurement"]


def test_fits_a_screen_of_1366_by_768(prepare, disk_scan, laid_out):
    viewer, dock = prepare(disk_scan(detector_pitch=None, name="x" * 95), window=True)
    window = dock.window()
    window.resize(1366, 740)
    laid_out(window)
    assert window.minimumSizeHint().height() <= 700
    assert dock.minimumSizeHint().height() <= 420
    assert dock.width() <= 400
    assert viewer.canvas.size[1] > 350
    assert dock.form.scroll.horizontalScrollBar().maximum() == 0
    inner = dock.form.scroll.widget()
    assert inner.minimumSizeHint().width() <= dock.form.scroll.viewport().width()
    for button in dock.findChildren(QPushButton):
        if button.isVisible():
            lines = button.text().split("\n")
            needed = max(button.fontMetrics().horizontalAdvance(line) for line in lines)
            assert needed <= button.width(), button.text()


def test_every_control_has_a_name_and_a_tooltip(prepare):
    _, dock = prepare()
    controls = [
        widget
        for kind in CONTROLS
        for widget in dock.findChildren(kind)
        if not isinstance(widget, QScrollBar) and not widget.objectName().startswith("qt_")
    ]
    assert len(controls) >= 30
    for widget in controls:
        assert widget.accessibleName(), widget
        assert widget.toolTip(), widget.accessibleName()
    names = [widget.accessibleName() for widget in controls]
    assert len(names) == len(set(names))


def two_axes(disk_scan):
    """The same full turn twice, side by side on one detector: two places for the axis."""
    import dataclasses

    scan = disk_scan(views=90)
    angles = np.arange(90) * 2 * np.pi / 90
    middle = 6 * np.cos(angles) + 3 * np.sin(angles)
    along = np.arange(64)[None] - 31.5 - middle[:, None]
    one = 0.06 * np.sqrt(np.maximum(14.0**2 - along**2, 0))
    data = np.concatenate([one, one], axis=1)[:, None].astype(np.float32)
    return dataclasses.replace(scan, data=data, angles=angles, name="two axes")


def test_an_axis_that_is_not_clear_is_asked_for(prepare, settle, disk_scan, qtbot):
    viewer, dock = prepare()
    first = add(viewer, two_axes(disk_scan))
    settle(dock)
    section = dock.form.centre
    assert "not clear" in section.facts.text()
    offered = [float(b.text()) for b in section.offers if not b.isHidden()]
    assert len(offered) > 1
    assert min(abs(c - 31.5) for c in offered) < 0.3
    assert min(abs(c - 95.5) for c in offered) < 0.3
    assert not dock.form.preview.picture.empty
    # Nothing is made before it is settled, here or after another scan was looked at.
    dock.make()
    assert not dock.controller.busy
    assert "not clear" in dock.bar.message.text()
    add(viewer, disk_scan(views=90, name="other"))
    settle(dock)
    assert section.offered.isHidden()
    assert section.question == ""
    dock.form.data.choose(first)
    settle(dock)
    assert section.question
    section.offers[1].click()
    assert section.question == ""
    assert section.centre == pytest.approx(offered[1], abs=0.1)
    settle(dock)
    dock.make()
    qtbot.waitUntil(lambda: dock.controller.measurement is not None, timeout=30_000)
    shift = dock.controller.measurement.geometry.shift
    assert shift == pytest.approx(63.5 - section.centre, abs=0.01)


def test_the_slider_reaches_an_axis_near_the_end(prepare, settle, disk_scan):
    viewer, dock = prepare()
    add(viewer, disk_scan(views=90, centre=68.0, angles=np.arange(90) * np.pi / 45))
    settle(dock)
    dock.form.centre.set_found(Axis(68.0))
    slider = dock.form.centre.value.slider
    assert slider.value() / (slider.maximum() / 71) == pytest.approx(68, abs=0.1)


@pytest.mark.parametrize("from_list", [False, True])
def test_the_unit_of_the_angles_can_be_said(prepare, disk_scan, tmp_path, from_list):
    values = np.linspace(0, 2, 4)
    _, dock = prepare(disk_scan(views=4, angles=values))
    section = dock.form.geometry_section
    if from_list:
        (tmp_path / "a.txt").write_text("# degrees\n0\n1\n2\n4\n")
        section.load_list(tmp_path / "a.txt")
        choose(section.source, LIST)
        values = np.array([0, 1, 2, 4.0])
    assert not section.unit.isHidden()
    for unit, factor in (("degrees", np.pi / 180), ("radians", 1.0)):
        choose(section.unit, unit)
        np.testing.assert_allclose(dock.form.scan().angles, values * factor)
    choose(section.source, EVEN)
    assert section.unit.isHidden()


def test_doubts_about_the_angles_are_shown_until_they_are_settled(prepare, disk_scan, tmp_path):
    _, dock = prepare(disk_scan(views=90))
    section = dock.form.geometry_section
    assert section.doubt.isHidden()
    (tmp_path / "a.txt").write_text("# radians\n" + "\n".join(str(2 * k) for k in range(90)))
    section.load_list(tmp_path / "a.txt")
    choose(section.source, LIST)
    assert "contradict" in section.doubt.text()
    assert not section.doubt.isHidden()
    assert section.unit.itemText(0) == "As read: degrees"
    choose(section.unit, "degrees")
    assert section.doubt.isHidden()
    choose(section.unit, None)
    choose(section.source, EVEN)
    assert section.doubt.isHidden()
