"""Orthogonal views: orientation, linking, and an orderly end.

A window with four canvases takes seconds to make, so each test looks at several things.
"""

import gc
from dataclasses import replace

import numpy as np
import pytest
from napari.qt import QtViewer
from qtpy.QtWidgets import QApplication, QDockWidget, QPushButton

from napari_padis.gui.layer_data import volume_layer
from napari_padis.gui.ortho import OrthoViews, toggle_ortho_views
from napari_padis.gui.roles import ROLE
from napari_padis.gui.view import keep_upright


@pytest.fixture
def ortho(make_napari_viewer, add_volume, laid_out):
    """Viewer, layer and orthogonal views in a window of a decent size."""
    viewer = make_napari_viewer(show=True)
    layer = add_volume(viewer)
    widget = toggle_ortho_views(viewer, True)
    widget.window().resize(1300, 900)
    laid_out(widget.window())
    return viewer, layer, widget


def picture(view) -> np.ndarray:
    """Brightness of what a canvas shows, without the crosshair."""
    for line in view._lines:
        line.visible = False
    QApplication.processEvents()
    image = view.canvas.screenshot(flash=False)[..., :3].mean(-1)
    for line in view._lines:
        line.visible = True
    return image


def bright_corner(image: np.ndarray) -> tuple[str, str]:
    """Where the bright part lies: (top or bottom, left or right)."""
    rows, cols = np.nonzero(image > 200)
    assert len(rows) > 50, "the bright block must be visible"
    return (
        "top" if rows.mean() < image.shape[0] / 2 else "bottom",
        "left" if cols.mean() < image.shape[1] / 2 else "right",
    )


def test_the_views_are_radiological(ortho, qtbot):
    """The bright block is at the patient's right, front and top."""
    _viewer, _, widget = ortho
    widget.set_point((25.0, -70.0, -110.0))
    qtbot.waitUntil(lambda: not widget._timer.isActive())
    corners = {view.plane.name: bright_corner(picture(view)) for view in widget.planes}
    assert corners == {
        "axial": ("top", "left"),  # front on top, right on the left
        "coronal": ("top", "left"),  # head on top, right on the left
        "sagittal": ("top", "left"),  # head on top, front on the left
    }
    letters = {view.plane.name: view.edge_labels() for view in widget.planes}
    assert letters["axial"] == {"top": "A", "bottom": "P", "left": "R", "right": "L"}
    assert letters["coronal"] == {"top": "S", "bottom": "I", "left": "R", "right": "L"}
    assert letters["sagittal"] == {"top": "S", "bottom": "I", "left": "A", "right": "P"}
    for view in widget.planes:
        area = view.canvas.canvas.native
        for label in view._labels.values():
            assert label.isVisible()
            assert area.rect().contains(label.geometry()), (view.plane.name, label.text())
    # The crosshair is really drawn.
    image = widget.planes[0].canvas.screenshot(flash=False)[..., :3].astype(int)
    yellow = (image[..., 0] > 150) & (image[..., 2] < 150)
    assert yellow.any(axis=0).sum() > 20
    assert yellow.any(axis=1).sum() > 20


def test_the_main_canvas_is_radiological_and_shows_the_grid_on_the_tiles(
    make_dock, engine, laid_out
):
    viewer, dock = make_dock(window=True, show=True)
    dock.window().resize(1300, 800)
    laid_out(dock.window())
    viewer.dims.point = (25.0, -70.0, -110.0)
    viewer.fit_to_view()
    QApplication.processEvents()
    image = viewer.screenshot(flash=False)[..., :3].mean(-1)
    assert bright_corner(image) == ("top", "left")
    # A checkerboard of the tiles: every line must lie where the brightness changes.
    engine.levels, engine.gate = 1, None
    engine.shape = (6, 64, 64)
    dock.controller.layers.begin(_board(engine))
    viewer.layers["torso"].visible = False
    layer = viewer.layers["iterate"]
    viewer.dims.point = (10.0, 0.0, 0.0)
    viewer.fit_to_view(layers=[layer])
    QApplication.processEvents()
    with_grid = viewer.screenshot(flash=False)[..., :3].astype(int)
    viewer.layers["patch grid"].visible = False
    QApplication.processEvents()
    without = viewer.screenshot(flash=False)[..., :3].astype(int)
    line = np.abs(with_grid - without).max(-1) > 40
    step = without.max(-1)
    found = np.flatnonzero(line.mean(axis=0) > 0.3)
    assert len(found) >= 3
    for column in found:
        row = step.shape[0] // 2 + 3
        left, right = step[row, column - 3], step[row, column + 3]
        assert abs(left - right) > 100, "a line lies inside a tile"


