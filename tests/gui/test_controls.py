"""What is typed is taken over, and the wheel scrolls the form rather than changing it."""

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractSpinBox, QApplication, QComboBox, QLineEdit, QScrollBar, QSlider


def value_of(control):
    return control.currentIndex() if isinstance(control, QComboBox) else control.value()


def wheel(widget, clicks: int) -> None:
    """Turn the wheel; as with events of the window system, what is ignored goes to the parent."""
    event = QWheelEvent(
        QPointF(widget.rect().center()),
        QPointF(widget.mapToGlobal(widget.rect().center())),
        QPoint(),
        QPoint(0, 120 * clicks),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    while widget is not None:
        QApplication.sendEvent(widget, event)
        if event.isAccepted():
            return
        widget = widget.parentWidget()


def turned(dock) -> list:
    """Everything in the dock that a wheel could change."""
    kinds = (QAbstractSpinBox, QComboBox, QSlider)
    return [control for kind in kinds for control in dock.findChildren(kind)]


def type_into(box, text: str) -> None:
    """As a user does, without Return and without leaving the box."""
    edit = box.findChild(QLineEdit)
    edit.selectAll()
    QTest.keyClicks(edit, text)
    assert edit.text().startswith(text)


@pytest.mark.parametrize("by", ["key", "button"])
def test_what_was_typed_is_what_runs(make_dock, engine, finish, by):
    _viewer, dock = make_dock(window=True, show=True)
    given = []
    simulator = dock.controller.simulator
    dock.controller.simulator = lambda *a: given.append(a[1]) or simulator(*a)
    views = dock.forward.control("views")
    views.setFocus()
    type_into(views, "7")
    assert views.value() == 20, "nothing has taken it over yet"
    if by == "key":
        shortcut = next(
            s for s in dock.run_bar.children() if getattr(s, "key", None) and _is_run(s)
        )
        shortcut.activated.emit()  # what Ctrl+Return does wherever the focus is
    else:
        dock.run_bar.run_button.click()  # leaves the focus where it is
    finish(dock.controller)
    assert len(given[0].geometry.angles) == 7
    assert "7 views" in dock.forward.facts.text()


def _is_run(shortcut) -> bool:
    from napari_padis.gui.sections.run import KEYS

    return shortcut.key().toString() == KEYS["run"]


def test_every_number_of_the_dock_is_taken_over(make_dock):
    _, dock = make_dock()
    dock.method.choose("padis-calibrated")
    dock.forward.noise.kind.setCurrentIndex(dock.forward.noise.kind.findData("gaussian"))
    typed = {
        dock.forward.control("detectors"): ("300", 300),
        dock.measurement.last: ("4", 4),
        dock.method.samples: ("3", 3),
        dock.method.steps: ("55", 55),
        dock.method.seed: ("9", 9),
        dock.method.sigma: ("0.25", 0.25),
        dock.forward.noise.share: ("2", 2),
        dock.method.settings.controls["descent"]: ("0.25", 0.25),
    }
    for box, (text, _) in typed.items():
        type_into(box, text)
    request = dock.request()
    for box, (_, value) in typed.items():
        assert box.value() == pytest.approx(value), box.accessibleName()
    assert request.simulation.geometry.detectors == 300
    assert request.simulation.share == pytest.approx(0.02)
    assert request.recipe.samples == 3
    assert request.recipe.steps == 55
    assert request.recipe.sigma_y == 0.25
    assert request.recipe.options["descent"] == 0.25


def test_what_is_no_number_leaves_the_one_before(make_dock):
    _, dock = make_dock()
    views = dock.forward.control("views")
    views.findChild(QLineEdit).clear()
    assert len(dock.request().simulation.geometry.angles) == 20
    assert views.text() == "20"


@pytest.mark.parametrize(("name", "text"), [("views", "0"), ("detectors", "1")])
def test_a_number_that_cannot_be_is_not_replaced_without_a_word(make_dock, name, text):
    _, dock = make_dock()
    box = dock.forward.control(name)
    before = box.value()
    type_into(box, text)
    assert not box.hasAcceptableInput(), "the case"
    dock.run()
    assert not dock.controller.busy
    message = dock.run_bar.message.text()
    assert box.accessibleName() in message
    assert f"cannot be {text};" in message
    assert str(before) in message
    assert box.value() == before
    assert dock.request().simulation is not None, "run again, it runs with what is shown"


def test_the_threshold_of_the_regions_is_taken_over(make_dock, monkeypatch):
    _, dock = make_dock()
    type_into(dock.regions.threshold, "12")
    dock.regions.ask()
    assert dock.regions.threshold.value() == 12


def test_the_wheel_changes_nothing_that_has_not_the_focus(make_dock, laid_out):
    _viewer, dock = make_dock(window=True, show=True)
    dock.window().resize(1200, 700)
    laid_out(dock.window())
    dock.run_bar.run_button.setFocus()
    controls = [c for c in turned(dock.scroll.widget()) if c.isVisible()]
    assert len(controls) > 8
    bar = dock.scroll.verticalScrollBar()
    assert bar.maximum() > 0, "the form must have something to scroll"
    for control in controls:
        bar.setValue(0)
        before, parts = value_of(control), [control, *control.findChildren(QLineEdit)]
        for part in parts:
            wheel(part, -2)
            wheel(part, -2)
        assert value_of(control) == before, control.accessibleName()
        assert not control.hasFocus(), "nor does it take the focus"
        assert bar.value() > 0, f"{control.accessibleName()} keeps the form from scrolling"
    assert not [b for b in dock.findChildren(QScrollBar) if b.focusPolicy() == 11]


def test_the_wheel_still_turns_what_has_the_focus(make_dock, qtbot):
    _viewer, dock = make_dock(window=True, show=True)
    views = dock.forward.control("views")
    dock.window().activateWindow()
    views.setFocus()
    qtbot.waitUntil(views.hasFocus)
    wheel(views, 1)
    assert views.value() == 21
