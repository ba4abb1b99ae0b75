"""Estimates the noise of measured data in the background."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from qtpy.QtCore import QObject, QTimer, Signal

from napari_padis.engine.control import Control
from napari_padis.errors import PadisError
from napari_padis.gui.job import as_padis_error
from napari_padis.gui.mailbox import Mailbox
from napari_padis.gui.thread import Job
from napari_padis.scan.measurement import Measurement

logger = logging.getLogger(__name__)

#: Milliseconds between two looks for the answer.
PERIOD = 100


def estimate(measurement: Measurement) -> float:
    """Standard deviation of the data; imported here so that nothing heavy loads at once."""
    from napari_padis.likelihood.noise_estimate import estimate_sigma

    return float(estimate_sigma(measurement))


@dataclass(frozen=True)
class _Answer:
    """What came out for the question of this number."""

    number: int
    sigma: float | None
    error: str = ""


class NoiseGuess(QObject):
    """Asks for the noise of one measurement after another; only the newest counts.

    One thread at a time: a question that comes meanwhile waits for it, and replaces the
    one that may be waiting already.
    """

    #: Standard deviation, or None while unknown; why it could not be found.
    found = Signal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.estimator: Callable[[Measurement], float] = estimate
        self._mailbox = Mailbox()
        self._number = 0
        self._job: Job | None = None
        self._waiting: Measurement | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(PERIOD)
        self._timer.timeout.connect(self._look)

    @property
    def busy(self) -> bool:
        """Whether an answer is being waited for."""
        return self._timer.isActive()

    def ask(self, measurement: Measurement | None) -> None:
        """Forget the last question; estimate the noise of this measurement, if any."""
        self._number += 1
        self._waiting = measurement
        if measurement is None:
            self._timer.stop()
            return
        if self._job is None or not self._job.alive:
            self._begin()
        self._timer.start()

    def join(self, timeout: float) -> bool:
        """Wait for the thread; True when it has ended."""
        return self._job is None or self._job.join(timeout)

    def _begin(self) -> None:
        measurement, self._waiting = self._waiting, None
        if measurement is None:
            return
        self._mailbox.clear()
        number, mailbox, estimator = self._number, self._mailbox, self.estimator
        self._job = Job(lambda: _answer(number, measurement, estimator, mailbox), Control())
        self._job.start()

    def _look(self) -> None:
        """Take the answer, unless its question was taken back."""
        ended = self._job is None or not self._job.alive
        for answer in self._mailbox.take():
            if answer.number == self._number:
                self._timer.stop()
                self.found.emit(answer.sigma, answer.error)
        if ended:
            self._job = None
            self._begin()


def _answer(
    number: int,
    measurement: Measurement,
    estimator: Callable[[Measurement], float],
    mailbox: Mailbox,
) -> None:
    """Runs in the thread; never raises."""
    try:
        mailbox.post(_Answer(number, estimator(measurement)))
    except PadisError as error:
        mailbox.post(_Answer(number, None, str(error)))
    except Exception as error:
        logger.exception("The noise could not be estimated.")
        mailbox.post(_Answer(number, None, str(as_padis_error(error))))
