"""Random vessel trees that fill an organ."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_padis.scan.phantoms.canvas import Canvas, Field, Point


def grow_tree(
    canvas: Canvas,
    region: Field,
    root: Point,
    tips: int,
    radius: float,
    value: float,
    rng: np.random.Generator,
) -> None:
    """Paint a tree that reaches ``tips`` random places of a region.

    Each tip joins the nearest point of the tree grown so far, where a long way back to
    the root counts against a point; radii follow Murray's law (the cube of the parent's
    radius is the sum of the children's cubes).

    Parameters
    ----------
    canvas : Canvas
    region : ndarray
        Coverage of the organ, same shape as the canvas; the tree stays in it.
    root : (x, y, z) in mm
    tips : int
    radius : float
        Radius of the trunk in mm.
    value : float
        HU of the vessels.
    rng : numpy.random.Generator
    """
    places = np.argwhere(region[:, ::4, ::4] > 0.9)
    if len(places) == 0:
        return
    chosen = places[rng.integers(len(places), size=tips)]
    axes = canvas.x.ravel()[::4], canvas.y.ravel()[::4], canvas.z.ravel()
    points = np.stack([axes[0][chosen[:, 2]], axes[1][chosen[:, 1]], axes[2][chosen[:, 0]]], 1)
    start_point = np.asarray(root, dtype=np.float64)
    targets = points.astype(np.float64) + rng.uniform(-2, 2, points.shape)
    targets = targets[np.argsort(np.linalg.norm(targets - start_point, axis=1))]
    nodes, parents = _connect(start_point, targets, rng)
    load = np.ones(len(nodes))
    for node in range(len(nodes) - 1, 0, -1):
        load[parents[node]] += load[node]
    radii = radius * (load / load[0]) ** (1 / 2.7)
    radii = np.maximum(radii, 0.8)
    for node in range(1, len(nodes)):
        start, end = nodes[parents[node]], nodes[node]
        begin = min(radii[parents[node]], radii[node] * 1.25)
        canvas.tube(tuple(start), tuple(end), (begin, float(radii[node])), value, clip=region)


def _connect(
    root: NDArray[np.float64], points: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], list[int]]:
    """Nodes (with bends between joints) and the parent of each."""
    nodes, parents, way = [root], [0], [0.0]
    for point in points:
        known = np.asarray(nodes)
        reach = np.linalg.norm(known - point, axis=1)
        parent = int(np.argmin(reach + 0.35 * np.asarray(way)))
        length = float(reach[parent])
        steps = max(1, int(length // 14))
        start = nodes[parent]
        for k in range(1, steps + 1):
            bend = rng.normal(0, 0.08 * length / steps, 3) if k < steps else 0.0
            nodes.append(start + (point - start) * k / steps + bend)
            way.append(way[parent] + float(np.linalg.norm(nodes[-1] - nodes[parent])))
            parents.append(parent)
            parent = len(nodes) - 1
    return np.asarray(nodes), parents
