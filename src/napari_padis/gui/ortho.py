"""Axial, coronal and sagittal views of the main viewer's layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image, Layer
from napari.utils.notifications import show_error
from qtpy.QtCore import QEvent, QSize, Qt, QTimer
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent, QShowEvent
from qtpy.QtWidgets import (
    QApplication,
    QDockWidget,
    QMainWindow,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from napari_padis.gui.docking import forbid_floating
from napari_padis.gui.gl import ContextGuard, main_canvas
from napari_padis.gui.letters import EdgeLetters
from napari_padis.gui.lifecycle import WindowWatcher
from napari_padis.gui.mirror import Mirror, can_mirror
from napari_padis.gui.openings import openings_of
from napari_padis.gui.plane import PLANES, PlaneView
from napari_padis.gui.roles import ROLE
from napari_padis.gui.view import keep_upright

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.viewer import Viewer

TITLE = "Orthogonal views"
#: Milliseconds in which movements of the crosshair are gathered.
GATHER = 30
#: Milliseconds between the canvases that get newer data, so that none blocks for long.
STAGGER = 20


class OrthoViews(QWidget):
    """Three linked canvases on the same arrays.

    The rest of the program uses ``set_layers``, ``refresh``, ``set_point`` and
    ``shut_down`` only, so that another implementation can take its place.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.setObjectName("OrthoViews")
        self.setAccessibleName(TITLE)
        self.setAcceptDrops(True)
        self._viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        keep_upright(self._viewer)
        self.planes = [PlaneView(plane, self.set_point, self._typed) for plane in PLANES]
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.setChildrenCollapsible(False)
        for view in self.planes:
            splitter.addWidget(view)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(splitter)
        self._mirrors: list[Mirror] = []
        self._reference: Layer | None = None
        self._guard = False
        self._down = False
        self._docked = False
        self._main: QWidget | None = None  # canvas of the main viewer
        self._openings = openings_of(self._viewer)
        self._openings.add(self)
        self._watcher: WindowWatcher | None = None
        self._letters: EdgeLetters | None = None
        self._context = ContextGuard(self._viewer)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(GATHER)
        self._timer.timeout.connect(self._catch_up)
        self._stale: list[PlaneView] = []
        self._stale_timer = QTimer(self)
        self._stale_timer.setInterval(STAGGER)
        self._stale_timer.timeout.connect(self._refresh_one)
        # Layers come in batches, and taking a picture out of a canvas is slow.
        self._layer_timer = QTimer(self)
        self._layer_timer.setSingleShot(True)
        self._layer_timer.timeout.connect(self._layers_changed)
        self._layers_changed()
        events = self._viewer.layers.events
        for emitter in (events.inserted, events.removed, events.reordered):
            emitter.connect(self._layers_change)
        self._viewer.dims.events.point.connect(self._point_moved)
        self._viewer.events.theme.connect(self._follow_theme)
        self._follow_theme()

    def sizeHint(self) -> QSize:
        """Give room to a row of three pictures."""
        return QSize(720, 260)

    def set_layers(self, layers: Sequence[Layer]) -> None:
        """Show these layers of the main viewer, from bottom to top."""
        before = [mirror.source for mirror in self._mirrors]
        wanted = [layer for layer in layers if can_mirror(layer)]
        for mirror in list(self._mirrors):
            if mirror.source not in wanted:
                mirror.remove()
                self._mirrors.remove(mirror)
        known = {id(mirror.source): mirror for mirror in self._mirrors}
        first = not self._mirrors
        models = [view.model for view in self.planes]
        normals = [view.plane.normal for view in self.planes]
        self._mirrors = [
            known.get(id(layer)) or Mirror(layer, models, self._stack, self._data_changed, normals)
            for layer in wanted
        ]
        if [mirror.source for mirror in self._mirrors] != before:
            self._stack()
        images = [layer for layer in wanted if isinstance(layer, Image)]
        self._reference = images[0] if images else None
        if self._reference is None:
            return
        newest = images[-1]  # a scan that was opened, perhaps far from the others
        opened = newest.visible and newest not in before and ROLE not in newest.metadata
        for view in self.planes:
            view.set_up(self._reference)
            if first or (opened and not view.sees(newest)):
                view.fit()
        self._catch_up()

    def _stack(self) -> None:
        """The order of the main viewer, and the crosshair on top."""
        for mirror in self._mirrors:
            mirror.raise_()
        for view in self.planes:
            view.raise_crosshair()

    def refresh(self) -> None:
        """Show the newest data of all visible layers now."""
        self._stale = []
        for mirror in self._mirrors:
            mirror.refresh()

    def _data_changed(self) -> None:
        self._stale = list(self.planes)
        self._stale_timer.start()

    def _refresh_one(self) -> None:
        """One canvas at a time: drawing all at once would block the window too long."""
        if self._stale:
            view = self._stale.pop(0)
            for mirror in self._mirrors:
                mirror.refresh(view.model)
        if not self._stale:
            self._stale_timer.stop()

    def set_point(self, point: tuple[float, ...]) -> None:
        """Move the crosshair, and the main viewer's sliders, to a world position in mm."""
        if self._guard or self._down or self._reference is None or len(point) != 3:
            return
        self._guard = True
        try:
            dims = self._viewer.dims
            dims.point = (*dims.point[: dims.ndim - 3], *point)
            for view in self.planes:
                view.set_point(tuple(dims.point[-3:]), self._reference)
        finally:
            self._guard = False

    def shut_down(self) -> None:
        """Free the canvases; safe to call twice."""
        if self._down:
            return
        self._down = True
        self._timer.stop()
        self._layer_timer.stop()
        self._stale_timer.stop()
        events = self._viewer.layers.events
        for emitter in (events.inserted, events.removed, events.reordered):
            emitter.disconnect(self._layers_change)
        self._viewer.dims.events.point.disconnect(self._point_moved)
        self._viewer.events.theme.disconnect(self._follow_theme)
        self._context.release()
        if self._letters is not None:
            self._letters.remove()
            self._letters = None
        for mirror in self._mirrors:
            mirror.detach()
        self._mirrors, self._reference = [], None
        for view in self.planes:
            view.shut_down()
        self.planes, self._stale, self._main = [], [], None
        self._openings.tell()
        self.deleteLater()

    @property
    def opened(self) -> bool:
        """Whether these views are in a dock that was neither closed nor hidden."""
        dock = self.parent() if not self._down else None
        return isinstance(dock, QDockWidget) and not dock.isHidden()

    def _typed(self, event: QKeyEvent) -> None:
        """Keys act on the main viewer, whose axes and layers they are about."""
        self._watch()
        if self._main is not None:
            QApplication.sendEvent(self._main, event)

    def _layers_change(self, _event: Any = None) -> None:
        self._layer_timer.start(0)

    def _layers_changed(self) -> None:
        self.set_layers(list(self._viewer.layers))

    def _point_moved(self, _event: Any = None) -> None:
        if not self._guard and not self._timer.isActive():
            self._timer.start()

    def _catch_up(self) -> None:
        self.set_point(tuple(self._viewer.dims.point[-3:]))

    def _follow_theme(self, _event: Any = None) -> None:
        for view in self.planes:
            view.model.theme = self._viewer.theme

    def changeEvent(self, event: QEvent | None) -> None:
        """Being docked: forbid floating. Being taken out of the dock: shut down."""
        super().changeEvent(event)
        if event is None or event.type() != QEvent.Type.ParentChange or self._down:
            return
        dock = self.parent()
        if isinstance(dock, QDockWidget):
            self._docked = True
            forbid_floating(dock)
            dock.toggleViewAction().toggled.connect(self._openings.tell)
            dock.visibilityChanged.connect(self._openings.tell)
            QTimer.singleShot(0, self._watch)
        elif dock is None and self._docked:
            self.shut_down()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Fit the pictures once their size is known."""
        super().showEvent(event)
        self._watch()
        for view in self.planes:
            QTimer.singleShot(0, view.fit)

    def _watch(self) -> None:
        window = self.window() if not self._down else None
        if isinstance(window, QMainWindow) and self._watcher is None:
            self._watcher = WindowWatcher(window, self.shut_down)
            self._main = main_canvas(window, self)
            self._context.set_canvas(self._main)
            if self._main is not None:
                self._letters = EdgeLetters(self._viewer, self._main)
            self._openings.tell()

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Files may be dropped here as on the main canvas."""
        data = event.mimeData() if event is not None else None
        if event is not None and data is not None and data.hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open dropped files in the main viewer."""
        data = event.mimeData() if event is not None else None
        if event is None or data is None:
            return
        paths = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
        try:
            self._viewer.open(paths, plugin="napari-padis")
        except Exception as error:  # readers raise all sorts; the user sees one sentence
            show_error(str(error))
        event.acceptProposedAction()


def toggle_ortho_views(viewer: Viewer, on: bool) -> OrthoViews | None:
    """Open or close the orthogonal views of a viewer's window."""
    present = [w for w in viewer.window.dock_widgets.values() if isinstance(w, OrthoViews)]
    if not on:
        for views in present:
            viewer.window.remove_dock_widget(views)
        return None
    if not present:
        present = [OrthoViews(viewer)]
        viewer.window.add_dock_widget(present[0], name=TITLE, area="bottom")
    dock = present[0].parent()
    if isinstance(dock, QDockWidget) and dock.isHidden():
        dock.show()
    return present[0]
