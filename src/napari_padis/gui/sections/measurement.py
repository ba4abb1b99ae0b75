"""Measurement: simulate one from a volume, or take a measured one."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QButtonGroup, QLabel, QPushButton, QRadioButton, QWidget

from napari_padis.gui.sections.base import Section, named, side_by_side, spin
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.volume import Volume

#: Slices chosen at first; a whole scan can take hours on a CPU.
FIRST_SLICES = 8


class MeasurementSection(Section):
    """Simulated or measured, and the slices to simulate."""

    changed = Signal()
    measured_wanted = Signal(bool)

    def __init__(self) -> None:
        super().__init__("Measurement")
        self._source: Volume | Measurement | None = None
        self.simulate_button = named(
            QRadioButton("Simulate"),
            "Simulate from the volume",
            "Measure the chosen volume with the forward model below, and add noise.",
        )
        self.measured_button = named(
            QRadioButton("Measured"),
            "Use the measured data",
            "Reconstruct the chosen sinogram, k-space or image data as they are.",
        )
        self._group = QButtonGroup(self)
        for button in (self.simulate_button, self.measured_button):
            self._group.addButton(button)
        self._group.buttonClicked.connect(self._ask)
        self.first = spin("First slice", "First slice, counted from the feet.", 0, 0, 0)
        self.last = spin("Last slice", "Last slice, counted from the feet.", 0, 0, 0)
        self.all_button = named(QPushButton("All"), "All slices", "Take every slice of the volume.")
        self.all_button.clicked.connect(self.choose_all)
        self.form.addRow(side_by_side([self.simulate_button, self.measured_button]))
        field = side_by_side([self.first, QLabel("to"), self.last, self.all_button])
        self._slices_row: tuple[QWidget, ...] = (self.row("Slices", field), field)
        for box in (self.first, self.last):
            # Four digits; napari's themes ask for more than a narrow dock has.
            box.setStyleSheet("QSpinBox { min-width: 58px; }")
            box.valueChanged.connect(self._emit)
        self.set_source(None)

    def _ask(self) -> None:
        """The layer decides what is done, so ask for a layer of the other kind."""
        self.measured_wanted.emit(self.measured_button.isChecked())

    def set_kinds(self, kinds: set[bool]) -> None:
        """Say whether there are volumes (False) and measurements (True) to choose from."""
        self.simulate_button.setEnabled(False in kinds or not kinds)
        self.measured_button.setEnabled(True in kinds)

    def set_source(self, source: Volume | Measurement | None) -> None:
        """Follow the chosen layer."""
        shape = source.shape if isinstance(source, Volume) else None
        old = self._source.shape if isinstance(self._source, Volume) else None
        self._source = source
        measured = isinstance(source, Measurement)
        self.simulate_button.setChecked(not measured)
        self.measured_button.setChecked(measured)
        if shape is not None and shape != old:
            self._set_slices(shape[0])
        for widget in self._slices_row:
            widget.setVisible(not measured)

    def _set_slices(self, count: int) -> None:
        """New limits, and a few slices around the middle."""
        start = max(0, (count - FIRST_SLICES) // 2)
        for box, value in ((self.first, start), (self.last, min(count, start + FIRST_SLICES) - 1)):
            box.blockSignals(True)
            box.setRange(0, count - 1)
            box.setValue(value)
            box.blockSignals(False)

    def choose_all(self) -> None:
        """Take every slice."""
        self.first.setValue(self.first.minimum())
        self.last.setValue(self.last.maximum())

    def _emit(self, _value: int = 0) -> None:
        self.changed.emit()

    @property
    def slices(self) -> tuple[int, int]:
        """First and one-past-last slice."""
        first, last = sorted((self.first.value(), self.last.value()))
        return first, last + 1
