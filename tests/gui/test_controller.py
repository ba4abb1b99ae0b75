"""The run's state machine, and what may happen to window, dock and layers meanwhile."""

import threading
import time

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from napari_padis.errors import ReconstructionError
from napari_padis.gui import job as jobs
from napari_padis.gui.registry import controller_for
from napari_padis.gui.roles import GRID, ITERATE, MEAN, STD
from napari_padis.gui.world import as_shown


def wait_for(qtbot, controller, state):
    qtbot.waitUntil(lambda: controller.state == state)


def test_a_run_goes_through_its_states(make_dock, engine, qtbot, finish):
    _viewer, dock = make_dock()
    engine.gate = threading.Event()
    states = []
    dock.controller.state_changed.connect(states.append)
    dock.run_bar.run_button.click()
    wait_for(qtbot, dock.controller, "running")
    engine.gate.set()
    finish(dock.controller)
    assert states == ["loading", "running", "idle"]
    assert dock.controller.result.complete
    assert dock.controller.layers.shown == MEAN
    np.testing.assert_array_equal(
        dock.controller.layers.get(MEAN).data, as_shown(dock.controller.result.mean)
    )
    assert dock.run_bar.message.text() == "Finished."


def test_pause_holds_and_resume_goes_on(make_dock, engine, qtbot, finish):
    _, dock = make_dock()
    engine.levels, engine.delay = 10_000, 0.005
    dock.run()
    wait_for(qtbot, dock.controller, "running")
    dock.run_bar.pause_button.click()
    assert dock.controller.state == "paused"
    assert dock.run_bar.pause_button.text().startswith("Resume")
    qtbot.wait(150)
    before = dock.controller.progress.level
    qtbot.wait(250)
    assert dock.controller.progress.level <= before + 1
    dock.run_bar.pause_button.click()
    qtbot.waitUntil(lambda: dock.controller.progress.level > before + 5)
    dock.run_bar.stop_button.click()
    finish(dock.controller)


@pytest.mark.parametrize("paused", [False, True])
def test_stop_keeps_the_partial_result(make_dock, engine, qtbot, finish, paused):
    _, dock = make_dock()
    engine.levels, engine.delay = 10_000, 0.005
    dock.run()
    wait_for(qtbot, dock.controller, "running")
    if paused:
        dock.controller.pause()
    dock.run_bar.stop_button.click()
    assert dock.controller.state == "stopping"
    finish(dock.controller)
    assert not dock.controller.result.complete
    assert "kept" in dock.run_bar.message.text()
    assert dock.run_bar.save_button.isEnabled()
    assert engine.closed.is_set()


def test_an_error_is_shown_and_the_dock_is_usable_again(make_dock, engine, finish):
    """Also after a RuntimeError, which a generator worker would have swallowed."""
    _, dock = make_dock()
    engine.error = RuntimeError("CUDA out of memory")
    dock.run()
    finish(dock.controller)
    assert "Memory ran out" in dock.run_bar.message.text()
    assert dock.run_bar.run_button.isEnabled()
    engine.error = None
    dock.run()
    finish(dock.controller)
    assert dock.controller.result.complete


def test_notices_and_numbers_reach_the_dock(make_dock, engine, qtbot, finish):
    _, dock = make_dock()
    engine.gate = threading.Event()
    said = []
    dock.controller.said.connect(lambda level, text: said.append(text))
    dock.run()
    qtbot.waitUntil(lambda: dock.controller.progress is not None)
    values = {name: label.text() for name, label in dock.run_bar._values.items()}
    assert values == {
        "Elapsed": "0:00",
        "Time left": "0:01",
        "Noise level": "σ 0.5",
        "Residual": "1.5 σ_y",
        "Memory": "about 123 MB",
        "Device": "cpu",
    }
    assert "A notice." in said
    assert dock.run_bar.bar.value() == 200
    engine.gate.set()
    finish(dock.controller)


def test_a_fast_worker_is_drawn_at_the_rate_of_the_timer(make_dock, engine, qtbot, finish):
    """Every iteration drawn would starve both sides."""
    _, dock = make_dock()
    engine.levels, engine.delay = 10_000, 0.001
    dock.controller.rate = 4
    dock.run()
    wait_for(qtbot, dock.controller, "running")
    frames = []
    dock.controller.layers.get(ITERATE).events.data.connect(lambda e: frames.append(e))
    start, level = time.monotonic(), dock.controller.progress.level
    qtbot.waitUntil(lambda: dock.controller.progress.level > level + 300)
    elapsed = time.monotonic() - start
    assert len(frames) <= 4 * elapsed + 2
    assert dock.controller.progress.level - level > 3 * len(frames)
    dock.controller.stop()
    finish(dock.controller)


