"""Data: which layer to work on, its geometry and its unit."""

from __future__ import annotations

import dataclasses
import weakref
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal

from napari_padis.errors import PadisError
from napari_padis.gui.facts import describe
from napari_padis.gui.layer_data import is_measurement
from napari_padis.gui.sections.base import Section, Text, combo, list_layers
from napari_padis.gui.source import candidates, load
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.units import UNITS
from napari_padis.scan.volume import Volume

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

AS_FOUND = "as found"


class DataSection(Section):
    """Lets the user choose a volume or a measurement among the layers."""

    changed = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__("Data")
        self._viewer = weakref.ref(viewer)
        self._layers: list[weakref.ref[Layer]] = []
        self.layer_box = combo("Layer", "Volume to simulate from, or measurement to reconstruct.")
        self.unit_box = combo(
            "Intensity unit", "Unit of the values; 'as found' takes what the file said."
        )
        self.unit_box.addItems([AS_FOUND, *UNITS])
        self.facts = Text("")
        self.facts.setAccessibleName("Facts about the data")
        self.row("Layer", self.layer_box)
        self.row("Unit", self.unit_box)
        self.form.addRow(self.facts)
        self.source: Volume | Measurement | None = None
        self.layer_box.currentIndexChanged.connect(self._load)
        self.unit_box.currentIndexChanged.connect(self._load)
        events = viewer.layers.events
        for emitter in (events.inserted, events.removed, events.renamed):
            emitter.connect(self.refresh)
        self.refresh()

    @property
    def layer(self) -> Layer | None:
        """The chosen layer."""
        index = self.layer_box.currentIndex()
        return self._layers[index]() if 0 <= index < len(self._layers) else None

    def choose(self, layer: Layer) -> None:
        """Select a layer."""
        for index, other in enumerate(self._layers):
            if other() is layer:
                self.layer_box.setCurrentIndex(index)

    def choose_kind(self, measured: bool) -> None:
        """Select the newest measurement, or the newest volume."""
        for reference in reversed(self._layers):
            layer = reference()
            if layer is not None and is_measurement(layer) == measured:
                self.choose(layer)
                return

    @property
    def kinds(self) -> set[bool]:
        """Whether volumes (False) and measurements (True) are there."""
        layers = (reference() for reference in self._layers)
        return {is_measurement(layer) for layer in layers if layer is not None}

    def refresh(self, _event: Any = None) -> None:
        """Follow the layer list, keeping the choice."""
        viewer = self._viewer()
        if viewer is None:
            return
        chosen = self.layer
        layers = candidates(viewer)
        self._layers = [weakref.ref(layer) for layer in layers]
        list_layers(self.layer_box, layers, chosen)
        if self.layer is not chosen or self.source is None:
            self._load()
        else:
            self.changed.emit()

    def _load(self, _index: int = 0) -> None:
        """Look at the chosen layer."""
        layer, self.source = self.layer, None
        if layer is None:
            self.facts.setText(
                "Open a volume or a measurement: drop a file on the window, or "
                "choose File › Open Sample."
            )
        else:
            try:
                self.source = self._with_unit(load(layer))
                self.facts.setText(describe(self.source))
            except PadisError as error:
                self.facts.setText(str(error))
        self.changed.emit()

    def _with_unit(self, source: Volume | Measurement) -> Volume | Measurement:
        unit = self.unit_box.currentText()
        return source if unit == AS_FOUND else dataclasses.replace(source, unit=unit)
