"""The dock itself: cheap to open, fits small screens, says what it is."""

import subprocess
import sys
import textwrap

import pytest
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QPushButton,
    QRadioButton,
    QScrollBar,
)

from napari_padis.scan.measurement import Measurement

CONTROLS = (QComboBox, QAbstractSpinBox, QPushButton, QCheckBox, QRadioButton)

IMPORTS = """
import sys, time
import napari
from napari.components import ViewerModel
from napari.qt import get_qapp
app = get_qapp()
viewer = ViewerModel()
from napari_padis.gui.dock import ReconstructionDock
dock = ReconstructionDock(viewer)
dock.show()
app.processEvents()
loaded = [name for name in ("torch", "odl", "astra") if name in sys.modules]
assert not loaded, loaded
"""


def test_opening_the_dock_loads_neither_torch_nor_odl():
    subprocess.run([sys.executable, "-c", textwrap.dedent(IMPORTS)], check=True, timeout=600)


def test_loading_goes_on_in_a_thread_and_fills_the_devices(make_dock, qtbot):
    _, dock = make_dock()
    dock.show()
    box = dock.method.device_box
    qtbot.waitUntil(lambda: box.count() == 3)
    assert [box.itemText(i) for i in range(3)] == ["auto", "cpu", "cuda:0"]


def test_fits_a_screen_of_1366_by_768(make_dock, laid_out):
    _viewer, dock = make_dock(window=True, show=True)
    window = dock.window()
    laid_out(window)
    assert window.minimumSizeHint().height() <= 700
    assert dock.minimumSizeHint().height() <= 420
    assert dock.width() <= 400
    assert dock.scroll.horizontalScrollBar().maximum() == 0


def test_a_long_layer_name_does_not_shrink_the_canvas(make_dock, laid_out):
    viewer, dock = make_dock(window=True, show=True)
    window = dock.window()
    window.resize(1366, 740)
    laid_out(window)
    viewer.layers["torso"].name = "x" * 95
    laid_out(window)
    assert dock.width() <= 400
    assert viewer.canvas.size[1] > 350
    assert dock.data.layer_box.itemText(0) == "x" * 95


def test_every_control_has_a_name_and_a_tooltip(make_dock):
    _, dock = make_dock()
    controls = [
        widget
        for kind in CONTROLS
        for widget in dock.findChildren(kind)
        if not isinstance(widget, QScrollBar) and not widget.objectName().startswith("qt_")
    ]
    assert len(controls) >= 22
    for widget in controls:
        assert widget.accessibleName(), widget
        assert widget.toolTip(), widget.accessibleName()


def test_shortcuts_are_written_on_the_buttons(make_dock):
    _, dock = make_dock()
    bar = dock.run_bar
    for button in (bar.run_button, bar.pause_button, bar.stop_button):
        title, _, keys = button.text().partition("\n")
        assert title
        assert keys.startswith("Ctrl+")


def test_no_text_of_the_dock_is_cut_off(make_dock, laid_out):
    _viewer, dock = make_dock(window=True, show=True)
    dock.window().resize(1366, 740)
    laid_out(dock.window())
    for button in dock.findChildren(QPushButton):
        needed = max(
            button.fontMetrics().horizontalAdvance(line) for line in button.text().split("\n")
        )
        assert button.width() >= needed, button.text()


def test_combos_do_not_grow_with_their_entries(make_dock):
    _, dock = make_dock()
    for box in dock.findChildren(QComboBox):
        assert box.minimumContentsLength() == 12, box.accessibleName()
        assert box.minimumSizeHint().width() < 260


def test_facts_of_the_data(make_dock):
    _, dock = make_dock()
    assert dock.data.facts.text() == "Volume of 6 × 40 × 48 voxels, 5 × 2 × 2.5 mm, in HU"
    assert "20 views × 512 bins" in dock.forward.facts.text()
    dock.forward.control("views").setValue(7)
    assert "7 views" in dock.forward.facts.text()


def test_unit_can_be_overridden(make_dock):
    _, dock = make_dock()
    dock.data.unit_box.setCurrentText("1/mm")
    assert dock.data.source.unit == "1/mm"
    assert dock.request().volume.unit == "1/mm"


def test_the_request_holds_all_settings(make_dock):
    _, dock = make_dock()
    dock.forward.control("views").setValue(11)
    noise = dock.forward.noise
    noise.kind.setCurrentIndex(noise.kind.findData("gaussian"))
    noise.share.setValue(2)
    dock.forward.backend_box.setCurrentIndex(dock.forward.backend_box.findData("rays"))
    dock.measurement.first.setValue(4)
    dock.measurement.last.setValue(1)  # either order
    dock.method.seed.setValue(42)
    dock.method.device_box.setCurrentText("cpu")
    dock.method.sigma.setValue(0.25)
    request = dock.request()
    assert len(request.simulation.geometry.angles) == 11
    assert request.simulation.noise == "gaussian"
    assert request.simulation.share == pytest.approx(0.02)
    assert request.simulation.slices == (1, 5)
    assert request.recipe.seed == 42
    assert request.recipe.backend == "rays"
    assert request.recipe.device == "cpu"
    assert request.recipe.sigma_y == 0.25
    assert request.place.translate == (5, -78, -117.5)
    dock.method.sigma.setValue(0)
    assert dock.request().recipe.sigma_y is None


