"""Orthogonal views: orientation, linking, and an orderly end."""

import gc

import numpy as np
import pytest
from napari.qt import QtViewer
from qtpy.QtWidgets import QApplication, QDockWidget, QPushButton

from napari_padis.gui.ortho import OrthoViews, toggle_ortho_views


@pytest.fixture
def ortho(make_napari_viewer, add_volume, qtbot):
    """Viewer and orthogonal views in a window of a decent size."""
    viewer = make_napari_viewer(show=True)
    layer = add_volume(viewer)
    widget = toggle_ortho_views(viewer, True)
    widget.window().resize(1300, 900)
    qtbot.wait(150)
    yield viewer, layer, widget
    del widget


def picture(view) -> np.ndarray:
    """Brightness of what a canvas shows, without the crosshair."""
    view.model.layers["crosshair"].visible = False
    QApplication.processEvents()
    image = view.canvas.screenshot(flash=False)[..., :3].mean(-1)
    view.model.layers["crosshair"].visible = True
    return image


def bright_corner(image: np.ndarray) -> tuple[str, str]:
    """Where the bright part lies: (top or bottom, left or right)."""
    rows, cols = np.nonzero(image > 200)
    assert len(rows) > 50, "the bright block must be visible"
    return ("top" if rows.mean() < image.shape[0] / 2 else "bottom",
            "left" if cols.mean() < image.shape[1] / 2 else "right")


def test_the_views_are_radiological(ortho):
    """The bright block is at the patient's right, front and top."""
    viewer, _, widget = ortho
    widget.set_point((25.0, 70.0, 110.0))
    QApplication.processEvents()
    corners = {view.plane.name: bright_corner(picture(view)) for view in widget.planes}
    assert corners == {
        "axial": ("top", "left"),  # front on top, right on the left
        "coronal": ("top", "left"),  # head on top, right on the left
        "sagittal": ("top", "left"),  # head on top, front on the left
    }


def test_the_main_canvas_is_radiological_too(make_dock, qtbot):
    viewer, dock = make_dock(window=True, show=True)
    viewer.dims.point = (25.0, 70.0, 110.0)
    qtbot.wait(50)
    image = viewer.screenshot(flash=False)[..., :3].mean(-1)
    assert bright_corner(image) == ("top", "left")


def test_letters_at_the_edges(ortho):
    _, _, widget = ortho
    letters = {view.plane.name: view.edge_labels() for view in widget.planes}
    assert letters["axial"] == {"top": "A", "bottom": "P", "left": "R", "right": "L"}
    assert letters["coronal"] == {"top": "S", "bottom": "I", "left": "R", "right": "L"}
    assert letters["sagittal"] == {"top": "S", "bottom": "I", "left": "A", "right": "P"}
    for view in widget.planes:
        area = view.canvas.canvas.native
        for label in view._labels.values():
            assert label.isVisible()
            assert area.rect().contains(label.geometry()), (view.plane.name, label.text())


def test_no_view_is_empty(ortho):
    viewer, _, widget = ortho
    widget.set_point((25.0, 70.0, 110.0))
    for view in widget.planes:
        assert picture(view).max() > 200


def test_views_share_the_array(ortho):
    _, layer, widget = ortho
    for view in widget.planes:
        assert view.model.layers["torso"].data is layer.data
    newer = layer.data + 1
    layer.data = newer
    for view in widget.planes:
        assert view.model.layers["torso"].data is newer


def test_looks_are_linked(ortho):
    _, layer, widget = ortho
    layer.contrast_limits = (-100, 100)
    layer.colormap = "viridis"
    layer.opacity = 0.5
    for view in widget.planes:
        copy = view.model.layers["torso"]
        assert tuple(copy.contrast_limits) == (-100, 100)
        assert copy.colormap.name == "viridis"
        assert copy.opacity == 0.5


def test_hidden_layers_cost_nothing_until_shown(ortho):
    _, layer, widget = ortho
    layer.visible = False
    old = layer.data
    layer.data = layer.data + 1
    copies = [view.model.layers["torso"] for view in widget.planes]
    assert all(copy.data is old and not copy.visible for copy in copies)
    layer.visible = True
    assert all(copy.data is layer.data and copy.visible for copy in copies)


