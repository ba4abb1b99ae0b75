"""What can be set for each forward model: a table, and the rows it becomes in a form."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QLabel, QSpinBox, QWidget

from napari_padis.gui.models import Grid
from napari_padis.gui.sections.base import combo, decimal, spin

Choices = tuple[tuple[str, Any], ...]
Control: TypeAlias = QSpinBox | QDoubleSpinBox | QComboBox


@dataclass(frozen=True)
class Parameter:
    """One setting of a forward model.

    Parameters
    ----------
    name : str
        Key in the values of the form.
    label, tip : str
    default : number or callable
        A callable takes the :class:`Grid` that is simulated from.
    low, high : number
    digits : int
        Decimals; 0 for whole numbers.
    suffix : str
        Unit.
    choices : tuple of (title, value), or callable
        Makes it a list to choose from.
    when : tuple of (name, values), optional
        Shown only while another setting has one of these values.
    special : str
        Text shown in place of the lowest value.
    step : number
    """

    name: str
    label: str
    tip: str
    default: Any = 0
    low: float = 0
    high: float = 0
    digits: int = 0
    suffix: str = ""
    choices: Choices | Callable[[Grid], Choices] = ()
    when: tuple[str, tuple[Any, ...]] | None = None
    special: str = ""
    step: float = 1


def _views(default: int, tip: str) -> Parameter:
    return Parameter("views", "Views", tip, default, 1, 10_000)


_BINS = Parameter("bins", "Detector bins", "Bins of the detector line.", 512, 8, 8192)
_PATTERN = Parameter(
    "pattern", "Pattern", "Number of the random pattern; another one draws anew.", 0, 0, 9999
)
_RANDOM = ("mask", ("random", "poisson"))


def _factors(grid: Grid) -> Choices:
    return tuple((f"{f} × {f} pixels", f) for f in grid.factors)


#: Settings of every forward model, in the order of work.
PARAMETERS: dict[str, tuple[Parameter, ...]] = {
    "parallel": (
        _views(20, "Number of projection angles, evenly over the arc."),
        Parameter("arc", "Arc", "Angles covered by the views; 180° see everything once.",
                  180, 1, 360, 1, " °", step=10),
        Parameter("bins", "Detector bins", "Bins of a detector twice as wide as the slice.",
                  512, 8, 8192),
    ),
    "fan": (
        _views(40, "Number of source positions, evenly over the arc."),
        Parameter("arc", "Arc", "Angles covered by the source; 360° is a full turn.",
                  360, 1, 360, 1, " °", step=10),
        _BINS,
        Parameter("origin", "Source to axis", "Distance from the source to the rotation axis.",
                  lambda grid: 4 * grid.radius, 0.1, 1e5, 1, " mm", step=10),
        Parameter("detector", "Source to det.", "Distance from the source to the detector.",
                  lambda grid: 6 * grid.radius, 0.1, 1e5, 1, " mm", step=10),
        Parameter("curved", "Detector", "Straight line, or arc around the source.",
                  False, choices=(("Flat", False), ("Curved", True))),
    ),
    "cone": (
        _views(60, "Number of source positions, evenly over all turns."),
        Parameter("turns", "Turns", "Turns of the source around the patient.",
                  1, 0.1, 100, 2, "", step=0.5),
        Parameter("feed", "Feed per turn", "Way along the patient in one turn (helix); "
                  "0 is a circle.", 0, 0, 1e4, 1, " mm", special="0 (circle)", step=5),
        Parameter("rows", "Detector rows", "Detector pixels along the patient.",
                  lambda grid: 2 * grid.shape[0], 1, 4096),
        Parameter("columns", "Det. columns", "Detector pixels across the patient.",
                  lambda grid: 2 * max(grid.sides), 8, 8192),
    ),
    "cartesian": (
        Parameter("mask", "Sampling", "Which lines or points of k-space are measured.",
                  "equispaced", choices=(("Equispaced lines", "equispaced"),
                                         ("Random lines", "random"),
                                         ("Poisson disc", "poisson"))),
        Parameter("acceleration", "Acceleration", "Samples there are per measured sample.",
                  4, 1, 32, 1, " ×", step=0.5),
        Parameter("centre", "Centre lines", "Lines around the zero frequency that are always "
                  "measured.", lambda grid: max(2, round(0.08 * grid.sides[1])), 0, 1024),
        Parameter("coils", "Coils", "Receive coils placed around the patient.", 1, 1, 64),
        dataclasses.replace(_PATTERN, when=_RANDOM),
    ),
    "blur": (
        Parameter("kernel", "Kernel", "Shape of the blur.", "uniform",
                  choices=(("Uniform square", "uniform"), ("Gaussian", "gaussian"))),
        Parameter("side", "Size", "Side of the square, an odd number of pixels.",
                  9, 1, 101, 0, " pixels", when=("kernel", ("uniform",)), step=2),
        Parameter("width", "Width σ", "Standard deviation of the Gaussian.",
                  3, 0.1, 30, 1, " pixels", when=("kernel", ("gaussian",)), step=0.5),
    ),
    "downsample": (
        Parameter("factor", "Coarse pixel", "Fine pixels that each coarse pixel is the mean of; "
                  "only sizes that divide the image.", choices=_factors),
    ),
    "mask": (
        Parameter("missing", "Missing", "Share of the pixels that were not measured.",
                  50, 0, 99.9, 1, " %", step=5),
        _PATTERN,
    ),
    "denoise": (),
}  # fmt: skip


class ParameterRows:
    """The controls of one forward model.

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
        self._parameters = PARAMETERS[kind]
        self._changed = changed
        self._shown = True
        self._grid: Grid | None = None
        self._firsts: dict[str, float] = {}  # values that were not set by the user
        self.controls: dict[str, Control] = {}
        self._rows: dict[str, tuple[QLabel, QWidget]] = {}
        for parameter in self._parameters:
            control = _control(parameter)
            self.controls[parameter.name] = control
            self._rows[parameter.name] = (add(parameter.label, control), control)
            signal = (
                control.currentIndexChanged
                if isinstance(control, QComboBox)
                else control.valueChanged
            )
            signal.connect(self._on_change)

    def values(self) -> dict[str, Any]:
        """What is set, by name."""
        return {
            name: control.currentData() if isinstance(control, QComboBox) else control.value()
            for name, control in self.controls.items()
        }

    def set_grid(self, grid: Grid) -> None:
        """Follow the image; what the user has set stays where the slices alone are others."""
        old, self._grid = self._grid, grid
        same = old is not None and (old.sides, old.pixel) == (grid.sides, grid.pixel)
        for parameter in self._parameters:
            control = self.controls[parameter.name]
            control.blockSignals(True)
            if isinstance(control, QComboBox):
                if callable(parameter.choices):
                    _fill(control, parameter.choices(grid))
            elif callable(parameter.default):
                first = self._firsts.get(parameter.name)
                if not same or control.value() == first:
                    control.setValue(parameter.default(grid))
                    self._firsts[parameter.name] = control.value()
            control.blockSignals(False)

    def show(self, shown: bool) -> None:
        """Show the rows that matter now, or none."""
        self._shown = shown
        values = self.values()
        for parameter in self._parameters:
            when = parameter.when
            visible = shown and (when is None or values[when[0]] in when[1])
            for widget in self._rows[parameter.name]:
                widget.setVisible(visible)

    def _on_change(self, _value: object = None) -> None:
        self.show(self._shown)
        self._changed()


def _control(parameter: Parameter) -> Control:
    """Combo box or spin box of a parameter."""
    if parameter.choices:
        box = combo(parameter.label, parameter.tip)
        if not callable(parameter.choices):
            _fill(box, parameter.choices)
            box.setCurrentIndex(max(0, box.findData(parameter.default)))
        return box
    default = 0 if callable(parameter.default) else parameter.default
    number: QSpinBox | QDoubleSpinBox
    if parameter.digits:
        number = decimal(parameter.label, parameter.tip, parameter.low, parameter.high, default,
                         parameter.digits)  # fmt: skip
        number.setSingleStep(parameter.step)
    else:
        number = spin(
            parameter.label, parameter.tip, int(parameter.low), int(parameter.high), default
        )
        number.setSingleStep(int(parameter.step))
    number.setSuffix(parameter.suffix)
    number.setSpecialValueText(parameter.special)
    return number


def _fill(box: QComboBox, choices: Choices) -> None:
    """Offer other choices, keeping the chosen value where it is still there."""
    chosen = box.currentData()
    box.clear()
    for title, value in choices:
        box.addItem(title, value)
    box.setCurrentIndex(max(0, box.findData(chosen)) if box.count() else -1)