def test_layers_are_touched_in_the_gui_thread_only(make_dock, engine, qtbot, finish):
    _, dock = make_dock()
    threads = set()
    engine.levels, engine.delay = 50, 0.01
    dock.run()
    wait_for(qtbot, dock.controller, "running")
    for role in (ITERATE, GRID):
        dock.controller.layers.get(role).events.data.connect(
            lambda e: threads.add(threading.current_thread())
        )
    finish(dock.controller)
    assert threads == {threading.main_thread()}


def test_layers_deleted_in_mid_run_are_no_trouble(make_dock, engine, qtbot, finish):
    viewer, dock = make_dock()
    engine.levels, engine.delay = 10_000, 0.005
    dock.run()
    wait_for(qtbot, dock.controller, "running")
    viewer.layers.clear()
    before = dock.controller.progress.level
    qtbot.waitUntil(lambda: dock.controller.progress.level > before + 10)
    assert len(viewer.layers) == 0
    dock.controller.stop()
    finish(dock.controller)
    assert dock.controller.message[0] == "info"


def test_a_closed_dock_leaves_the_run_and_a_new_one_joins_it(make_dock, engine, qtbot, finish):
    """The cross orphans the widget; reopening makes another one."""
    from napari_padis.gui.dock import ReconstructionDock

    viewer, dock = make_dock(window=True)
    engine.levels, engine.delay = 10_000, 0.005
    dock.run()
    wait_for(qtbot, dock.controller, "running")
    control = dock.controller
    viewer.window.remove_dock_widget(dock)
    before = control.progress.level
    qtbot.waitUntil(lambda: control.progress.level > before + 5)
    assert control.state == "running"
    second = ReconstructionDock(viewer)
    viewer.window.add_dock_widget(second, name="again")
    assert second.controller is control
    assert second.run_bar.stop_button.isEnabled()
    assert not second.run_bar.run_button.isEnabled()
    assert second.run_bar._values["Memory"].text() == "about 123 MB"
    second.run_bar.stop_button.click()
    finish(control)
    assert second.run_bar.run_button.isEnabled()


@pytest.mark.parametrize("show", [False, True])
def test_closing_the_window_ends_the_run(make_dock, engine, qtbot, show):
    viewer, dock = make_dock(window=True, show=show)
    QApplication.processEvents()
    engine.levels, engine.delay = 10_000, 0.005
    control = dock.controller
    dock.run()
    wait_for(qtbot, control, "running")
    viewer.close()
    assert control.join(60), "the worker must end without being waited for in the GUI"
    assert engine.closed.is_set()
    QApplication.processEvents()


def test_quitting_waits_for_the_worker_but_not_for_ever(make_dock, engine, qtbot, finish):
    from napari_padis.gui import lifecycle

    _, dock = make_dock()
    engine.levels, engine.delay = 10_000, 0.005
    dock.run()
    wait_for(qtbot, dock.controller, "running")
    assert lifecycle.stop_all(patience=60)
    finish(dock.controller)
    begun, stubborn = threading.Event(), threading.Event()

    def ignore_stop(recipe, measurement, control):
        begun.set()
        stubborn.wait()
        yield from ()

    dock.controller.runner = ignore_stop
    dock.run()
    qtbot.waitUntil(begun.is_set)
    assert not lifecycle.stop_all(patience=0.3)
    assert dock.controller.busy, "nobody waits for it any longer"
    stubborn.set()
    finish(dock.controller)


def test_in_3d_frames_are_rare(make_dock, engine, qtbot, finish):
    """Each frame uploads the whole volume."""
    viewer, dock = make_dock()
    engine.levels, engine.delay = 10_000, 0.005
    dock.run()
    wait_for(qtbot, dock.controller, "running")
    viewer.dims.ndisplay = 3
    qtbot.wait(150)
    frames = []
    dock.controller.layers.get(ITERATE).events.data.connect(lambda e: frames.append(e))
    before, start = dock.controller.progress.level, time.monotonic()
    qtbot.waitUntil(lambda: dock.controller.progress.level > before + 20)  # numbers go on
    assert len(frames) <= 1 + (time.monotonic() - start) / 2
    viewer.dims.ndisplay = 2
    dock.controller.stop()
    finish(dock.controller)


