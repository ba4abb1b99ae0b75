"""Paints panels and legends of a picture with Qt, in colours that fit the theme."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QFont, QImage, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

from napari_padis.gui.picture.shapes import (
    Circle,
    Dots,
    Letter,
    Line,
    Panel,
    Point,
    Raster,
    Shape,
    nice_length,
)

#: Colours by role, for dark and for light themes.
_COLOURS = {
    "ground": ("#1b1f26", "#fbfbfc"),
    "text": ("#e6e9ee", "#20242b"),
    "axis": ("#e6e9ee", "#20242b"),
    "side": ("#ffd166", "#8a5a00"),
    "image": ("#6ec1ff", "#0b63b5"),
    "view": ("#8f9bab", "#6a7480"),
    "orbit": ("#b08cff", "#6a3fc4"),
    "source": ("#ff9f5a", "#b84a00"),
    "ray": ("#d9a37c", "#b0754a"),
    "detector": ("#5fd38d", "#0e7a3f"),
    "tick": ("#b08cff", "#6a3fc4"),
    "turn": ("#ff7eb6", "#b3146a"),
    "grid": ("#5a6472", "#b3bac3"),
    "block": ("#6ec1ff", "#0b63b5"),
    "bright": ("#dfe5ec", "#2c333d"),
    "dark": ("#323a45", "#d9dee4"),
}
_WIDTHS = {"detector": 3.0, "image": 1.6, "turn": 1.8, "block": 1.8, "tick": 1.2, "grid": 0.8}
_DOT = {"source": 4.0, "orbit": 1.5}
_HEAD = 6.0
#: Height of the scale bar with its text, and width of the legend's swatches.
BAR, SWATCH = 18.0, 18.0


class Ink(dict[str, QColor]):
    """Colours of all roles."""

    @classmethod
    def of(cls, widget: QWidget) -> Ink:
        """Colours for the theme that a widget has."""
        light = widget.palette().color(widget.backgroundRole()).lightness() >= 128
        return cls({role: QColor(pair[light]) for role, pair in _COLOURS.items()})

    def pen(self, role: str) -> QPen:
        """Pen of a role."""
        pen = QPen(self[role], _WIDTHS.get(role, 1.0))
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        if role == "view":
            pen.setStyle(Qt.PenStyle.DashLine)
        return pen


class Scale:
    """Takes millimetres of a panel to points of the screen.

    Parameters
    ----------
    panel : Panel
    area : QRectF
    """

    def __init__(self, panel: Panel, area: QRectF) -> None:
        (x0, y0), (x1, y1) = panel.low, panel.high
        self.factor = min(area.width() / (x1 - x0), area.height() / (y1 - y0))
        self._middle = ((x0 + x1) / 2, (y0 + y1) / 2)
        self._centre = area.center()
        self._sign = -1 if panel.leftward else 1

    def __call__(self, point: Point) -> QPointF:
        """Point of the screen."""
        return QPointF(
            self._centre.x() + self._sign * (point[0] - self._middle[0]) * self.factor,
            self._centre.y() - (point[1] - self._middle[1]) * self.factor,
        )


def paint_panel(painter: QPainter, panel: Panel, area: QRectF, ink: Ink) -> float:
    """Draw a panel as large as it fits into an area; returns screen points per mm."""
    if area.width() < 10 or area.height() < 10:
        return 0.0
    scale = Scale(panel, area)
    painter.save()
    painter.setClipRect(area)
    for shape in panel.shapes:
        _paint(painter, shape, scale, ink)
    painter.restore()
    return scale.factor


def _paint(painter: QPainter, shape: Shape, scale: Scale, ink: Ink) -> None:
    if isinstance(shape, Raster):
        _raster(painter, shape, scale, ink)
    elif isinstance(shape, Letter):
        painter.setPen(ink[shape.role])
        painter.setFont(_font(painter, bold=True))
        at = scale(shape.at)
        box = QRectF(at.x() - 20, at.y() - 10, 40, 20)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, shape.text)
    elif isinstance(shape, Dots):
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink[shape.role])
        size = _DOT.get(shape.role, 2.0)
        for point in shape.points:
            painter.drawEllipse(scale(point), size, size)
    else:
        painter.setPen(ink.pen(shape.role))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if isinstance(shape, Circle):
            radius = shape.radius * scale.factor
            painter.drawEllipse(scale(shape.centre), radius, radius)
        else:
            _line(painter, shape, scale, ink)


def _line(painter: QPainter, line: Line, scale: Scale, ink: Ink) -> None:
    points = [scale(p) for p in line.points]
    polygon = QPolygonF(points)
    if line.closed:
        painter.drawPolygon(polygon)
    else:
        painter.drawPolyline(polygon)
    if line.arrow and len(points) > 1:
        tip, back = points[-1], points[-2]
        angle = math.atan2(tip.y() - back.y(), tip.x() - back.x())
        wings = [
            QPointF(tip.x() - _HEAD * math.cos(angle + w), tip.y() - _HEAD * math.sin(angle + w))
            for w in (0.45, -0.45)
        ]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink[line.role])
        painter.drawPolygon(QPolygonF([tip, *wings]))


def _raster(painter: QPainter, raster: Raster, scale: Scale, ink: Ink) -> None:
    """Grey values between the colours 'dark' and 'bright'; the first row at the bottom."""
    a, b = scale(raster.low), scale(raster.high)
    box = QRectF(a, b).normalized()
    values = np.flipud(raster.values)
    if a.x() > b.x():
        values = np.fliplr(values)
    ends = [np.array(ink[role].getRgb()[:3], dtype=np.float32) for role in ("dark", "bright")]
    colours = ends[0] + values[..., None] * (ends[1] - ends[0])
    pixels = np.full((*values.shape, 4), 255, np.uint8)
    pixels[..., :3] = colours
    pixels = np.ascontiguousarray(pixels)
    rows, columns = values.shape
    image = QImage(pixels.data, columns, rows, 4 * columns, QImage.Format.Format_RGBA8888)
    # Large masks are averaged, small kernels keep their sharp pixels.
    if rows > box.height() or columns > box.width():
        image = image.scaled(
            max(1, round(box.width())),
            max(1, round(box.height())),
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    painter.drawImage(box, image)


def paint_bar(painter: QPainter, unit: str, scale: float, area: QRectF, ink: Ink) -> None:
    """A length to scale, in the lower left corner of an area."""
    if scale <= 0:
        return
    length = nice_length(0.5 * area.width() / scale)
    left, bottom = area.left() + 1, area.bottom() - 2
    right = left + length * scale
    painter.setPen(QPen(ink["text"], 2))
    painter.drawLine(QPointF(left, bottom), QPointF(right, bottom))
    painter.setFont(_font(painter))
    painter.drawText(QPointF(right + 5, bottom + 2), f"{length:g} {unit}")


def legend_size(painter: QPainter, entries: Sequence[tuple[str, str]]) -> tuple[float, float]:
    """Width and height that the legend needs."""
    painter.setFont(_font(painter))
    metrics = painter.fontMetrics()
    widths = [metrics.horizontalAdvance(text) for _, text in entries]
    return SWATCH + max(widths, default=0) + 2.0, _step(painter) * len(entries)


def paint_legend(
    painter: QPainter, entries: Sequence[tuple[str, str]], area: QRectF, ink: Ink
) -> None:
    """Write the legend with a swatch of each colour."""
    painter.setFont(_font(painter))
    step = _step(painter)
    for number, (role, text) in enumerate(entries):
        top = area.top() + number * step
        if role not in ("text", "axis"):
            _swatch(painter, role, QPointF(area.left() + 7, top + step / 2), ink)
        painter.setPen(ink["text"])
        box = QRectF(area.left() + SWATCH, top, area.width() - SWATCH, step)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


def _step(painter: QPainter) -> float:
    """Height of a line of the legend."""
    return painter.fontMetrics().height() + 2.0


def _swatch(painter: QPainter, role: str, at: QPointF, ink: Ink) -> None:
    """A small piece of what the legend speaks of."""
    if role in ("bright", "dark"):
        painter.setPen(QPen(ink["view"], 1))
        painter.setBrush(ink[role])
        painter.drawRect(QRectF(at.x() - 5, at.y() - 5, 10, 10))
    elif role == "source":
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink[role])
        painter.drawEllipse(at, 4.0, 4.0)
    elif role == "image":
        painter.setPen(ink.pen(role))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(at.x() - 5, at.y() - 5, 10, 10))
    else:
        painter.setPen(ink.pen(role))
        painter.drawLine(QPointF(at.x() - 6, at.y()), QPointF(at.x() + 6, at.y()))


def _font(painter: QPainter, bold: bool = False) -> QFont:
    """Slightly smaller than the dock's own."""
    font = painter.device().font() if isinstance(painter.device(), QWidget) else painter.font()
    if font.pixelSize() > 0:
        font.setPixelSize(max(10, font.pixelSize() - 1))
    else:
        font.setPointSizeF(max(7.5, font.pointSizeF() - 0.5))
    font.setBold(bold)
    return font
