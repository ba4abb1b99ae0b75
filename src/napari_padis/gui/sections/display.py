"""Display: how often the picture is renewed, and the orthogonal views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QCheckBox

from napari_padis.gui.sections.base import Section, decimal, named

if TYPE_CHECKING:
    from napari.components import ViewerModel


class DisplaySection(Section):
    """Settings of the screen; usable at any time."""

    rate_changed = Signal(float)
    ortho_toggled = Signal(bool)

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__("Display")
        self.rate = decimal(
            "Updates per second",
            "How often the picture is renewed during a run.",
            0.5,
            10,
            3,
            digits=1,
        )
        self.rate.setSuffix(" per second")
        self.rate.valueChanged.connect(self.rate_changed)
        self.ortho = named(
            QCheckBox("Orthogonal views"),
            "Orthogonal views",
            "Axial, coronal and sagittal views with a linked crosshair.",
        )
        self.ortho.toggled.connect(self.ortho_toggled)
        self.row("Updates", self.rate)
        self.form.addRow(self.ortho)

    def set_ortho(self, opened: bool) -> None:
        """Say whether the views are open, however they were opened or closed."""
        with QSignalBlocker(self.ortho):
            self.ortho.setChecked(opened)
