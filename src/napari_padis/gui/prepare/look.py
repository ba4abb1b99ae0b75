"""Previews of the preparation and the search for the centre. Free of Qt and napari."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError, PadisError
from napari_padis.gui.job import as_padis_error
from napari_padis.gui.prepare.answers import needed, question
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.preparation.axis import Axis
from napari_padis.scan.projections import Projections

#: Interpolations (views x pixels) of the first, coarse and of the second, fine preview.
COARSE, FINE = 2e7, 1.2e8
#: Seconds without another question before the fine one is begun.
REST = 0.25


@dataclass(frozen=True)
class Question:
    """A scan with its geometry and the settings, at one moment.

    ``settings`` are the arguments of :class:`Preparation`; ``row`` the detector row that
    the preview shows and the centre is found from.
    """

    number: int
    projections: Projections
    settings: dict[str, Any]
    row: int = 0


@dataclass(frozen=True)
class Shown:
    """A preview: an image (rows, columns) with its limits and pixel spacing in mm."""

    number: int
    image: NDArray[np.float32]
    limits: tuple[float, float]
    spacing: tuple[float, float]
    seconds: float
    fine: bool
    remark: str = ""


@dataclass(frozen=True)
class NotShown:
    """Why there is no preview, in one sentence."""

    number: int
    message: str


@dataclass(frozen=True)
class Found:
    """The centre of rotation that was found (None: ``message`` says why not)."""

    number: int
    axis: Axis | None
    message: str = ""


class RowCache:
    """The values of the rows looked at last, so that a slider reads nothing from the file."""

    def __init__(self) -> None:
        self._key: tuple[int, int, int] | None = None
        self._source: Any = None
        self._rows: NDArray[Any] = np.empty(0)

    def thin(self, projections: Projections, row: int, count: int) -> Projections:
        """The scan with ``count`` rows from ``row`` on, in memory."""
        first = min(row, projections.shape[1] - count)
        rows = slice(first, first + count)
        key = (id(projections.data), first, count)
        if key != self._key:
            # The data stay referenced, so that no other array gets their identity.
            self._source = projections.data
            self._rows = np.asarray(projections.data[:, rows, :])
            self._key = key
        flats, darks = projections.flats, projections.darks
        return replace(
            projections,
            data=self._rows,
            flats=None if flats is None else flats[:, rows, :],
            darks=None if darks is None else darks[:, rows, :],
        )

    def clear(self) -> None:
        """Forget the rows."""
        self._key, self._source, self._rows = None, None, np.empty(0)


def preview(
    asked: Question, wanted: Callable[[], bool], post: Callable[[Any], None], cache: RowCache
) -> None:
    """Reconstruct one row, coarsely and then finely; never raises."""
    from napari_padis.scan.preparation import Preparation

    try:
        Preparation.create(**asked.settings)  # says what is wrong before anything is computed
        coarse, fine = coarseness(asked, COARSE), coarseness(asked, FINE)
        for number, factor in enumerate(dict.fromkeys((coarse, fine))):
            if number and not rested(wanted):
                return
            post(look(asked, factor, factor == fine, cache))
    except PadisError as error:
        post(NotShown(asked.number, str(error)))
    except Exception as error:
        post(NotShown(asked.number, str(as_padis_error(error))))


def rested(wanted: Callable[[], bool]) -> bool:
    """Whether an answer is still wanted after a while; a slider that is dragged wants a newer."""
    deadline = time.monotonic() + REST
    while wanted() and time.monotonic() < deadline:
        time.sleep(0.02)
    return wanted()


def look(asked: Question, factor: int, fine: bool, cache: RowCache) -> Shown:
    """Preview with ``factor`` times coarser bins than the measurement will have."""
    from napari_padis.scan.preparation import Preparation, prepare

    start = time.perf_counter()
    scan, remark = provisional(asked.projections)
    count = int(asked.settings.get("row_binning", 1))
    thin = cache.thin(scan, asked.row, count)
    settings = asked.settings | {"rows": None, "binning": factor * asked.settings["binning"]}
    if settings.get("image_side"):
        settings["image_side"] = max(1, settings["image_side"] // factor)
    measurement = prepare(thin, Preparation.create(**settings))
    image = reconstruct(measurement)
    seconds = time.perf_counter() - start
    spacing = measurement.geometry.pixel
    return Shown(asked.number, image, limits_of(image), spacing, seconds, fine, remark)


def provisional(projections: Projections) -> tuple[Projections, str]:
    """The scan with stand-ins for what a picture can do without, and a remark about them.

    Raises
    ------
    InputError
        If something is missing that no picture can do without.
    """
    scan, remark = projections, ""
    if scan.beam is None:
        scan, remark = replace(scan, beam="parallel"), "Shown for a parallel beam."
    if needed(scan):
        raise InputError(question(scan))
    return scan, remark


def coarseness(asked: Question, budget: float) -> int:
    """Factor by which bins are averaged so that a preview costs no more than a budget."""
    views, _, bins = asked.projections.shape
    settings = asked.settings
    side = settings.get("image_side") or bins / settings["binning"]
    cost = views / settings["every"] * side**2
    return max(1, math.ceil(math.sqrt(cost / budget)))


def reconstruct(measurement: Measurement) -> NDArray[np.float32]:
    """Filtered back-projection of the first slice of a measurement, in 1/mm."""
    import torch

    from napari_padis.likelihood.registry import find_forward

    geometry = measurement.geometry
    # Not from the cache of forward models: each centre would push a useful one out.
    module, name = find_forward(geometry.kind).path.split(":")
    forward = getattr(import_module(module), name)(geometry, backend="rays")
    with torch.inference_mode():
        image = forward.pinv(torch.from_numpy(measurement.data[:1]))
    return np.asarray(image[0].numpy(), dtype=np.float32)


def limits_of(image: NDArray[np.float32]) -> tuple[float, float]:
    """Contrast limits from the circle that every view sees."""
    rows, columns = image.shape
    y, x = np.ogrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    inside = image[(y**2 + x**2) < 0.95]
    values = inside if inside.size else image
    low, high = (float(v) for v in np.percentile(values, (0.5, 99.7)))
    return (low, high) if high > low else (low, low + 1.0)


def find(asked: Question, post: Callable[[Any], None], cache: RowCache) -> None:
    """Find the centre of rotation from one row; never raises."""
    from napari_padis.scan.preparation import Preparation
    from napari_padis.scan.preparation.prepare import auto_centre

    try:
        scan, _ = provisional(asked.projections)
        thin = cache.thin(scan, asked.row, 1)
        axis = auto_centre(thin, Preparation.create(**asked.settings | {"rows": None}), row=0)
        post(Found(asked.number, axis))
    except PadisError as error:
        post(Found(asked.number, None, str(error)))
    except Exception as error:
        post(Found(asked.number, None, str(as_padis_error(error))))
