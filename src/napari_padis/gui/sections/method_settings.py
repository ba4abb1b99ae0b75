"""The settings of one method, folded away below what all methods have."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TypeAlias

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QLabel, QPushButton, QSpinBox

from napari_padis.errors import InputError
from napari_padis.gui.sections.base import Section, Text, named, spin
from napari_padis.gui.sections.controls import Scientific
from napari_padis.gui.sections.folding import Fold
from napari_padis.gui.sections.method_terms import TERMS, WARM, Term
from napari_padis.posterior import METHODS
from napari_padis.posterior.method import RANGES, Method

TITLE = "Settings of the method"
TIP = "Step sizes, noise levels and what else is the method's own."
#: Where a step up from 0 leads if the default is 0 too.
FIRST = 1e-3
#: Characters in a line of a tooltip.
COLUMNS = 80

Control: TypeAlias = QSpinBox | Scientific


class MethodSettings(Fold):
    """One row for each setting of a method; what was set is kept for each of the methods."""

    changed = Signal()

    def __init__(self) -> None:
        section = Section(TITLE, headed=False)
        super().__init__(TITLE, TIP, section)
        self._method: Method | None = None
        self._set: dict[str, dict[str, float]] = {}  # by method: what differs from the defaults
        self._labels: dict[str, QLabel] = {}
        self.controls: dict[str, Control] = {}
        for name, term in TERMS.items():
            control = _control(name, term)
            control.valueChanged.connect(self._changed)
            self._labels[name] = section.row(term.label, control)
            self.controls[name] = control
        self.defaults = named(
            QPushButton("Defaults"),
            "Defaults of the settings",
            "Set all settings of this method back to their defaults.",
        )
        self.defaults.clicked.connect(self.restore)
        section.form.addRow(self.defaults)
        # Below the body rather than in it, so that it is seen while that is folded.
        self.message = Text("")
        self.message.setAccessibleName("What is wrong with the settings")
        self.message.mark("error")
        self.message.hide()
        self.append(self.message)

    @property
    def options(self) -> dict[str, float]:
        """Settings that differ from the method's defaults, by name."""
        return dict(self._set.get(self._method.name, {})) if self._method else {}

    @property
    def problem(self) -> str:
        """Why the method refuses the settings; empty where it does not."""
        if self._method is None:
            return ""
        try:
            self._method.settings(self.options)
        except InputError as error:
            return str(error)
        return ""

    def set_method(self, name: str) -> None:
        """Show the settings of another method, as they were set before."""
        method = self._method = METHODS[name]
        for name, control in self.controls.items():
            shown = name in method.options
            self._labels[name].setVisible(shown)
            control.setVisible(shown)
            if shown:
                self._describe(name, method)
        self._fill()
        self.setVisible(any(name in method.options for name in self.controls))

    def restore(self) -> None:
        """Set the method's settings back to their defaults."""
        if self._method is not None:
            self._set.pop(self._method.name, None)
            self._fill()
            self.changed.emit()

    def _describe(self, name: str, method: Method) -> None:
        """Tell what a setting is in this method, and what it is there by default."""
        control, term, default = self.controls[name], TERMS[name], method.options[name]
        tip, zero = term.tip, term.zero
        if name == "sigma_max":
            tip, zero = (f"{tip} {WARM}", zero) if method.warm else (tip, "")
        if isinstance(control, Scientific):
            control.set_first(default or FIRST)
        control.setSpecialValueText(zero)
        # A tooltip breaks no lines of its own.
        tip = textwrap.fill(f"{tip} Default: {default:g}.", COLUMNS)
        tip += f"\nOn the command line: --option {name}=…"
        named(control, term.label, tip)
        self._labels[name].setToolTip(tip)

    def _fill(self) -> None:
        """Show what is set, silently."""
        assert self._method is not None
        values: Mapping[str, float] = {**self._method.options, **self.options}
        for name, control in self.controls.items():
            if name in values:
                with QSignalBlocker(control):
                    value = values[name]
                    control.setValue(int(value) if isinstance(control, QSpinBox) else value)
        self._say()

    def _changed(self, _value: object = None) -> None:
        assert self._method is not None
        shown = {n: c.value() for n, c in self.controls.items() if n in self._method.options}
        self._set[self._method.name] = {
            name: value for name, value in shown.items() if value != self._method.options[name]
        }
        self._say()
        self.changed.emit()

    def _say(self) -> None:
        """How many settings were changed, and whether the method takes them."""
        count, problem = len(self.options), self.problem
        self.set_title(f"{TITLE} ({count} changed)" if count else TITLE)
        self.defaults.setEnabled(bool(count))
        if problem != self.message.text():
            self.message.setText(problem)
            self.message.setVisible(bool(problem))
            if problem:
                self.reveal()


def _control(name: str, term: Term) -> Control:
    """Number of the range that methods allow."""
    least, most = RANGES[name]
    if term.whole:
        return spin(term.label, term.tip, int(least), int(most), int(least))
    number = named(Scientific(), term.label, term.tip)
    number.setRange(least, most)
    return number
