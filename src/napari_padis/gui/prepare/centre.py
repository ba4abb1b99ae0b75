"""Centre of rotation: found by itself, moved by hand."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton

from napari_padis.gui.prepare.slider import SliderSpin
from napari_padis.gui.sections.base import Section, Text, named, side_by_side
from napari_padis.scan.projections import Projections

#: The slider reaches this share of the detector to either side of the middle.
REACH = 0.25
SEARCHING = "Looking for the centre …"


class CentreSection(Section):
    """The detector bin that sees the rotation axis."""

    changed = Signal()
    wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Centre of rotation")
        self._projections: Projections | None = None
        self.value = SliderSpin(
            "Centre of rotation",
            "Bin that sees the rotation axis, counted from 0. Drag until edges are sharp "
            "and single in the preview.",
        )
        self.find = named(
            QPushButton("Find"),
            "Find the centre",
            "Find the centre of rotation from the data of the preview's row.",
        )
        self.middle = named(
            QPushButton("Middle"), "Middle of the detector", "Take the middle of the detector."
        )
        self.facts = Text("")
        self.facts.setAccessibleName("Where the centre comes from")
        self.row("Bin", self.value)
        self.form.addRow(side_by_side([self.find, self.middle]))
        self.form.addRow(self.facts)
        self.value.changed.connect(self._moved)
        self.find.clicked.connect(self.wanted)
        self.middle.clicked.connect(self._take_middle)
        self.set_projections(None)

    def set_projections(self, projections: Projections | None, centre: float | None = None) -> None:
        """New scan; the centre of before, that of the file, or the middle; says nothing."""
        self._projections = projections
        self.setEnabled(projections is not None)
        self.set_searching(False)
        if projections is None:
            self.facts.setText("")
            return
        last = projections.shape[2] - 1
        self.value.set_range(0, last)
        half = max(1.0, REACH * last)
        self.value.set_reach(last / 2 - half, last / 2 + half)
        if centre is not None:
            self._place(centre, "")
        elif projections.centre is not None:
            self._place(projections.centre, "As the file states.")
        else:
            self._place(last / 2, "Middle of the detector.")

    @property
    def centre(self) -> float:
        """Bin of the rotation axis."""
        return self.value.value

    def set_found(self, centre: float) -> None:
        """The centre was found; says so."""
        self._place(centre, f"Found at {centre:.2f}.")
        self.changed.emit()

    def set_failed(self, message: str) -> None:
        """The centre was not found; the present one stays."""
        self.facts.setText(message)

    def set_searching(self, searching: bool) -> None:
        """Whether the centre is being looked for."""
        self.find.setEnabled(not searching)
        if searching:
            self.facts.setText(SEARCHING)
        elif self.facts.text() == SEARCHING:
            self.facts.setText("")

    def _take_middle(self) -> None:
        if self._projections is not None:
            self._place((self._projections.shape[2] - 1) / 2, "Middle of the detector.")
            self.changed.emit()

    def _place(self, centre: float, fact: str) -> None:
        self.value.set_value(centre)
        self.facts.setText(fact)

    def _moved(self, _centre: float) -> None:
        self.facts.setText("Set by hand.")
        self.changed.emit()
