"""Regions: how surely the mean of what the user drew exceeds a threshold."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Layer, Shapes
from qtpy.QtCore import QTimer, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QPushButton

from napari_padis.engine.control import Control
from napari_padis.engine.events import Result
from napari_padis.errors import PadisError
from napari_padis.gui import region_answers as answers
from napari_padis.gui.job import Ended, Failed
from napari_padis.gui.mailbox import Mailbox
from napari_padis.gui.region_grid import regions_on
from napari_padis.gui.roles import ROLE, RunGrid
from napari_padis.gui.sections.base import (
    Section,
    Text,
    combo,
    decimal,
    list_layers,
    named,
    side_by_side,
)
from napari_padis.gui.sections.controls import commit
from napari_padis.gui.sections.region_keep import KeepButtons
from napari_padis.gui.sections.region_table import RegionTable
from napari_padis.gui.sections.region_watch import RegionWatch
from napari_padis.gui.thread import Job

if TYPE_CHECKING:
    from napari.components import ViewerModel

#: Milliseconds between two looks at what the thread has answered.
PERIOD = 50
#: Decimals and step of a threshold, by unit.
DIGITS = {"HU": (1, 10.0), "1/mm": (5, 0.001), "arbitrary": (4, 0.01)}
LATER = "After a run, its samples can be asked here."
HOW = "Press 'New' and paint regions on the reconstruction, or draw them on a Shapes layer."


class RegionsSection(Section):
    """Asks the samples of the last run about regions that were painted or drawn.

    Parameters
    ----------
    viewer : ViewerModel
    outcome : callable
        Gives the last result and where it lies, or None while there is none that is on show.
    """

    told = Signal()  # an answer, or why there is none

    def __init__(
        self, viewer: ViewerModel, outcome: Callable[[], tuple[Result, RunGrid] | None]
    ) -> None:
        super().__init__("Regions", headed=False)
        self._viewer = weakref.ref(viewer)
        self._outcome = outcome
        self._layers: list[weakref.ref[Layer]] = []
        self._watch = RegionWatch(self, self._regions_changed)  # those of the answers on show
        self._ready, self._unit = False, ""
        self._job: Job | None = None
        self._mailbox = Mailbox()
        self._poll = QTimer(self)
        self._poll.setInterval(PERIOD)
        self._poll.timeout.connect(self._tick)
        self._make_controls()
        events = viewer.layers.events
        for emitter in (events.inserted, events.removed, events.renamed):
            emitter.connect(self.refresh)
        self.refresh()

    def _make_controls(self) -> None:
        self.layer_box = combo("Regions", "Labels or Shapes layer; each label or shape is one.")
        self.new_button = named(
            QPushButton("New"), "New regions", "Add a Labels layer on the reconstruction to paint."
        )
        self.threshold = decimal("Threshold", "Value that the mean may exceed.", -1e9, 1e9, 0, 1)
        self.ask_button = named(
            QPushButton("Compute"),
            "Compute the probabilities",
            "Count the posterior samples in which the mean of each region exceeds the threshold.",
        )
        self.table = RegionTable()
        self.message = Text(LATER)
        self.message.setAccessibleName("Message about the regions")
        self.row("Regions", side_by_side((self.layer_box, self.new_button)))
        self.keep = KeepButtons(self.table, self._watch.holds)
        self.keep.said.connect(self._kept)
        self.row("Mean above", self.threshold)  # alone: beside a button its unit is cut off
        self.form.addRow(side_by_side((self.ask_button, self.keep)))
        self.form.addRow(self.table)
        self.form.addRow(self.message)
        self.layer_box.currentIndexChanged.connect(self._layer_chosen)
        self.new_button.clicked.connect(self.add_layer)
        self.ask_button.clicked.connect(self.ask)

    @property
    def busy(self) -> bool:
        """Whether samples are being looked at."""
        return self._job is not None

    @property
    def layer(self) -> Layer | None:
        """The chosen layer."""
        index = self.layer_box.currentIndex()
        return self._layers[index]() if 0 <= index < len(self._layers) else None

    def join(self, timeout: float) -> bool:
        """Wait for the thread; True when it has ended."""
        return self._job is None or self._job.join(timeout)

    def set_ready(self, ready: bool) -> None:
        """Whether the layers show a result; answers of an earlier one are dropped with it."""
        changed, self._ready = ready != self._ready, ready
        if changed:
            self._drop(self._hint())
        outcome = self._outcome() if ready else None
        if outcome is not None:
            self._set_unit(outcome[1].unit)
        self._enable()

    def refresh(self, _event: Any = None) -> None:
        """Follow the layer list, keeping the choice."""
        viewer = self._viewer()
        if viewer is None:
            return
        chosen = self.layer
        layers = [
            layer
            for layer in viewer.layers
            if isinstance(layer, Labels | Shapes) and ROLE not in layer.metadata
        ]
        self._layers = [weakref.ref(layer) for layer in layers]
        list_layers(self.layer_box, layers, chosen)
        if self.layer is not chosen:
            self._layer_chosen()
        self._enable()

    def add_layer(self) -> None:
        """Put an empty Labels layer on the reconstruction, ready to be painted on."""
        viewer, outcome = self._viewer(), self._outcome()
        if viewer is None or outcome is None:
            return
        grid = outcome[1]
        layer = Labels(np.zeros(grid.shape, np.uint8), name="regions", **grid.placing())
        viewer.add_layer(layer)
        viewer.layers.selection.active = layer
        layer.mode = "paint"
        self.layer_box.setCurrentIndex(self._layers.index(weakref.ref(layer)))

    def ask(self) -> None:
        """Ask the samples, in a thread of its own."""
        commit(self)
        layer, outcome = self.layer, self._outcome()
        if self.busy or not self._ready or layer is None or outcome is None:
            return
        self._drop("Looking at the samples …")
        (result, grid), mailbox, threshold = outcome, self._mailbox, self.threshold.value()
        try:
            answers.check(result)
            regions = regions_on(layer, grid)  # a copy: painting may go on
        except PadisError as error:
            self._fail(error)
            return
        self._watch.follow(layer)
        self._job = Job(lambda: answers.work(result, regions, threshold, mailbox), Control())
        self._job.start()
        self._poll.start()
        self._enable()

    def _tick(self) -> None:
        for event in self._mailbox.take():
            # None where regions or run are no longer those that were asked about.
            layer = self._watch.layer
            if isinstance(event, answers.Answers) and layer is not None:
                if self._watch.holds():
                    self.table.fill(event, layer)
                    self._say(event.note)
                self.told.emit()
            elif isinstance(event, Failed) and layer is not None:
                self._fail(event.error)
            elif isinstance(event, Ended):
                self._poll.stop()
                self._job = None
                self._enable()

    def _fail(self, error: PadisError) -> None:
        self._say(str(error), "error")
        self.told.emit()

    def _drop(self, message: str) -> None:
        """Take away answers that no longer hold, also those that are still to come."""
        self._watch.follow(None)
        self.table.clear_answers()
        self._say(message)

    def _regions_changed(self) -> None:
        self._drop("The regions have changed: compute again.")

    def _kept(self, text: str, mark: str) -> None:
        """Say that the answers were copied or saved, after what the samples are worth."""
        shown = self.table.answers
        self._say(text if mark or shown is None else f"{shown.note} {text}", mark)
        self.told.emit()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Nothing tells of steps that were undone in a hidden layer."""
        super().showEvent(event)
        self._watch.holds()

    def _layer_chosen(self, _index: int = 0) -> None:
        self._drop(self._hint())
        self._enable()

    def _hint(self) -> str:
        """What is missing before anything can be asked."""
        if not self._ready:
            return LATER
        return HOW if self.layer is None else ""

    def _set_unit(self, unit: str) -> None:
        """Give the threshold the unit of the run."""
        if unit == self._unit:
            return
        self._unit = unit
        digits, step = DIGITS[unit]
        self.threshold.setDecimals(digits)
        self.threshold.setSingleStep(step)
        self.threshold.setSuffix("" if unit == "arbitrary" else f" {unit}")

    def _say(self, text: str, mark: str = "") -> None:
        self.message.mark(mark)
        self.message.setText(text)
        self.relayout()

    def _enable(self) -> None:
        self.new_button.setEnabled(self._ready)
        self.ask_button.setEnabled(self._ready and not self.busy and self.layer is not None)
