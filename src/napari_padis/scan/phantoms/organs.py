"""Lungs, heart, great vessels and upper abdomen of the torso."""

from __future__ import annotations

import numpy as np

from napari_padis.scan.phantoms.canvas import Canvas, Field, Point, ellipsoid_distance
from napari_padis.scan.phantoms.chest_wall import Anatomy
from napari_padis.scan.phantoms.vessels import grow_tree

AIR, LUNG, MEDIASTINUM, BELLY_FAT = -1000.0, -860.0, -35.0, -100.0
BLOOD, AORTA, MYOCARDIUM = 150.0, 175.0, 95.0
LIVER, SPLEEN, STOMACH, KIDNEY = 100.0, 118.0, 45.0, 165.0

HILUM_RIGHT: Point = (34.0, -8.0, 22.0)
HILUM_LEFT: Point = (-36.0, -10.0, 28.0)


def diaphragm(canvas: Canvas, anatomy: Anatomy) -> Field:
    """Height of the diaphragm, shape (1, rows, columns); the right dome is higher."""
    x, y = canvas.x, canvas.y

    def dome(centre: float, top: float) -> Field:
        u, v = (x - centre) / 68, (y - 12) / 74
        return np.asarray(top - 52 * (u * u + v * v) ** 1.15, dtype=np.float32)

    return np.maximum(dome(66, anatomy.dome_right), dome(-66, anatomy.dome_left))


def lung_coverage(
    canvas: Canvas, anatomy: Anatomy, cage: Field, spine: Field, floor: Field, mottle: Field
) -> Field:
    """Coverage of both lungs: the rib cage without mediastinum, heart, spine and belly."""
    x, y, z = canvas.x, canvas.y, canvas.z
    high = np.clip((z - 40) / 70, 0, 1)
    half = 9 + (25 - 8 * high) * np.exp(-(((y + 8) / 38) ** 2)) + 2.5 * mottle
    low = np.clip((-z - 20) / 60, 0, 1)
    middle = half + 8 * low - np.abs(x)
    heart = ellipsoid_distance(x, y, z, *_heart(anatomy, 6), turn=HEART_TURN)
    outside = np.maximum(np.maximum(cage + 6.5, middle), np.maximum(-heart, 4 - spine))
    return canvas.soft(np.maximum(outside, floor - z))


HEART_TURN = -0.5


def _heart(anatomy: Anatomy, margin: float) -> tuple[Point, Point]:
    """Centre and radii of the heart, which lies to the left with its apex to the front."""
    size = anatomy.heart
    return (-22.0, 20.0, -34.0), (66 * size + margin, 43 * size + margin, 46 * size + margin)


def paint_lungs(
    canvas: Canvas, lungs: Field, mottle: Field, grain: Field, rng: np.random.Generator
) -> None:
    """Lung tissue (denser at the back, where a lying patient's blood is) and its vessels."""
    tissue = LUNG - 0.35 * canvas.y + 18 * mottle + 22 * grain
    canvas.paint(lungs, np.asarray(tissue, dtype=np.float32))
    for root, side in ((HILUM_RIGHT, canvas.x > 0), (HILUM_LEFT, canvas.x < 0)):
        grow_tree(canvas, lungs * side, root, 330, 8.5, 70.0, rng)


def paint_middle(canvas: Canvas, anatomy: Anatomy, cage: Field, mottle: Field) -> None:
    """Fill the inside of the rib cage with mediastinal fat and connective tissue."""
    tissue = np.asarray(MEDIASTINUM - 40 + 45 * mottle, dtype=np.float32)
    canvas.paint(canvas.soft(cage + 5), tissue)


def paint_heart(canvas: Canvas, anatomy: Anatomy) -> None:
    """Heart with four chambers in a layer of fat."""
    centre, radii = _heart(anatomy, 4)
    canvas.ellipsoid(centre, radii, -85.0, turn=HEART_TURN)
    centre, radii = _heart(anatomy, 0)
    canvas.ellipsoid(centre, radii, MYOCARDIUM, turn=HEART_TURN)
    canvas.ellipsoid((-40, 20, -38), (29, 20, 29), BLOOD + 12, turn=HEART_TURN)  # left ventricle
    canvas.ellipsoid((-13, 41, -38), (28, 15, 28), BLOOD, turn=HEART_TURN)  # right ventricle
    canvas.ellipsoid((25, 18, -24), (18, 21, 25), BLOOD)  # right atrium
    canvas.ellipsoid((-2, -9, -10), (28, 14, 19), BLOOD + 8)  # left atrium