def test_the_crosshair_is_linked_both_ways(ortho, qtbot):
    viewer, _, widget = ortho
    widget.set_point((10.0, 20.0, 30.0))
    assert viewer.dims.point == (10, 20, 30)
    viewer.dims.point = (20.0, 40.0, 50.0)
    qtbot.waitUntil(
        lambda: all(view.model.dims.point == (20, 40, 50) for view in widget.planes), timeout=2000
    )
    for view in widget.planes:
        lines = view.model.layers["crosshair"]
        world = lines.data[:, 0, view.plane.normal] * lines.scale[view.plane.normal]
        np.testing.assert_allclose(world, viewer.dims.point[view.plane.normal], rtol=1e-5)


def test_a_click_moves_the_crosshair_and_a_drag_does_not(ortho):
    viewer, _, widget = ortho
    view = widget.planes[1]

    class Event:
        type = "mouse_press"
        pos = (10, 10)
        position = (15.0, 30.0, 60.0)
        modifiers = ()

    event = Event()
    steps = view._on_click(view.model, event)
    next(steps)
    event.type = "mouse_release"
    assert list(steps) == []
    assert viewer.dims.point == (15, 30, 60)
    drag = Event()
    drag.position = (0.0, 0.0, 0.0)
    steps = view._on_click(view.model, drag)
    next(steps)
    drag.type, drag.pos = "mouse_move", (60, 60)
    assert list(steps) == []
    assert viewer.dims.point == (15, 30, 60)
    moved = Event()
    moved.position, moved.modifiers = (20.0, 40.0, 50.0), ("Shift",)
    view._on_move(view.model, moved)
    assert viewer.dims.point == (20, 40, 50)


def test_layers_come_and_go(ortho, add_volume):
    viewer, layer, widget = ortho
    second = add_volume(viewer, name="second")
    for view in widget.planes:
        names = [item.name for item in view.model.layers]
        assert names == ["torso", "second", "crosshair"]
    viewer.layers.remove(layer)
    viewer.layers.remove(second)
    for view in widget.planes:
        assert [item.name for item in view.model.layers] == ["crosshair"]
    add_volume(viewer, name="third")
    assert "third" in widget.planes[2].model.layers


def test_only_anatomical_images_are_shown(ortho):
    viewer, _, widget = ortho
    viewer.add_image(np.zeros((3, 4, 5)), name="sinogram", units=("mm",) * 3,
                     axis_labels=("slice", "view", "detector"))
    viewer.add_points(np.zeros((1, 3)), name="points")
    for view in widget.planes:
        assert [item.name for item in view.model.layers] == ["torso", "crosshair"]


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
    qtbot.wait(50)
    check()


def test_closing_the_dock_frees_the_canvases(ortho, qtbot):
    viewer, _, widget = ortho
    assert len(QtViewer._instances) == 4
    toggle_ortho_views(viewer, False)
    del widget
    qtbot.wait(50)
    for _ in range(3):
        gc.collect()
        qtbot.wait(10)
    viewer.layers["torso"].data = viewer.layers["torso"].data + 1
    viewer.dims.point = (5.0, 10.0, 10.0)
    qtbot.wait(60)
    alive = [item for item in QtViewer._instances if _alive(item)]
    assert len(alive) == 1


def _alive(widget) -> bool:
    try:
        widget.objectName()
    except RuntimeError:
        return False
    return True


def test_it_can_be_opened_again(ortho, qtbot):
    viewer, _, _ = ortho
    toggle_ortho_views(viewer, False)
    qtbot.wait(50)
    again = toggle_ortho_views(viewer, True)
    qtbot.wait(50)
    assert isinstance(again, OrthoViews)
    assert again.planes[0].model.layers["torso"].data is viewer.layers["torso"].data
    assert toggle_ortho_views(viewer, True) is again


def test_closing_the_window_ends_it(ortho, qtbot):
    viewer, _, widget = ortho
    viewer.close()
    assert widget._down


def test_the_patch_grid_is_seen_in_the_axial_view_only(make_dock, engine, qtbot, finish):
    viewer, dock = make_dock(window=True, show=True)
    dock.display.ortho.setChecked(True)
    widget = toggle_ortho_views(viewer, True)
    engine.levels, engine.delay = 10_000, 0.01
    dock.run()
    qtbot.waitUntil(lambda: dock.controller.state == "running", timeout=5000)
    qtbot.wait(400)
    axial, coronal, sagittal = (view.model.layers for view in widget.planes)
    assert axial["patch grid"].visible
    np.testing.assert_array_equal(axial["patch grid"].data, viewer.layers["patch grid"].data)
    assert "patch grid" not in coronal
    assert "patch grid" not in sagittal
    assert axial["iterate"].data is viewer.layers["iterate"].data
    dock.controller.stop()
    finish(dock.controller)
    assert not axial["patch grid"].visible
