"""One reconstruction at a time per viewer: state, worker thread, timer."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_padis.engine.control import Control
from napari_padis.engine.events import (
    Finished,
    Iterate,
    Notice,
    Progress,
    Result,
    Started,
    Statistics,
)
from napari_padis.gui import job as jobs
from napari_padis.gui.layers import RunLayers
from napari_padis.gui.lifecycle import WindowWatcher
from napari_padis.gui.mailbox import Mailbox
from napari_padis.gui.roles import RunGrid
from napari_padis.gui.screen import Screen
from napari_padis.gui.thread import Job

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

logger = logging.getLogger(__name__)

IDLE, LOADING, RUNNING, PAUSED = "idle", "loading", "running", "paused"
STOPPING, SAVING = "stopping", "saving"


class RunController(QObject):
    """Owns the runs of one viewer, whatever happens to the dock.

    Docks are views of it: they may be closed and opened again while a run goes on.

    Attributes
    ----------
    state : {'idle', 'loading', 'running', 'paused', 'stopping', 'saving'}
    result : Result or None
        Outcome of the last run, complete or stopped.
    runner, simulator : callable
        What the worker thread calls; tests put small ones in their place.
    """

    state_changed = Signal(str)
    started = Signal(object)
    progressed = Signal(object)
    said = Signal(str, str)  # level ('info', 'error'), one sentence
    finished = Signal(object)
    shown_changed = Signal(object)  # role of the topmost visible image, or None

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self.state = IDLE
        self.result: Result | None = None
        self._place: RunGrid | None = None  # of the result, while the layers show it
        self.begun: Started | None = None
        self.progress: Progress | None = None
        self.message: tuple[str, str] = ("info", "")
        self.runner: jobs.Runner = jobs.run_engine
        self.simulator: jobs.Simulator = jobs.simulate
        self.screen = Screen(viewer, self.shown_changed.emit)
        self._mailbox = Mailbox(queued=(Notice,))
        self._job: Job | None = None
        self._watcher: WindowWatcher | None = None
        self._closed = False
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tick)
        self.rate = 3.0

    @property
    def layers(self) -> RunLayers:
        """The live layers."""
        return self.screen.layers

    @property
    def outcome(self) -> tuple[Result, RunGrid] | None:
        """The last result and where it lies; None once the layers are another run's."""
        if self.result is None or self._place is None:
            return None
        return self.result, self._place

    @property
    def rate(self) -> float:
        """Screen updates per second."""
        return self._rate

    @rate.setter
    def rate(self, value: float) -> None:
        self._rate = min(max(float(value), 0.5), 10.0)
        self._timer.setInterval(round(1000 / self._rate))

    @property
    def busy(self) -> bool:
        """Whether a run is going on."""
        return self.state != IDLE

    def watch(self, window: QObject) -> None:
        """End the run when this main window is closed."""
        if self._watcher is None or self._watcher.window() is not window:
            self._watcher = WindowWatcher(window, self.close)

    def start(self, request: jobs.Request, source: Layer | None = None) -> None:
        """Begin a run; does nothing while another one goes on.

        ``source`` is the layer that the data come from.
        """
        if self.busy or self._closed:
            return
        self._mailbox.clear()
        self.begun = self.progress = None
        self.screen.prepare(request, source)
        # The job's thread holds mailbox and control only, so it keeps nothing else alive.
        control, mailbox = Control(), self._mailbox
        runner, simulator = self.runner, self.simulator
        self._job = Job(lambda: jobs.work(request, control, mailbox, runner, simulator), control)
        self._say("info", "Loading …")
        self._set_state(LOADING)
        self._job.start()
        self._timer.start()

    def pause(self) -> None:
        """Hold a running reconstruction, or let a held one go on."""
        if self._job is None or self.state not in (RUNNING, PAUSED):
            return
        if self.state == RUNNING:
            self._job.control.pause()
            self._set_state(PAUSED)
        else:
            self._job.control.resume()
            self._set_state(RUNNING)

    def stop(self) -> None:
        """End the run soon and keep what there is."""
        if self._job is not None and self.state in (LOADING, RUNNING, PAUSED):
            self._job.stop()
            self._set_state(STOPPING)

    def close(self) -> None:
        """The window is gone: stop, and touch no layer any more."""
        self._closed = True
        self._timer.stop()
        if self._job is not None:
            self._job.stop()

    def join(self, timeout: float) -> bool:
        """Wait for the worker thread; True when it has ended."""
        return self._job is None or self._job.join(timeout)

    def save(self, folder: Path) -> None:
        """Write the last result to a folder, in a thread of its own."""
        result, mailbox = self.result, self._mailbox
        if result is None or self.busy:
            return
        self._job = Job(lambda: jobs.save(result, folder, mailbox), Control())
        self._say("info", f"Saving to {folder} …")
        self._set_state(SAVING)
        self._job.start()
        self._timer.start()

    def flush(self) -> None:
        """Apply what has arrived without waiting for the timer."""
        self._tick()

    def _tick(self) -> None:
        """Take the newest events and draw them."""
        if self._closed:
            return
        running = self._job is not None and self._job.alive
        for event in self._mailbox.take(hold=self.screen.held() if running else ()):
            try:
                self._apply(event)
            except Exception as error:  # a broken layer must not keep the run state
                logger.exception("The screen could not be updated.")
                self._say("error", f"The screen could not be updated: {error}")

    def _apply(self, event: Any) -> None:
        if isinstance(event, jobs.Stage):
            self._say("info", event.message)
        elif isinstance(event, jobs.Simulated):
            self.screen.add_measurement(event.measurement)
        elif isinstance(event, Started):
            self._begin(event)
        elif isinstance(event, Progress):
            self.progress = event
            self.progressed.emit(event)
        elif isinstance(event, Iterate | Statistics):
            self.layers.update(event)
        elif isinstance(event, Notice):
            self._say("info", event.message)
        elif isinstance(event, Finished):
            self._finish(event.result)
        elif isinstance(event, jobs.Failed):
            logger.error("%s\n%s", event.error, event.details)
            self._say("error", str(event.error))
        elif isinstance(event, jobs.Ended):
            self._end()

    def _begin(self, event: Started) -> None:
        self._place = None
        self._say("info", self.screen.begin(event))
        if self.state == LOADING:
            self._set_state(RUNNING)
        self.begun = event
        self.started.emit(event)

    def _finish(self, result: Result) -> None:
        self.result = result
        self._place = self.layers.grid
        self.screen.finish(result)
        text = "Finished."
        if not result.complete:
            left = "what was reached so far" if len(result.samples) else f"'{result.title}'"
            text = f"Stopped; {left} is kept."
        for name, about in (("Mean", "mean"), ("Std", "std")):
            text += f" {name}: {words}." if (words := result.about.get(about)) else ""
        share = result.report.get("null_space_share")
        if share is not None and result.report.get("calibrated"):
            text += f" Of the variance, {100 * share:.0f} % lies where the data say nothing."
        self._say("info", text)
        self.finished.emit(result)

    def _end(self) -> None:
        """The worker's last word: only here does the state go back to idle."""
        self._timer.stop()
        self._job = None
        self.screen.forget()
        self.begun = None
        self._mailbox.clear()
        self._set_state(IDLE)

    def _say(self, level: str, text: str) -> None:
        self.message = (level, text)
        self.said.emit(level, text)

    def _set_state(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self.state_changed.emit(state)
