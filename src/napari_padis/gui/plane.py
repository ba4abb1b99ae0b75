"""One of the orthogonal views: a canvas of its own, edge labels, crosshair."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Layer, Vectors
from napari.qt import QtViewer
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_padis.gui.crosshair import crosshair_lines
from napari_padis.gui.gl import ContextGuard
from napari_padis.gui.view import ACROSS, orient, thicken_lines
from napari_padis.gui.world import WORLD

if TYPE_CHECKING:
    from collections.abc import Sequence

CROSSHAIR = "crosshair"
#: Keys that move the focus, which is Qt's business.
FOCUS = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)


@dataclass(frozen=True)
class Plane:
    """A plane of the body: which axis it cuts, and what lies at its edges."""

    name: str
    normal: int
    top: str
    bottom: str
    left: str
    right: str

    @property
    def order(self) -> tuple[int, ...]:
        """Order of the world's axes (S, P, L): the cut one first, then down and across."""
        return (self.normal, *(a for a in range(3) if a != self.normal))


#: Radiological convention: the patient's right is on the left of the screen.
PLANES = (
    Plane("axial", 0, "A", "P", "R", "L"),
    Plane("coronal", 1, "S", "I", "R", "L"),
    Plane("sagittal", 2, "S", "I", "A", "P"),
)


