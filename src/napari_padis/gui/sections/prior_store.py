"""More priors: from a file, or by download."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QMenu,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_padis.engine.control import Control
from napari_padis.errors import InputError
from napari_padis.gui import prior_job as jobs
from napari_padis.gui import text
from napari_padis.gui.job import Ended, Failed
from napari_padis.gui.mailbox import Mailbox
from napari_padis.gui.sections.base import named
from napari_padis.gui.thread import Job
from napari_padis.prior.catalogue import catalogue
from napari_padis.prior.registry import RegisteredPrior, registry

#: Milliseconds between two looks at what the thread has answered.
PERIOD = 100
_FILTER = f"Priors ({' '.join(f'*{ending}' for ending in jobs.PRIORS + jobs.PUBLISHED)})"


class PriorStore(QWidget):
    """Buttons that bring priors, and how far that is.

    Not inside the section of priors, which is grey while the method needs none: without any
    prior that fits, no method that needs one can be chosen.
    """

    came = Signal(str)  # name of a prior that is here now
    said = Signal(str, str)  # level ('info', 'error'), one sentence

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("More priors")
        self._job: Job | None = None
        self._mailbox = Mailbox()
        self._timer = QTimer(self)
        self._timer.setInterval(PERIOD)
        self._timer.timeout.connect(self._tick)
        self._make_controls()
        self._set_busy(False)

    def _make_controls(self) -> None:
        self.add_button = named(
            QPushButton("Add prior …"),
            "Add prior",
            "Copy a prior (.json with .safetensors) into your folder, or import a published "
            "checkpoint (.pkl, of which no code is run).",
        )
        self.get_button = named(QPushButton("Get …"), "Get a prior", "")
        self.menu = QMenu(self.get_button)
        self.menu.setToolTipsVisible(True)
        self.get_button.setMenu(self.menu)
        self.bar = named(QProgressBar(), "Progress of the prior", "Share that has been done.")
        self.bar.setFormat("%p %")
        self.bar.setFixedHeight(14)
        self.cancel_button = named(QPushButton("Cancel"), "Cancel", "Give the download up.")
        buttons, below = QHBoxLayout(), QHBoxLayout()
        for row in (buttons, below):
            row.setContentsMargins(6, 0, 2, 0)
            row.setSpacing(4)
        buttons.addWidget(self.add_button, stretch=1)
        buttons.addWidget(self.get_button, stretch=1)
        below.addWidget(self.bar, stretch=1)
        below.addWidget(self.cancel_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 2)
        layout.setSpacing(3)
        layout.addLayout(buttons)
        layout.addLayout(below)
        self.add_button.clicked.connect(self.ask_and_add)
        self.cancel_button.clicked.connect(self.cancel)
        self.menu.aboutToShow.connect(self._offer)

    @property
    def busy(self) -> bool:
        """Whether a prior is on its way."""
        return self._job is not None

    def ask_and_add(self) -> None:
        """Let the user choose a file."""
        path, _ = QFileDialog.getOpenFileName(self, "Add a prior", "", _FILTER)
        if path:
            self.add(Path(path))

    def add(self, path: Path) -> None:
        """Check a prior and copy it into the user's folder."""
        mailbox = self._mailbox
        self._start(lambda _control: jobs.add(path, mailbox), f"Reading '{path.name}' …", True)

    def get(self, name: str) -> None:
        """Download a prior of the list."""
        mailbox = self._mailbox
        self._start(
            lambda control: jobs.get(name, control, mailbox), f"Downloading '{name}' …", False
        )

    def cancel(self) -> None:
        """Give a download up; nothing of it stays."""
        if self._job is not None:
            self._job.stop()
            self.said.emit("info", "The download is given up; nothing of it is kept.")

    def join(self, timeout: float) -> bool:
        """Wait for the thread; True when it has ended."""
        return self._job is None or self._job.join(timeout)

    def refresh(self) -> None:
        """Whether there is anything to download, and the tooltip that says so."""
        offered = self._offered()
        self.get_button.setEnabled(not self.busy and bool(offered))
        names = ", ".join(prior.name for prior in offered)
        self.get_button.setToolTip(
            f"Download a prior: {names}." if offered else "There is no other prior to download."
        )

    def _offered(self) -> list[RegisteredPrior]:
        try:
            return registry().missing(card.name for card in catalogue())
        except InputError:
            return []  # the command line says what is wrong with the list

    def _offer(self) -> None:
        """Fill the menu with what is not here yet."""
        self.menu.clear()
        for prior in self._offered():
            action = self.menu.addAction(f"{prior.name} ({text.size(prior.size)})")
            action.setToolTip(prior.description or prior.title)
            action.triggered.connect(lambda _checked=False, name=prior.name: self.get(name))

    def _start(self, work: Callable[[Control], None], message: str, whole: bool) -> None:
        """Begin a job; ``whole`` when nobody knows how far it is."""
        if self.busy:
            return
        self._mailbox.clear()
        control = Control()
        self._job = Job(lambda: work(control), control)
        self.bar.setRange(0, 0 if whole else 1000)
        self.bar.setValue(0)
        self._set_busy(True, cancellable=not whole)
        self.said.emit("info", message)
        self._job.start()
        self._timer.start()

    def _set_busy(self, busy: bool, cancellable: bool = False) -> None:
        self.add_button.setEnabled(not busy)
        self.bar.setVisible(busy)
        self.cancel_button.setVisible(busy and cancellable)
        self.refresh()

    def _tick(self) -> None:
        for event in self._mailbox.take():
            self._apply(event)

    def _apply(self, event: Any) -> None:
        if isinstance(event, jobs.Came):
            self.bar.setValue(round(1000 * event.fraction))
        elif isinstance(event, jobs.Here):
            self.said.emit("info", f"The prior '{event.name}' is here. {event.note}".rstrip())
            self.came.emit(event.name)
        elif isinstance(event, Failed):
            self.said.emit("error", str(event.error))
        elif isinstance(event, Ended):
            self._timer.stop()
            self._job = None
            self._set_busy(False)
