"""The preparation dock: from raw projections to a measurement, with a live preview."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QFileDialog, QVBoxLayout

from napari_padis.errors import PadisError
from napari_padis.gui.contributions import open_dock
from napari_padis.gui.panel import Panel
from napari_padis.gui.prepare.answers import needed
from napari_padis.gui.prepare.bar import MakeBar
from napari_padis.gui.prepare.control import PreparationController, preparation_for
from napari_padis.gui.prepare.form import PreparationForm
from napari_padis.gui.prepare.layer import PreviewLayer
from napari_padis.gui.prepare.look import Found, NotShown, Question, Shown
from napari_padis.gui.view import look_at
from napari_padis.scan.files import with_ending

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer

#: Milliseconds between showing the dock and the first preview, which loads torch.
FIRST_PREVIEW = 400


class PreparationDock(Panel):
    """Everything between a raw scan and its measurement; a view of the viewer's controller.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__("PreparationDock", height=720)
        self._viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self.controller: PreparationController = preparation_for(self._viewer)
        self.form = PreparationForm(self._viewer)
        self.bar = MakeBar()
        self.layer = PreviewLayer(self._viewer)
        self._live = False
        self._own: set[int] = set()  # numbers of the questions about the present scan
        self._finding = 0  # number of the question for its centre, 0 when there is none
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(2)
        outer.addWidget(self.form, stretch=1)
        outer.addWidget(self.bar)
        self._connect()
        self._layer_chosen()
        self.bar.set_message(*self.controller.message)  # work may already be going on

    def _connect(self) -> None:
        form = self.form
        form.data.changed.connect(self._layer_chosen)
        form.data.opened.connect(self._opened)
        form.changed.connect(self._changed)
        form.centre.wanted.connect(self.find_centre)
        form.preview.layer_toggled.connect(self._toggle_layer)
        self.bar.add_shortcut(self)
        self.bar.make.connect(self.make)
        self.bar.save.connect(self.ask_and_save)
        self.bar.go_on.connect(self.open_reconstruction)
        control = self.controller
        self.bar.stop.connect(control.stop)
        for signal, slot in (
            (control.state_changed, self._state_changed),
            (control.shown, self._shown),
            (control.not_shown, self._not_shown),
            (control.found, self._found),
            (control.progressed, self.bar.set_progress),
            (control.made, self._made),
            (control.said, self.bar.set_message),
            (control.waiting_changed, form.preview.set_waiting),
        ):
            signal.connect(slot)

    def _layer_chosen(self) -> None:
        """Show the settings that were made for this scan, or what its file says."""
        self.controller.drop_previews()
        self._own.clear()
        self._finding = 0
        layer = self.form.data.layer
        self.form.restore(self.controller.settings.get(layer, {}) if layer is not None else {})
        if layer is None:
            self.layer.remove()
            self.form.preview.in_viewer.setChecked(False)
        self._changed()

    def _opened(self, layer: Layer) -> None:
        """A scan was opened: look at it, and at what is asked about it."""
        look_at(self._viewer, layer)
        self.form.scroll.verticalScrollBar().setValue(0)
        if not self.controller.busy:
            self.bar.set_message("info", "")

    def _changed(self) -> None:
        """A setting was changed: keep it, and show what it does."""
        layer = self.form.data.layer
        if layer is not None:
            self.controller.settings[layer] = self.form.state()
        self._state_changed(self.controller.state)
        self.ask_preview()

    def question(self) -> Question | None:
        """What the settings ask for; None without a scan. Raises InputError."""
        scan = self.form.scan()
        if scan is None:
            return None
        number = self.controller.next_number()
        self._own.add(number)
        return Question(number, scan, self.form.settings(), self.form.preview.detector_row)

    def _checked_question(self) -> Question | None:
        """The same, with an error said in the dock."""
        try:
            return self.question()
        except PadisError as error:
            self.bar.set_message("error", str(error))
            return None

    def ask_preview(self) -> None:
        """Ask for the preview, when somebody looks."""
        if not self._live:
            return
        try:
            asked = self.question()
        except PadisError as error:
            self.form.preview.set_problem(str(error))
            return
        if asked is None:
            return
        self.controller.preview(asked)
        # The centre is found once by itself, as soon as the geometry allows it.
        if self.form.centre_open and not self._finding and not needed(asked.projections):
            self._find(asked)

    def find_centre(self) -> None:
        """Look for the centre of rotation, or say why that cannot be done."""
        if (asked := self._checked_question()) is not None:
            self._find(asked)

    def _find(self, asked: Question) -> None:
        self._finding = asked.number
        self.form.centre.set_searching(True)
        self.controller.find(asked)

    def _found(self, found: Found) -> None:
        if found.number != self._finding:
            return
        self._finding, self.form.centre_open = 0, False
        self.form.centre.set_searching(False)
        if found.axis is None:
            self.form.centre.set_failed(found.message)
        else:
            self.form.centre.set_found(found.axis)

    def _shown(self, shown: Shown) -> None:
        if shown.number not in self._own:
            return
        self.form.preview.set_shown(shown)
        if self.form.preview.in_viewer.isChecked():
            self.layer.show(shown, self.form.data.layer)

    def _not_shown(self, event: NotShown) -> None:
        if event.number in self._own:
            self.form.preview.set_problem(event.message)

    def _toggle_layer(self, on: bool) -> None:
        if on:
            self.ask_preview()
        else:
            self.layer.remove()

    def _state_changed(self, state: str) -> None:
        ready = False
        try:
            scan = self.form.scan()
            ready = scan is not None and not needed(scan)
        except PadisError:
            pass
        self.bar.set_state(state, ready, self.controller.measurement is not None)

    def make(self) -> None:
        """Make the measurement, or say what is wrong with the settings."""
        if question := self.form.centre.question:
            self.bar.set_message("error", question)
            return
        if (asked := self._checked_question()) is not None:
            self.controller.make(asked, self.form.data.layer)

    def _made(self, layer: Layer) -> None:
        """The measurement is among the layers now, alone in sight."""
        self.form.preview.in_viewer.setChecked(False)
        if (source := self.form.data.layer) is not None:
            source.visible = False
        look_at(self._viewer, layer)
        self.bar.set_made(layer.name)
        self._state_changed(self.controller.state)

    def ask_and_save(self) -> None:
        """Let the user choose a file and write the measurement there."""
        measurement = self.controller.measurement
        if measurement is None:
            return
        path, _ = QFileDialog.getSaveFileName(
            self, "Save the measurement", f"{measurement.name}.h5", "Measurement (*.h5 *.hdf5)"
        )
        if path:
            self.save(Path(path))

    def save(self, path: Path) -> None:
        """Write the measurement made last, or say why not."""
        if self.controller.measurement is None:
            return
        try:
            path = with_ending(path, (".h5", ".hdf5"))
        except PadisError as error:
            self.bar.set_message("error", str(error))
        else:
            self.controller.save(self.controller.measurement, path)

    def open_reconstruction(self) -> None:
        """Open the dock that reconstructs the measurement."""
        open_dock(self._viewer, "Reconstruction")

    def showEvent(self, event: QShowEvent | None) -> None:
        """Begin to preview once the dock is on the screen."""
        super().showEvent(event)
        QTimer.singleShot(FIRST_PREVIEW, self._go_live)
        self.find_window()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Nobody looks: no more previews."""
        super().hideEvent(event)
        self._live, self._finding = False, 0
        self.controller.drop_previews()
        self.form.centre.set_searching(False)

    def _go_live(self) -> None:
        if self.isVisible() and not self._live:
            self._live = True
            self.ask_preview()
