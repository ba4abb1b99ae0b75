"""A number with a slider, buttons for fine steps and a box to type it in."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QSizePolicy, QSlider, QToolButton, QVBoxLayout, QWidget

from napari_padis.gui.sections.base import decimal, named

#: Slider positions per unit.
FINENESS = 10


class SliderSpin(QWidget):
    """Slider over the range, below it the box between its two step buttons.

    Parameters
    ----------
    name, tip : str
        Accessible name and tooltip.
    step : float
        What the buttons and the arrow keys add.
    """

    changed = Signal(float)

    def __init__(self, name: str, tip: str, step: float = 0.25) -> None:
        super().__init__()
        self.step = step
        self.slider = named(QSlider(Qt.Orientation.Horizontal), f"{name}, slider", tip)
        self.slider.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.slider.setMinimumWidth(80)
        self.box = decimal(name, tip, 0, 1, 0, digits=2)
        self.box.setSingleStep(step)
        self.less = self._button("−", f"{name} down", f"Down by {step:g}.", -1)
        self.more = self._button("+", f"{name} up", f"Up by {step:g}.", 1)
        lower = QHBoxLayout()
        lower.setSpacing(4)
        lower.addWidget(self.less)
        lower.addWidget(self.box, stretch=1)
        lower.addWidget(self.more)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(2)
        outer.addWidget(self.slider)
        outer.addLayout(lower)
        self.setFocusProxy(self.slider)
        self.slider.valueChanged.connect(self._from_slider)
        self.box.valueChanged.connect(self._from_box)

    def _button(self, sign: str, name: str, tip: str, direction: int) -> QToolButton:
        button = named(QToolButton(), name, tip)
        button.setText(sign)
        button.setAutoRepeat(True)
        button.setMinimumWidth(28)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.clicked.connect(lambda: self.box.setValue(self.value + direction * self.step))
        return button

    @property
    def value(self) -> float:
        """The number."""
        return float(self.box.value())

    def set_range(self, low: float, high: float) -> None:
        """Limits of what can be typed; says nothing."""
        self.box.blockSignals(True)
        self.box.setRange(low, high)
        self.box.blockSignals(False)

    def set_reach(self, low: float, high: float) -> None:
        """Limits of the slider, which may be narrower; says nothing."""
        self.slider.blockSignals(True)
        self.slider.setRange(round(low * FINENESS), round(high * FINENESS))
        self.slider.setSingleStep(max(1, round(self.step * FINENESS)))
        self.slider.setPageStep(10 * FINENESS)
        self.slider.blockSignals(False)

    def set_value(self, value: float) -> None:
        """New number; says nothing."""
        self.box.blockSignals(True)
        self.box.setValue(value)
        self.box.blockSignals(False)
        self._place_slider()

    def _place_slider(self) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(round(self.value * FINENESS))
        self.slider.blockSignals(False)

    def _from_slider(self, position: int) -> None:
        self.box.blockSignals(True)
        self.box.setValue(position / FINENESS)
        self.box.blockSignals(False)
        self.changed.emit(self.value)

    def _from_box(self, value: float) -> None:
        self._place_slider()
        self.changed.emit(value)