def test_rows_of_the_noise_follow_its_kind(make_dock):
    _, dock = make_dock()
    noise = dock.forward.noise
    for kind, share, photons in (("none", 0, 0), ("gaussian", 1, 0), ("poisson", 0, 1)):
        noise.kind.setCurrentIndex(noise.kind.findData(kind))
        assert noise.share.isVisibleTo(dock) == bool(share)
        assert noise.photons.isVisibleTo(dock) == bool(photons)
        assert not noise.sigma.isVisibleTo(dock)


def test_a_few_slices_are_chosen_at_first_and_all_on_demand(make_dock):
    import numpy as np

    from napari_padis.gui.sections.measurement import MeasurementSection
    from napari_padis.scan.volume import Volume

    section = MeasurementSection()
    section.set_source(Volume(np.zeros((100, 8, 8))))
    assert section.slices == (46, 54)
    section.choose_all()
    assert section.slices == (0, 100)


def test_volume_and_sinogram_are_told_apart_by_their_layer(make_dock, engine):
    import numpy as np

    from napari_padis.gui.layer_data import measurement_layer
    from napari_padis.scan.geometry import ParallelGeometry

    viewer, dock = make_dock()
    assert dock.measurement.simulate_button.isChecked()
    assert not dock.measurement.measured_button.isEnabled()
    geometry = ParallelGeometry.standard(3, (8, 8), detectors=16)
    data, options, _ = measurement_layer(Measurement(np.ones((2, 3, 16), np.float32), geometry))
    layer = viewer.add_image(data, **options)
    assert dock.measurement.measured_button.isEnabled()
    dock.measurement.measured_button.click()
    assert dock.data.layer is layer
    assert not dock.forward.control("views").isVisibleTo(dock)
    assert not dock.measurement.first.isVisibleTo(dock)
    assert dock.request().measurement.geometry.data_shape == (3, 16)
    assert dock.request().volume is None
    dock.measurement.simulate_button.click()
    assert dock.data.layer is viewer.layers["torso"]


def test_methods_without_a_prior_leave_it_grey(make_dock):
    _, dock = make_dock()
    assert not dock.prior.isEnabled()
    dock.method.method_box.setCurrentIndex(dock.method.method_box.findData("padis-fast"))
    assert dock.prior.isEnabled()
    assert dock.method.steps.value() > 1


def test_a_missing_prior_is_said(make_dock, monkeypatch):
    from napari_padis.gui.sections import prior

    monkeypatch.setattr(prior, "catalogue", list)
    _, dock = make_dock()
    dock.method.choose("padis-fast")
    dock.run()
    assert "needs a prior, and none is installed" in dock.run_bar.message.text()
    assert dock.controller.state == "idle"


def test_run_layers_are_no_candidates(make_dock, finish):
    _, dock = make_dock()
    dock.run()
    finish(dock.controller)
    names = [dock.data.layer_box.itemText(i) for i in range(dock.data.layer_box.count())]
    assert names == ["torso", "torso sinogram"]
    assert dock.data.layer.name == "torso"


def test_settings_rest_during_a_run(make_dock, engine, qtbot, finish):
    _, dock = make_dock()
    engine.levels, engine.delay = 10_000, 0.005
    dock.run()
    qtbot.waitUntil(lambda: dock.controller.state == "running")
    for section in (dock.data, dock.measurement, dock.forward, dock.prior, dock.method):
        assert not section.isEnabled()
    assert dock.display.isEnabled()
    dock.display.rate.setValue(2)
    assert dock.controller.rate == 2
    dock.display.rate.setValue(10)
    dock.controller.stop()
    finish(dock.controller)
    assert dock.data.isEnabled()


def test_preferences_are_taken_over(make_dock, qtbot, monkeypatch):
    from napari_padis.gui import preferences

    monkeypatch.setattr(preferences, "load", lambda: preferences.Preferences("cpu", 2.0))
    _, dock = make_dock()
    dock.display.rate.setValue(3)
    dock.show()
    qtbot.waitUntil(lambda: dock.method.device_box.currentText() == "cpu")
    assert dock.controller.rate == 2


def test_the_proxy_of_napari_is_accepted_without_private_access(
    make_napari_viewer_proxy, add_volume, qtbot, monkeypatch
):
    from napari_padis.gui import warmup
    from napari_padis.gui.dock import ReconstructionDock

    monkeypatch.setattr(warmup, "start", lambda: None)
    viewer = make_napari_viewer_proxy()
    dock = ReconstructionDock(viewer)
    viewer.window.add_dock_widget(dock, name="Reconstruction")
    qtbot.waitUntil(lambda: dock.controller._watcher is not None)
