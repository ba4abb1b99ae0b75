"""Random ellipses: images that have edges but no anatomy."""

from __future__ import annotations

import numpy as np

from napari_padis.errors import InputError
from napari_padis.scan.phantoms.canvas import Canvas
from napari_padis.scan.volume import Volume

#: Share of the inner ellipses that are holes.
HOLES = 0.3


def random_ellipses(slices: int = 512, side: int = 256, seed: int = 0) -> Volume:
    """Independent slices, each one large ellipse with up to 14 others painted into it.

    For priors that know edges and flat regions but no anatomy, and for studies of
    distribution shift. Values lie in [0, 1], the surroundings are 0.

    Parameters
    ----------
    slices, side : int
        Number of slices, and their rows and columns (pixels of 1 mm).
    seed : int

    Raises
    ------
    InputError
        If there is no slice or no room for an ellipse.
    """
    if slices < 1 or side < 16:
        raise InputError("Random ellipses need at least one slice of 16 x 16 pixels.")
    rng = np.random.default_rng(seed)
    array = np.stack([_slice(side, rng) for _ in range(slices)])
    return Volume(array, unit="arbitrary", name=f"ellipses {seed}")


def _slice(side: int, rng: np.random.Generator) -> np.ndarray:
    canvas = Canvas((1, side, side), (1.0, 1.0, 1.0), 0.0)
    half = side / 2
    radii = rng.uniform(0.45, 0.95, 2) * half
    if rng.random() < 0.3:  # discs are common in laboratories
        radii[1] = radii[0]
    centre = rng.uniform(-1, 1, 2) * np.maximum(half - radii.max(), 0)
    base = rng.uniform(0.3, 0.7)
    canvas.ellipsoid(_point(centre), (radii[0], radii[1], 1.0), base, turn=rng.uniform(0, np.pi))
    for _ in range(rng.integers(0, 15)):
        where = rng.uniform(0, 2 * np.pi)
        distance = np.sqrt(rng.random()) * 0.9 * radii.min()
        size = np.exp(rng.uniform(np.log(0.012), np.log(0.2), 2)) * side
        if rng.random() < 0.3:
            size[1] = size[0]
        value = 0.0 if rng.random() < HOLES else rng.uniform(0.05, 1.0)
        offset = centre + distance * np.array((np.cos(where), np.sin(where)))
        canvas.ellipsoid(_point(offset), (size[0], size[1], 1.0), value, turn=rng.uniform(0, np.pi))
    return canvas.hu[0]


def _point(centre: np.ndarray) -> tuple[float, float, float]:
    return float(centre[0]), float(centre[1]), 0.0
