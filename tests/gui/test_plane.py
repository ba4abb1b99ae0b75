"""Whatever is pressed or turned in an orthogonal view: its letters say what it shows."""

import numpy as np
import pytest
from napari.settings import get_settings
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence, QWheelEvent
from qtpy.QtWidgets import QApplication

from napari_padis.gui.ortho import toggle_ortho_views

#: They open windows, or take the layers away.
LEFT_OUT = ("toggle_console_visibility", "show_shortcuts", "delete_selected_layers", "toggle_theme")
OPPOSITE = {"S": "I", "I": "S", "A": "P", "P": "A", "R": "L", "L": "R"}


@pytest.fixture
def ortho(make_napari_viewer, add_volume, laid_out):
    viewer = make_napari_viewer(show=True)
    layer = add_volume(viewer)
    widget = toggle_ortho_views(viewer, True)
    widget.window().resize(1000, 800)
    laid_out(widget.window())
    return viewer, layer, widget


def bindings() -> dict[str, list[str]]:
    """All keys that napari binds, by the name of what they do."""
    found = {
        name.removeprefix("napari:"): [str(key) for key in keys]
        for name, keys in get_settings().shortcuts.shortcuts.items()
        if name.startswith("napari:")
    }
    assert {"roll_axes", "transpose_axes", "toggle_ndisplay", "rotate_layers"} <= set(found)
    return {name: keys for name, keys in found.items() if name not in LEFT_OUT}


def press(widget, keys: str) -> None:
    combination = QKeySequence(keys)[0]
    for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
        event = QKeyEvent(kind, combination.key(), combination.keyboardModifiers())
        QApplication.sendEvent(widget, event)


def turn(widget, clicks: int, modifiers=Qt.KeyboardModifier.NoModifier) -> None:
    place = QPointF(widget.rect().center())
    event = QWheelEvent(
        place,
        QPointF(widget.mapToGlobal(widget.rect().center())),
        QPoint(),
        QPoint(0, 120 * clicks),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def shown_letters(view, source) -> dict[str, str]:
    """The letters that belong to what a view shows, from its slices and its camera alone."""
    dims, camera = view.model.dims, view.model.scene.camera
    assert dims.ndisplay == 2
    assert not view.model.canvas.grid.enabled
    _, down, across = dims.order
    vertical, horizontal = (str(side) for side in camera.orientation2d)
    grows_down, grows_right = (str(source.axis_labels[axis]) for axis in (down, across))
    if vertical == "up":
        grows_down = OPPOSITE[grows_down]
    if horizontal == "left":
        grows_right = OPPOSITE[grows_right]
    return {
        "top": OPPOSITE[grows_down],
        "bottom": grows_down,
        "left": OPPOSITE[grows_right],
        "right": grows_right,
    }


def check(viewer, widget, source, what) -> None:
    cut = {"axial": "SI", "coronal": "AP", "sagittal": "RL"}
    for view in widget.planes:
        assert view.edge_labels() == shown_letters(view, source), (what, view.plane.name)
        assert view._labels["name"].text() == view.plane.name
        assert str(source.axis_labels[view.model.dims.order[0]]) in cut[view.plane.name], what
        (copy,) = (layer for layer in view.model.layers if layer.name == source.name)
        np.testing.assert_allclose(
            copy.data_to_world([0, 1, 2]), source.data_to_world([0, 1, 2]), err_msg=str(what)
        )
        np.testing.assert_allclose(view.model.dims.point, viewer.dims.point[-3:], atol=5.0)


def test_the_letters_are_true_after_any_keys(ortho):
    viewer, source, widget = ortho
    keys = bindings()
    check(viewer, widget, source, "at first")
    rng = np.random.default_rng(17)
    names = [str(name) for name in rng.permutation(sorted(keys))]
    sequence = [*names, *(str(n) for n in rng.choice(sorted(keys), 15))]
    arrows = ["Left", "Right", "Up", "Down", "Home", "End", "PgUp", "PgDown", "Escape"]
    for step, name in enumerate(sequence):
        view = widget.planes[rng.integers(3)]
        canvas = view.canvas.canvas.native if rng.random() < 0.8 else view.canvas
        for key in (*keys[name], arrows[step % len(arrows)]):
            press(canvas, key)
        if step % 5 == 0:
            control = Qt.KeyboardModifier.ControlModifier
            turn(view.canvas.canvas.native, int(rng.choice([-1, 1])), control)
        widget._catch_up()
        check(viewer, widget, source, sequence[: step + 1][-5:])


@pytest.mark.parametrize("name", ["coronal", "axial"])
def test_keys_act_on_the_main_viewer(ortho, name):
    viewer, _source, widget = ortho
    (view,) = (view for view in widget.planes if view.plane.name == name)
    canvas = view.canvas.canvas.native
    press(canvas, "Ctrl+E")
    assert viewer.dims.order == (2, 0, 1), "rolled once"
    press(canvas, "Ctrl+E")
    press(canvas, "Ctrl+E")
    assert viewer.dims.order == (0, 1, 2)
    press(canvas, "Ctrl+T")
    assert viewer.dims.order == (0, 2, 1)
    press(canvas, "Ctrl+T")
    press(canvas, "Ctrl+Y")
    assert viewer.dims.ndisplay == 3
    press(canvas, "Ctrl+Y")
    viewer.dims.set_point(0, viewer.dims.range[0].start)
    viewer.dims.last_used = 0
    press(canvas, "Right")
    assert viewer.dims.current_step[0] == 1
    check(viewer, widget, _source, "after all")


def test_the_wheel_with_ctrl_goes_through_the_slices_of_the_view(ortho):
    viewer, source, widget = ortho
    control = Qt.KeyboardModifier.ControlModifier
    for view in widget.planes:
        normal = view.plane.normal
        before, zoom = np.array(viewer.dims.point), view.model.scene.camera.zoom
        turn(view.canvas.canvas.native, 1, control)
        moved = np.array(viewer.dims.point) - before
        assert abs(moved[normal]) == pytest.approx(viewer.dims.range[normal].step)
        assert (np.delete(moved, normal) == 0).all()
        assert view.model.scene.camera.zoom == zoom
        check(viewer, widget, source, "Ctrl+wheel")


def test_what_other_code_turns_is_put_back(ortho):
    viewer, source, widget = ortho
    for view in widget.planes:
        model = view.model
        changes = (
            model.dims.roll,
            model.dims.transpose,
            lambda model=model: setattr(model.dims, "order", (2, 1, 0)),
            lambda model=model: setattr(model.dims, "ndisplay", 3),
            lambda model=model: setattr(model.scene.camera, "orientation2d", ("up", "left")),
            lambda model=model: setattr(model.scene.camera, "orientation2d", ("down", "left")),
            lambda model=model: setattr(model.canvas.grid, "enabled", True),
            model.reset_view,
        )
        for number, change in enumerate(changes):
            change()
            check(viewer, widget, source, (view.plane.name, number))


def test_the_focus_leaves_a_view_with_tab(ortho):
    """Tab is no key of napari: it must not be swallowed."""
    _viewer, _source, widget = ortho
    view = widget.planes[0]
    event = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Tab, Qt.KeyboardModifier.NoModifier)
    assert not view.eventFilter(view.canvas.canvas.native, event)
