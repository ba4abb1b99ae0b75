"""Run: start, pause, stop and keep; how far it is; what to look at."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Collection, Mapping, Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_padis.engine.events import Progress, Result, Started
from napari_padis.gui import controller as control
from napari_padis.gui import text
from napari_padis.gui.roles import (
    HIGH,
    ITERATE,
    LOW,
    MEAN,
    MEDIAN,
    SOURCE,
    STD,
    VARIANCE,
    spread_name,
)
from napari_padis.gui.sections.base import Text, heading, named
from napari_padis.gui.sections.controls import Elided

KEYS = {"run": "Ctrl+Return", "pause": "Ctrl+Shift+Space", "stop": "Ctrl+Shift+Return"}
SHOWN = {SOURCE: "Source", ITERATE: "Iterate", MEAN: "Mean", STD: "Std", VARIANCE: "Variance"}
#: Shown after runs that have them.
QUANTILES = {LOW: "5 %", MEDIAN: "Median", HIGH: "95 %"}
#: Characters in a line of a tooltip.
COLUMNS = 80
FACTS = ("Elapsed", "Time left", "Noise level", "Residual", "Memory", "Device")


class RunSection(QWidget):
    """Always visible below the settings."""

    run = Signal()
    pause = Signal()
    stop = Signal()
    save = Signal()
    show_role = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._iterations = False  # whether the run counts iterations, not noise levels
        self.setAccessibleName("Run")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 0, 2, 4)
        layout.setSpacing(4)
        layout.addLayout(heading("Run"))
        self.warning = Text("")
        self.warning.setAccessibleName("What does not fit")
        self.warning.setTextFormat(Qt.TextFormat.PlainText)  # whatever a card may say
        self.warning.mark("question")
        self.warning.hide()
        layout.addWidget(self.warning)
        layout.addLayout(self._buttons())
        self.bar = named(QProgressBar(), "Progress", "Share of the work that is done.")
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(True)
        self.bar.setFormat("%p %")
        self.bar.setFixedHeight(16)
        layout.addWidget(self.bar)
        layout.addLayout(self._facts())
        layout.addLayout(self._views())
        layout.addWidget(self._quantile_views())
        self.message = Text("")
        self.message.setAccessibleName("Message")
        layout.addWidget(self.message)
        self.set_state(control.IDLE, has_result=False)

    def _buttons(self) -> QHBoxLayout:
        self.run_button = self._button("Run", "run", self.run, "Start the reconstruction")
        self.pause_button = self._button("Pause", "pause", self.pause, "Hold the reconstruction")
        self.stop_button = self._button(
            "Stop and keep", "stop", self.stop, "End now and keep what was reached"
        )
        row = QHBoxLayout()
        row.setSpacing(2)
        for button in (self.run_button, self.pause_button, self.stop_button):
            row.addWidget(button, stretch=1)
        return row

    def _button(self, title: str, key: str, signal: object, tip: str) -> QPushButton:
        keys = QKeySequence(KEYS[key])
        native = keys.toString(QKeySequence.SequenceFormat.NativeText)
        button = named(QPushButton(f"{title}\n{native}"), title, f"{tip} ({native}).")
        button.clicked.connect(signal)
        shortcut = QShortcut(keys, self)
        shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
        shortcut.activated.connect(button.click)
        return button

    def _facts(self) -> QGridLayout:
        self._values: dict[str, QLabel] = {}
        grid = QGridLayout()
        grid.setContentsMargins(2, 0, 2, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(1)
        for index, name in enumerate(FACTS):
            value = QLabel("–")
            value.setAccessibleName(name)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            grid.addWidget(QLabel(name), index // 2, 2 * (index % 2))
            grid.addWidget(value, index // 2, 2 * (index % 2) + 1)
            self._values[name] = value
        self.projector = Elided()
        self.projector.setAccessibleName("Projector")
        rows = grid.rowCount()
        grid.addWidget(QLabel("Projector"), rows, 0)
        grid.addWidget(self.projector, rows, 1, 1, 3)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        self._values["Noise level"].setToolTip(
            "Noise level of the sampler, on the scale [0, 1], or iteration."
        )
        self._values["Residual"].setToolTip("RMS of A x - y in units of the noise of the data.")
        self._values["Memory"].setToolTip("Estimated peak memory of this run.")
        return grid

    def _views(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2)
        self._view_buttons: dict[str, QPushButton] = {}
        for role, title in SHOWN.items():
            row.addWidget(self._view_button(role, title), stretch=len(title))
        self.save_button = named(
            QPushButton("Save …"),
            "Save the result",
            "Write what the run has made of mean, standard deviation, variance, quantiles and "
            "samples, with recipe and report, to a folder.",
        )
        self.save_button.clicked.connect(self.save)
        row.addSpacing(4)
        row.addWidget(self.save_button, stretch=6)
        return row

    def _view_button(self, role: str, title: str) -> QPushButton:
        button = named(QPushButton(title), f"Show {role}", f"Show the layer '{role}' alone.")
        button.setCheckable(True)
        button.clicked.connect(lambda _checked: self.show_role.emit(role))
        self._view_buttons[role] = button
        return button

    def _quantile_views(self) -> QWidget:
        self._quantiles = QWidget()
        row = QHBoxLayout(self._quantiles)
        row.setContentsMargins(2, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(QLabel("Quantiles"))
        row.addSpacing(4)
        for role, title in QUANTILES.items():
            row.addWidget(self._view_button(role, title), stretch=1)
        self._quantiles.hide()
        return self._quantiles

    def set_state(self, state: str, has_result: bool) -> None:
        """Enable what makes sense now."""
        idle = state == control.IDLE
        self.run_button.setEnabled(idle)
        self.pause_button.setEnabled(state in (control.RUNNING, control.PAUSED))
        self.stop_button.setEnabled(state in (control.LOADING, control.RUNNING, control.PAUSED))
        self.save_button.setEnabled(idle and has_result)
        title = "Resume" if state == control.PAUSED else "Pause"
        keys = self.pause_button.text().partition("\n")[2]
        self.pause_button.setText(f"{title}\n{keys}")
        self.pause_button.setAccessibleName(title)
        if state == control.LOADING:
            self._clear()
        # An empty range makes the bar move to and fro while nothing can be counted.
        self.bar.setRange(0, 0 if state in (control.LOADING, control.SAVING) else 1000)

    def _clear(self) -> None:
        """Take away what is of the run before."""
        for value in self._values.values():
            value.setText("–")
        self.projector.set_text("–")

    def set_started(self, event: Started) -> None:
        """What is known at the start."""
        self._clear()
        self._iterations = event.levels > 0 and event.evaluations == 0
        self._values["Memory"].setText(f"about {text.size(event.memory)}")
        self._values["Device"].setText(event.device)
        self.projector.set_text(event.projector or "–")
        self.bar.setValue(0)
        self.set_title(MEAN)

    def set_progress(self, event: Progress) -> None:
        """How far it is."""
        self.bar.setValue(round(1000 * event.fraction))
        values = {
            "Elapsed": text.duration(event.elapsed),
            "Time left": text.duration(event.remaining),
            "Noise level": self._level(event),
            "Residual": _residual(event.residual),
        }
        for name, value in values.items():
            self._values[name].setText(value)

    def set_finished(self, result: Result) -> None:
        """What is known at the end, also of direct methods, which report no progress."""
        report = result.report
        self.set_title(result.title, result.about)
        self.bar.setRange(0, 1000)
        if result.complete:
            self.bar.setValue(1000)
        self._values["Time left"].setText("–")
        if "seconds" in report:
            self._values["Elapsed"].setText(text.duration(report["seconds"]))
        if "residual" in report:
            self._values["Residual"].setText(_residual(report["residual"]))

    def _level(self, event: Progress) -> str:
        """Noise level, or the iteration of methods that know none."""
        if self._iterations:
            return f"iteration {event.level + 1}"
        return f"σ {text.number(event.sigma)}" if math.isfinite(event.sigma) else "–"

    def set_message(self, level: str, message: str) -> None:
        """One sentence for the user."""
        self.message.mark("error" if level == "error" else "")
        self.message.setText(message)

    def set_warning(self, sentences: Sequence[str]) -> None:
        """Say what speaks against the run, where it is started."""
        self.warning.setText(" ".join(sentences))
        self.warning.setVisible(bool(sentences))

    def set_shown(self, role: str | None, present: Collection[str]) -> None:
        """Mark the image that is on show, if any, and offer those there are."""
        for name, button in self._view_buttons.items():
            button.setChecked(name == role)
            button.setEnabled(name in present)

    def set_title(self, title: str, about: Mapping[str, str] | None = None) -> None:
        """Call the image of a run without a posterior mean by what it is.

        Parameters
        ----------
        title : str
        about : mapping, optional
            What mean and spread are worth, see :class:`~napari_padis.engine.events.Result`.
        """
        about = about or {}
        for role, key in ((MEAN, "mean"), (STD, "std"), (VARIANCE, "variance")):
            name = title if role == MEAN else spread_name(role, about)
            words = f"\n{textwrap.fill(about[key], COLUMNS)}." if about.get(key) else ""
            named(
                self._view_buttons[role],
                f"Show {title if role == MEAN else role}",
                f"Show the layer '{name}' alone.{words}",
            )
        self._view_buttons[MEAN].setText(SHOWN[MEAN] if title == MEAN else "Result")

    def set_quantiles(self, there: bool) -> None:
        """Offer the quantiles of a run that has them."""
        self._quantiles.setVisible(there)


def _residual(value: float) -> str:
    return f"{text.number(value)} σ_y" if math.isfinite(value) else "–"
