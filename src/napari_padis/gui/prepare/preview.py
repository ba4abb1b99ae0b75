"""Preview of the preparation: one row, reconstructed as the settings stand."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_padis.gui import text
from napari_padis.gui.prepare.look import Shown
from napari_padis.gui.prepare.picture import Picture
from napari_padis.gui.sections.base import Text, heading, named, spin
from napari_padis.scan.projections import Projections


class PreviewSection(QWidget):
    """Row, picture, and whether it is shown in the viewer too; always in sight."""

    changed = Signal()
    layer_toggled = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Preview")
        tip = "Detector row that is shown."
        self.row_box = spin("Row of the preview", tip, 0, 0, 0)
        self.row_slider = named(
            QSlider(Qt.Orientation.Horizontal), "Row of the preview, slider", tip
        )
        self.row_slider.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.row_slider.setMinimumWidth(40)
        self.in_viewer = named(
            QCheckBox("In the viewer"),
            "Show the preview in the viewer",
            "Show the preview as a layer, large, instead of the projections.",
        )
        self.picture = Picture(
            "Preview",
            "Filtered back-projection of one row. Once it is clicked, the wheel or + and − zoom, "
            "dragging or the arrow keys move, and 0 shows everything.",
        )
        self.facts = Text("")
        self.facts.setAccessibleName("About the preview")
        label = QLabel("Row")
        label.setBuddy(self.row_box)
        line = QHBoxLayout()
        line.setSpacing(5)
        for widget, stretch in (
            (label, 0), (self.row_box, 0), (self.row_slider, 1), (self.in_viewer, 0)
        ):  # fmt: skip
            line.addWidget(widget, stretch)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 0, 4, 0)
        layout.setSpacing(3)
        layout.addLayout(heading("Preview"))
        layout.addLayout(line)
        layout.addWidget(self.picture, stretch=1)
        layout.addWidget(self.facts)
        self.row_box.valueChanged.connect(self._row_typed)
        self.row_slider.valueChanged.connect(self.row_box.setValue)
        self.in_viewer.toggled.connect(self.layer_toggled)
        self.set_projections(None)

    @property
    def detector_row(self) -> int:
        """Row to show."""
        return int(self.row_box.value())

    def set_projections(self, projections: Projections | None, row: int | None = None) -> None:
        """Another scan: nothing is shown until its preview arrives; says nothing."""
        self.setEnabled(projections is not None)
        rows = projections.shape[1] if projections is not None else 1
        for widget in (self.row_box, self.row_slider):
            widget.blockSignals(True)
            widget.setRange(0, rows - 1)
            widget.setValue(rows // 2 if row is None else row)
            widget.blockSignals(False)
        self.row_slider.setEnabled(rows > 1)
        self.picture.show_image(None)
        self.picture.reset()
        self.set_waiting(False)
        self.facts.setText("")

    def _row_typed(self, row: int) -> None:
        self.row_slider.blockSignals(True)
        self.row_slider.setValue(row)
        self.row_slider.blockSignals(False)
        self.changed.emit()

    def set_waiting(self, waiting: bool) -> None:
        """Whether a newer picture is on its way."""
        self.picture.set_note("computing …" if waiting else "")

    def set_shown(self, shown: Shown) -> None:
        """Show a preview."""
        self.picture.show_image(shown.image, shown.limits, shown.spacing[0] / shown.spacing[1])
        self.facts.mark("")
        rows, columns = shown.image.shape
        self.facts.setText(
            f"{rows} × {columns} pixels in {text.number(shown.seconds, 2)} s"
            + (f". {shown.remark}" if shown.remark else "")
        )

    def set_problem(self, message: str) -> None:
        """Why there is no preview."""
        self.picture.show_image(None)
        self.facts.setText(message)
        self.facts.mark("error")
