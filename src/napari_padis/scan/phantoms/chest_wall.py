"""Skin, fat, muscle, ribs, sternum, shoulder blades and spine of the torso."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_padis.scan.phantoms.canvas import Canvas, Field, superellipse_distance

SKIN, FAT, MUSCLE, CORD = 30.0, -105.0, 60.0, 35.0
CORTEX, MARROW, CARTILAGE, DISC = 620.0, 190.0, 115.0, 80.0

#: Distance of ribs and of vertebrae along the spine in mm.
RIB_PITCH, VERTEBRA_PITCH = 27.0, 27.0


@dataclass(frozen=True)
class Anatomy:
    """What differs from one seed to the next (lengths in mm)."""

    width: float
    depth: float
    fat: float
    rib_phase: float
    vertebra_phase: float
    dome_right: float
    dome_left: float
    heart: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Anatomy:
        """Draw within the range of slim to stout adults."""
        return cls(
            width=rng.uniform(158, 170),
            depth=rng.uniform(111, 119),
            fat=rng.uniform(8, 15),
            rib_phase=rng.uniform(0, RIB_PITCH),
            vertebra_phase=rng.uniform(0, VERTEBRA_PITCH),
            dome_right=rng.uniform(-52, -42),
            dome_left=rng.uniform(-68, -58),
            heart=rng.uniform(0.93, 1.06),
        )


def body_distance(canvas: Canvas, anatomy: Anatomy) -> Field:
    """Signed distance to the skin; the shoulders slope towards the neck."""
    top = np.clip((canvas.z - 85) / 110, 0, 1) ** 1.7
    waist = np.clip((-canvas.z - 60) / 150, 0, 1)
    a = anatomy.width * (1 - 0.45 * top - 0.04 * waist)
    b = anatomy.depth * (1 - 0.28 * top)
    return superellipse_distance(canvas.x, canvas.y + 0.05 * top * 100, a, b, 2.5)


def cage_distance(canvas: Canvas, anatomy: Anatomy) -> Field:
    """Signed distance to the middle of the rib cage, which narrows towards the neck."""
    top = np.clip((canvas.z - 20) / 135, 0, 1.05) ** 2
    a = (anatomy.width - 26) * (1 - 0.58 * top)
    b = (anatomy.depth - 26) * (1 - 0.45 * top)
    return superellipse_distance(canvas.x, canvas.y - 2 + 14 * top, a, b, 2.25)


def paint_wall(canvas: Canvas, anatomy: Anatomy, body: Field, cage: Field, mottle: Field) -> None:
    """Skin, subcutaneous fat, and muscle with streaks of fat between."""
    canvas.paint(canvas.soft(body), SKIN)
    side = np.abs(canvas.x) / anatomy.width
    belly = np.clip((-canvas.z - 40) / 120, 0, 1)
    thickness = anatomy.fat * (0.75 + 0.5 * side**2 + 0.5 * belly) + 1.2 * mottle
    canvas.paint(canvas.soft(body + 2.2), FAT)
    canvas.paint(canvas.soft(body + 2.2 + thickness), MUSCLE)
    # Planes of fat separate the muscles that lie on the rib cage from each other.
    plane = np.abs(cage - 8 - 1.5 * mottle) - 0.9
    canvas.paint(0.8 * canvas.soft(np.maximum(plane, body + 2.2 + thickness)), FAT)


def paint_ribs(canvas: Canvas, anatomy: Anatomy, cage: Field) -> None:
    """Ribs that slope down towards the front and end in cartilage, and the sternum."""
    height = canvas.z + 0.45 * (canvas.y + anatomy.depth - 28) + anatomy.rib_phase
    offset = np.mod(height, RIB_PITCH) - RIB_PITCH / 2
    level = np.sqrt((cage / 3.8) ** 2 + (offset / 6.5) ** 2)
    rib = (level - 1) * 3.8
    front = np.clip((canvas.y - 42) / 8, 0, 1)
    # Below the costal arch there is only belly in front.
    belly = np.clip((-canvas.z - 45) / 12, 0, 1) * np.clip((95 - np.abs(canvas.x)) / 20, 0, 1)
    # Behind, the ribs end at the transverse processes of the spine.
    spine = np.clip((-canvas.y - 30) / 8, 0, 1) * np.clip((27 - np.abs(canvas.x)) / 2, 0, 1)
    keep = (1 - front * belly) * (1 - spine)
    bone = canvas.soft(rib) * keep
    canvas.paint(bone * (1 - front), CORTEX)
    canvas.paint(bone * front, CARTILAGE)
    canvas.paint(canvas.soft(rib + 1.7) * keep * (1 - front), MARROW)
    plate_y = anatomy.depth - 25 + 0.04 * canvas.z
    plate = np.maximum(
        superellipse_distance(canvas.x, canvas.y - plate_y, 18.0, 6.0, 3.0),
        np.maximum(canvas.z - 88, -62 - canvas.z),
    )
    canvas.paint(canvas.soft(plate), 0.7 * CORTEX)
    canvas.paint(canvas.soft(plate + 1.8), 0.7 * MARROW)


def paint_shoulder_blades(canvas: Canvas, cage: Field) -> None:
    """Two thin plates behind the rib cage."""
    x = np.abs(canvas.x)
    width = 26 - 0.16 * np.abs(canvas.z - 80)
    plate = np.maximum(np.abs(cage - 11 - 0.05 * (x - 80)) - 2.6, np.abs(x - 84) - width)
    plate = np.maximum(np.maximum(plate, canvas.y + 28), np.abs(canvas.z - 75) - 68)
    canvas.paint(canvas.soft(plate), CORTEX)
    canvas.paint(canvas.soft(plate + 1.6), MARROW)


def spine_distance(canvas: Canvas) -> Field:
    """Signed distance to the column of vertebral bodies and discs."""
    return superellipse_distance(canvas.x, canvas.y + 53, 18.0, 15.0, 2.4) + 0 * canvas.z


def paint_spine(canvas: Canvas, anatomy: Anatomy) -> None:
    """Vertebral bodies with discs, arches around the canal, processes, and the cord."""
    x, y = canvas.x, canvas.y
    phase = np.mod(canvas.z + anatomy.vertebra_phase, VERTEBRA_PITCH) - VERTEBRA_PITCH / 2
    in_disc = np.abs(phase) - VERTEBRA_PITCH / 2 + 3.0  # positive within the disc
    waist = 1.2 * (1 - (phase / 11) ** 2).clip(0, 1)
    body = superellipse_distance(x, y + 53, 18.0, 15.0, 2.4) + waist
    canvas.paint(canvas.soft(body), DISC)
    canvas.paint(canvas.soft(np.maximum(body, in_disc)), CORTEX)
    canvas.paint(canvas.soft(np.maximum(body + 2, in_disc + 1.5)), MARROW)
    side = np.abs(x)
    in_arch = np.abs(phase + 3) - 8
    ring = np.abs(np.sqrt(x * x + (y + 78) ** 2) - 12) - 3
    process = np.maximum(side - 3.0, np.abs(y + 94) - 8)
    wing = np.maximum(np.abs(y + 81 - 0.15 * side) - 3.5, np.abs(side - 18) - 11)
    arch = np.maximum(np.minimum(np.minimum(ring, process), wing), in_arch)
    canvas.paint(canvas.soft(arch), CORTEX)
    canvas.paint(canvas.soft(arch + 2), MARROW)
    canal = np.sqrt(x * x + (y + 78) ** 2) - 9 + 0 * canvas.z
    canvas.paint(canvas.soft(canal), -20.0)
    canvas.paint(canvas.soft(canal + 3), CORD)
