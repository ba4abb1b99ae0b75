"""The live layers of a run: made once with their limits, then only given new data."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Layer, Vectors
from numpy.typing import NDArray

from napari_padis.engine.events import Iterate, PatchLayout, Started, Statistics
from napari_padis.gui.gridlines import grid_lines
from napari_padis.gui.layer_data import KEY, volume_metadata
from napari_padis.gui.limits import SpreadLimits
from napari_padis.gui.view import (
    SAR,
    center_slices,
    orient,
    preserve_view,
    show_slices_of,
    thicken_lines,
)
from napari_padis.scan.volume import Volume

if TYPE_CHECKING:
    from napari.components import ViewerModel

SOURCE = "source"
ITERATE, MEAN, STD, VARIANCE = "iterate", "posterior mean", "standard deviation", "variance"
GRID = "patch grid"
#: Name of the mean's layer where no posterior was sampled.
PLAIN = "reconstruction"
#: From bottom to top of the layer list.
IMAGES = (VARIANCE, STD, MEAN, ITERATE)
#: Metadata key that marks the layers of a run.
ROLE = "napari_padis_role"


class RunLayers:
    """Layers of the runs in one viewer, used again while the shape stays the same.

    Every method runs in the GUI thread. Layers that the user deleted are skipped until
    the next run; hidden ones get their newest data when they are shown.
    """

    def __init__(
        self, viewer: ViewerModel, on_shown: Callable[[str | None], None] | None = None
    ) -> None:
        self._viewer = weakref.ref(viewer)
        self._on_shown = on_shown or (lambda _role: None)
        self._layers: dict[str, Layer] = {}
        self._pending: dict[str, NDArray[Any]] = {}
        self._spread = {STD: SpreadLimits(), VARIANCE: SpreadLimits()}
        self._layout: PatchLayout | None = None
        self._shift: tuple[int, int] = (0, 0)
        self._geometry: tuple[Any, ...] = ()
        self._grid_wanted = True
        viewer.dims.events.order.connect(self._place_grid)
        viewer.dims.events.ndisplay.connect(self._place_grid)
        viewer.scene.camera.events.zoom.connect(self._thicken)

    def get(self, role: str) -> Layer | None:
        """The layer of a role if it is still in the viewer."""
        viewer, layer = self._viewer(), self._layers.get(role)
        present = viewer is not None and layer is not None and layer in viewer.layers
        return layer if present else None

    def begin(
        self,
        started: Started,
        translate: tuple[float, float, float] = (0.0, 0.0, 0.0),
        units: str = "mm",
        affine: NDArray[np.float64] | None = None,
        source: Layer | None = None,
        keep_view: bool = True,
    ) -> None:
        """Create the layers of a run, or empty the present ones when they fit."""
        viewer = self._viewer()
        if viewer is None:
            return
        geometry = (started.shape, started.spacing, started.unit, translate, units)
        if geometry != self._geometry:
            self.show("")  # those of the run before stay, to be compared, but out of sight
            self._layers, self._geometry = {}, geometry
        self._pending.clear()
        if source is not None and self._layers.get(SOURCE) is not source:
            self._layers[SOURCE] = source
            source.events.visible.connect(self._flush)
        self._layout, self._shift = started.layout, (0, 0)
        common = {
            "scale": started.spacing,
            "translate": translate,
            "units": (units,) * 3,
            "axis_labels": SAR,
        }
        with preserve_view(viewer):
            for role in IMAGES:
                self._begin_image(viewer, role, started, common, affine)
            self._begin_grid(viewer, started, common)
            orient(viewer)
        self.show(ITERATE)
        if (iterate := self.get(ITERATE)) is not None:
            (show_slices_of if keep_view else center_slices)(viewer, iterate)

    def _begin_image(
        self,
        viewer: ViewerModel,
        role: str,
        started: Started,
        common: dict[str, Any],
        affine: NDArray[np.float64] | None,
    ) -> None:
        spread = role in self._spread
        data = np.zeros(started.shape, np.float32) if spread else started.initial
        limits = self._spread[role].reset(started.limits) if spread else started.limits
        unit = started.unit if role != VARIANCE else "arbitrary"  # the unit squared
        volume = Volume(data, started.spacing, unit, affine, name=role)
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
            **common,
        )
        layer.events.visible.connect(self._flush)
        self._layers[role] = layer
        viewer.add_layer(layer)

    def _begin_grid(self, viewer: ViewerModel, started: Started, common: dict[str, Any]) -> None:
        layer = self.get(GRID)
        if started.layout is None:  # a method without patches
            if layer is not None:
                layer.visible = False
            return
        data = grid_lines(started.layout, self._shift, started.shape)
        if isinstance(layer, Vectors):
            layer.data = data
        else:
            layer = Vectors(
                data,
                ndim=3,
                name=GRID,
                vector_style="line",
                edge_color="#4dd2ff",
                opacity=0.75,
                metadata={ROLE: GRID},
                **common,
            )
            self._layers[GRID] = layer
            viewer.add_layer(layer)
        self._thicken()
        # Above the images even when some of them had to be made again.
        if viewer.layers[-1] is not layer:
            viewer.layers.move(viewer.layers.index(layer), len(viewer.layers))
        self._place_grid()

    def update(self, event: Iterate | Statistics) -> None:
        """Show newer arrays."""
        if isinstance(event, Iterate):
            self._set(ITERATE, event.array)
            self._shift = event.shift or self._shift
            if event.shift is not None:
                self._move_grid()
            return
        self._set(MEAN, event.mean)
        self._set(STD, event.std)
        self._set(VARIANCE, event.variance)

    def finish(self, event: Statistics) -> None:
        """Show the final arrays, with the limits of mean and spread brought up to date."""
        for spread in self._spread.values():
            spread.expire()
        self.update(event)

    def show(self, role: str) -> None:
        """Make one of the images the only visible one; the grid belongs to the iterate.

        The source is hidden too, or it would look as if its slices were reconstructed.
        """
        for name in (SOURCE, *IMAGES):
            layer = self.get(name)
            if layer is not None:
                layer.visible = name == role
        self._grid_wanted = role == ITERATE
        self._place_grid()

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

    def _move_grid(self) -> None:
        layer = self.get(GRID)
        if isinstance(layer, Vectors) and layer.visible and self._layout is not None:
            layer.data = grid_lines(self._layout, self._shift, self._geometry[0])

    def _thicken(self, _event: object = None) -> None:
        viewer, layer = self._viewer(), self.get(GRID)
        if viewer is not None and layer is not None:
            thicken_lines(viewer, [layer])

    def _place_grid(self, _event: object = None) -> None:
        """The grid is a thing of the axial plane: hide it in all others."""
        viewer, layer = self._viewer(), self.get(GRID)
        if viewer is None or layer is None or self._layout is None:
            return
        dims = viewer.dims
        axial = dims.ndisplay == 2 and tuple(dims.order[-2:]) == (dims.ndim - 2, dims.ndim - 1)
        visible = axial and self._grid_wanted
        if layer.visible != visible:
            layer.visible = visible
            self._move_grid()
