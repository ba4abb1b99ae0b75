"""What the events of a run do to the viewer."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_padis.engine.events import Iterate, Result, Started, Statistics
from napari_padis.gui.job import Request
from napari_padis.gui.layers import RunLayers
from napari_padis.gui.roles import ITERATE, MEAN
from napari_padis.gui.sinogram import add_measurement
from napari_padis.gui.view import keep_upright
from napari_padis.scan.measurement import Measurement

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

#: Seconds between frames while the volume is rendered in 3D, which uploads all of it.
PERIOD_3D = 2.0


class Screen:
    """Draws the events of one viewer's runs; everything happens in the GUI thread.

    Parameters
    ----------
    viewer : ViewerModel
    on_shown : callable
        Called with the role of the topmost visible image when that may have changed.
    """

    def __init__(
        self, viewer: ViewerModel, on_shown: Callable[[str | None], None] | None = None
    ) -> None:
        self._viewer = weakref.ref(viewer)
        self.layers = RunLayers(viewer, on_shown)
        self._request: Request | None = None
        self._affine: NDArray[np.float64] | None = None
        self._space = "unknown"
        self._source: weakref.ref[Layer] | None = None
        self._last_3d = 0.0
        keep_upright(viewer)

    def prepare(self, request: Request, source: Layer | None) -> None:
        """Remember where the next run's data come from."""
        self._request = request
        self._affine, self._space = None, "unknown"
        if request.measurement:
            self._affine, self._space = request.measurement.affine, request.measurement.space
        self._source = weakref.ref(source) if source is not None else None

    def add_measurement(self, measurement: Measurement) -> None:
        """Show simulated data."""
        viewer = self._viewer()
        self._affine, self._space = measurement.affine, measurement.space
        if viewer is not None and self._request is not None:
            add_measurement(viewer, measurement, self._request.place)

    def begin(self, started: Started) -> str:
        """Make the layers of the run; returns what the user should know, or ''."""
        request = self._request
        if request is None:
            return ""
        return self.layers.begin(
            replace(started, limits=request.limits or started.limits),
            request.place,
            self._affine,
            self._source() if self._source is not None else None,
            keep_view=request.volume is not None,
            space=self._space,
        )

    def finish(self, result: Result) -> None:
        """Show the result; who watched the iterate sees the mean in its place."""
        statistics = Statistics(result.mean, result.std, result.variance, len(result.samples))
        self.layers.finish(statistics, result.quantiles, result.title, result.about)
        if self.layers.shown == ITERATE:
            self.layers.show(MEAN)

    def forget(self) -> None:
        """Drop what the run was given."""
        self._request, self._affine = None, None

    def held(self) -> tuple[type, ...]:
        """Arrays wait a little in 3D, where each of them is uploaded whole."""
        viewer = self._viewer()
        if viewer is None or viewer.dims.ndisplay == 2:
            return ()
        now = time.monotonic()
        if now - self._last_3d < PERIOD_3D:
            return (Iterate, Statistics)
        self._last_3d = now
        return ()
