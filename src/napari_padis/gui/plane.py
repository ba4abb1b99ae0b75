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
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_padis.gui.crosshair import crosshair_lines
from napari_padis.gui.gl import ContextGuard
from napari_padis.gui.view import ACROSS, SAR, orient, thicken_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

CROSSHAIR = "crosshair"


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
        """Order of the (S, A, R) axes: the cut one first, then down and across."""
        return (self.normal, *(a for a in range(3) if a != self.normal))


#: Radiological convention: the patient's right is on the left of the screen.
PLANES = (
    Plane("axial", 0, "A", "P", "R", "L"),
    Plane("coronal", 1, "S", "I", "R", "L"),
    Plane("sagittal", 2, "S", "I", "A", "P"),
)


class PlaneView(QWidget):
    """A canvas that shows one plane.

    Parameters
    ----------
    plane : Plane
    clicked : callable
        Called with the world position (S, A, R) that was clicked or pointed at.
    """

    def __init__(self, plane: Plane, clicked: Callable[[tuple[float, ...]], None]) -> None:
        super().__init__()
        self.plane = plane
        self.setAccessibleName(f"{plane.name} view")
        self.setToolTip(
            f"{plane.name.capitalize()}: click, or point with Shift held, to move the "
            "crosshair; scroll to zoom; drag to pan."
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
        self.canvas.canvas.native.installEventFilter(self)
        self.model.mouse_drag_callbacks.append(self._on_click)
        self.model.mouse_move_callbacks.append(self._on_move)
        self.model.scene.camera.events.zoom.connect(self._thicken)
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
        """Keep the letters at the edges."""
        if event is not None and event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self._place_labels()
        return False

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
        self.model.dims.order = self.plane.order
        orient(self.model)
        if not self._lines:
            self._lines = [self._make_lines(reference, axis) for axis in self.plane.order[1:]]
        for line in self._lines:
            line.scale, line.translate = reference.scale, reference.translate
            line.units = reference.units
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
            name=f"{CROSSHAIR} {SAR[along]}",
            vector_style="line",
            opacity=0.9,
            edge_color="#ffd166",
            axis_labels=SAR,
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

    def shut_down(self) -> None:
        """Free the canvas; a QtViewer that is only dropped lives on."""
        self.canvas.canvas.native.removeEventFilter(self)
        self.model.mouse_drag_callbacks.clear()
        self.model.mouse_move_callbacks.clear()
        self._lines, self._down = [], True
        self._context.make_current()
        self._context.release()
        self.canvas.close()
        self.canvas.deleteLater()
