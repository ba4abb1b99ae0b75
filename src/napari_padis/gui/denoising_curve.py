"""How well a prior denoises: PSNR against the noise level, as a small plot."""

from __future__ import annotations

import math

from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_padis.gui.picture.paint import Ink
from napari_padis.gui.sections.base import named
from napari_padis.prior.facts import noisy_psnr

#: Pairs of a noise level and a PSNR in dB.
Curve = tuple[tuple[float, float], ...]
HEIGHT = 156
#: Decibels between two lines of the grid, at most so many of them.
STEPS, LINES = (5, 10, 20, 50, 100), 5
TIP = "PSNR of validation slices after one denoising step; point at the curve to read it."


class Axes:
    """Takes noise levels and decibels to points of the screen.

    Parameters
    ----------
    curve : tuple of pairs
        At least two points.
    area : QRectF
    """

    def __init__(self, curve: Curve, area: QRectF) -> None:
        sigmas = [sigma for sigma, _ in curve]
        values = [psnr for _, psnr in curve]
        self.area = area
        self.low, self.high = min(sigmas), max(sigmas)
        self.step = _step(max(values) - min(values))
        self.bottom = self.step * math.floor(min(values) / self.step)
        self.top = max(self.step * math.ceil(max(values) / self.step), self.bottom + self.step)

    def __call__(self, sigma: float, psnr: float) -> QPointF:
        """Point of the screen."""
        along = math.log(sigma / self.low) / math.log(self.high / self.low)
        up = (psnr - self.bottom) / (self.top - self.bottom)
        return QPointF(
            self.area.left() + along * self.area.width(),
            self.area.bottom() - up * self.area.height(),
        )

    @property
    def decades(self) -> list[float]:
        """Powers of ten on the axis of noise levels."""
        first, last = (
            math.ceil(math.log10(self.low) - 1e-9),
            math.floor(math.log10(self.high) + 1e-9),
        )
        return [10.0**power for power in range(first, last + 1)]

    @property
    def levels(self) -> list[float]:
        """Decibels at the lines of the grid."""
        return [
            float(level) for level in range(int(self.bottom), int(self.top) + 1, int(self.step))
        ]


def _step(span: float) -> int:
    return next((step for step in STEPS if span / step <= LINES), STEPS[-1])


class DenoisingCurve(QWidget):
    """The curve of one prior, beside that of the noisy images themselves.

    Attributes
    ----------
    curve : tuple of pairs
        Noise levels, rising, with PSNR in dB; empty where there is no curve.
    marked : pair or None
        The point that is being read.
    """

    def __init__(self) -> None:
        super().__init__()
        self.curve: Curve = ()
        self.marked: tuple[float, float] | None = None
        named(self, "Denoising curve", TIP)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(160)
        self.setMouseTracking(True)

    def set_curve(self, curve: Curve) -> None:
        """Draw another curve; less than two noise levels are none."""
        self.curve = tuple(sorted(curve)) if len({sigma for sigma, _ in curve}) > 1 else ()
        self.marked = None
        self.setVisible(bool(self.curve))
        words = ", ".join(f"{psnr:.1f} dB at {sigma:g}" for sigma, psnr in self.curve)
        self.setAccessibleDescription(f"{TIP} {words}")
        self.update()

    def sizeHint(self) -> QSize:
        """See QWidget."""
        return QSize(320, HEIGHT)

    def axes(self) -> Axes | None:
        """Where the curve is drawn; None without a curve."""
        if not self.curve:
            return None
        line = self.fontMetrics().height()
        left = self.fontMetrics().horizontalAdvance("-00") + 10
        area = QRectF(self.rect()).adjusted(left, line + 8, -14, -2 * line - 8)
        return Axes(self.curve, area) if area.width() > 20 and area.height() > 20 else None

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """See QWidget."""
        axes = self.axes()
        if axes is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = Ink.of(self)
        painter.fillRect(self.rect(), ink["ground"])
        self._grid(painter, axes, ink)
        painter.save()
        painter.setClipRect(axes.area.adjusted(-1, -1, 1, 1))
        painter.setPen(ink.pen("view"))
        painter.drawLine(*(axes(s, noisy_psnr(s)) for s in (axes.low, axes.high)))
        painter.restore()
        painter.setPen(QPen(ink["image"], 1.8))
        painter.drawPolyline(QPolygonF([axes(*point) for point in self.curve]))
        self._heading(painter, axes, ink)
        painter.end()

    def _grid(self, painter: QPainter, axes: Axes, ink: Ink) -> None:
        """Lines, numbers, and what the axes are."""
        area, line = axes.area, self.fontMetrics().height()
        middle = Qt.AlignmentFlag.AlignCenter
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for level in axes.levels:
            y = axes(axes.low, level).y()
            painter.setPen(ink.pen("grid"))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(ink["text"])
            painter.drawText(QRectF(0, y - line / 2, area.left() - 5, line), right, f"{level:g}")
        for sigma in axes.decades:
            x = axes(sigma, axes.bottom).x()
            painter.setPen(ink.pen("grid"))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            painter.setPen(ink["text"])
            painter.drawText(QRectF(x - 30, area.bottom() + 4, 60, line), middle, f"{sigma:g}")
        below = QRectF(area.left(), area.bottom() + line + 4, area.width(), line)
        painter.drawText(below, middle, "noise level σ")

    def _heading(self, painter: QPainter, axes: Axes, ink: Ink) -> None:
        """What the lines are; or the values at the mark."""
        line = self.fontMetrics().height()
        box = QRectF(axes.area.left(), 2, axes.area.width(), line)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        if self.marked is not None:
            sigma, psnr = self.marked
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink["image"])
            painter.drawEllipse(axes(sigma, psnr), 3.5, 3.5)
            painter.setPen(ink["text"])
            painter.drawText(box, left, f"σ {sigma:g}: {noisy_psnr(sigma):.1f} → {psnr:.1f} dB")
            return
        x = box.left()
        for pen, words in ((QPen(ink["image"], 1.8), "denoised, dB"), (ink.pen("view"), "noisy")):
            painter.setPen(pen)
            painter.drawLine(QPointF(x, box.center().y()), QPointF(x + 16, box.center().y()))
            painter.setPen(ink["text"])
            painter.drawText(box.adjusted(x + 20 - box.left(), 0, 0, 0), left, words)
            x += 20 + self.fontMetrics().horizontalAdvance(words) + 14

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Read the point of the curve that is nearest along the axis."""
        axes = self.axes()
        if event is not None and axes is not None:
            x = event.position().x()
            self._mark(min(self.curve, key=lambda point: abs(axes(*point).x() - x)))

    def leaveEvent(self, event: QEvent | None) -> None:
        """See QWidget."""
        super().leaveEvent(event)
        self._mark(None)

    def changeEvent(self, event: QEvent | None) -> None:
        """Other colours when the theme changes."""
        super().changeEvent(event)
        self.update()

    def _mark(self, point: tuple[float, float] | None) -> None:
        if point != self.marked:
            self.marked = point
            self.update()
