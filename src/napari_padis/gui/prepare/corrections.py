"""Corrections of the preparation: what the values are, and what is repaired in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QFileDialog, QPushButton

from napari_padis.errors import PadisError
from napari_padis.gui.prepare.answers import with_images
from napari_padis.gui.sections.base import Section, Text, combo, named, side_by_side, spin
from napari_padis.scan.files import existing
from napari_padis.scan.projections import CONTENTS, PER_VIEW, Projections

TITLES = {
    "counts": "Detector counts",
    "transmission": "Transmission (0 to 1)",
    "line integrals": "Line integrals",
}


class CorrectionsSection(Section):
    """Flat field and logarithm by the kind of the values; bad pixels; rings."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__("Corrections")
        self._projections: Projections | None = None
        self._images: dict[str, NDArray[Any] | None] = {"flats": None, "darks": None}
        self.contents = combo(
            "Values",
            "What the values are. Counts and transmission get the negative logarithm, "
            "line integrals had it already.",
        )
        for contents in CONTENTS:
            self.contents.addItem(TITLES[contents], contents)
        self.steps = Text("")
        self.steps.setAccessibleName("Steps of the correction")
        self.bad_pixels = named(
            QCheckBox("Repair bad pixels"),
            "Repair bad pixels",
            "Replace dead pixels and single outliers by their neighbours.",
        )
        self.rings = named(
            QCheckBox("Remove rings"),
            "Remove rings",
            "Remove stripes of the sinogram, which become rings in the image.",
        )
        self.ring_size = spin(
            "Ring width",
            "Width in bins of the filter against rings; larger removes wider rings, and more else.",
            3,
            501,
            21,
        )
        self.ring_size.setSingleStep(2)
        self.ring_size.setSuffix(" bins")
        self.flats_button = _opener("Flat images …", "flat", "without the object")
        self.darks_button = _opener("Dark images …", "dark", "without the beam")
        self.images_row = side_by_side([self.flats_button, self.darks_button])
        self.row("Values", self.contents)
        self.form.addRow(self.steps)
        self.form.addRow(self.images_row)
        self.form.addRow(self.bad_pixels)
        self.form.addRow(self.rings)
        self._ring_label = self.row("Ring width", self.ring_size)
        self.contents.currentIndexChanged.connect(self._emit)
        self.flats_button.clicked.connect(lambda: self._ask_for("flats"))
        self.darks_button.clicked.connect(lambda: self._ask_for("darks"))
        self.bad_pixels.toggled.connect(self._emit)
        self.rings.toggled.connect(self._emit)
        self.ring_size.valueChanged.connect(self._emit)
        self.set_projections(None)

    def set_projections(
        self, projections: Projections | None, values: dict[str, Any] | None = None
    ) -> None:
        """Show the settings for a scan, those of before or the usual ones; says nothing."""
        self._projections = projections
        self.setEnabled(projections is not None)
        values = values or {}
        self._images = {name: values.get(name) for name in ("flats", "darks")}
        contents = projections.contents if projections is not None else CONTENTS[0]
        boxes = (self.contents, self.bad_pixels, self.rings, self.ring_size)
        for widget in boxes:
            widget.blockSignals(True)
        self.contents.setCurrentIndex(self.contents.findData(values.get("contents", contents)))
        self.bad_pixels.setChecked(values.get("bad_pixels", True))
        self.rings.setChecked(values.get("rings", True))
        self.ring_size.setValue(values.get("ring_size", 21))
        for widget in boxes:
            widget.blockSignals(False)
        self._show()

    def values(self) -> dict[str, Any]:
        """The settings as they stand."""
        return {
            **self._images,
            "contents": self.contents.currentData(),
            "bad_pixels": self.bad_pixels.isChecked(),
            "rings": self.rings.isChecked(),
            "ring_size": self.ring_size.value(),
        }

    def _ask_for(self, kind: str) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, f"Open the {kind}", "", "Images (*.tif *.tiff *.npy *.npz *.mat *.h5);;All (*)"
        )
        if path:
            self.load_images(kind, Path(path))

    def load_images(self, kind: str, path: Path) -> None:
        """Take flat or dark images from a file of their own, or say why not."""
        from napari_padis.scan.read_projections import read_field

        if self._projections is None:
            return
        try:
            self._images[kind] = read_field(existing(path), self._projections, kind)
        except PadisError as error:
            self.steps.setText(str(error))
            self.steps.mark("error")
            return
        self._emit()

    def _emit(self, _value: Any = None) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        self.ring_size.setVisible(self.rings.isChecked())
        self._ring_label.setVisible(self.rings.isChecked())
        self.images_row.setVisible(self.contents.currentData() == "counts")
        self.steps.mark("")
        if self._projections is None:
            self.steps.setText("")
        else:
            scan = with_images(self._projections, self._images["flats"], self._images["darks"])
            self.steps.setText(steps(scan, self.contents.currentData()))


def _opener(title: str, kind: str, what: str) -> QPushButton:
    tip = f"Open detector images {what} from a file of their own (TIFF, .npy, .mat)."
    return named(QPushButton(title), f"Open {kind} images", tip)


def steps(projections: Projections, contents: str) -> str:
    """What will be done to the values, in one line."""
    if contents == "line integrals":
        return "Taken as they are: no flat field, no logarithm."
    if contents == "transmission":
        return "Negative logarithm of the transmission."
    flats, darks = projections.flats, projections.darks
    if flats is None:
        return (
            "No flat images are there: the outer bins are taken for air, then the negative "
            "logarithm is taken."
        )
    dark = f", minus {len(darks)} dark" if darks is not None else ""
    each = projections.metadata.get("flats") == PER_VIEW
    flat = "the flat image of each view" if each else f"the mean of {len(flats)} flat images"
    return f"Divided by {flat}{dark}, then negative logarithm."