class PlaneView(QWidget):
    """A canvas that shows one plane, and never another one under the same letters.

    Its axes can be neither rolled nor transposed nor shown in 3D: keys are handed on, and what
    other code changes is put back.

    Parameters
    ----------
    plane : Plane
    clicked : callable
        Called with the world position (S, P, L) that was clicked or pointed at.
    typed : callable, optional
        Called with the events of keys that are pressed or released here.
    """

    def __init__(
        self,
        plane: Plane,
        clicked: Callable[[tuple[float, ...]], None],
        typed: Callable[[QKeyEvent], None] | None = None,
    ) -> None:
        super().__init__()
        self.plane = plane
        self._typed = typed
        self.setAccessibleName(f"{plane.name} view")
        self.setToolTip(
            f"{plane.name.capitalize()}: click, or point with Shift held, to move the "
            "crosshair; scroll to zoom, with Ctrl held to go through the slices; drag to pan."
        )
        self._clicked = clicked
        self.model = ViewerModel(title=plane.name)
        self.canvas = QtViewer(self.model)
        self.canvas.dims.hide()
        self.canvas.setAcceptDrops(False)
        self.canvas.canvas.native.setAcceptDrops(False)
        self._lines: list[Vectors] = []
        self._down = False
        self._context = ContextGuard(self.model)
        self._context.set_canvas(self.canvas.canvas.native)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.canvas)
        self._labels = self._make_labels()
        for widget in (self.canvas, self.canvas.canvas.native):
            widget.installEventFilter(self)
        # napari's own take the last two axes for those on show, and move the sliders of this
        # model rather than those of the main viewer.
        self.model.mouse_drag_callbacks[:] = [self._on_click]
        self.model.mouse_move_callbacks[:] = [self._on_move]
        self.model.mouse_wheel_callbacks[:] = [self._on_wheel]
        self.model.mouse_double_click_callbacks.clear()
        self._scrolled = 0.0
        camera = self.model.scene.camera
        camera.events.zoom.connect(self._thicken)
        dims, grid = self.model.dims.events, self.model.canvas.grid.events
        self._held = (dims.order, dims.ndisplay, dims.ndim, camera.events.orientation, grid.enabled)
        for emitter in self._held:
            emitter.connect(self._hold, position="last")  # when napari has done what it wants to
        self.setMinimumSize(90, 90)

    def _make_labels(self) -> dict[str, QLabel]:
        native = self.canvas.canvas.native
        labels = {}
        for edge in ("top", "bottom", "left", "right", "name"):
            text = self.plane.name if edge == "name" else getattr(self.plane, edge)
            label = QLabel(text, native)
            label.setObjectName(f"edge_{edge}")
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            colour = "#c8d0da" if edge == "name" else "#ffd166"
            label.setStyleSheet(
                f"QLabel {{ color: {colour}; font-weight: bold; "
                "background: rgba(0, 0, 0, 190); padding: 0px 2px; }"
            )
            label.adjustSize()
            labels[edge] = label
        return labels

    def edge_labels(self) -> dict[str, str]:
        """Letters shown at the edges."""
        return {edge: label.text() for edge, label in self._labels.items() if edge != "name"}

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Keep the letters at the edges, and hand keys on."""
        if isinstance(event, QKeyEvent) and event.type() != QEvent.Type.ShortcutOverride:
            if event.key() in FOCUS:
                return False
            if self._typed is not None and not self._down:
                self._typed(event)
            return True
        if (
            event is not None
            and watched is self.canvas.canvas.native
            and event.type() in (QEvent.Type.Resize, QEvent.Type.Show)
        ):
            self._place_labels()
        return False

    def _hold(self, _event: object = None) -> None:
        """Put back whatever would show another plane than the name and the letters say."""
        dims = self.model.dims
        if dims.ndim != 3 or self._down:
            return
        if dims.ndisplay != 2:
            dims.ndisplay = 2
        if tuple(dims.order) != self.plane.order:
            dims.order = self.plane.order
        if self.model.canvas.grid.enabled:
            self.model.canvas.grid.enabled = False
        orient(self.model)

    def _place_labels(self) -> None:
        area = self.canvas.canvas.native
        for edge, label in self._labels.items():
            label.adjustSize()
            width, height = label.width(), label.height()
            x = {"left": 4, "name": 4, "right": area.width() - width - 4}.get(
                edge, (area.width() - width) // 2
            )
            y = {"top": 2, "name": 2, "bottom": area.height() - height - 2}.get(
                edge, (area.height() - height) // 2
            )
            label.move(x, y)
            label.raise_()

    def set_up(self, reference: Layer) -> None:
        """Turn the axes and the camera for this plane, and put the crosshair on top."""
        if not self._lines:
            self._lines = [self._make_lines(reference, axis) for axis in self.plane.order[1:]]
        for line in self._lines:
            line.scale, line.translate = reference.scale, reference.translate
            line.units = reference.units
        self._hold()
        self.raise_crosshair()
        self._thicken()

    def raise_crosshair(self) -> None:
        """Put the crosshair above all pictures."""
        if list(self.model.layers)[-len(self._lines) :] != self._lines:
            for line in self._lines:
                self.model.layers.move(self.model.layers.index(line), len(self.model.layers))

    def _make_lines(self, reference: Layer, along: int) -> Vectors:
        """Layer of the crosshair's lines along one axis; each has a width of its own."""
        (across,) = {*self.plane.order[1:]} - {along}
        lines = Vectors(
            np.zeros((0, 2, 3)),
            ndim=3,
            name=f"{CROSSHAIR} {WORLD[along]}",
            vector_style="line",
            opacity=0.9,
            edge_color="#ffd166",
            axis_labels=WORLD,
            units=reference.units,
            scale=reference.scale,
            translate=reference.translate,
            metadata={ACROSS: across},
        )
        self.model.add_layer(lines)
        return lines

    def fit(self) -> None:
        """Fit the picture to the canvas; nothing once it is shut down."""
        if self._down:
            return
        images = [layer for layer in self.model.layers if layer not in self._lines]
        if images:
            self.model.fit_to_view(layers=images, margin=0.04)

    def sees(self, layer: Layer) -> bool:
        """Whether the middle of a layer is within the canvas."""
        camera, axes = self.model.scene.camera, list(self.plane.order[1:])
        middle = np.mean(layer.extent.world, axis=0)[axes]
        half = np.asarray(self.model.canvas.size) / camera.zoom / 2
        return bool(np.all(np.abs(middle - np.asarray(camera.center)[-2:]) < half))

    def set_point(self, point: Sequence[float], reference: Layer) -> None:
        """Cut the volume at a world position and draw the crosshair there."""
        normal = self.plane.normal
        self.model.dims.point = tuple(point)
        scale, translate = np.asarray(reference.scale), np.asarray(reference.translate)
        last = np.asarray(reference.data.shape) - 1
        index = np.clip((np.asarray(point) - translate) / scale, 0, last)
        # Exactly where this view is cut, or the lines would not be drawn.
        index[normal] = (self.model.dims.point[normal] - translate[normal]) / scale[normal]
        lines = crosshair_lines(index.tolist(), (0, 0, 0), last.tolist(), normal)
        for layer, segments in zip(self._lines, lines, strict=False):
            layer.data = segments

    def _thicken(self, _event: object = None) -> None:
        thicken_lines(self.model, self.model.layers)

    def _on_click(self, _model: ViewerModel, event: Any) -> Generator[None]:
        """A click that was not a drag moves the crosshair."""
        start = np.asarray(event.pos)
        yield
        while event.type == "mouse_move":
            if np.abs(np.asarray(event.pos) - start).max() > 3:
                return
            yield
        self._clicked(tuple(event.position[-3:]))

    def _on_move(self, _model: ViewerModel, event: Any) -> None:
        if "Shift" in event.modifiers:
            self._clicked(tuple(event.position[-3:]))

    def _on_wheel(self, _model: ViewerModel, event: Any) -> None:
        """With Ctrl the crosshair goes through the slices, as in the main viewer."""
        if "Control" not in event.modifiers:
            return
        forward = 1 if event.native.inverted() else -1
        self._scrolled += float(np.clip(event.delta[1], -1, 1)) * forward
        steps = int(self._scrolled)  # towards zero
        self._scrolled -= steps
        if steps:
            point, normal = list(self.model.dims.point[-3:]), self.plane.normal
            span = self.model.dims.range[normal]
            point[normal] = min(max(point[normal] + steps * span.step, span.start), span.stop)
            self._clicked(tuple(point))

    def shut_down(self) -> None:
        """Free the canvas; a QtViewer that is only dropped lives on."""
        for widget in (self.canvas, self.canvas.canvas.native):
            widget.removeEventFilter(self)
        for emitter in self._held:
            emitter.disconnect(self._hold)
        for callbacks in (
            self.model.mouse_drag_callbacks,
            self.model.mouse_move_callbacks,
            self.model.mouse_wheel_callbacks,
        ):
            callbacks.clear()
        self._lines, self._down = [], True
        self._context.make_current()
        self._context.release()
        self.canvas.close()
        self.canvas.deleteLater()
