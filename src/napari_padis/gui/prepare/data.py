"""Data of the preparation: which raw scan to work on."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QPushButton

from napari_padis.errors import PadisError
from napari_padis.gui import text
from napari_padis.gui.projection_layer import projections_from_layer, projections_layer
from napari_padis.gui.sections.base import Section, Text, combo, list_layers, named, side_by_side
from napari_padis.scan.projections import Projections

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

NOTHING = (
    "Drop a file with raw projections on the window (DXchange HDF5, .mat, .npz, a TIFF stack "
    "with a list of angles), or open any stack or sinogram below."
)
FILES = "Projections (*.h5 *.hdf5 *.mat *.npz *.npy *.tif *.tiff);;All (*)"


class ProjectionsSection(Section):
    """Lets the user choose among the layers that hold raw projections."""

    changed = Signal()
    opened = Signal(object)

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__("Data")
        self._viewer = weakref.ref(viewer)
        self._layers: list[weakref.ref[Layer]] = []
        self._shown: weakref.ref[Layer] | None = None
        self.layer_box = combo("Layer", "Raw projections to make a measurement of.")
        self.facts = Text("")
        self.facts.setAccessibleName("Facts about the projections")
        self.row("Layer", self.layer_box)
        self.form.addRow(self.facts)
        self.open_file = named(
            QPushButton("Open file …"),
            "Open a file as projections",
            "Open a TIFF stack, .npy, .npz, .mat or DXchange file as projections, even where "
            "it would otherwise be taken for a volume.",
        )
        self.open_folder = named(
            QPushButton("Open folder …"),
            "Open a folder as projections",
            "Open a folder of TIFF files, one per view, as projections.",
        )
        self.form.addRow(side_by_side([self.open_file, self.open_folder]))
        self.open_file.clicked.connect(self._ask_for_file)
        self.open_folder.clicked.connect(self._ask_for_folder)
        self.layer_box.currentIndexChanged.connect(self._announce)
        events = viewer.layers.events
        events.inserted.connect(self._inserted)
        for emitter in (events.removed, events.renamed):
            emitter.connect(self.refresh)
        self.refresh()

    @property
    def layer(self) -> Layer | None:
        """The chosen layer."""
        index = self.layer_box.currentIndex()
        return self._layers[index]() if 0 <= index < len(self._layers) else None

    @property
    def projections(self) -> Projections | None:
        """The chosen projections."""
        layer = self.layer
        return None if layer is None else projections_from_layer(layer)

    def choose(self, layer: Layer) -> None:
        """Select a layer."""
        for index, other in enumerate(self._layers):
            if other() is layer:
                self.layer_box.setCurrentIndex(index)

    def refresh(self, _event: Any = None) -> None:
        """Follow the layer list, keeping the choice."""
        viewer = self._viewer()
        if viewer is None:
            return
        chosen = self.layer
        layers = [one for one in viewer.layers if projections_from_layer(one) is not None]
        self._layers = [weakref.ref(layer) for layer in layers]
        list_layers(self.layer_box, layers, chosen)
        self.layer_box.setEnabled(bool(layers))
        self._announce()

    def _inserted(self, event: Any) -> None:
        """A scan that was just opened is what the user wants to work on."""
        self.refresh()
        if projections_from_layer(event.value) is not None:
            self.choose(event.value)
            self.opened.emit(event.value)

    def _ask_for_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open projections", "", FILES)
        if path:
            self.open(Path(path))

    def _ask_for_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Open a folder of projections")
        if path:
            self.open(Path(path))

    def open(self, path: Path) -> None:
        """Add a file or folder as a layer of projections, or say why not."""
        from napari_padis.scan.read_projections import read_projections

        viewer = self._viewer()
        if viewer is None:
            return
        try:
            data, options, _ = projections_layer(read_projections(path))
        except PadisError as error:
            self.facts.setText(str(error))
            self.facts.mark("error")
            return
        viewer.add_image(data, **options)

    def _announce(self, _index: int = 0) -> None:
        """Say that another layer was chosen, but not that the same one still is."""
        layer = self.layer
        if layer is not None and self._shown is not None and self._shown() is layer:
            return
        self._shown = weakref.ref(layer) if layer is not None else None
        projections = self.projections
        self.facts.mark("")
        self.facts.setText(NOTHING if projections is None else describe(projections))
        self.changed.emit()


def describe(projections: Projections) -> str:
    """Axes, contents and what the file states, in one line or two."""
    views, rows, bins = projections.shape
    parts = [
        f"{views} views × {rows} {'row' if rows == 1 else 'rows'} × {bins} bins, "
        f"{projections.contents}"
    ]
    fields = [
        f"{len(images)} {what}"
        for what, images in (("flat", projections.flats), ("dark", projections.darks))
        if images is not None
    ]
    if fields:
        parts.append(" and ".join(fields) + " images")
    if projections.beam:
        parts.append(f"{projections.beam} beam")
    if projections.angles is not None:
        parts.append(f"angles {angle_range(projections.angles)}")
    if projections.detector_pitch:
        parts.append(f"bins of {text.number(projections.detector_pitch)} mm")
    return "; ".join(parts) + "."


def angle_range(angles: Any) -> str:
    """First and last angle in degrees."""
    ends = np.rad2deg(np.asarray(angles, dtype=np.float64)[[0, -1]])
    first, last = (f"{end:.1f}".rstrip("0").rstrip(".") for end in ends)
    return f"{first}° to {last}°"
