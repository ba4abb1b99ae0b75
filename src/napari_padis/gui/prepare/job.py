"""Making and saving the measurement outside the GUI thread. Free of Qt and napari."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from napari_padis.engine.control import Control
from napari_padis.errors import InputError
from napari_padis.gui.job import reporting
from napari_padis.gui.mailbox import Mailbox
from napari_padis.gui.prepare.answers import needed, question
from napari_padis.gui.prepare.look import Question
from napari_padis.scan.measurement import Measurement


@dataclass(frozen=True)
class Step:
    """How far the making of the measurement is."""

    fraction: float


@dataclass(frozen=True)
class Made:
    """The measurement."""

    measurement: Measurement


@dataclass(frozen=True)
class Saved:
    """Where the measurement was written."""

    path: Path


class Stopped(Exception):
    """Raised inside the preparation when the user has cancelled it."""


def make(asked: Question, control: Control, mailbox: Mailbox) -> None:
    """Make the measurement, telling how far it is; never raises."""
    from napari_padis.scan.preparation import Preparation, prepare

    def progress(fraction: float) -> None:
        if control.stopped:
            raise Stopped
        mailbox.post(Step(float(fraction)))

    with reporting(mailbox), suppress(Stopped):
        if needed(asked.projections):
            raise InputError(question(asked.projections))
        measurement = prepare(asked.projections, Preparation.create(**asked.settings), progress)
        if not control.stopped:
            mailbox.post(Made(measurement))


def save(measurement: Measurement, path: Path, mailbox: Mailbox) -> None:
    """Write the measurement; never raises."""
    from napari_padis.scan.write import write

    with reporting(mailbox):
        mailbox.post(Saved(write(path, measurement)))
