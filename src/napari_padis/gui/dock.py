"""The reconstruction dock: sections in the order of work, and the run bar below."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QFileDialog, QVBoxLayout

from napari_padis.engine.events import Result
from napari_padis.engine.recipe import Recipe
from napari_padis.errors import InputError, PadisError
from napari_padis.gui import preferences, warmup
from napari_padis.gui.controller import IDLE, RunController
from napari_padis.gui.job import Request
from napari_padis.gui.openings import openings_of
from napari_padis.gui.ortho import toggle_ortho_views
from napari_padis.gui.panel import Panel
from napari_padis.gui.registry import controller_for
from napari_padis.gui.sections.base import named
from napari_padis.gui.sections.controls import commit, scrolling
from napari_padis.gui.sections.data import DataSection
from napari_padis.gui.sections.display import DisplaySection
from napari_padis.gui.sections.folding import Fold
from napari_padis.gui.sections.forward import ForwardSection
from napari_padis.gui.sections.measurement import MeasurementSection
from napari_padis.gui.sections.method import MethodSection
from napari_padis.gui.sections.noise import meaning
from napari_padis.gui.sections.prior import PriorSection
from napari_padis.gui.sections.regions import RegionsSection
from napari_padis.gui.sections.run import RunSection
from napari_padis.gui.source import placement
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.volume import Volume

if TYPE_CHECKING:
    from napari.viewer import Viewer

#: Milliseconds between showing the dock and loading torch behind it.
WARM_UP_DELAY = 400


class ReconstructionDock(Panel):
    """Everything for one reconstruction; a view of the viewer's controller.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__("ReconstructionDock", height=640)
        self._viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self.controller: RunController = controller_for(self._viewer)
        self.data = DataSection(self._viewer)
        self.measurement = MeasurementSection()
        self.forward = ForwardSection()
        self.prior = PriorSection()
        self.method = MethodSection()
        self.display = DisplaySection(self._viewer)
        self.regions = RegionsSection(self._viewer, lambda: self.controller.outcome)
        self.run_bar = RunSection()
        self.display.rate.setValue(self.controller.rate)
        self._warm = False
        self._compose()
        self._connect()
        self._source_changed()
        self._method_changed()
        self._attach()

    def _compose(self) -> None:
        regions = Fold("Regions", "How surely the mean of a region exceeds a value.", self.regions)
        self.regions.told.connect(regions.reveal)
        sections = (
            self.data,
            self.measurement,
            self.forward,
            self.prior,
            self.prior.store,
            self.method,
            self.display,
            regions,
        )
        self.scroll = named(scrolling(sections), "Settings", "Settings of the reconstruction.")
        self.scroll.setToolTip("")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(2)
        outer.addWidget(self.scroll, stretch=1)
        outer.addWidget(self.run_bar)

    def _connect(self) -> None:
        self.data.changed.connect(self._source_changed)
        self.data.noticed.connect(self._noticed)
        self.measurement.measured_wanted.connect(self.data.choose_kind)
        self.measurement.changed.connect(self._slices_changed)
        self.forward.changed.connect(self._geometry_changed)
        self.prior.changed.connect(self._geometry_changed)
        self.prior.prior_box.currentIndexChanged.connect(self._warn)
        self.prior.store.said.connect(self.run_bar.set_message)
        self.method.changed.connect(self._method_changed)
        self.method.noticed.connect(self._noticed)
        self.run_bar.run.connect(self.run)
        self.run_bar.pause.connect(self.controller.pause)
        self.run_bar.stop.connect(self.controller.stop)
        self.run_bar.save.connect(self.ask_and_save)
        self.run_bar.show_role.connect(self._show)
        self.display.rate_changed.connect(self._rate_changed)
        self.display.ortho_toggled.connect(self._toggle_ortho)
        openings = openings_of(self._viewer)
        openings.changed.connect(self.display.set_ortho)
        self.display.set_ortho(openings.open)
        for signal, slot in (
            (self.controller.state_changed, self._state_changed),
            (self.controller.started, self._started),
            (self.controller.progressed, self.run_bar.set_progress),
            (self.controller.said, self.run_bar.set_message),
            (self.controller.finished, self._finished),
            (self.controller.shown_changed, self._shown_changed),
        ):
            signal.connect(slot)

    def _attach(self) -> None:
        """Show the state of a run that may already be going on."""
        control = self.controller
        if control.begun is not None:
            self.run_bar.set_started(control.begun)
        elif control.result is not None:
            self.run_bar.set_title(control.result.title, control.result.about)
        if control.progress is not None:
            self.run_bar.set_progress(control.progress)
        if control.message[1]:
            self.run_bar.set_message(*control.message)
        self._state_changed(control.state)

    def _source_changed(self) -> None:
        source = self.data.source
        self.measurement.set_kinds(self.data.kinds)
        self.measurement.set_source(source)
        self._slices_changed()
        self._state_changed(self.controller.state)

    def _slices_changed(self) -> None:
        self.forward.set_source(self.data.source, self.measurement.slices)

    def _geometry_changed(self) -> None:
        source = self.data.source
        unit = source.unit if source is not None else "arbitrary"
        if self.forward.geometry is not None:
            self.data.set_projected(self.forward.geometry.attenuation)
            self.prior.set_image(self.forward.geometry, unit)
            self.method.set_missing(self.prior.missing)
        self.method.set_measurement(
            source if isinstance(source, Measurement) else None, meaning(self.forward.kind, unit)
        )
        self._warn()

    def _warn(self, _index: int = 0) -> None:
        """Beside the button, for the card of the prior may be out of sight."""
        self.run_bar.set_warning(self.prior.warnings if self.method.needs_prior else ())

    def _noticed(self, notice: str) -> None:
        """Say in sight that another method, or another layer, was chosen."""
        if not self.controller.busy:
            self.run_bar.set_message("info", notice)

    def _method_changed(self) -> None:
        self.prior.set_needed(self.method.needs_prior)
        self._warn()

    def _rate_changed(self, rate: float) -> None:
        self.controller.rate = rate

    def _state_changed(self, state: str) -> None:
        self.run_bar.set_state(state, self.controller.result is not None)
        if state == IDLE:
            self.run_bar.run_button.setEnabled(self.data.source is not None)
        for section in (self.data, self.measurement, self.forward, self.method):
            section.setEnabled(state == IDLE)
        self.prior.setEnabled(state == IDLE and self.method.needs_prior)
        self.data.hold(state != IDLE)
        self.run_bar.set_quantiles(self.controller.layers.has_quantiles)
        self._shown_changed()
        self.regions.set_ready(state == IDLE and self.controller.outcome is not None)

    def _started(self, event: object) -> None:
        self.run_bar.set_started(event)  # type: ignore[arg-type]
        self._state_changed(self.controller.state)

    def _finished(self, result: Result) -> None:
        self.run_bar.set_finished(result)
        self._shown_changed()

    def _shown_changed(self, _role: object = None) -> None:
        layers = self.controller.layers
        self.run_bar.set_shown(layers.shown, layers.present if layers.grid is not None else ())

    def _show(self, role: str) -> None:
        """Also where the role was on show already: the button that was clicked stays lit."""
        self.controller.layers.show(role)
        self._shown_changed()

    def request(self) -> Request:
        """The run that the settings describe, as they are typed; raises InputError."""
        if refused := commit(self):
            raise InputError(refused)
        source, layer = self.data.source, self.data.layer
        if source is None or layer is None:
            raise InputError("Open a volume or a measurement first.")
        if self.method.problem:
            raise InputError(self.method.problem)
        values = self.method.values()
        if self.method.needs_prior:
            values["prior"] = self.prior.name
        recipe = Recipe.create(**values, backend=self.forward.backend)
        if isinstance(source, Volume):
            simulation = self.forward.simulation()
            return Request(
                recipe,
                volume=source,
                simulation=simulation,
                place=placement(layer, source, self.measurement.slices[0]),
                # Magnitude images of MRI have a range of their own.
                limits=None if self.forward.kind == "cartesian" else self.data.limits,
            )
        return Request(recipe, measurement=source, place=placement(layer, source))

    def run(self) -> None:
        """Start with the present settings, or say what is wrong with them."""
        try:
            request = self.request()
        except PadisError as error:
            self.run_bar.set_message("error", str(error))
            return
        self.controller.start(request, self.data.layer)

    def ask_and_save(self) -> None:
        """Let the user choose a folder and save the result there."""
        folder = QFileDialog.getExistingDirectory(self, "Save the reconstruction in a folder")
        if folder:
            self.controller.save(Path(folder))

    def _toggle_ortho(self, on: bool) -> None:
        toggle_ortho_views(self._viewer, on)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Begin to load what a run needs, once the dock is on the screen."""
        super().showEvent(event)
        if not self._warm:
            self._warm = True
            QTimer.singleShot(WARM_UP_DELAY, self._prefer)
            QTimer.singleShot(WARM_UP_DELAY, self._warm_up)
        self.find_window()

    def _prefer(self) -> None:
        """Take over the preferences, unless the user was quicker."""
        chosen = preferences.load()
        if self.display.rate.value() == preferences.DEFAULTS.rate:
            self.display.rate.setValue(chosen.rate)
        self.method.prefer_device(chosen.device)

    def _warm_up(self) -> None:
        warmup.start()
        devices = warmup.devices()
        if devices is None:
            QTimer.singleShot(WARM_UP_DELAY, self._warm_up)
        else:
            self.method.set_devices(devices)
