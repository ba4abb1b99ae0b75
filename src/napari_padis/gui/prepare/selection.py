"""Selection: which rows and views are used, and how coarsely."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QLabel

from napari_padis.gui.prepare.style import NARROW
from napari_padis.gui.sections.base import Section, Text, decimal, named, side_by_side, spin
from napari_padis.scan.projections import Projections


class SelectionSection(Section):
    """Rows, views, arc, averaging and size of the image."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__("Selection")
        self._projections: Projections | None = None
        self.first = spin("First row", "First detector row, counted from 0.", 0, 0, 0)
        self.last = spin("Last row", "Last detector row, counted from 0.", 0, 0, 0)
        self.every = spin("Every n-th view", "Keep every n-th view only.", 1, 1000, 1)
        self.every.setPrefix("every ")
        self.use_arc = named(
            QCheckBox("Only the views of an arc"),
            "Only an arc",
            "Use only the views within an arc (limited-angle tomography).",
        )
        self.arc = decimal("Size of the arc", "Degrees of the arc.", 0.1, 360, 90, digits=1)
        self.arc_first = decimal("Start of the arc", "Angle where it begins.", -3600, 3600, 0, 1)
        for box in (self.arc, self.arc_first):
            box.setSuffix("°")
        self.binning = spin("Binning", "Detector bins averaged into one.", 1, 64, 1)
        self.row_binning = spin("Row binning", "Detector rows averaged into one.", 1, 64, 1)
        self.side = spin(
            "Image size",
            "Rows and columns of the image; all that the detector sees at 0.",
            0,
            16384,
            0,
        )
        self.side.setSpecialValueText("automatic")
        self.side.setSuffix(" pixels")
        self.facts = Text("")
        self.facts.setAccessibleName("What is selected")
        self.rows_row = side_by_side([self.first, QLabel("to"), self.last])
        self.row("Rows", self.rows_row)
        self.row("Views", self.every)
        self.form.addRow(self.use_arc)
        self.row("Arc", side_by_side([self.arc, QLabel("from"), self.arc_first]))
        self.row("Binning", side_by_side([self.binning, QLabel("rows"), self.row_binning]))
        self.row("Image", self.side)
        self.form.addRow(self.facts)
        self._boxes = (self.first, self.last, self.every, self.arc, self.arc_first,
                       self.binning, self.row_binning, self.side)  # fmt: skip
        for box in self._boxes:
            box.setMinimumWidth(NARROW)
            box.valueChanged.connect(self._emit)
        self.use_arc.toggled.connect(self._emit)
        self.set_projections(None)

    def set_projections(
        self, projections: Projections | None, values: dict[str, Any] | None = None
    ) -> None:
        """Show the selection made before for a scan, or all of it; says nothing."""
        self._projections = projections
        self.setEnabled(projections is not None)
        for box in (*self._boxes, self.use_arc):
            box.blockSignals(True)
        if projections is not None:
            views, rows, bins = projections.shape
            angles = projections.angles
            for box in (self.first, self.last):
                box.setRange(0, rows - 1)
            self.every.setRange(1, views)
            self.binning.setRange(1, max(1, bins // 8))
            self.row_binning.setRange(1, rows)
            start = 0.0 if angles is None else float(np.rad2deg(angles.min()))
            usual = {"first": 0, "last": rows - 1, "every": 1, "use_arc": False, "arc": 90.0,
                     "arc_first": start, "binning": 1, "row_binning": 1, "side": 0}  # fmt: skip
            for name, value in (usual | (values or {})).items():
                box = getattr(self, name)
                (box.setChecked if name == "use_arc" else box.setValue)(value)
        for box in (*self._boxes, self.use_arc):
            box.blockSignals(False)
        self._show()

    def values(self) -> dict[str, Any]:
        """The selection as it stands, to be shown again."""
        names = ("first", "last", "every", "arc", "arc_first", "binning", "row_binning", "side")
        return {name: getattr(self, name).value() for name in names} | {
            "use_arc": self.use_arc.isChecked()
        }

    def settings(self) -> dict[str, Any]:
        """The selection as arguments of :class:`Preparation`."""
        low, high = self.rows
        chosen: dict[str, Any] = {
            "rows": f"{low}:{high}",
            "every": self.every.value(),
            "binning": self.binning.value(),
            "row_binning": self.row_binning.value(),
        }
        if self.use_arc.isChecked():
            chosen |= {"first_degree": self.arc_first.value(), "arc_degrees": self.arc.value()}
        if self.side.value():
            chosen["image_side"] = self.side.value()
        return chosen

    @property
    def rows(self) -> tuple[int, int]:
        """First and one-past-last detector row."""
        low, high = sorted((self.first.value(), self.last.value()))
        return low, high + 1

    def _emit(self, _value: Any = None) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        for box in (self.arc, self.arc_first):
            box.setEnabled(self.use_arc.isChecked())
        if self._projections is None:
            self.facts.setText("")
            return
        bins = self._projections.shape[2] // self.binning.value()
        low, high = self.rows
        slices = (high - low) // self.row_binning.value()
        side = self.side.value() or usual_side(self._projections, self.binning.value())
        stack = "1 slice" if slices == 1 else f"{slices} slices"
        self.facts.setText(f"Gives {stack} of {side} × {side} pixels from {bins} bins.")


def usual_side(projections: Projections, binning: int) -> int:
    """Rows and columns of the image when nothing else is asked for."""
    stated = projections.metadata.get("image_side")
    return max(1, (stated if isinstance(stated, int) else projections.shape[2]) // binning)
