"""Measurement: simulate one from a volume, or take the measured sinogram."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QButtonGroup, QLabel, QPushButton, QRadioButton, QWidget

from napari_padis.gui.job import Simulation
from napari_padis.gui.sections.base import (
    Section,
    combo,
    decimal,
    named,
    side_by_side,
    spin,
)
from napari_padis.scan.geometry import ParallelGeometry
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.volume import Volume

NOISES = {"none": "None", "gaussian": "Gaussian", "poisson": "Poisson (photons)"}
#: Slices chosen at first; a whole scan can take hours on a CPU.
FIRST_SLICES = 8


class MeasurementSection(Section):
    """Views, detector, noise and slices of a simulated scan."""

    changed = Signal()
    measured_wanted = Signal(bool)

    def __init__(self) -> None:
        super().__init__("Measurement")
        self._source: Volume | Measurement | None = None
        self.simulate_button = named(
            QRadioButton("Simulate"),
            "Simulate from the volume",
            "Project the chosen volume and add noise.",
        )
        self.measured_button = named(
            QRadioButton("Measured"),
            "Use the measured sinogram",
            "Reconstruct the chosen sinogram as it is.",
        )
        self._group = QButtonGroup(self)
        for button in (self.simulate_button, self.measured_button):
            self._group.addButton(button)
        self._group.buttonClicked.connect(self._ask)
        self.views = spin("Views", "Number of projection angles over 180 degrees.", 1, 2000, 20)
        self.detectors = spin(
            "Detector bins", "Bins of a detector twice as wide as the slice.", 8, 8192, 512
        )
        self.noise = combo("Noise", "Noise added to the simulated sinogram.")
        for key, title in NOISES.items():
            self.noise.addItem(title, key)
        self.share = decimal(
            "Noise level", "Standard deviation in per cent of the sinogram's RMS.", 0.001, 100, 0.5
        )
        self.share.setSuffix(" % of RMS")
        self.photons = decimal(
            "Photons", "Photons per ray without an object.", 10, 1e9, 1e5, digits=0
        )
        self.photons.setGroupSeparatorShown(True)
        self.photons.setSuffix(" per ray")
        self.first = spin("First slice", "First slice, counted from the feet.", 0, 0, 0)
        self.last = spin("Last slice", "Last slice, counted from the feet.", 0, 0, 0)
        self.all_button = named(QPushButton("All"), "All slices", "Take every slice of the volume.")
        self.all_button.clicked.connect(self.choose_all)
        self.form.addRow(side_by_side([self.simulate_button, self.measured_button]))
        self._rows: list[tuple[QLabel, QWidget]] = []
        self._add("Views", self.views)
        self._add("Detector bins", self.detectors)
        self._add("Noise", self.noise)
        self._share_row = self._add("Level", self.share)
        self._photon_row = self._add("Level", self.photons)
        self._add("Slices", side_by_side([self.first, QLabel("to"), self.last, self.all_button]))
        for box in (self.views, self.detectors, self.first, self.last):
            box.valueChanged.connect(self._emit)
        self.noise.currentIndexChanged.connect(self._show_rows)
        self.set_source(None)

    def _add(self, label: str, field: QWidget) -> tuple[QLabel, QWidget]:
        row = (self.row(label, field), field)
        self._rows.append(row)
        return row

    @property
    def simulating(self) -> bool:
        """Whether a volume is to be projected."""
        return isinstance(self._source, Volume)

    def _ask(self) -> None:
        """The layer decides what is done, so ask for a layer of the other kind."""
        self.measured_wanted.emit(self.measured_button.isChecked())

    def set_kinds(self, kinds: set[bool]) -> None:
        """Say whether there are volumes (False) and sinograms (True) to choose from."""
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
        self._show_rows()

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

    def _show_rows(self, _index: int = 0) -> None:
        kind = self.noise.currentData()
        for row in self._rows:
            visible = not isinstance(self._source, Measurement)
            if row is self._share_row:
                visible &= kind == "gaussian"
            elif row is self._photon_row:
                visible &= kind == "poisson"
            for widget in row:
                widget.setVisible(visible)
        self._emit()

    def _emit(self, _value: int = 0) -> None:
        self.changed.emit()

    @property
    def slices(self) -> tuple[int, int]:
        """First and one-past-last slice."""
        first, last = sorted((self.first.value(), self.last.value()))
        return first, last + 1

    def geometry(self) -> ParallelGeometry | None:
        """Geometry of the measurement, simulated or measured."""
        source = self._source
        if isinstance(source, Measurement):
            return source.geometry
        if source is None:
            return None
        return ParallelGeometry.standard(
            self.views.value(),
            source.shape[1:],
            source.spacing[1:],
            source.spacing[0],
            self.detectors.value(),
        )

    def simulation(self) -> Simulation | None:
        """How to simulate; None when the data are measured."""
        geometry = self.geometry()
        if geometry is None or not self.simulating:
            return None
        return Simulation(
            geometry,
            noise=self.noise.currentData(),
            share=self.share.value() / 100,
            photons=self.photons.value(),
            slices=self.slices,
        )