def _board(engine):
    """Start of a run whose FBP is a checkerboard of the tiles at shift (0, 0)."""
    import dataclasses

    from napari_padis.scan.geometry import ParallelGeometry
    from napari_padis.scan.measurement import Measurement

    shape = engine.shape
    geometry = ParallelGeometry.standard(4, shape[1:], (2.0, 2.0), 5.0, detectors=32)
    started = engine.started(Measurement(np.ones((shape[0], 4, 32), np.float32), geometry))
    patch, pad = started.layout.patch, started.layout.pad
    tile = [(np.arange(n) + p) // s for n, p, s in zip(shape[1:], pad, patch, strict=True)]
    board = ((tile[0][:, None] + tile[1]) % 2).astype(np.float32)
    return dataclasses.replace(
        started, initial=np.broadcast_to(board, shape).copy(), limits=(0.0, 1.0)
    )


def test_the_crosshair_is_linked_both_ways(ortho, qtbot):
    viewer, _, widget = ortho
    widget.set_point((10.0, -20.0, -30.0))
    assert viewer.dims.point == (10, -20, -30)
    viewer.dims.point = (20.0, -40.0, -50.0)
    qtbot.waitUntil(lambda: all(view.model.dims.point == (20, -40, -50) for view in widget.planes))
    for view in widget.planes:
        for lines in view._lines:
            normal = view.plane.normal
            world = lines.data[:, 0, normal] * lines.scale[normal] + lines.translate[normal]
            np.testing.assert_allclose(world, viewer.dims.point[normal], rtol=1e-5)

    class Event:
        type = "mouse_press"
        pos = (10, 10)
        position = (15.0, -30.0, -60.0)
        modifiers = ()

    view, event = widget.planes[1], Event()
    steps = view._on_click(view.model, event)
    next(steps)
    event.type = "mouse_release"
    assert list(steps) == []
    assert viewer.dims.point == (15, -30, -60), "a click moves the crosshair"
    drag = Event()
    drag.position = (0.0, 0.0, 0.0)
    steps = view._on_click(view.model, drag)
    next(steps)
    drag.type, drag.pos = "mouse_move", (60, 60)
    assert list(steps) == []
    assert viewer.dims.point == (15, -30, -60), "a drag does not"
    moved = Event()
    moved.position, moved.modifiers = (20.0, -40.0, -50.0), ("Shift",)
    view._on_move(view.model, moved)
    assert viewer.dims.point == (20, -40, -50)


def test_layers_come_and_go(ortho, add_volume, qtbot):
    viewer, layer, widget = ortho

    def names():
        (first, *others) = [
            [item.name for item in view.model.layers if item not in view._lines]
            for view in widget.planes
        ]
        assert all(other == first for other in others)
        return first

    viewer.add_image(
        np.zeros((3, 4, 5)),
        name="sinogram",
        units=("mm",) * 3,
        axis_labels=("slice", "view", "detector"),
    )
    second = add_volume(viewer, name="second")
    qtbot.waitUntil(lambda: names() == ["torso", "second"])
    for view in widget.planes:
        assert list(view.model.layers)[-2:] == view._lines, "the crosshair stays on top"
    viewer.layers.remove(layer)
    viewer.layers.remove(second)
    qtbot.waitUntil(lambda: names() == [])
    # Removal flushes OpenGL commands; in the wrong context the next drawing crashes.
    add_volume(viewer, name="third")
    qtbot.waitUntil(lambda: names() == ["third"])
    for view in widget.planes:
        view.canvas.screenshot(flash=False)


def test_a_scan_far_from_the_others_is_seen_when_it_is_opened(ortho, volume, qtbot):
    viewer, _, widget = ortho
    keep_upright(viewer)
    affine = np.array(volume.affine)
    affine[:3, 3] += (900, 700, -800)
    data, options, _ = volume_layer(replace(volume, affine=affine))
    far = viewer.add_image(data, **options)
    qtbot.waitUntil(lambda: far in [mirror.source for mirror in widget._mirrors])
    qtbot.waitUntil(lambda: not widget._timer.isActive())
    assert all(view.sees(far) for view in widget.planes)
    axial = widget.planes[0].model
    axial.scene.camera.center = (0, -500, -500)
    role = volume_layer(volume, name="of a run")
    viewer.add_image(role[0], **{**role[1], "metadata": {ROLE: "posterior mean"}})
    qtbot.waitUntil(lambda: len(widget._mirrors) == 3)
    assert axial.scene.camera.center[1] == -500, "a run moves nobody's view"


def test_the_dock_cannot_float(ortho, qtbot):
    """Floating a canvas aborts the program."""
    _, _, widget = ortho
    dock = widget.parent()
    assert isinstance(dock, QDockWidget)
    features = QDockWidget.DockWidgetFeature

    def check():
        assert not dock.features() & features.DockWidgetFloatable
        assert not dock.features() & features.DockWidgetMovable
        buttons = dock.findChildren(QPushButton, "QTitleBarFloatButton")
        assert buttons
        assert not any(button.isVisible() or button.isEnabled() for button in buttons)

    check()
    dock._update_title_bar(False)  # napari makes a new title bar now and then
    qtbot.waitUntil(check)


def test_closing_the_dock_frees_the_canvases_and_it_can_be_opened_again(ortho, qtbot):
    viewer, _, widget = ortho
    assert len(QtViewer._instances) == 4
    toggle_ortho_views(viewer, False)
    del widget

    def freed():
        gc.collect()
        assert sum(_alive(item) for item in QtViewer._instances) == 1

    qtbot.waitUntil(freed)
    viewer.layers["torso"].data = viewer.layers["torso"].data + 1
    viewer.dims.point = (5.0, -10.0, -10.0)
    qtbot.wait(60)  # longer than movements are gathered: nobody must follow
    again = toggle_ortho_views(viewer, True)
    QApplication.processEvents()
    assert isinstance(again, OrthoViews)
    assert again.planes[0].model.layers["torso"].data is viewer.layers["torso"].data
    assert toggle_ortho_views(viewer, True) is again
    viewer.close()
    assert again._down, "closing the window ends it too"


def _alive(widget) -> bool:
    try:
        widget.objectName()
    except RuntimeError:
        return False
    return True
