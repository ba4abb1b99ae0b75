"""Data: which layer to work on, its geometry and its unit."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal

from napari_padis.errors import PadisError
from napari_padis.gui.facts import describe
from napari_padis.gui.layer_data import is_measurement
from napari_padis.gui.sections.base import Section, Text, combo, list_layers
from napari_padis.gui.source import candidates, load
from napari_padis.gui.unit import OFFERED, as_found, question, stated
from napari_padis.scan.intensity import parse_unit
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.volume import Volume

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer


class DataSection(Section):
    """Lets the user choose a volume or a measurement among the layers; a new one is chosen.

    During a run the choice stays.
    """

    changed = Signal()
    noticed = Signal(str)  # that another layer was chosen than the user has

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__("Data")
        self._viewer = weakref.ref(viewer)
        self._layers: list[weakref.ref[Layer]] = []
        self._held = False
        self.layer_box = combo("Layer", "Volume to simulate from, or measurement to reconstruct.")
        self.unit_box = combo(
            "Intensity unit",
            "Unit of the values of this layer; 'as found' is what its file stated or the values "
            "told. HU+1024 are CT numbers with 1024 added.",
        )
        self.unit_box.addItems([as_found(None), *OFFERED])
        self.question = Text("")
        self.question.setAccessibleName("Question about the unit")
        self.question.mark("question")
        self.question.hide()
        self._units: weakref.WeakKeyDictionary[Layer, str] = weakref.WeakKeyDictionary()
        self._asked = ""
        self._projected = False
        self.facts = Text("")
        self.facts.setAccessibleName("Facts about the data")
        self.row("Layer", self.layer_box)
        self.row("Unit", self.unit_box)
        self.form.addRow(self.question)
        self.form.addRow(self.facts)
        self.source: Volume | Measurement | None = None
        self.layer_box.currentIndexChanged.connect(self._load)
        self.unit_box.currentIndexChanged.connect(self._state)
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

    def hold(self, held: bool) -> None:
        """Whether new layers leave the choice alone."""
        self._held = held

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

    def _inserted(self, event: Any) -> None:
        """Take what was opened last, and say so."""
        before = self.layer
        self.refresh()
        if self._held:
            return
        self.choose(event.value)
        chosen = self.layer
        if before is None or chosen is None or chosen is before or chosen is not event.value:
            return
        self.noticed.emit(
            f"'{chosen.name}' was opened last and is chosen now instead of '{before.name}'."
        )

    def refresh(self, _event: Any = None) -> None:
        """Follow the layer list, keeping the choice."""
        viewer = self._viewer()
        if viewer is None:
            return
        chosen, name = self.layer, self.layer_box.currentText()
        layers = candidates(viewer)
        self._layers = [weakref.ref(layer) for layer in layers]
        list_layers(self.layer_box, layers, chosen)
        if self.layer is not chosen or self.source is None:
            self._load()
            if name and chosen not in layers and self.layer is not None:
                self.noticed.emit(f"'{name}' is gone; '{self.layer.name}' is chosen now.")
        else:
            self.changed.emit()

    def set_projected(self, projected: bool) -> None:
        """Whether line integrals are simulated, which need the unit of the values."""
        self._projected = projected
        self._ask()

    @property
    def unit(self) -> str:
        """The unit that the user stated for the chosen layer; '' for the one found."""
        return self.unit_box.currentText() if self.unit_box.currentIndex() > 0 else ""

    @property
    def limits(self) -> tuple[float, float] | None:
        """Contrast limits of the chosen layer, in the unit of the source."""
        if self.layer is None:
            return None
        _, factor, added = parse_unit(self.unit) if self.unit else ("", 1.0, 0)
        low, high = self.layer.contrast_limits
        return (low - added) * factor, (high - added) * factor

    def _state(self, _index: int = 0) -> None:
        """Keep the unit with the layer that it was stated for."""
        if self.layer is not None:
            self._units[self.layer] = self.unit
        self._load()

    def _ask(self) -> None:
        text = self._asked if self._projected else ""
        if text != self.question.text():
            self.question.setText(text)
            self.question.setVisible(bool(text))
            self.relayout()

    def _show_found(self, found: Volume | Measurement | None) -> None:
        """Show which unit was found, and the one that was stated for this layer."""
        unit = self._units.get(self.layer, "") if self.layer is not None else ""
        self.unit_box.blockSignals(True)
        self.unit_box.setItemText(0, as_found(found))
        self.unit_box.setCurrentIndex(self.unit_box.findText(unit) if unit else 0)
        self.unit_box.blockSignals(False)
        self._asked = "" if unit else question(found)

    def _load(self, _index: int = 0) -> None:
        """Look at the chosen layer."""
        layer, self.source = self.layer, None
        self._show_found(None)
        if layer is None:
            self.facts.setText(
                "Open a volume or a measurement: drop a file on the window, or "
                "choose File › Open Sample."
            )
        else:
            try:
                found = load(layer)
                self._show_found(found)
                self.source = stated(found, self.unit) if self.unit else found
                self.facts.setText(describe(self.source))
            except PadisError as error:
                self.facts.setText(str(error))
        self._ask()
        self.changed.emit()
