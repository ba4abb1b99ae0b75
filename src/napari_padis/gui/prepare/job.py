"""Making and saving the measurement outside the GUI thread. Free of Qt and napari."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path

from napari_padis.engine.control import Control
from napari_padis.errors import InputError, PadisError
from napari_padis.gui.job import Ended, Failed, as_padis_error
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

    try:
        if needed(asked.projections):
            raise InputError(question(asked.projections))
        measurement = prepare(asked.projections, Preparation.create(**asked.settings), progress)
        if not control.stopped:
            mailbox.post(Made(measurement))
    except Stopped:
        pass
    except PadisError as error:
        mailbox.post(Failed(error, traceback.format_exc()))
    except Exception as error:
        mailbox.post(Failed(as_padis_error(error), traceback.format_exc()))
    finally:
        mailbox.post(Ended())


def save(measurement: Measurement, path: Path, mailbox: Mailbox) -> None:
    """Write the measurement; never raises."""
    from napari_padis.scan.write import write

    try:
        mailbox.post(Saved(write(path, measurement)))
    except PadisError as error:
        mailbox.post(Failed(error, traceback.format_exc()))
    except Exception as error:
        mailbox.post(Failed(as_padis_error(error), traceback.format_exc()))
    finally:
        mailbox.post(Ended())