def paint_great_vessels(canvas: Canvas) -> None:
    """Aorta with its arch, pulmonary arteries, caval veins, windpipe and gullet."""
    arch: list[Point] = [(4, 14, -6), (12, 16, 20), (12, 12, 48), (4, 2, 64), (-10, -12, 68),
                         (-20, -24, 58), (-24, -30, 40)]  # fmt: skip
    canvas.path([(32, 10, 118), (29, 9, 60), (26, 10, 5)], 8.5, BLOOD - 10)  # superior vena cava
    canvas.path([(-8, 34, -8), (-13, 28, 18), (-16, 14, 32)], 13, BLOOD)  # pulmonary trunk
    canvas.path([(-16, 14, 32), (8, -1, 26), HILUM_RIGHT, (48, -10, 12)], 9, BLOOD)
    canvas.path([(-16, 14, 32), (-28, -2, 32), HILUM_LEFT, (-46, -14, 16)], 9, BLOOD)
    canvas.path([(22, 2, -40), (20, -6, -80), (19, -12, -190)], 11.5, BLOOD - 20)  # lower cava
    canvas.path(arch, 14.5, AORTA)
    canvas.path([(-24, -30, 40), (-22, -28, -60), (-12, -22, -190)], 11.5, AORTA)
    canvas.tube((8, 6, 66), (20, 14, 130), (6.0, 4.5), AORTA)  # to the head and the arms
    canvas.tube((-4, -6, 70), (-18, 0, 130), (5.0, 4.0), AORTA)
    canvas.tube((-12, -14, 68), (-30, -14, 130), (5.0, 4.0), AORTA)
    canvas.path([(-5, -22, 130), (-6, -23, 40), (-10, -14, -75), (-22, -4, -100)], 7, 45.0)
    canvas.path([(-5, -22, 130), (-6, -23, 40)], 1.8, -500.0)  # air in the gullet
    carina: Point = (2.0, -9.0, 48.0)
    tubes: list[tuple[Point, Point, float]] = [((0, -4, 170), carina, 9.0),
                                              (carina, (30, -14, 22), 7.0),
                                              (carina, (-38, -16, 20), 6.2)]  # fmt: skip
    for above, below, radius in tubes:
        canvas.tube(above, below, (radius + 1.8, radius + 1.8), 30.0)
    for above, below, radius in tubes:
        canvas.tube(above, below, (radius, radius), AIR)


def paint_belly(
    canvas: Canvas, cage: Field, floor: Field, mottle: Field, grain: Field,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Diaphragm, fat, stomach with an air bubble, spleen, kidneys, and the liver on the right."""
    inside = np.maximum(cage + 4, canvas.z - floor + 1)
    cover = canvas.soft(inside)
    canvas.paint(canvas.soft(np.maximum(cage + 4, canvas.z - floor)), 55.0)
    canvas.paint(canvas.soft(inside + 3), BELLY_FAT)
    canvas.ellipsoid((-48, -46, -172), (27, 24, 50), KIDNEY, cover)
    canvas.ellipsoid((50, -46, -182), (27, 24, 50), KIDNEY, cover)
    canvas.ellipsoid((-102, -32, -108), (22, 42, 46), SPLEEN, cover, turn=0.35)
    canvas.ellipsoid((-58, 22, -112), (42, 40, 44), STOMACH + 10, cover)
    canvas.ellipsoid((-58, 22, -112), (38, 36, 40), 15.0, cover)
    bubble = cover * canvas.soft(44 - canvas.y + 0 * canvas.z)  # air rises to the front
    canvas.ellipsoid((-58, 22, -112), (38, 36, 40), AIR, np.asarray(bubble, np.float32))
    liver = np.minimum(
        ellipsoid_distance(canvas.x, canvas.y, canvas.z, (66, 0, -118), (84, 88, 82)),
        ellipsoid_distance(canvas.x, canvas.y, canvas.z, (4, 48, -106), (62, 34, 44)),
    )
    # Room for the spine and the great vessels, wider towards the feet.
    behind = 26 - 0.12 * (canvas.z + 110) - np.sqrt(canvas.x**2 + (canvas.y + 34) ** 2)
    behind = behind + 4 * mottle
    region = canvas.soft(np.maximum(np.maximum(liver, inside + 2.5), behind))
    canvas.paint(region, np.asarray(LIVER + 6 * mottle + 5 * grain, dtype=np.float32))
    grow_tree(canvas, region, (28.0, -2.0, -112.0), 45, 6.0, LIVER + 45, rng)
