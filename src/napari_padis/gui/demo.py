"""The sample torso, reconstructed live from 20 views in a napari window."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from napari_padis.errors import ReconstructionError
from napari_padis.gui.controller import IDLE

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_padis.gui.dock import ReconstructionDock

VIEWS = 20
#: Slices reconstructed in the demo, around the middle.
SLICES = 8
SAMPLES, STEPS = 2, 40
WINDOW = (1500, 940)
#: Seconds without progress after which a headless demo gives up.
PATIENCE = 780.0


def open_demo() -> tuple[Viewer, ReconstructionDock]:
    """A viewer with the torso, the dock with its settings, and the orthogonal views."""
    import napari

    from napari_padis.gui.dock import ReconstructionDock
    from napari_padis.gui.layer_data import volume_layer
    from napari_padis.gui.view import center_slices
    from napari_padis.scan import samples

    viewer = napari.Viewer(title="napari-padis demo")
    data, options, _ = volume_layer(samples.torso())
    layer = viewer.add_image(data, **options)
    dock = ReconstructionDock(viewer)
    viewer.window.add_dock_widget(dock, name="Reconstruction", area="right")
    dock.display.ortho.setChecked(True)
    dock.forward.control("views").setValue(VIEWS)
    first = max(0, (layer.data.shape[0] - SLICES) // 2)
    dock.measurement.first.setValue(first)
    dock.measurement.last.setValue(first + SLICES - 1)
    dock.method.method_box.setCurrentIndex(dock.method.method_box.findData("padis-fast"))
    dock.prior.prior_box.setCurrentIndex(max(0, dock.prior.prior_box.findData("ct-small")))
    dock.method.samples.setValue(SAMPLES)
    dock.method.steps.setValue(STEPS)
    viewer.window.resize(*WINDOW)
    _process(0.5)  # the canvas must have its size before the picture is fitted to it
    center_slices(viewer, layer)
    return viewer, dock


def run_demo(out: Path | None, headless: bool) -> None:
    """Open the demo and start it.

    Parameters
    ----------
    out : path or None
        Receives NIfTI files, and screenshots when headless.
    headless : bool
        End by itself; needs a display all the same, for instance that of ``xvfb-run``.

    Raises
    ------
    ReconstructionError
        If a headless run fails or takes too long.
    """
    import napari
    from qtpy.QtCore import QTimer

    viewer, dock = open_demo()
    if headless:
        try:
            _headless(viewer, dock, out)
        finally:
            viewer.close()
            _process(0.3)
        return
    if out is not None:
        dock.controller.finished.connect(lambda _result: QTimer.singleShot(0, save))

    def save() -> None:
        if out is not None:
            _when_idle(dock, lambda: dock.controller.save(out))

    QTimer.singleShot(500, dock.run)
    napari.run()


def _when_idle(dock: ReconstructionDock, action: Callable[[], None]) -> None:
    """Do something once the controller is idle again."""
    from qtpy.QtCore import QTimer

    if dock.controller.state == IDLE:
        action()
    else:
        QTimer.singleShot(100, lambda: _when_idle(dock, action))


def _headless(viewer: Viewer, dock: ReconstructionDock, out: Path | None) -> None:
    """Start, look at it half-way, wait, look again, save."""
    from napari_padis.engine.save import save_result

    folder = out or Path(".")
    folder.mkdir(parents=True, exist_ok=True)
    _process(1.0)
    _screenshot(viewer, folder / "demo-1-start.png")
    control = dock.controller
    dock.run()
    _wait(dock, lambda: _fraction(dock) > 0.5 or not control.busy)
    _screenshot(viewer, folder / "demo-2-running.png")
    _wait(dock, lambda: not control.busy)
    level, message = control.message
    if control.result is None or level == "error":
        raise ReconstructionError(message or "The demo ended without a result.")
    _process(0.5)
    _screenshot(viewer, folder / "demo-3-mean.png")
    control.layers.show("standard deviation")
    _process(0.5)
    _screenshot(viewer, folder / "demo-4-standard-deviation.png")
    save_result(control.result, folder)


def _fraction(dock: ReconstructionDock) -> float:
    progress = dock.controller.progress
    return progress.fraction if progress is not None else 0.0


def _wait(dock: ReconstructionDock, condition: Callable[[], bool]) -> None:
    """Until a condition is true; slow machines take as long as they go on."""
    before, since = _fraction(dock), time.monotonic()
    while not condition():
        if (now := _fraction(dock)) != before:
            before, since = now, time.monotonic()
        if time.monotonic() - since > PATIENCE:
            raise ReconstructionError(
                f"The demo came no further for {PATIENCE:.0f} seconds and was given up."
            )
        _process(0.05)


def _process(seconds: float) -> None:
    """Let the window live for a while."""
    from qtpy.QtWidgets import QApplication

    end = time.monotonic() + seconds
    while True:
        QApplication.processEvents()
        if time.monotonic() >= end:
            return
        time.sleep(0.01)


def _screenshot(viewer: Viewer, path: Path) -> None:
    """Picture of the whole window, canvases included."""
    _process(0.3)
    viewer.window.screenshot(str(path), flash=False, canvas_only=False)
