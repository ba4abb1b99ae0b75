"""A seeded procedural torso that looks like a simple contrast-enhanced chest CT."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_padis.scan.phantoms import chest_wall, organs
from napari_padis.scan.phantoms.canvas import Canvas, Field
from napari_padis.scan.volume import Volume

NODULE = 40.0


def torso(
    seed: int = 0,
    shape: tuple[int, int, int] = (64, 256, 256),
    spacing: tuple[float, float, float] = (5.0, 1.5, 1.5),
) -> Volume:
    """Chest and upper abdomen in HU, drawn from soft-edged shapes.

    Body with fat and muscle, ribs, sternum, shoulder blades, spine with canal, lungs
    with vessels and airways, heart and great vessels, liver with texture, spleen,
    stomach, kidneys, and one lung nodule whose place is in the metadata. The heart's
    apex and the stomach lie on the patient's left, the liver on the right.

    Parameters
    ----------
    seed : int
        Proportions, vessels, texture and nodule.
    shape : tuple of int
        Slices, rows, columns.
    spacing : tuple of float
        Voxel spacing in mm. The anatomy has a fixed size of about 330 x 230 mm, so a small
        field of view shows its middle.

    Returns
    -------
    Volume
        float32, HU, within [-1000, 1500].
    """
    rng = np.random.default_rng(seed)
    anatomy = chest_wall.Anatomy.draw(rng)
    canvas = Canvas(shape, spacing, -1000.0)
    mottle = _noise(shape, spacing, 9.0, rng)
    grain = _noise(shape, spacing, 2.2, rng)
    body = chest_wall.body_distance(canvas, anatomy)
    cage = chest_wall.cage_distance(canvas, anatomy)
    floor = organs.diaphragm(canvas, anatomy)
    spine = chest_wall.spine_distance(canvas)
    lungs = organs.lung_coverage(canvas, anatomy, cage, spine, floor, mottle)

    chest_wall.paint_wall(canvas, anatomy, body, cage, mottle)
    organs.paint_middle(canvas, anatomy, cage, mottle)
    organs.paint_belly(canvas, cage, floor, mottle, grain, rng)
    organs.paint_lungs(canvas, lungs, mottle, grain, rng)
    organs.paint_heart(canvas, anatomy)
    organs.paint_great_vessels(canvas)
    chest_wall.paint_ribs(canvas, anatomy, cage)
    chest_wall.paint_shoulder_blades(canvas, cage)
    chest_wall.paint_spine(canvas, anatomy)
    nodule = _paint_nodule(canvas, lungs, rng)

    inside = canvas.soft(body)
    canvas.hu += inside * (9 * grain + 7 * _noise(shape, spacing, 1.0, rng))
    hu = np.where(body > canvas.edge, np.float32(-1000), canvas.hu)
    return Volume(
        array=np.clip(hu, -1000, 1500, dtype=np.float32),
        spacing=spacing,
        unit="HU",
        name="torso",
        metadata={"format": "sample", "seed": seed, "nodule": nodule},
    )


def _noise(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    length: float,
    rng: np.random.Generator,
) -> Field:
    """Gaussian random field of unit variance with a correlation length in mm."""
    white = rng.standard_normal(shape, dtype=np.float32)
    widths = [length / s / 1.5 for s in spacing]
    field: Field = ndimage.gaussian_filter(white, widths, mode="wrap", truncate=3.0)
    return field / max(float(field.std()), 1e-6)


def _paint_nodule(canvas: Canvas, lungs: Field, rng: np.random.Generator) -> list[int] | None:
    """A lump of three spheres well inside a lung; its voxel, or None without lungs."""
    coarse = lungs[:, ::2, ::2]
    widths = [8 / canvas.spacing[0], 4 / canvas.spacing[1], 4 / canvas.spacing[2]]
    depth = ndimage.gaussian_filter(coarse, widths, mode="constant")
    best = float(depth.max())
    if best < 0.3:
        return None
    places = np.argwhere(depth >= min(0.97, 0.98 * best))
    k, j, i = (int(v) for v in places[rng.integers(len(places))] * (1, 2, 2))
    centre = canvas.x.ravel()[i], canvas.y.ravel()[j], canvas.z.ravel()[k]
    size = rng.uniform(5.5, 8.0)
    for _ in range(3):
        x, y, z = (float(c + o) for c, o in zip(centre, rng.normal(0, 0.25 * size, 3), strict=True))
        canvas.ellipsoid((x, y, z), (size, 0.9 * size, size), NODULE)
    return [k, j, i]
