"""A small grey picture inside a dock: fits its width, zooms with wheel and keys."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

MOST_ZOOM = 16.0
#: Height of the widget as a share of its width.
ASPECT = 0.8


def grey(image: NDArray[Any], limits: tuple[float, float]) -> NDArray[np.uint8]:
    """Values between the limits as 0 to 255, rows padded to what QImage asks for."""
    low, high = limits
    scaled = (np.asarray(image, dtype=np.float32) - low) * (255.0 / max(high - low, 1e-30))
    return np.ascontiguousarray(np.clip(scaled, 0, 255).astype(np.uint8))


class Picture(QWidget):
    """Shows one slice with its sides in proportion, the radiological way.

    Rows grow to the patient's front and columns to the right, so that the first row is at
    the bottom and the first column on the right, as in the viewer.

    The wheel and the keys + and - zoom, dragging and the arrow keys move, a double click
    and the key 0 show everything again.
    """

    def __init__(self, name: str, tip: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setAccessibleDescription(tip)
        self.setToolTip(tip)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setMinimumSize(60, 60)
        self._image: QImage | None = None
        self._ratio = 1.0
        self.zoom = 1.0
        self._centre = QPointF(0.5, 0.5)
        self._drag: QPointF | None = None
        self.note = ""

    def hasHeightForWidth(self) -> bool:
        """The height follows the width."""
        return True

    def heightForWidth(self, width: int) -> int:
        """A little flatter than a square."""
        return round(ASPECT * width)

    def sizeHint(self) -> QSize:
        """As large as a narrow dock allows."""
        return QSize(300, round(ASPECT * 300))

    def show_image(
        self, image: NDArray[Any] | None, limits: tuple[float, float] = (0, 1), ratio: float = 1.0
    ) -> None:
        """Show an image, or nothing.

        Parameters
        ----------
        image : ndarray, shape (rows, columns), or None
        limits : tuple of float
            Values shown black and white.
        ratio : float
            Height of a pixel over its width.
        """
        if image is None:
            self._image = None
        else:
            values = np.ascontiguousarray(grey(image, limits)[::-1, ::-1])
            rows, columns = values.shape
            # The copy owns its bytes; QImage would only borrow those of the array.
            borrowed = QImage(values.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
            self._image = borrowed.copy()
            self._ratio = ratio
        self.update()

    @property
    def empty(self) -> bool:
        """Whether nothing is shown."""
        return self._image is None

    def set_note(self, text: str) -> None:
        """A word in the corner, such as 'computing'."""
        if text != self.note:
            self.note = text
            self.update()

    def reset(self) -> None:
        """Show everything."""
        self.zoom, self._centre = 1.0, QPointF(0.5, 0.5)
        self.update()

    def zoom_by(self, factor: float) -> None:
        """Zoom around the middle."""
        self.zoom = min(max(self.zoom * factor, 1.0), MOST_ZOOM)
        self._move(0, 0)

    def _move(self, right: float, down: float) -> None:
        """Move the section shown by shares of the picture, as far as it goes."""
        margin = 0.5 / self.zoom
        x = min(max(self._centre.x() + right, margin), 1 - margin)
        y = min(max(self._centre.y() + down, margin), 1 - margin)
        self._centre = QPointF(x, y)
        self.update()

    def _frame(self) -> QRectF:
        """Where the whole picture lies when it is not zoomed."""
        assert self._image is not None
        width, height = self._image.width(), self._image.height() * self._ratio
        scale = min(self.width() / width, self.height() / height)
        w, h = width * scale, height * scale
        return QRectF((self.width() - w) / 2, (self.height() - h) / 2, w, h)

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Draw the section on a black ground."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), Qt.GlobalColor.black)
        if self._image is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.zoom < 4)
            width, height = self._image.width(), self._image.height()
            w, h = width / self.zoom, height / self.zoom
            section = QRectF(
                self._centre.x() * width - w / 2, self._centre.y() * height - h / 2, w, h
            )
            painter.drawImage(self._frame(), self._image, section)
        if self.note or self._image is None:
            painter.setPen(Qt.GlobalColor.lightGray)
            corner = self.rect().adjusted(6, 4, -6, -4)
            align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
            painter.drawText(corner, align | Qt.TextFlag.TextWordWrap, self.note)
        if self.hasFocus():
            painter.setPen(self.palette().highlight().color())
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom while the picture has the focus; otherwise the dock scrolls."""
        if event is None:
            return
        if not self.hasFocus():
            event.ignore()
            return
        self.zoom_by(1.25 if event.angleDelta().y() > 0 else 0.8)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Zoom and move by keys."""
        if event is None:
            return
        key, step = event.key(), 0.1 / self.zoom
        moves = {
            Qt.Key.Key_Left: (-step, 0),
            Qt.Key.Key_Right: (step, 0),
            Qt.Key.Key_Up: (0, -step),
            Qt.Key.Key_Down: (0, step),
        }
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_by(1.25)
        elif key == Qt.Key.Key_Minus:
            self.zoom_by(0.8)
        elif key == Qt.Key.Key_0:
            self.reset()
        elif key in moves:
            self._move(*moves[Qt.Key(key)])
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Begin to drag."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self._drag = event.position()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Drag the section."""
        if event is None or self._drag is None or self._image is None:
            return
        frame, moved = self._frame(), event.position() - self._drag
        self._drag = event.position()
        self._move(-moved.x() / frame.width() / self.zoom, -moved.y() / frame.height() / self.zoom)

    def mouseReleaseEvent(self, _event: QMouseEvent | None) -> None:
        """End of dragging."""
        self._drag = None

    def mouseDoubleClickEvent(self, _event: QMouseEvent | None) -> None:
        """Show everything."""
        self.reset()
