"""Draws the picture of a geometry; small in the dock, large in a window of its own."""

from __future__ import annotations

from typing import ClassVar

from qtpy.QtCore import QEvent, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QDialog, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_padis.gui.picture.geometry import picture_of
from napari_padis.gui.picture.paint import (
    BAR,
    Ink,
    legend_size,
    paint_bar,
    paint_legend,
    paint_panel,
)
from napari_padis.gui.picture.shapes import Picture
from napari_padis.gui.sections.base import named
from napari_padis.scan.geometry import Geometry

#: Size in the dock and, at first, in its own window.
SIZE, LARGE = QSize(330, 200), QSize(900, 560)
TIP = "The scan to scale. Click, or press Enter, to enlarge."


class GeometryPicture(QWidget):
    """A geometry drawn to scale.

    Parameters
    ----------
    parent : QWidget, optional
    """

    clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picture: Picture | None = None
        named(self, "Picture of the geometry", TIP)
        self.setMinimumSize(200, 120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_geometry(self, geometry: Geometry | None) -> None:
        """Draw another geometry, or nothing."""
        self.set_picture(picture_of(geometry) if geometry is not None else None)

    def set_picture(self, picture: Picture | None) -> None:
        """Draw another picture, or nothing."""
        self.picture = picture
        words = "; ".join(text for _, text in picture.legend) if picture else "nothing to draw"
        self.setAccessibleDescription(f"{words}. {TIP}")
        self.update()

    def sizeHint(self) -> QSize:
        """See QWidget."""
        return SIZE

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """See QWidget."""
        if self.picture is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = Ink.of(self)
        painter.fillRect(self.rect(), ink["ground"])
        area = QRectF(self.rect()).adjusted(4, 4, -4, -4)
        legend = self.picture.legend
        wide, high = legend_size(painter, legend)
        aside = min(wide, 0.6 * area.width())
        main = QRectF(area.left(), area.top(), area.width() - aside - 8, area.height())
        rest = QRectF(main.right() + 8, area.top(), aside, area.height())
        scale = paint_panel(painter, self.picture.panels[0], main, ink)
        bar = BAR if self.picture.panels[0].length_unit else 0
        for panel in self.picture.panels[1:]:
            upper = QRectF(rest.left(), rest.top(), aside, rest.height() - high - bar - 4)
            paint_panel(painter, panel, upper, ink)
            rest.setTop(upper.bottom() + 4)
        paint_legend(painter, legend, rest, ink)
        if bar:
            paint_bar(painter, self.picture.panels[0].length_unit, scale, rest, ink)
        if self.hasFocus():
            painter.setPen(ink["image"])
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """A click asks for a larger picture."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Enter and the space bar do what a click does."""
        keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
        if event is not None and event.key() in keys:
            self.clicked.emit()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent | None) -> None:
        """Other colours when the theme changes."""
        super().changeEvent(event)
        if event is not None and event.type() in (
            QEvent.Type.PaletteChange,
            QEvent.Type.StyleChange,
        ):
            self.update()


class PictureBox(QWidget):
    """The picture in the dock, with a button that folds it away."""

    _TITLES: ClassVar = {True: "▾ Picture", False: "▸ Picture"}

    def __init__(self) -> None:
        super().__init__()
        self.button = named(
            QPushButton(self._TITLES[True]), "Picture", "Show or hide the picture of the scan."
        )
        self.button.setFlat(True)
        self.button.setStyleSheet("QPushButton { text-align: left; padding: 2px 4px; }")
        self.picture = GeometryPicture()
        self.picture.setFixedHeight(SIZE.height())
        self.picture.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.picture.setCursor(Qt.CursorShape.PointingHandCursor)
        self.dialog: QDialog | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(1)
        layout.addWidget(self.button)
        layout.addWidget(self.picture)
        self.button.clicked.connect(self._fold)
        self.picture.clicked.connect(self.enlarge)

    def set_geometry(self, geometry: Geometry | None) -> None:
        """Draw another geometry; without one there is no picture."""
        self.picture.set_geometry(geometry)
        self.setVisible(geometry is not None)
        if self.dialog is not None:
            self.dialog.findChild(GeometryPicture).set_picture(self.picture.picture)

    def _fold(self) -> None:
        shown = self.picture.isHidden()
        self.button.setText(self._TITLES[shown])
        self.picture.setVisible(shown)

    def enlarge(self) -> None:
        """Open the large picture, which follows the settings as long as it is open."""
        if self.dialog is None:
            self.dialog = QDialog(self.window())
            self.dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            self.dialog.setWindowTitle("Geometry of the scan")
            self.dialog.resize(LARGE)
            large = GeometryPicture(self.dialog)
            large.setToolTip("The scan to scale.")
            large.set_picture(self.picture.picture)
            layout = QVBoxLayout(self.dialog)
            layout.addWidget(large)
            self.dialog.finished.connect(self._closed)
        self.dialog.show()
        self.dialog.raise_()

    def _closed(self, _result: int) -> None:
        self.dialog = None
