"""The sections of the preparation in the order of work, with the preview in sight."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFrame, QScrollArea, QSplitter, QVBoxLayout, QWidget

from napari_padis.gui.prepare.answers import Answers
from napari_padis.gui.prepare.centre import CentreSection
from napari_padis.gui.prepare.corrections import CorrectionsSection
from napari_padis.gui.prepare.data import ProjectionsSection
from napari_padis.gui.prepare.geometry import GeometrySection
from napari_padis.gui.prepare.preview import PreviewSection
from napari_padis.gui.prepare.selection import SelectionSection
from napari_padis.gui.sections.base import named
from napari_padis.scan.projections import Projections

if TYPE_CHECKING:
    from napari.components import ViewerModel


class PreparationForm(QSplitter):
    """Settings above, which scroll, and the preview below, which does not.

    Attributes
    ----------
    centre_open : bool
        Whether the centre is still to be looked for.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self.data = ProjectionsSection(viewer)
        self.geometry_section = GeometrySection()
        self.corrections = CorrectionsSection()
        self.centre = CentreSection()
        self.selection = SelectionSection()
        self.preview = PreviewSection()
        self.centre_open = True
        self._answers: Answers | None = None
        self._scan: Projections | None = None
        self._compose()
        for section in (self.geometry_section, self.corrections, self.selection, self.preview):
            section.changed.connect(self.changed)
        self.centre.changed.connect(self._centre_set)

    def _compose(self) -> None:
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.setSpacing(5)
        for section in (
            self.data, self.geometry_section, self.corrections, self.centre, self.selection
        ):  # fmt: skip
            layout.addWidget(section)
        layout.addStretch(1)
        self.scroll = named(QScrollArea(), "Settings", "Settings of the preparation.")
        self.scroll.setToolTip("")
        self.scroll.setWidget(inner)
        self.scroll.setWidgetResizable(True)
        self.scroll.setFrameShape(QFrame.Shape.NoFrame)
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll.setMinimumHeight(90)
        self.addWidget(self.scroll)
        self.addWidget(self.preview)
        self.setStretchFactor(0, 1)
        self.setStretchFactor(1, 1)
        self.setSizes([330, 300])

    def _centre_set(self) -> None:
        self.centre_open = False
        self.changed.emit()

    def restore(self, saved: dict[str, Any]) -> None:
        """Show what was set for the chosen scan before, or what its file says; says nothing."""
        scan = self.data.projections
        self._answers = self._scan = None
        self.geometry_section.set_projections(scan, saved.get("answers"))
        self.corrections.set_projections(scan, saved.get("corrections"))
        self.centre.set_projections(scan, saved.get("centre"), saved.get("axis"))
        self.selection.set_projections(scan, saved.get("selection"))
        self.preview.set_projections(scan, saved.get("row"))
        self.centre_open = saved.get("centre_open", scan is not None and scan.centre is None)

    def state(self) -> dict[str, Any]:
        """All that :meth:`restore` needs."""
        return {
            "answers": self.geometry_section.answers(),
            "corrections": self.corrections.values(),
            "centre": self.centre.centre,
            "axis": self.centre.axis,
            "centre_open": self.centre_open,
            "selection": self.selection.values(),
            "row": self.preview.detector_row,
        }

    def scan(self) -> Projections | None:
        """The scan with the answers in the boxes, the same object while they are the same.

        Raises
        ------
        InputError
            If the answers do not fit the scan.
        """
        projections = self.data.projections
        if projections is None:
            return None
        values = self.corrections.values()
        answers = replace(
            self.geometry_section.answers(),
            **{name: values[name] for name in ("contents", "flats", "darks")},
        )
        if self._scan is None or self._answers is None or not answers.same(self._answers):
            self._scan, self._answers = answers.applied(projections), answers
        return self._scan

    def settings(self) -> dict[str, Any]:
        """The arguments of :class:`~napari_padis.scan.preparation.Preparation`."""
        values = self.corrections.values()
        return {
            **{name: values[name] for name in ("bad_pixels", "rings", "ring_size")},
            **self.selection.settings(),
            "centre": float(self.centre.centre),
        }
