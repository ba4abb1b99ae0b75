"""Which layer runs: the one that was opened last, and the dock says so."""

import threading

import numpy as np

from napari_padis.gui.layer_data import measurement_layer
from napari_padis.scan.geometry import ParallelGeometry
from napari_padis.scan.measurement import Measurement


def add_measurement(viewer, name="scan"):
    geometry = ParallelGeometry.standard(3, (8, 8), detectors=16)
    measured = Measurement(np.ones((2, 3, 16), np.float32), geometry, name=name)
    data, options, _ = measurement_layer(measured)
    return viewer.add_image(data, **options)


def test_what_was_opened_last_is_what_runs(make_dock, add_volume):
    viewer, dock = make_dock()
    assert dock.data.layer is viewer.layers["torso"]
    second = add_volume(viewer, name="second")
    assert dock.data.layer is second
    message = dock.run_bar.message.text()
    assert "'second'" in message
    assert "'torso'" in message
    dock.data.choose(viewer.layers["torso"])
    third = add_measurement(viewer)
    assert dock.data.layer is third, "also where another was chosen by hand"
    assert dock.request().measurement is not None
    assert dock.measurement.measured_button.isChecked()


def test_what_cannot_run_is_not_chosen(make_dock):
    viewer, dock = make_dock()
    viewer.add_labels(np.zeros((6, 40, 48), np.uint8))
    viewer.add_image(np.zeros((4, 5, 3), np.uint8), rgb=True)
    viewer.add_points(np.zeros((1, 3)))
    assert dock.data.layer is viewer.layers["torso"]
    assert not dock.run_bar.message.text()


def test_the_first_layer_needs_no_words(make_dock, add_volume):
    viewer, dock = make_dock(volume=False)
    layer = add_volume(viewer)
    assert dock.data.layer is layer
    assert not dock.run_bar.message.text()


def test_during_a_run_the_choice_stays(make_dock, add_volume, engine, qtbot, finish):
    viewer, dock = make_dock()
    engine.gate = threading.Event()
    dock.run()
    qtbot.waitUntil(lambda: dock.controller.state == "running")
    chosen = dock.data.layer
    add_volume(viewer, name="second")
    assert "torso sinogram" in viewer.layers, "which the run has added"
    assert dock.data.layer is chosen is viewer.layers["torso"]
    engine.gate.set()
    finish(dock.controller)
    assert dock.data.layer is chosen
    third = add_volume(viewer, name="third")
    assert dock.data.layer is third


def test_another_choice_after_the_chosen_layer_is_gone_is_said(make_dock, add_volume):
    viewer, dock = make_dock()
    add_volume(viewer, name="second")
    dock.run_bar.set_message("info", "")
    viewer.layers.remove("second")
    assert dock.data.layer is viewer.layers["torso"]
    message = dock.run_bar.message.text()
    assert message == "'second' is gone; 'torso' is chosen now."
    add_volume(viewer, name="third")
    dock.data.choose(viewer.layers["torso"])
    dock.run_bar.set_message("info", "")
    viewer.layers.remove("third")
    assert not dock.run_bar.message.text(), "which was not the chosen one"