def test_the_simulated_sinogram_is_a_layer_once(make_dock, finish):
    from napari_padis.scan.measurement import Measurement

    viewer, dock = make_dock()
    for _ in range(2):
        dock.run()
        finish(dock.controller)
    names = [layer.name for layer in viewer.layers if "sinogram" in layer.name]
    assert names == ["torso sinogram"]
    assert not viewer.layers["torso sinogram"].visible
    dock.data.choose(viewer.layers["torso sinogram"])
    assert isinstance(dock.data.source, Measurement)
    dock.run()
    finish(dock.controller)
    assert dock.controller.result.complete


def test_the_reconstruction_lies_on_its_slices(make_dock, engine, finish):
    _viewer, dock = make_dock()
    dock.measurement.first.setValue(2)
    dock.measurement.last.setValue(4)
    engine.shape = (3, 40, 48)
    dock.run()
    finish(dock.controller)
    mean = dock.controller.layers.get(MEAN)
    np.testing.assert_allclose(mean.translate, (10, -78, -117.5))
    assert mean.data.shape == (3, 40, 48)


def test_limits_follow_the_source_volume(make_dock, finish):
    viewer, dock = make_dock()
    viewer.layers["torso"].contrast_limits = (-160, 240)
    dock.run()
    finish(dock.controller)
    assert tuple(dock.controller.layers.get(MEAN).contrast_limits) == (-160, 240)


def test_only_one_controller_per_viewer(make_dock):
    viewer, dock = make_dock()
    assert controller_for(viewer) is dock.controller
    other = object.__new__(type("Proxy", (), {"__wrapped__": viewer}))
    assert controller_for(other) is dock.controller


def test_a_broken_layer_does_not_stick_the_state(make_dock, engine, finish, monkeypatch):
    _, dock = make_dock()

    def broken(event):
        raise RuntimeError("wrapped C/C++ object has been deleted")

    monkeypatch.setattr(dock.controller.layers, "update", broken)
    dock.run()
    finish(dock.controller)
    assert dock.controller.state == "idle"


def test_a_second_start_is_ignored_while_busy(make_dock, engine, qtbot, finish):
    _, dock = make_dock()
    engine.gate = threading.Event()
    dock.run()
    wait_for(qtbot, dock.controller, "running")
    dock.run()
    engine.gate.set()
    finish(dock.controller)
    assert engine.runs == 1


def test_saving_from_the_dock(make_dock, finish, tmp_path, monkeypatch):
    from napari_padis.gui import dock as module

    _, dock = make_dock()
    dock.run()
    finish(dock.controller)
    monkeypatch.setattr(module.QFileDialog, "getExistingDirectory", lambda *a: str(tmp_path / "o"))
    dock.run_bar.save_button.click()
    assert dock.controller.state == "saving"
    finish(dock.controller)
    assert (tmp_path / "o" / "mean.nii.gz").exists()
    assert "Saved to" in dock.run_bar.message.text()


def test_missing_data_and_prior_are_said(make_dock, monkeypatch):
    _viewer, dock = make_dock(volume=False)
    assert not dock.run_bar.run_button.isEnabled()
    dock.run()
    assert "Open a volume" in dock.run_bar.message.text()


def test_errors_are_our_own(make_dock, engine, finish):
    _, dock = make_dock()
    engine.error = ReconstructionError("The method diverged.")
    dock.run()
    finish(dock.controller)
    assert dock.run_bar.message.text() == "The method diverged."


def test_standard_deviation_can_be_watched(make_dock, engine, qtbot, finish):
    _, dock = make_dock()
    engine.levels, engine.delay = 10_000, 0.005
    dock.run()
    wait_for(qtbot, dock.controller, "running")
    dock.run_bar._view_buttons[STD].click()
    std = dock.controller.layers.get(STD)
    qtbot.waitUntil(lambda: std.data.max() > 0)
    assert std.contrast_limits[1] > 0
    dock.controller.stop()
    finish(dock.controller)
    assert dock.controller.layers.shown == STD, "the user's choice stays at the end"


def test_requests_are_frozen():
    assert jobs.Request.__dataclass_params__.frozen


def test_the_demo_waits_as_long_as_the_run_goes_on(monkeypatch):
    """However slow the machine: ten waits of less than the patience, then one of more."""
    from napari_padis.gui import demo

    clock, shares = [0.0], iter([k / 10 for k in range(10)])
    state = {"share": 0.0}

    def pass_time(_seconds):
        clock[0] += 0.9 * demo.PATIENCE
        state["share"] = next(shares, 0.9)

    monkeypatch.setattr(demo.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(demo, "_process", pass_time)
    monkeypatch.setattr(demo, "_fraction", lambda _dock: state["share"])
    demo._wait(None, lambda: state["share"] > 0.8)
    with pytest.raises(ReconstructionError, match="no further"):
        demo._wait(None, lambda: False)
