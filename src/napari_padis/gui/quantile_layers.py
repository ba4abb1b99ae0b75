"""Quantiles of the posterior as layers, which are known at the end of a run only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from napari_padis.gui.layer_data import KEY, volume_metadata
from napari_padis.gui.roles import MEAN, QUANTILES, ROLE, RoleLayers, RunGrid
from napari_padis.gui.view import preserve_view
from napari_padis.gui.world import as_shown
from napari_padis.scan.volume import Volume


class QuantileLayers:
    """Hidden images below the mean.

    From the start of a run until its end there are none, so that no picture of the run before
    passes for one of this run.

    Parameters
    ----------
    roles : RoleLayers
    on_visible : callable
        Called when one of them is shown or hidden.
    """

    def __init__(self, roles: RoleLayers, on_visible: Callable[[], None]) -> None:
        self._roles = roles
        self._on_visible = on_visible
        self.filled = False

    def begin(self) -> None:
        """Another run has begun, which has none yet."""
        self.filled = False

    def finish(
        self,
        volumes: Mapping[str, NDArray[Any]],
        grid: RunGrid,
        limits: tuple[float, float],
        affine: NDArray[np.float64] | None,
    ) -> None:
        """Show the quantiles of a run, or take the layers out where it has none.

        Parameters
        ----------
        volumes : mapping
            As :class:`napari_padis.engine.events.Result` has them; each of shape (S, A, R).
        grid : RunGrid
        limits : tuple of float
            Contrast limits for runs whose mean is no longer in the viewer.
        affine : ndarray, optional
            Affine of the volume, kept for saving.
        """
        viewer = self._roles.viewer
        if viewer is None:
            return
        mean = self._roles.get(MEAN)
        if isinstance(mean, Image):
            low, high = mean.contrast_limits
            limits = (float(low), float(high))
        with preserve_view(viewer):
            for name, role in QUANTILES.items():
                if name in volumes:
                    self._fill(role, volumes[name], grid, limits, affine)
                else:
                    self._roles.remove(role)
        self.filled = bool(volumes)

    def _fill(
        self,
        role: str,
        array: NDArray[Any],
        grid: RunGrid,
        limits: tuple[float, float],
        affine: NDArray[np.float64] | None,
    ) -> None:
        volume = Volume(array, grid.spacing, grid.unit, affine, name=role, space=grid.space)
        metadata = {ROLE: role, KEY: volume_metadata(volume, grid.matrix())}
        layer = self._roles.get(role)
        if isinstance(layer, Image):
            layer.data = as_shown(array)
            layer.contrast_limits = limits
            layer.metadata = metadata
            return
        layer = Image(
            as_shown(array),
            name=role,
            colormap="gray",
            contrast_limits=limits,
            visible=False,
            metadata=metadata,
            **grid.placing(),
        )
        layer.events.visible.connect(self._visible_changed)
        self._roles.add(role, layer, below=MEAN)

    def _visible_changed(self, _event: object = None) -> None:
        self._on_visible()
