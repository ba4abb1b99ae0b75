"""Geometry of the preparation: what the file does not state is asked for first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QFileDialog, QLabel, QPushButton, QWidget

from napari_padis.errors import PadisError
from napari_padis.gui.prepare.answers import EVEN, FILE, LIST, Answers, question
from napari_padis.gui.prepare.data import angle_range
from napari_padis.gui.prepare.style import NARROW
from napari_padis.gui.sections.base import Section, Text, combo, decimal, named, side_by_side
from napari_padis.scan.angles import DEGREES, OVERRIDE, RADIANS, ViewAngles
from napari_padis.scan.projections import Projections

BEAMS = {None: "please choose", "parallel": "Parallel", "fan": "Fan, flat detector"}
SOURCES = {FILE: "As in the file", EVEN: "Evenly spaced", LIST: "From a list"}
UNITS = {None: "As read", DEGREES: "Degrees", RADIANS: "Radians"}
#: Stands in a box of lengths for "not known".
UNKNOWN = "not stated"


class GeometrySection(Section):
    """Beam, view angles, detector pitch and distances."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__("Geometry")
        self._projections: Projections | None = None
        self._list: ViewAngles | None = None
        self.ask = Text("")
        self.ask.setAccessibleName("What is missing")
        self.problem = Text("")
        self.problem.setAccessibleName("Problem with the geometry")
        self.form.addRow(self.ask)
        self._make_controls()
        angles = side_by_side([self.first, QLabel("over"), self.arc])
        self._fields: dict[str, list[tuple[QLabel | None, QWidget]]] = {
            "beam": [(self.row("Beam", self.beam), self.beam)],
            "angles": [
                (self.row("Angles", self.source), self.source),
                (self.row("First, arc", angles), angles),
                (self._wide(self.closed), self.closed),
                (self._wide(self.open_list), self.open_list),
                (self.row("Unit", self.unit), self.unit),
                (self._wide(self.doubt), self.doubt),
            ],
            "detector_pitch": [(self.row("Bin pitch", self.pitch), self.pitch)],
            "source_origin": [(self.row("Source–axis", self.origin), self.origin)],
            "source_detector": [(self.row("Source–detector", self.distance), self.distance)],
            "reverse": [(self._wide(self.reverse), self.reverse)],
        }
        self.form.addRow(self.problem)
        self._even, self._unit = self._fields["angles"][1], self._fields["angles"][4]
        self._connect()
        self.set_projections(None)

    def _make_controls(self) -> None:
        self.beam = combo("Beam", "Parallel rays, or rays from one point (a fan).")
        for key, title in BEAMS.items():
            self.beam.addItem(title, key)
        self.source = combo("View angles", "Where the angles of the views come from.")
        self.first = _degrees("First angle", "Angle of the first view.", 0)
        self.arc = _degrees("Arc", "Arc over which the views are spread; negative turns back.", 180)
        self.closed = named(
            QCheckBox("Last view at the end of the arc"),
            "Last view at the end of the arc",
            "Tick for 0, 1, … 180 degrees; untick when 180 was left out.",
        )
        self.open_list = named(
            QPushButton("Open list …"),
            "Open a list of angles",
            "Text file with the angles in a line or column, or .npy; degrees or radians.",
        )
        self.unit = combo("Unit of the angles", "Unit in which the file or list states its angles.")
        for key, title in UNITS.items():
            self.unit.addItem(title, key)
        self.doubt = Text("")
        self.doubt.setAccessibleName("What is not certain about the angles")
        self.reverse = named(
            QCheckBox("Opposite sense of rotation"),
            "Opposite sense of rotation",
            "Tick when a fan's preview shows double edges, or the image is mirrored.",
        )
        self.pitch = _length(
            "Detector pitch",
            "Distance of neighbouring bins in mm. A parallel beam does without: lengths are "
            "then counted in bins, and the image has no unit.",
        )
        self.origin = _length("Source to axis", "From the source to the rotation axis in mm.")
        self.distance = _length("Source to detector", "From the source to the detector in mm.")

    def _wide(self, widget: QWidget) -> QLabel | None:
        """A row without label."""
        self.form.addRow(widget)
        return None

    def _connect(self) -> None:
        for box in (self.first, self.arc, self.pitch, self.origin, self.distance):
            box.setMinimumWidth(NARROW)
            box.valueChanged.connect(self._emit)
        for button in (self.closed, self.reverse):
            button.toggled.connect(self._emit)
        self.beam.currentIndexChanged.connect(self._emit)
        self.unit.currentIndexChanged.connect(self._emit)
        self.source.currentIndexChanged.connect(self._source_chosen)
        self.open_list.clicked.connect(self._ask_for_list)

    def set_projections(
        self, projections: Projections | None, answers: Answers | None = None
    ) -> None:
        """Show what a scan states, or what was answered about it before; says nothing."""
        self._projections = projections
        if projections is None:
            self.setEnabled(False)
            self._show()
            return
        self.setEnabled(True)
        answers = answers or Answers.of(projections)
        self._list = None
        if answers.angles is not None:
            self._list = ViewAngles(answers.angles, answers.list_unit)
        boxes = (self.beam, self.source, self.first, self.arc, self.closed, self.reverse,
                 self.unit, self.pitch, self.origin, self.distance)  # fmt: skip
        for widget in boxes:
            widget.blockSignals(True)
        self.source.clear()
        for key, title in SOURCES.items():
            if key != FILE or projections.angles is not None:
                self.source.addItem(title, key)
            elif answers.angles_from == FILE:
                self.source.addItem("please choose", FILE)
        self.beam.setCurrentIndex(self.beam.findData(answers.beam))
        self.source.setCurrentIndex(self.source.findData(answers.angles_from))
        self.unit.setCurrentIndex(self.unit.findData(answers.angle_unit))
        self.first.setValue(answers.first)
        self.arc.setValue(answers.arc)
        self.closed.setChecked(answers.closed)
        self.reverse.setChecked(answers.reverse)
        for box, value in ((self.pitch, answers.detector_pitch),
                           (self.origin, answers.source_origin),
                           (self.distance, answers.source_detector)):  # fmt: skip
            box.setValue(value or 0)
        for widget in boxes:
            widget.blockSignals(False)
        self._order(projections.missing)
        self._show()

    def _order(self, missing: tuple[str, ...]) -> None:
        """Rows that the file leaves open come first."""
        first = [name for name in self._fields if name in missing]
        names = first + [name for name in self._fields if name not in first]
        rows = [pair for name in names for pair in self._fields[name]]
        for label, widget in rows:
            self.form.takeRow(self.form.getWidgetPosition(widget)[0])
            position = self.form.rowCount() - 1  # the problem stays last
            if label is None:
                self.form.insertRow(position, widget)
            else:
                self.form.insertRow(position, label, widget)

    def answers(self) -> Answers:
        """The geometry as it stands in the boxes."""
        return Answers(
            beam=self.beam.currentData(),
            angles_from=self.source.currentData() or FILE,
            first=self.first.value(),
            arc=self.arc.value(),
            closed=self.closed.isChecked(),
            angles=None if self._list is None else self._list.values,
            list_unit=RADIANS if self._list is None else self._list.unit,
            angle_unit=self.unit.currentData(),
            reverse=self.reverse.isChecked(),
            detector_pitch=self.pitch.value() or None,
            source_origin=self.origin.value() or None,
            source_detector=self.distance.value() or None,
        )

    def _source_chosen(self, _index: int = 0) -> None:
        if self.source.currentData() == LIST and self._list is None:
            self._ask_for_list()
        self._emit()

    def _ask_for_list(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Open a list of angles", "", "Angles (*.txt *.csv *.dat *.ang *.npy);;All (*)"
        )
        if path:
            self.load_list(Path(path))

    def load_list(self, path: Path) -> None:
        """Take the angles from a file, or say why not."""
        from napari_padis.scan.angle_list import read_angles

        try:
            self._list = read_angles(path)
        except PadisError as error:
            self.problem.setText(str(error))
            self.problem.mark("error")
            return
        self.open_list.setText(f"{path.name[:24]}: {angle_range(self._list.values)}")
        self.open_list.setToolTip(f"{path}. {' '.join(self._list.notes)}")
        self._emit()

    def _emit(self, _value: Any = None) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        """Rows that matter, and the question for what is missing."""
        fan = self.beam.currentData() == "fan"
        source = self.source.currentData()
        for name in ("source_origin", "source_detector"):
            self._set_visible(self._fields[name][0], fan)
        self._set_visible(self._even, source == EVEN)
        self.closed.setVisible(source == EVEN)
        self.open_list.setVisible(source == LIST)
        stated = self._projections is not None and self._projections.angles is not None
        self._set_visible(self._unit, source == LIST or (source == FILE and stated))
        self._show_doubt()
        text, problem = "", ""
        if self._projections is not None:
            try:
                text = question(self.answers().applied(self._projections))
            except PadisError as error:
                problem = str(error)
        self.ask.setText(text)
        self.ask.setVisible(bool(text))
        self.ask.mark("question")
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        self.problem.mark("error")

    def _show_doubt(self) -> None:
        """The unit that was taken, and what speaks against it, until the user says one."""
        unit: str = RADIANS
        notes: tuple[str, ...] = ()
        if self.source.currentData() == LIST and self._list is not None:
            unit, notes = self._list.unit, self._list.notes
        elif self._projections is not None:
            facts = self._projections.metadata
            unit, notes = facts.get("angle_unit", RADIANS), facts.get("angle_notes", ())
        self.unit.setItemText(0, f"{UNITS[None]}: {unit}")
        open_ = self.unit.currentData() is None and not self.unit.isHidden()
        doubts = [note.removesuffix(OVERRIDE).strip() for note in notes if OVERRIDE in note]
        self.doubt.setText(" ".join(doubts))
        self.doubt.setVisible(open_ and bool(doubts))
        self.doubt.mark("question")

    @staticmethod
    def _set_visible(pair: tuple[QLabel | None, QWidget], visible: bool) -> None:
        for widget in pair:
            if widget is not None:
                widget.setVisible(visible)


def _degrees(name: str, tip: str, value: float) -> Any:
    box = decimal(name, tip, -3600, 3600, value, digits=3)
    box.setSuffix("°")
    return box


def _length(name: str, tip: str) -> Any:
    box = decimal(name, tip, 0, 100_000, 0, digits=5)
    box.setSpecialValueText(UNKNOWN)
    box.setSuffix(" mm")
    return box
