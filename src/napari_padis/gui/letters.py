"""Letters of the patient's sides at the edges of napari's own canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QLabel, QWidget

from napari_padis.gui.layer_world import entry_of
from napari_padis.gui.world import to_ras
from napari_padis.scan.orientation import axis_codes

if TYPE_CHECKING:
    from napari.components import ViewerModel

STYLE = (
    "QLabel {{ color: {}; font-weight: bold; background: rgba(0, 0, 0, 190); padding: 0px 2px; }}"
)
OPPOSITE = {"S": "I", "P": "A", "L": "R", "I": "S", "A": "P", "R": "L"}


def directions(viewer: ViewerModel) -> tuple[str, ...]:
    """Where in the patient the last three axes of what is seen grow.

    Empty where it is not said, or where layers that are seen together do not agree: the
    reconstruction of sagittal k-space has other axes than a volume, data that were measured have
    none of the patient. Drawings and pictures of others, which say nothing, go with the rest.
    """
    found = set()
    for layer in viewer.layers:
        if not layer.visible or layer.ndim < 3:
            continue
        ras = to_ras(tuple(layer.axis_labels)[-3:])
        if ras is not None:
            found.add(tuple(axis_codes(ras)))
        elif entry_of(layer):
            found.add(())
    return found.pop() if len(found) == 1 else ()


def edge_letters(viewer: ViewerModel) -> dict[str, str]:
    """What lies at the edges of the canvas; empty where no patient is seen in a plane.

    It follows the axes that are displayed and the camera, whoever has turned them.
    """
    dims = viewer.dims
    axes = [axis - dims.ndim + 3 for axis in dims.order[-2:]]
    world = directions(viewer)
    if dims.ndisplay != 2 or dims.ndim < 3 or min(axes) < 0 or not world:
        return {}
    found = {}
    sides = map(str, viewer.scene.camera.orientation2d)
    for axis, side in zip(axes, sides, strict=True):
        towards = {"down": "bottom", "up": "top"}.get(side, side)
        away = {"bottom": "top", "top": "bottom", "right": "left", "left": "right"}[towards]
        found[towards], found[away] = world[axis], OPPOSITE[world[axis]]
    return found


class EdgeLetters(QObject):
    """Draws them, as long as it is not removed.

    Parameters
    ----------
    viewer : ViewerModel
    canvas : QWidget
        On which the viewer is drawn.
    """

    def __init__(self, viewer: ViewerModel, canvas: QWidget) -> None:
        super().__init__()
        self._viewer, self._canvas = viewer, canvas
        self._labels = {edge: QLabel(canvas) for edge in ("top", "bottom", "left", "right")}
        for label in self._labels.values():
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            label.setStyleSheet(STYLE.format("#ffd166"))
        canvas.installEventFilter(self)
        dims, layers = viewer.dims.events, viewer.layers.events
        self._emitters: tuple[Any, ...] = (
            dims.order, dims.ndisplay, dims.ndim, viewer.scene.camera.events.orientation,
            layers.removed,
        )  # fmt: skip
        for emitter in self._emitters:
            emitter.connect(self.update, position="last")
        layers.inserted.connect(self._follow)
        self._follow()

    def _follow(self, event: Any = None) -> None:
        """Another layer, or all that are there at first, may be shown and hidden."""
        for layer in self._viewer.layers if event is None else [event.value]:
            layer.events.visible.connect(self.update)
        self.update()

    @property
    def shown(self) -> dict[str, str]:
        """Letters on the canvas by their edges."""
        return {edge: label.text() for edge, label in self._labels.items() if not label.isHidden()}

    def update(self, _event: object = None) -> None:
        """Write what is true now."""
        letters = edge_letters(self._viewer)
        width, height = self._canvas.width(), self._canvas.height()
        for edge, label in self._labels.items():
            label.setText(letters.get(edge, ""))
            label.setVisible(edge in letters)
            label.adjustSize()
            x = {"left": 4, "right": width - label.width() - 4}.get(
                edge, (width - label.width()) // 2
            )
            y = {"top": 2, "bottom": height - label.height() - 2}.get(
                edge, (height - label.height()) // 2
            )
            label.move(x, y)
            label.raise_()

    def eventFilter(self, _watched: QObject | None, event: QEvent | None) -> bool:
        """Keep the letters at the edges."""
        if event is not None and event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self.update()
        return False

    def remove(self) -> None:
        """Take them away; safe to call when the canvas is gone."""
        for emitter in (*self._emitters, *(layer.events.visible for layer in self._viewer.layers)):
            emitter.disconnect(self.update)
        self._viewer.layers.events.inserted.disconnect(self._follow)
        self._emitters = ()
        try:
            self._canvas.removeEventFilter(self)
            for label in self._labels.values():
                label.deleteLater()
        except RuntimeError:  # the window was closed, and took them with it
            pass
        self._labels = {}
