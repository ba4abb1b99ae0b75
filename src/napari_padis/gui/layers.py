"""The live layers of a run: made once with their limits, then only given new data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Layer
from numpy.typing import NDArray

from napari_padis.engine.events import Iterate, Started, Statistics
from napari_padis.gui.grid_layer import GridLayer
from napari_padis.gui.layer_data import KEY, volume_metadata
from napari_padis.gui.limits import SpreadLimits
from napari_padis.gui.quantile_layers import QuantileLayers
from napari_padis.gui.roles import (
    IMAGES,
    ITERATE,
    LIVE,
    MEAN,
    PLAIN,
    ROLE,
    SOURCE,
    STD,
    VARIANCE,
    RoleLayers,
    RunGrid,
)
from napari_padis.gui.view import center_slices, orient, preserve_view, show_slices_of
from napari_padis.scan.volume import Volume

if TYPE_CHECKING:
    from napari.components import ViewerModel


class RunLayers:
    """Layers of the runs in one viewer, used again while the shape stays the same.

    Every method runs in the GUI thread. Layers that the user deleted are skipped until
    the next run; hidden ones get their newest data when they are shown.
    """

    def __init__(
        self, viewer: ViewerModel, on_shown: Callable[[str | None], None] | None = None
    ) -> None:
        self._on_shown = on_shown or (lambda _role: None)
        self._roles = RoleLayers(viewer)
        self._patches = GridLayer(viewer, self._roles)
        self._quantiles = QuantileLayers(self._roles, self._flush)
        self._pending: dict[str, NDArray[Any]] = {}
        self._spread = {STD: SpreadLimits(), VARIANCE: SpreadLimits()}
        self._limits = (0.0, 1.0)
        self._affine: NDArray[np.float64] | None = None
        self.grid: RunGrid | None = None

    def get(self, role: str) -> Layer | None:
        """The layer of a role if it is still in the viewer."""
        return self._roles.get(role)

    @property
    def has_quantiles(self) -> bool:
        """Whether the last run has ended with quantiles."""
        return self._quantiles.filled

    def begin(
        self,
        started: Started,
        translate: tuple[float, float, float] = (0.0, 0.0, 0.0),
        units: str = "mm",
        affine: NDArray[np.float64] | None = None,
        source: Layer | None = None,
        keep_view: bool = True,
        space: str = "unknown",
    ) -> None:
        """Create the layers of a run, or empty the present ones when they fit."""
        viewer = self._roles.viewer
        if viewer is None:
            return
        grid = RunGrid(started.shape, started.spacing, started.unit, translate, units, space)
        if grid != self.grid:
            self.show("")  # those of the run before stay, to be compared, but out of sight
            self._roles.forget()
        self.grid, self._limits, self._affine = grid, started.limits, affine
        self._pending.clear()
        if source is not None and self._roles.adopt(SOURCE, source):
            source.events.visible.connect(self._flush)
        self._quantiles.begin()
        with preserve_view(viewer):
            for role in LIVE:
                self._begin_image(role, started, grid)
            self._patches.begin(started.layout, grid)
            orient(viewer)
        self.show(ITERATE)
        if (iterate := self.get(ITERATE)) is not None:
            (show_slices_of if keep_view else center_slices)(viewer, iterate)

    def _begin_image(self, role: str, started: Started, grid: RunGrid) -> None:
        spread = role in self._spread
        data = np.zeros(started.shape, np.float32) if spread else started.initial
        limits = self._spread[role].reset(started.limits) if spread else started.limits
        unit = started.unit if role != VARIANCE else "arbitrary"  # the unit squared
        volume = Volume(data, started.spacing, unit, self._affine, name=role, space=grid.space)
        metadata = {ROLE: role, KEY: volume_metadata(volume)}
        # Without patches there is no prior and no posterior.
        name = PLAIN if role == MEAN and started.layout is None else role
        layer = self.get(role)
        if isinstance(layer, Image):
            if role == MEAN and layer.name in (MEAN, PLAIN):
                layer.name = name
            layer.data = data
            layer.contrast_limits = limits
            layer.metadata = metadata
            return
        layer = Image(
            data,
            name=name,
            colormap="inferno" if spread else "gray",
            contrast_limits=limits,
            visible=role == ITERATE,
            metadata=metadata,
            **grid.placing(),
        )
        layer.events.visible.connect(self._flush)
        self._roles.add(role, layer)

    def update(self, event: Iterate | Statistics) -> None:
        """Show newer arrays."""
        if isinstance(event, Iterate):
            self._set(ITERATE, event.array)
            if event.shift is not None:
                self._patches.move(event.shift)
            return
        self._set(MEAN, event.mean)
        self._set(STD, event.std)
        self._set(VARIANCE, event.variance)

    def finish(
        self, event: Statistics, quantiles: Mapping[str, NDArray[Any]] | None = None
    ) -> None:
        """Show the final arrays, with the limits of mean and spread brought up to date."""
        for spread in self._spread.values():
            spread.expire()
        self.update(event)
        if self.grid is not None:
            self._quantiles.finish(quantiles or {}, self.grid, self._limits, self._affine)

    def show(self, role: str) -> None:
        """Make one of the images the only visible one; the grid belongs to the iterate.

        The source is hidden too, or it would look as if its slices were reconstructed.
        """
        for name in (SOURCE, *IMAGES):
            layer = self.get(name)
            if layer is not None:
                layer.visible = name == role
        self._patches.want(role == ITERATE)

    @property
    def shown(self) -> str | None:
        """Topmost visible image of the run."""
        for role in (*reversed(IMAGES), SOURCE):
            layer = self.get(role)
            if layer is not None and layer.visible:
                return role
        return None

    def _set(self, role: str, array: NDArray[Any]) -> None:
        """Give an image its new array now, or when it is next shown."""
        layer = self.get(role)
        if not isinstance(layer, Image) or layer.data.shape != array.shape:
            return
        if not layer.visible:
            self._pending[role] = array
            return
        self._pending.pop(role, None)
        if role in self._spread:
            limits = self._spread[role].update(array, tuple(layer.contrast_limits))
            if limits is not None:
                layer.contrast_limits = limits
        # Setting data refreshes; a refresh() on top would draw twice.
        layer.data = array

    def _flush(self) -> None:
        """Hand over what arrived while a layer was hidden."""
        for role, array in list(self._pending.items()):
            layer = self.get(role)
            if layer is not None and layer.visible:
                self._set(role, array)
        self._on_shown(self.shown)
