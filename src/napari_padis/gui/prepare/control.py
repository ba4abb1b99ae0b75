"""The preparation of one viewer: threads, answers and the settings of every scan."""

from __future__ import annotations

import logging
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Image
from qtpy.QtCore import QObject, QTimer, Signal

from napari_padis.engine.control import Control
from napari_padis.gui.job import Ended, Failed
from napari_padis.gui.layer_data import measurement_layer
from napari_padis.gui.lifecycle import WindowWatcher
from napari_padis.gui.mailbox import Mailbox
from napari_padis.gui.prepare import job as jobs
from napari_padis.gui.prepare import look as looks
from napari_padis.gui.prepare.worker import LatestWorker
from napari_padis.gui.registry import OnePerViewer
from napari_padis.gui.thread import Job
from napari_padis.gui.view import look_at
from napari_padis.scan.measurement import Measurement

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

logger = logging.getLogger(__name__)

IDLE, MAKING, STOPPING, SAVING = "idle", "making", "stopping", "saving"
#: Milliseconds between two looks at what the threads have answered.
PERIOD = 30


class PreparationController(QObject):
    """Owns the threads of a viewer's preparation, whatever happens to the dock.

    Attributes
    ----------
    state : {'idle', 'making', 'stopping', 'saving'}
    measurement : Measurement or None
        The one that was made last.
    settings : mapping from layer to dict
        What was set for every scan, for when its layer is chosen again.
    """

    state_changed = Signal(str)
    shown = Signal(object)
    not_shown = Signal(object)
    found = Signal(object)
    progressed = Signal(float)
    made = Signal(object)  # the new layer
    said = Signal(str, str)  # level ('info', 'error'), one sentence
    waiting_changed = Signal(bool)

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._source: weakref.ref[Layer] | None = None
        self.state = IDLE
        self.measurement: Measurement | None = None
        self.settings: weakref.WeakKeyDictionary[Layer, dict[str, Any]] = (
            weakref.WeakKeyDictionary()
        )
        self.message: tuple[str, str] = ("info", "")
        self._mailbox = mailbox = Mailbox()
        self._cache = cache = looks.RowCache()
        # The threads hold mailbox and cache only, so that they keep no window alive.
        self._previewer: LatestWorker[looks.Question] = LatestWorker(
            lambda asked, wanted: looks.preview(asked, wanted, mailbox.post, cache)
        )
        finding = looks.RowCache()
        self._finder: LatestWorker[looks.Question] = LatestWorker(
            lambda asked, _wanted: looks.find(asked, mailbox.post, finding)
        )
        self._job: Job | None = None
        self._watcher: WindowWatcher | None = None
        self._closed = False
        self._number = 0
        self._waiting = False
        self._timer = QTimer(self)
        self._timer.setInterval(PERIOD)
        self._timer.timeout.connect(self._tick)

    @property
    def busy(self) -> bool:
        """Whether a measurement is being made or saved."""
        return self.state != IDLE

    @property
    def waiting(self) -> bool:
        """Whether a preview is on its way."""
        return self._previewer.busy

    @property
    def finding(self) -> bool:
        """Whether the centre is being looked for."""
        return self._finder.busy

    def watch(self, window: QObject) -> None:
        """End everything when this main window is closed."""
        if self._watcher is None or self._watcher.window() is not window:
            self._watcher = WindowWatcher(window, self.close)

    def next_number(self) -> int:
        """Number of the next question."""
        self._number += 1
        return self._number

    def preview(self, asked: looks.Question) -> None:
        """Ask for a preview; a newer question replaces one that waits."""
        if not self._closed:
            self._previewer.ask(asked)
            self._timer.start()

    def drop_previews(self) -> None:
        """Nobody looks any more: what waits is not computed."""
        self._previewer.drop()
        self._finder.drop()

    def find(self, asked: looks.Question) -> None:
        """Look for the centre of rotation."""
        if not self._closed:
            self._finder.ask(asked)
            self._timer.start()

    def make(self, asked: looks.Question, source: Layer | None = None) -> None:
        """Make the measurement; does nothing while one is being made.

        ``source`` is the layer of the projections, hidden in favour of the measurement.
        """
        if not self.busy:
            self._source = weakref.ref(source) if source is not None else None
        control, mailbox = Control(), self._mailbox
        self._start(MAKING, Job(lambda: jobs.make(asked, control, mailbox), control))

    def save(self, measurement: Measurement, path: Path) -> None:
        """Write a measurement in a thread of its own."""
        mailbox = self._mailbox
        self._start(SAVING, Job(lambda: jobs.save(measurement, path, mailbox), Control()))

    def _start(self, state: str, job: Job) -> None:
        if self.busy or self._closed:
            return
        self._job = job
        self._say("info", "Making the measurement …" if state == MAKING else "Saving …")
        self._set_state(state)
        job.start()
        self._timer.start()

    def stop(self) -> None:
        """Cancel the making of the measurement."""
        if self._job is not None and self.state == MAKING:
            self._job.stop()
            self._set_state(STOPPING)

    def close(self) -> None:
        """The window is gone: end the threads, and touch nothing any more."""
        self._closed = True
        self._timer.stop()
        self._previewer.close()
        self._finder.close()
        if self._job is not None:
            self._job.stop()

    def join(self, timeout: float) -> bool:
        """Wait for all threads; True when they have ended."""
        ended = [self._previewer.join(timeout), self._finder.join(timeout)]
        return all(ended) and (self._job is None or self._job.join(timeout))

    def _tick(self) -> None:
        """Take the newest answers."""
        if self._closed:
            return
        # Looked at before the mailbox, or the last answer could be left in it.
        idle = not (self.busy or self.waiting or self.finding)
        for event in self._mailbox.take():
            self._apply(event)
        if self.waiting != self._waiting:
            self._waiting = self.waiting
            self.waiting_changed.emit(self._waiting)
        # An answer may have led to the next question.
        if idle and not (self.busy or self.waiting or self.finding):
            self._timer.stop()

    def _apply(self, event: Any) -> None:
        if isinstance(event, looks.Shown):
            self.shown.emit(event)
        elif isinstance(event, looks.NotShown):
            self.not_shown.emit(event)
        elif isinstance(event, looks.Found):
            self.found.emit(event)
        elif isinstance(event, jobs.Step):
            self.progressed.emit(event.fraction)
        elif isinstance(event, jobs.Made):
            self.measurement = event.measurement
            self._add(event.measurement)
        elif isinstance(event, jobs.Saved):
            self._say("info", f"Saved as {event.path.name}.")
        elif isinstance(event, Failed):
            logger.error("%s\n%s", event.error, event.details)
            self._say("error", str(event.error))
        elif isinstance(event, Ended):
            if self.state == STOPPING:
                self._say("info", "Cancelled.")
            self._job = None
            self._set_state(IDLE)

    def _add(self, measurement: Measurement) -> None:
        """Add the measurement as a layer in place of its projections.

        Here and not in the dock, which may be closed by now, or be open twice.
        """
        viewer = self._viewer()
        if viewer is None:
            return
        data, options, _ = measurement_layer(measurement, name=f"{measurement.name} measurement")
        layer = Image(data, **options)
        source = self._source() if self._source is not None else None
        if source is not None:
            source.visible = False
        viewer.add_layer(layer)
        look_at(viewer, layer)
        self._say("info", f"Added the layer '{layer.name}', ready to be reconstructed.")
        self.made.emit(layer)

    def _say(self, level: str, message: str) -> None:
        self.message = (level, message)
        self.said.emit(level, message)

    def _set_state(self, state: str) -> None:
        self.state = state
        self.state_changed.emit(state)


#: The controller of a viewer's preparations.
preparation_for = OnePerViewer(PreparationController)
