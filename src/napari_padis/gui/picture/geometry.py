"""Pictures of CT geometries, in mm: x towards the patient's right, y towards the front.

Seen as radiologists do, from the feet: x points left on the screen. Free of Qt.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_padis.gui import text
from napari_padis.gui.facts import arc_of
from napari_padis.gui.picture.images import image_picture
from napari_padis.gui.picture.shapes import (
    Circle,
    Dots,
    Letter,
    Line,
    Panel,
    Picture,
    Point,
    Shape,
    arc,
    bounds,
    rectangle,
)
from napari_padis.scan.geometry import ConeGeometry, FanGeometry, Geometry, ParallelGeometry

Beam = ParallelGeometry | FanGeometry | ConeGeometry

#: Rays drawn of the parallel beam of one view.
RAYS = 5
#: Lengths relative to the radius of the source circle.
TICK, TURN, LETTERS = 0.07, 1.14, 1.28
#: Views drawn at most; more cannot be told apart.
VIEWS = 720


def picture_of(geometry: Geometry) -> Picture:
    """What is drawn of a geometry of any kind."""
    if isinstance(geometry, ParallelGeometry | FanGeometry | ConeGeometry):
        return ct_picture(geometry)
    return image_picture(geometry)


def ct_picture(geometry: Beam) -> Picture:
    """Axial view, and for cone beams the view from the side."""
    panels = [axial(geometry)]
    if isinstance(geometry, ConeGeometry):
        panels.append(side(geometry))
    return Picture(tuple(panels), tuple(legend(geometry)))


def axial(geometry: Beam) -> Panel:
    """Source, rays and detector of the first view, all other views as ticks."""
    reach = orbit(geometry)
    height, width = sides(geometry)
    shapes: list[Shape] = [rectangle(width, height, "image")]
    field = field_radius(geometry)
    if field > 0:
        shapes.append(Circle((0, 0), field, "view"))
    shapes += ticks(geometry, reach)
    shapes += _beam(geometry, reach)
    shapes += turn(geometry.angles, reach)
    far = LETTERS * reach
    shapes += [
        Letter("A", (0, far), "side"),
        Letter("P", (0, -far), "side"),
        Letter("R", (far, 0), "side"),
        Letter("L", (-far, 0), "side"),
    ]
    low, high = bounds(shapes)
    return Panel(tuple(shapes), low, high, leftward=True)


def sides(geometry: Geometry) -> tuple[float, float]:
    """Height and width of the image in mm."""
    rows, columns = (n * p for n, p in zip(geometry.image_shape, geometry.pixel, strict=True))
    return rows, columns


def detector_ends(geometry: Beam) -> tuple[float, float]:
    """Positions of the ends of the detector along its axis in mm."""
    if isinstance(geometry, ConeGeometry):
        half, shift = geometry.detectors[1] * geometry.detector_pitch[1] / 2, geometry.shift[1]
    else:
        half, shift = geometry.detectors * geometry.detector_pitch / 2, geometry.shift
    return shift - half, shift + half


def fan_angles(geometry: FanGeometry | ConeGeometry) -> tuple[float, float]:
    """Angles in radians from the central ray to the ends of the detector."""
    start, end = (position / geometry.source_detector for position in detector_ends(geometry))
    if isinstance(geometry, FanGeometry) and geometry.curved:
        return start, end
    return float(np.arctan(start)), float(np.arctan(end))


def field_radius(geometry: Beam) -> float:
    """Radius in mm of the circle that every view sees whole; 0 when there is none."""
    if isinstance(geometry, ParallelGeometry):
        start, end = detector_ends(geometry)
        return max(0.0, min(-start, end))
    start, end = fan_angles(geometry)
    nearest = max(0.0, min(-start, end, np.pi / 2))
    return float(geometry.source_origin * np.sin(nearest))


def orbit(geometry: Beam) -> float:
    """Radius in mm on which views are marked: that of the source where there is one."""
    if isinstance(geometry, ParallelGeometry):
        return 1.1 * max(field_radius(geometry), float(np.hypot(*sides(geometry))) / 2)
    return geometry.source_origin


def source_at(theta: float, radius: float) -> Point:
    """Where the radiation of a view comes from."""
    return radius * float(np.sin(theta)), -radius * float(np.cos(theta))


def ticks(geometry: Beam, reach: float) -> list[Shape]:
    """A short outward line for every view, at the side that the radiation comes from."""
    angles = geometry.angles[:: 1 + len(geometry.angles) // VIEWS]
    marks: list[Shape] = [
        Line((source_at(t, reach), source_at(t, (1 + TICK) * reach)), "tick") for t in angles
    ]
    if not isinstance(geometry, ParallelGeometry):
        marks.append(Dots(tuple(source_at(t, reach) for t in angles), "orbit"))
    return marks


def turn(angles: NDArray[np.float64], reach: float) -> list[Shape]:
    """Arrow in the direction in which neighbouring views follow each other, if they do."""
    steps = np.diff(angles)
    if len(steps) == 0 or np.abs(steps).max() > np.pi / 2 or np.ptp(np.sign(steps)) > 0:
        return []
    start = float(angles[0]) - np.pi / 2  # the direction of the first source
    sign = float(np.sign(steps[0]))
    sweep = sign * min(np.pi / 3, max(float(np.ptp(angles)), np.pi / 9))
    return [arc((0, 0), TURN * reach, start, start + sweep, "turn", arrow=True)]


def _beam(geometry: Beam, reach: float) -> list[Shape]:
    """Source, rays and detector of the first view."""
    theta = float(geometry.angles[0])
    along = np.array([-np.sin(theta), np.cos(theta)])
    across = np.array([np.cos(theta), np.sin(theta)])
    if isinstance(geometry, ParallelGeometry):
        return _parallel_beam(geometry, reach, along, across)
    source = np.array(source_at(theta, geometry.source_origin))
    if isinstance(geometry, FanGeometry) and geometry.curved:
        start, end = (np.arctan2(along[1], along[0]) - g for g in fan_angles(geometry))
        detector = arc(_point(source), geometry.source_detector, start, end, "detector")
    else:
        centre = source + geometry.source_detector * along
        detector = Line(
            tuple(_point(centre + u * across) for u in detector_ends(geometry)), "detector"
        )
    ends = (detector.points[0], detector.points[-1])
    rays = [Line((_point(source), end), "ray") for end in ends]
    return [*rays, detector, Dots((_point(source),), "source")]


def _parallel_beam(
    geometry: ParallelGeometry,
    reach: float,
    along: NDArray[np.float64],
    across: NDArray[np.float64],
) -> list[Shape]:
    """Arrows towards the detector, which is drawn just behind the field of view."""
    ends = detector_ends(geometry)
    depth = 0.97 * reach
    rays: list[Shape] = [
        Line((_point(u * across - depth * along), _point(u * across + depth * along)), "ray",
             arrow=True)
        for u in np.linspace(*ends, RAYS)
    ]  # fmt: skip
    line = tuple(_point(u * across + reach * along) for u in ends)
    return [*rays, Line(line, "detector")]


def side(geometry: ConeGeometry) -> Panel:
    """Source, cone and volume from the side, the head on top; the source on the left.

    The horizontal axis runs from the source to the detector, the vertical one is z.
    """
    theta = geometry.angles - (geometry.angles.min() + geometry.angles.max()) / 2
    heights = geometry.travel * theta / (2 * np.pi)
    source = (-geometry.source_origin, float(heights[len(heights) // 2]))
    far = geometry.source_detector - geometry.source_origin
    half, shift = geometry.detectors[0] * geometry.detector_pitch[0] / 2, geometry.shift[0]
    ends = [(far, source[1] + shift - half), (far, source[1] + shift + half)]
    tall = geometry.slices * geometry.slice_spacing
    shapes: list[Shape] = [
        rectangle(sides(geometry)[1], tall, "image"),
        *(Line((source, end), "ray") for end in ends),
        Line(tuple(ends), "detector"),
    ]
    if geometry.travel:
        path = tuple((source[0], float(z)) for z in heights[:: 1 + len(heights) // VIEWS])
        shapes.append(Dots(path, "orbit"))
        upward = float(np.sign(geometry.travel * (geometry.angles[-1] - geometry.angles[0])))
        away = source[0] * 1.15
        low, high = sorted((float(heights.min()), float(heights.max())), key=lambda z: upward * z)
        shapes.append(Line(((away, low), (away, high)), "turn", arrow=True))
    shapes.append(Dots((source,), "source"))
    low_corner, high_corner = bounds(shapes)
    # Beside flat volumes the letters need room that is measured along the other axis.
    letter = 0.07 * max(high_corner[0] - low_corner[0], high_corner[1] - low_corner[1])
    shapes += [
        Letter("S", (0, high_corner[1] + letter), "side"),
        Letter("I", (0, low_corner[1] - letter), "side"),
    ]
    return Panel(tuple(shapes), *bounds(shapes, 0.06), length_unit="")


def legend(geometry: Beam) -> list[tuple[str, str]]:
    """What is drawn, in words and mm."""
    height, width = sides(geometry)
    lines = [("image", f"Image {text.product((round(width), round(height)))} mm")]
    if field_radius(geometry) > 0:
        lines.append(("view", f"Field of view ⌀ {2 * field_radius(geometry):.0f} mm"))
    arc_text = f"{arc_of(geometry.angles):.4g}°"
    count = len(geometry.angles)
    lines.append(("tick", f"{count} views, {arc_text}" if count > 1 else "1 view"))
    start, end = detector_ends(geometry)
    if isinstance(geometry, ParallelGeometry):
        lines.append(("ray", "Rays of the first view"))
    else:
        lines.append(("source", f"Source to axis {geometry.source_origin:.0f} mm"))
        first, last = fan_angles(geometry)
        opening = float(np.rad2deg(last - first))
        lines.append(("ray", f"Fan {opening:.1f}°, {geometry.source_detector:.0f} mm"))
    size = f"{end - start:.0f}"
    if isinstance(geometry, ConeGeometry):
        size += f" × {geometry.detectors[0] * geometry.detector_pitch[0]:.0f}"
    lines.append(("detector", f"Detector {size} mm"))
    if isinstance(geometry, ConeGeometry) and geometry.travel:
        lines.append(("turn", f"Feed {geometry.travel:g} mm per turn"))
    return lines


def _point(values: NDArray[np.float64]) -> Point:
    return float(values[0]), float(values[1])
