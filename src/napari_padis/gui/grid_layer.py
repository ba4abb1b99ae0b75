"""The patch grid as a layer above the images of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Vectors

from napari_padis.engine.events import PatchLayout
from napari_padis.gui.gridlines import grid_lines
from napari_padis.gui.roles import GRID, ROLE, RoleLayers, RunGrid
from napari_padis.gui.view import thicken_lines

if TYPE_CHECKING:
    from napari.components import ViewerModel


class GridLayer:
    """Draws the patch grid and moves it; it is a thing of the iterate in the axial plane.

    Parameters
    ----------
    viewer : ViewerModel
    roles : RoleLayers
    """

    def __init__(self, viewer: ViewerModel, roles: RoleLayers) -> None:
        self._roles = roles
        self._layout: PatchLayout | None = None
        self._shift: tuple[int, int] = (0, 0)
        self._shape: tuple[int, int, int] = (1, 1, 1)
        self._wanted = True
        viewer.dims.events.order.connect(self._place)
        viewer.dims.events.ndisplay.connect(self._place)
        viewer.scene.camera.events.zoom.connect(self._thicken)

    def begin(self, layout: PatchLayout | None, grid: RunGrid) -> None:
        """Draw the grid of a new run; None is a method without patches."""
        self._layout, self._shift, self._shape = layout, (0, 0), grid.shape
        viewer, layer = self._roles.viewer, self._roles.get(GRID)
        if layout is None or viewer is None:
            if layer is not None:
                layer.visible = False
            return
        data = grid_lines(layout, self._shift, grid.shape)
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
                **grid.placing(),
            )
            self._roles.add(GRID, layer)
        self._thicken()
        # Above the images even when some of them had to be made again.
        if viewer.layers[-1] is not layer:
            viewer.layers.move(viewer.layers.index(layer), len(viewer.layers))
        self._place()

    def move(self, shift: tuple[int, int]) -> None:
        """Follow the sampler's shift."""
        self._shift = shift
        self._draw()

    def want(self, wanted: bool) -> None:
        """Show the grid where it makes sense, or nowhere."""
        self._wanted = wanted
        self._place()

    def _draw(self) -> None:
        layer = self._roles.get(GRID)
        if isinstance(layer, Vectors) and layer.visible and self._layout is not None:
            layer.data = grid_lines(self._layout, self._shift, self._shape)

    def _thicken(self, _event: object = None) -> None:
        viewer, layer = self._roles.viewer, self._roles.get(GRID)
        if viewer is not None and layer is not None:
            thicken_lines(viewer, [layer])

    def _place(self, _event: object = None) -> None:
        """Hide the grid in all planes but the axial one."""
        viewer, layer = self._roles.viewer, self._roles.get(GRID)
        if viewer is None or layer is None or self._layout is None:
            return
        dims = viewer.dims
        axial = dims.ndisplay == 2 and tuple(dims.order[-2:]) == (dims.ndim - 2, dims.ndim - 1)
        visible = axial and self._wanted
        if layer.visible != visible:
            layer.visible = visible
            self._draw()
