"""The parameters of a forward model as rows of a form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QLabel, QSpinBox, QWidget

from napari_padis.gui.sections.base import combo, decimal, spin
from napari_padis.gui.sections.parameters import PARAMETERS, Choices, Parameter
from napari_padis.likelihood.design import design
from napari_padis.likelihood.settings import DEFAULTS, Grid, complete
from napari_padis.scan.geometry import Geometry

Control: TypeAlias = QSpinBox | QDoubleSpinBox | QComboBox

#: Before an image is chosen.
NOMINAL = Grid((1, 512, 512))


class ParameterRows:
    """The controls of one forward model.

    Numbers whose default depends on the image or on other settings follow these until the
    user sets them.

    Parameters
    ----------
    kind : str
        Forward model.
    add : callable
        Puts a labelled control into the form and returns the label.
    changed : callable
        Called without arguments when a value changes.
    """

    def __init__(
        self,
        kind: str,
        add: Callable[[str, QWidget], QLabel],
        changed: Callable[[], None],
    ) -> None:
        self._kind = kind
        self._parameters = PARAMETERS[kind]
        self._changed = changed
        self._shown = True
        self._grid = NOMINAL
        self.controls: dict[str, Control] = {}
        self._rows: dict[str, tuple[QLabel, QWidget]] = {}
        self._followers: dict[str, float] = {}  # what those show that were not set by the user
        for parameter in self._parameters:
            default = DEFAULTS[kind].get(parameter.name, 0)
            control = _control(parameter, default)
            self.controls[parameter.name] = control
            self._rows[parameter.name] = (add(parameter.label, control), control)
            if isinstance(control, QComboBox):
                control.currentIndexChanged.connect(self._on_change)
                continue
            control.valueChanged.connect(self._on_change)
            if callable(default):
                self._followers[parameter.name] = control.value()
        self._offer()
        self._follow()

    def settings(self) -> dict[str, Any]:
        """What is set, by name: no rows that do not matter now, and none that follow others."""
        found = {
            parameter.name: self._value(parameter)
            for parameter in self._parameters
            if parameter.name != "seed"
            and self._matters(parameter)
            and not self._follows(parameter.name)
        }
        return {name: value for name, value in found.items() if value is not None}

    def geometry(self) -> Geometry:
        """Geometry of the scan that is set.

        Raises
        ------
        InputError
            If such a scan is impossible.
        """
        seeds = [p for p in self._parameters if p.name == "seed" and self._matters(p)]
        seed = self._value(seeds[0]) if seeds else 0
        return design(self._kind, self.settings(), self._grid, seed)

    def set_grid(self, grid: Grid) -> None:
        """Follow the image; what the user has set stays where the slices alone are others."""
        old, self._grid = self._grid, grid
        if (old.sides, old.pixel) != (grid.sides, grid.pixel):
            was, now = (complete(self._kind, {}, g) for g in (old, grid))
            for name in self._followers:
                if was[name] != now[name]:
                    self._followers[name] = self._shown_number(name)
        self._offer()
        self._follow()

    def show(self, shown: bool) -> None:
        """Show the rows that matter now, or none."""
        self._shown = shown
        for parameter in self._parameters:
            visible = shown and self._matters(parameter)
            for widget in self._rows[parameter.name]:
                widget.setVisible(visible)

    def _value(self, parameter: Parameter) -> Any:
        """What a control is set to."""
        control = self.controls[parameter.name]
        if isinstance(control, QComboBox):
            return control.currentData()
        return control.value() if parameter.scale == 1 else control.value() / parameter.scale

    def _matters(self, parameter: Parameter) -> bool:
        """Whether the other settings leave a meaning to this one."""
        if parameter.when is None:
            return True
        name, values = parameter.when
        control = self.controls[name]
        return isinstance(control, QComboBox) and control.currentData() in values

    def _follows(self, name: str) -> bool:
        """Whether a number depends on others and was not set by the user."""
        return name in self._followers and self._followers[name] == self._shown_number(name)

    def _shown_number(self, name: str) -> float:
        control = self.controls[name]
        assert not isinstance(control, QComboBox)
        return control.value()

    def _offer(self) -> None:
        """Choices that depend on the image."""
        for parameter in self._parameters:
            control = self.controls[parameter.name]
            if isinstance(control, QComboBox) and callable(parameter.choices):
                default = complete(self._kind, {}, self._grid)[parameter.name]
                with QSignalBlocker(control):
                    _fill(control, parameter.choices(self._grid), default)

    def _follow(self) -> None:
        """Show what holds for numbers that the user has not set."""
        found = complete(self._kind, self.settings(), self._grid)
        for parameter in self._parameters:
            name, control = parameter.name, self.controls[parameter.name]
            if not self._follows(name) or isinstance(control, QComboBox):
                continue
            if found[name] is not None:
                with QSignalBlocker(control):
                    control.setValue(found[name] * parameter.scale)
                self._followers[name] = control.value()

    def _on_change(self, _value: object = None) -> None:
        self._follow()
        self.show(self._shown)
        self._changed()


def _control(parameter: Parameter, default: Any) -> Control:
    """Combo box or spin box of a parameter, at its default where that is known now."""
    if parameter.choices:
        box = combo(parameter.label, parameter.tip)
        if not callable(parameter.choices):
            _fill(box, parameter.choices, default)
        return box
    low, high = parameter.low, parameter.high
    first = low if callable(default) else default * parameter.scale
    number: QSpinBox | QDoubleSpinBox
    if parameter.digits:
        number = decimal(parameter.label, parameter.tip, low, high, first, parameter.digits)
        number.setSingleStep(parameter.step)
    else:
        number = spin(parameter.label, parameter.tip, int(low), int(high), int(first))
        number.setSingleStep(int(parameter.step))
    number.setSuffix(parameter.suffix)
    number.setSpecialValueText(parameter.special)
    return number


def _fill(box: QComboBox, choices: Choices, default: Any) -> None:
    """Offer other choices, keeping the chosen value where it is still there."""
    chosen = box.currentData()
    box.clear()
    for title, value in choices:
        box.addItem(title, value)
    known = box.findData(chosen if chosen is not None else default)
    if known < 0:
        known = max(0, box.findData(default))
    box.setCurrentIndex(known if box.count() else -1)
