"""The live layers of a run: made when they mean something, then only given new data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from napari.layers import Image, Layer
from numpy.typing import NDArray

from napari_padis.engine.events import Iterate, Started, Statistics
from napari_padis.gui.earlier import EarlierRuns
from napari_padis.gui.grid_layer import GridLayer
from napari_padis.gui.layer_data import KEY, volume_metadata
from napari_padis.gui.limits import SpreadLimits
from napari_padis.gui.quantile_layers import QuantileLayers
from napari_padis.gui.roles import (
    GRID,
    IMAGES,
    ITERATE,
    MEAN,
    PLAIN,
    ROLE,
    RUNNING,
    SOURCE,
    STD,
    VARIANCE,
    RoleLayers,
    RunGrid,
    spread_name,
)
from napari_padis.gui.view import center_slices, preserve_view, show_slices_of
from napari_padis.gui.world import ORIGIN, Place, as_shown
from napari_padis.scan.volume import Volume

if TYPE_CHECKING:
    import numpy as np
    from napari.components import ViewerModel


class RunLayers:
    """Layers of the runs in one viewer; those of earlier runs are kept, see ``earlier``.

    The iterate is there from the start. Mean and spread come with two samples under way,
    and are called what they are at the end only: a run that ends without two samples has no
    spread. Every method runs in the GUI thread. Layers that the user deleted are skipped until
    the next run; hidden ones get their newest data when they are shown.
    """

    def __init__(
        self, viewer: ViewerModel, on_shown: Callable[[str | None], None] | None = None
    ) -> None:
        self._on_shown = on_shown or (lambda _role: None)
        self._roles = RoleLayers(viewer)
        self._patches = GridLayer(viewer, self._roles)
        self._quantiles = QuantileLayers(self._roles, self._flush)
        self._earlier = EarlierRuns(self._roles)
        self._pending: dict[str, NDArray[Any]] = {}
        self._spread = {STD: SpreadLimits(), VARIANCE: SpreadLimits()}
        self._limits = (0.0, 1.0)
        self._affine: NDArray[np.float64] | None = None
        self._method = ""
        self._finished = False
        self._made: set[str] = set()  # of this run, whatever became of them
        self.grid: RunGrid | None = None
        viewer.layers.events.removed.connect(self._removed)

    def get(self, role: str) -> Layer | None:
        """The layer of a role if it is still in the viewer."""
        return self._roles.get(role)

    @property
    def has_quantiles(self) -> bool:
        """Whether the last run has ended with quantiles."""
        return self._quantiles.filled

    @property
    def present(self) -> frozenset[str]:
        """Roles of the images that can be shown."""
        return frozenset(role for role in (SOURCE, *IMAGES) if self.get(role) is not None)

    def begin(
        self,
        started: Started,
        place: Place = ORIGIN,
        affine: NDArray[np.float64] | None = None,
        source: Layer | None = None,
        keep_view: bool = True,
        space: str = "unknown",
    ) -> str:
        """Let go of the run before and create the first layers of another.

        Returns
        -------
        str
            What the user should know, or ''.
        """
        viewer = self._roles.viewer
        if viewer is None:
            return ""
        grid = RunGrid(started.shape, started.spacing, started.unit, place, space)
        note = self._leave(same=grid == self.grid and started.levels > 0)
        self.grid, self._limits, self._affine = grid, started.limits, affine
        self._method, self._finished = started.method, False
        for spread in self._spread.values():
            spread.reset(started.limits)
        if source is not None and self._roles.adopt(SOURCE, source):
            source.events.visible.connect(self._flush)
        first, name = (ITERATE, ITERATE) if started.levels else (MEAN, started.method or PLAIN)
        with preserve_view(viewer):
            layer = self.get(first)
            if isinstance(layer, Image):  # the iterate of the run before
                layer.data, layer.contrast_limits = as_shown(started.initial), started.limits
                layer.metadata = self._metadata(first, started.initial)
            else:
                self._add(first, name, started.initial)
            self._patches.begin(started.layout, grid)
        self.show(first)
        if (layer := self.get(first)) is not None:
            (show_slices_of if keep_view else center_slices)(viewer, layer)
        return note

    def _leave(self, same: bool) -> str:
        """Keep what the run before has made; take the rest out unless the next run fits it."""
        self.show("")
        self._quantiles.begin()
        note = ""
        if self._finished:
            for role in list(self._pending):
                if role != VARIANCE:
                    self._set(role, self._pending[role], hidden=True)
            note = self._earlier.keep(self._method)
        self._pending.clear()
        self._made.clear()
        for role in (MEAN, STD, VARIANCE, *(() if same else (ITERATE, GRID))):
            self._roles.drop(role)
        if not same:
            self._roles.release(SOURCE)
        return note

    def _metadata(self, role: str, array: NDArray[Any]) -> dict[str, Any]:
        grid = self.grid
        assert grid is not None
        unit = grid.unit if role != VARIANCE else "arbitrary"  # the unit squared
        volume = Volume(array, grid.spacing, unit, self._affine, name=role, space=grid.space)
        return {ROLE: role, KEY: volume_metadata(volume, grid.matrix())}

    def _add(self, role: str, name: str, array: NDArray[Any]) -> None:
        """Make the image of a role, hidden, at its place in the list."""
        assert self.grid is not None
        spread, limits = self._spread.get(role), self._limits
        if spread is not None:
            first = spread.reset(self._limits)
            limits = spread.update(array, first) or first
        elif isinstance(shown := self.get(ITERATE), Image):
            limits = tuple(shown.contrast_limits)  # which the user may have changed
        layer = Image(
            as_shown(array),
            name=name,
            colormap="gray" if spread is None else "inferno",
            contrast_limits=limits,
            visible=False,
            metadata=self._metadata(role, array),
            **self.grid.placing(),
        )
        layer.events.visible.connect(self._flush)
        above = (*IMAGES[IMAGES.index(role) + 1 :], GRID)
        below = next((other for other in above if self.get(other) is not None), None)
        self._roles.add(role, layer, below=below)
        self._made.add(role)

    def update(self, event: Iterate | Statistics) -> None:
        """Show newer arrays; the mean of one sample under way is the iterate itself."""
        if isinstance(event, Iterate):
            self._set(ITERATE, event.array)
            if event.shift is not None:
                self._patches.move(event.shift)
        elif event.samples > 1:
            self._put(MEAN, f"mean {RUNNING}", event.mean)
            self._put(STD, f"{STD} {RUNNING}", event.std)
            self._put(VARIANCE, f"{VARIANCE} {RUNNING}", event.variance)

    def finish(
        self,
        event: Statistics,
        quantiles: Mapping[str, NDArray[Any]] | None = None,
        title: str = PLAIN,
        about: Mapping[str, str] | None = None,
    ) -> None:
        """Show the final arrays, with the limits of mean and spread brought up to date.

        Parameters
        ----------
        event : Statistics
            Of finished samples; a spread that is None is taken out.
        quantiles : mapping, optional
        title : str
            What the mean is, see :class:`napari_padis.engine.events.Result`.
        about : mapping, optional
            What the arrays are worth, see ``Result.about``; it goes with the layers into files.
        """
        about = about or {}
        for spread in self._spread.values():
            spread.expire()
        before = self.shown
        finals = (
            (MEAN, title, event.mean, "mean"),
            (STD, spread_name(STD, about), event.std, "std"),
            (VARIANCE, spread_name(VARIANCE, about), event.variance, "variance"),
        )
        for role, name, array, key in finals:
            if array is None:
                self._pending.pop(role, None)
                self._roles.remove(role)
            self._put(role, name, array)
            self._roles.rename(role, name)
            self._tell(role, about.get(key))
        if self.grid is not None:
            self._quantiles.finish(quantiles or {}, self.grid, self._limits, self._affine)
        self._finished = True
        if before is not None and self.shown is None:
            self.show(MEAN)

    def _tell(self, role: str, about: str | None) -> None:
        """Note with the layer what its values are worth."""
        layer = self.get(role)
        if layer is not None and about:
            entry = layer.metadata[KEY]
            told = {**entry, "metadata": {**entry["metadata"], "about": about}}
            layer.metadata = {**layer.metadata, KEY: told}

    def _put(self, role: str, name: str, array: NDArray[Any] | None) -> None:
        """Give an image its new array, or make it when there is one for the first time."""
        viewer = self._roles.viewer
        if array is None or viewer is None or self.grid is None:
            return
        if role in self._made:
            self._set(role, array)
        else:
            with preserve_view(viewer):
                self._add(role, name, array)
            self._on_shown(self.shown)  # there is more to choose from

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

    def _set(self, role: str, array: NDArray[Any], hidden: bool = False) -> None:
        """Give an image its new array now, or when it is next shown unless also ``hidden``."""
        layer = self.get(role)
        if not isinstance(layer, Image) or layer.data.shape != array.shape:
            return
        if not (layer.visible or hidden):
            self._pending[role] = array
            return
        self._pending.pop(role, None)
        if role in self._spread:
            limits = self._spread[role].update(array, tuple(layer.contrast_limits))
            if limits is not None:
                layer.contrast_limits = limits
        # Setting data refreshes; a refresh() on top would draw twice.
        layer.data = as_shown(array)

    def _flush(self) -> None:
        """Hand over what arrived while a layer was hidden."""
        for role, array in list(self._pending.items()):
            layer = self.get(role)
            if layer is not None and layer.visible:
                self._set(role, array)
        self._on_shown(self.shown)

    def _removed(self, _event: object = None) -> None:
        self._on_shown(self.shown)
