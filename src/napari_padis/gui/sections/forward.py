"""Forward model: how the image becomes the data."""

from __future__ import annotations

from napari_padis.gui import text
from napari_padis.gui.sections.base import Section, Text, combo
from napari_padis.likelihood import FORWARDS
from napari_padis.scan.geometry import Geometry


class ForwardSection(Section):
    """Choice of the forward model, and the facts of its geometry."""

    def __init__(self) -> None:
        super().__init__("Forward model")
        self.model_box = combo("Forward model", "How the measurement arises from the image.")
        for index, (key, forward) in enumerate(FORWARDS.items()):
            self.model_box.addItem(forward.title, key)
            self.model_box.setItemData(index, forward.description, 3)
        self.facts = Text("")
        self.facts.setAccessibleName("Geometry")
        self.row("Model", self.model_box)
        self.form.addRow(self.facts)

    def set_geometry(self, geometry: Geometry | None, slices: int) -> None:
        """Show the facts of a geometry."""
        if geometry is None:
            self.facts.setText("")
            return
        index = self.model_box.findData(geometry.kind)
        if index >= 0:
            self.model_box.setCurrentIndex(index)
        views, bins = geometry.data_shape
        stack = "1 slice" if slices == 1 else f"{slices} slices"
        self.facts.setText(
            f"{views} views × {bins} bins of {geometry.detector_pitch:.3g} mm → "
            f"{stack} of {text.product(geometry.image_shape)} pixels"
        )
