"""Controls of the docks that Qt does not have."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QResizeEvent, QValidator
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QLabel,
    QScrollArea,
    QScrollBar,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

#: Controls that the wheel changes.
TURNED = (QAbstractSpinBox, QComboBox, QAbstractSlider)


class Scientific(QDoubleSpinBox):
    """Positive number of any size, written with a few significant digits.

    Noise may be 20 HU as well as 3e-7 in the unit of a scanner.
    """

    DIGITS = 4

    def __init__(self) -> None:
        super().__init__()
        self.setDecimals(12)
        self.setRange(0, 1e9)
        self.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft)
        self.setKeyboardTracking(False)

    def textFromValue(self, value: float) -> str:
        """Four significant digits."""
        return f"{value:.{self.DIGITS}g}"

    def valueFromText(self, text: str | None) -> float:
        """Also with an exponent; the special text and what is no number is the minimum."""
        try:
            return float((text or "").strip())
        except ValueError:
            return self.minimum()

    def validate(self, text: str | None, position: int) -> tuple[QValidator.State, str, int]:
        """Numbers are acceptable, and what may still become one: 0 and 5 on the way to 0.5e-3."""
        entry = (text or "").strip()
        special = self.specialValueText()
        if special and entry in ("", special):
            return QValidator.State.Acceptable, text or "", position
        typing = set(entry) <= set("0123456789.e+-") and not entry.startswith("-")
        state = QValidator.State.Intermediate if typing else QValidator.State.Invalid
        try:
            if typing and self.minimum() <= float(entry) <= self.maximum():
                state = QValidator.State.Acceptable
        except ValueError:
            pass
        return state, entry, position

    def stepBy(self, steps: int) -> None:
        """From 'unknown' the first step leads to one of the size that is expected."""
        if self.value() == self.minimum() and steps > 0 and self._first:
            self.setValue(self._first)
        else:
            super().stepBy(steps)

    _first = 0.0

    def set_first(self, value: float) -> None:
        """Value that a step up from the minimum leads to."""
        self._first = value


class Elided(QLabel):
    """One line, cut where it ends; all of it is in the tooltip."""

    def __init__(self) -> None:
        super().__init__("–")
        self._all = "–"
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(10)

    def set_text(self, text: str) -> None:
        """Show another text."""
        self._all = text
        self.setToolTip(text)
        self.setAccessibleDescription(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """See QWidget."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        mode = Qt.TextElideMode.ElideRight
        self.setText(self.fontMetrics().elidedText(self._all, mode, max(self.width(), 20)))


class _WheelGuard(QObject):
    """Leaves the wheel to what scrolls, but for the control that has the focus."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """See QObject."""
        if event is None or event.type() != QEvent.Type.Wheel or not isinstance(watched, QWidget):
            return False
        if watched.hasFocus():
            return False
        event.ignore()  # so that it goes on to the parent
        return True


def guard_wheel(parent: QWidget) -> None:
    """Keep the wheel from changing settings while the form around them is scrolled."""
    guard = _WheelGuard(parent)
    for kind in TURNED:
        for control in parent.findChildren(kind):
            if not isinstance(control, QScrollBar):
                control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # not by the wheel
                control.installEventFilter(guard)


def commit(parent: QWidget) -> str:
    """Take over what was typed into controls and not confirmed by Return or leaving them.

    Returns
    -------
    str
        What could not be taken over, in one sentence, or ''. Qt puts the value before in its
        place; a box that was emptied has that without a word.
    """
    refused = ""
    for control in parent.findChildren(QAbstractSpinBox):
        typed = "" if control.hasAcceptableInput() else control.cleanText().strip()
        control.interpretText()
        if typed:
            refused = (
                f"{control.accessibleName()} cannot be {typed}; it is {control.text()} again. "
                "Change it, or run with that."
            )
    return refused


def scrolling(sections: Iterable[QWidget]) -> QScrollArea:
    """Sections under each other; a window too low for them scrolls."""
    inner = QWidget()
    layout = QVBoxLayout(inner)
    layout.setContentsMargins(4, 2, 4, 2)
    layout.setSpacing(5)
    for section in sections:
        layout.addWidget(section)
    layout.addStretch(1)
    guard_wheel(inner)
    area = QScrollArea()
    area.setWidget(inner)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setMinimumHeight(100)
    return area
