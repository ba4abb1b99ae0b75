"""Line charts drawn with Pillow, which the image libraries below this package bring along."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

Point = tuple[float, float]

#: Colours that stay apart for colour-blind readers (Okabe and Ito, 2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")

_MARGIN = (70, 36, 130, 40)  # left, top, right, bottom; the legend is at the right


@dataclass(frozen=True)
class Chart:
    """Curves over a common axis.

    Parameters
    ----------
    title, x_label : str
    curves : mapping of str to sequence of points
        Points (x, y) in order; those that are not finite are left out.
    log_y : bool
        Logarithmic axis; values must be positive.
    """

    title: str
    x_label: str
    curves: Mapping[str, Sequence[Point]]
    log_y: bool = False

    def draw(self, width: int = 760, height: int = 260) -> Image.Image:
        """The chart as an image."""
        image = Image.new("RGB", (width, height), "white")
        pen = ImageDraw.Draw(image)
        small, large = ImageFont.load_default(11), ImageFont.load_default(14)
        left, top, right, bottom = _MARGIN
        box = (left, top, width - right, height - bottom)
        pen.text((left, 10), self.title, "black", large)
        pen.text((box[2], height - 16), self.x_label, "black", small, anchor="rm")
        curves = {name: self._usable(points) for name, points in self.curves.items()}
        xs = [x for points in curves.values() for x, _ in points]
        ys = [y for points in curves.values() for _, y in points]
        if not xs:
            pen.text((left + 8, top + 8), "nothing measured", "grey", small)
            return image
        x_low, x_high = _range(xs)
        y_low, y_high = _range(ys)
        x_scale = (box[2] - box[0]) / (x_high - x_low)
        y_scale = (box[3] - box[1]) / (y_high - y_low)
        for y in decades(y_low, y_high) if self.log_y else ticks(y_low, y_high):
            at = box[3] - (y - y_low) * y_scale
            pen.line((box[0], at, box[2], at), "#dddddd")
            value = 10**y if self.log_y else y
            pen.text((box[0] - 6, at), f"{value:.3g}", "black", small, anchor="rm")
        for x in ticks(x_low, x_high):
            at = box[0] + (x - x_low) * x_scale
            pen.line((at, box[3], at, box[3] + 4), "black")
            pen.text((at, box[3] + 6), _short(x), "black", small, anchor="mt")
        for i, (name, points) in enumerate(curves.items()):
            colour = COLOURS[i % len(COLOURS)]
            path = [(box[0] + (x - x_low) * x_scale, box[3] - (y - y_low) * y_scale)
                    for x, y in points]  # fmt: skip
            if len(path) > 1:
                pen.line(path, colour, 2)
            for x, y in path if len(path) < 40 else []:
                pen.ellipse((x - 2, y - 2, x + 2, y + 2), colour)
            line = box[1] + 8 + 15 * i
            pen.line((box[2] + 10, line, box[2] + 28, line), colour, 2)
            pen.text((box[2] + 34, line), name, "black", small, anchor="lm")
        pen.rectangle(box, outline="black")
        return image

    def _usable(self, points: Sequence[Point]) -> list[Point]:
        finite = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
        return [(x, math.log10(y)) for x, y in finite if y > 0] if self.log_y else finite


def stacked(images: Sequence[Image.Image]) -> Image.Image:
    """Images of one width below each other."""
    sheet = Image.new("RGB", (images[0].width, sum(i.height for i in images)), "white")
    top = 0
    for image in images:
        sheet.paste(image, (0, top))
        top += image.height
    return sheet


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) between two ends, ``most`` at most."""
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(s for f in (1, 2, 5, 10, 20) if (high - low) / (s := f * power) <= most - 1)
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def decades(low: float, high: float) -> list[float]:
    """Logarithms of 1, 2 and 5 times powers of ten between two ends, or of the powers alone."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    factors = (1, 2, 5) if high - low < 3 else (1,)
    marks = [k + math.log10(f) for k in powers for f in factors]
    return [mark for mark in marks if low <= mark <= high]


def _range(values: Sequence[float]) -> Point:
    low, high = min(values), max(values)
    room = 0.05 * (high - low) or max(abs(high) * 0.05, 1e-6)
    return low - room, high + room


def _short(value: float) -> str:
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"
