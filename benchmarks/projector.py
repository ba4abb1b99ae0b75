"""Speed of the batched matrix pair against ODL with ASTRA slice by slice, on one thread.

Call it as ``python benchmarks/projector.py --slices 64 --views 20 60 180``. Times are of the
processor, the least of some repeats; ODL gets its elements and its adjoint ready made.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch

from napari_padis.likelihood import LinearMap, ParallelBeam
from napari_padis.likelihood.fan import FanBeam
from napari_padis.likelihood.matrix import build_pair, pair_bytes
from napari_padis.likelihood.odl_bridge import project_with_odl, ray_transform, to_odl_axes
from napari_padis.scan.geometry import FanGeometry, ParallelGeometry

HEADER = (
    "beam     views  build s   MiB |     A   (ODL)  ratio  +build |    AT   (ODL)  ratio  +build"
    " | backward   pinv   rays A    AT | difference"
)


def geometry_of(kind: str, views: int, size: int) -> ParallelGeometry | FanGeometry:
    """Pixels and bins of 1 mm, twice as many bins as columns; a fan magnified by 2."""
    bins = 2 * size
    if kind == "parallel":
        angles = (np.arange(views) + 0.5) * np.pi / views
        return ParallelGeometry(angles, bins, 1.0, (size, size))
    angles = np.arange(views) * 2 * np.pi / views
    return FanGeometry(angles, bins, 1.5, 2.0 * size, 4.0 * size, (size, size))


def beam(geometry: ParallelGeometry | FanGeometry, backend: str) -> LinearMap:
    made = ParallelBeam if isinstance(geometry, ParallelGeometry) else FanBeam
    return made(geometry, backend=backend)


def best(work: Callable[[], object], repeats: int) -> float:
    """Least processor time of ``work`` in milliseconds.

    Time given to other programs does not count, but what they push out of the cache does:
    short work is repeated for a second at least.
    """
    times: list[float] = []
    while len(times) < repeats or sum(times) < 1:
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1000 * min(times)


def backward_share(ours: LinearMap, x: torch.Tensor, y: torch.Tensor, repeats: int) -> float:
    """Time of the backward pass over that of the transpose."""
    leaf = x.clone().requires_grad_()
    result = ours.A(leaf)
    backward = best(lambda: torch.autograd.grad(result, leaf, y, retain_graph=True), repeats)
    return backward / best(lambda: ours.AT(y), repeats)


def measure(kind: str, views: int, slices: int, size: int, repeats: int) -> dict[str, float]:
    """Milliseconds per slice of both projectors, and their relative difference."""
    geometry = geometry_of(kind, views, size)
    build = best(lambda: build_pair(geometry), 3)
    ours, rays = beam(geometry, "matrix"), beam(geometry, "rays")
    x = torch.rand(slices, size, size, generator=torch.Generator().manual_seed(0))
    y = ours.A(x)
    theirs = ray_transform(geometry)
    few = min(slices, 8)
    images = [theirs.domain.element(to_odl_axes(one).copy()) for one in x[:few].numpy()]
    data = [theirs.range.element(one) for one in y[:few].numpy()]
    reference = project_with_odl(theirs, x[0].numpy())
    adjoint = theirs.adjoint
    return {
        "build": build,
        "MiB": ours.nbytes / 2**20,
        "A": best(lambda: ours.A(x), repeats) / slices,
        "A odl": best(lambda: [theirs(one) for one in images], repeats) / few,
        "AT": best(lambda: ours.AT(y), repeats) / slices,
        "AT odl": best(lambda: [adjoint(one) for one in data], repeats) / few,
        "backward": backward_share(ours, x, y, repeats),
        "pinv": best(lambda: ours.pinv(y), 2) / slices,
        "rays A": best(lambda: rays.A(x), 2) / slices,
        "rays AT": best(lambda: rays.AT(y), 2) / slices,
        "error": float(np.linalg.norm(y[0].numpy() - reference) / np.linalg.norm(reference)),
    }


def line(kind: str, views: int, row: dict[str, float], slices: int) -> str:
    """A row of the table."""
    parts = [f"{kind:8s} {views:5d} {row['build'] / 1000:8.2f} {row['MiB']:5.0f}"]
    for name in ("A", "AT"):
        own, odl = row[name], row[f"{name} odl"]
        with_build = odl / (own + row["build"] / slices)
        parts.append(f"{own:5.2f} {odl:7.1f} {odl / own:5.1f}x {with_build:6.1f}x")
    parts.append(f"{row['backward']:7.2f}x {row['pinv']:6.1f} {row['rays A']:8.1f}")
    parts[-1] += f" {row['rays AT']:5.1f}"
    return " | ".join([*parts, f"{row['error']:.1e}"])


def main() -> None:
    """Print one line per beam and number of views, then the memory of a large pair."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=64)
    parser.add_argument("--views", type=int, nargs="+", default=[20, 60, 180])
    parser.add_argument("--beams", nargs="+", default=["parallel", "fan"])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{options.slices} slices of {options.size}², ms per slice, one thread")
    print(HEADER)
    for kind in options.beams:
        for views in options.views:
            row = measure(kind, views, options.slices, options.size, options.repeats)
            print(line(kind, views, row, options.slices), flush=True)
    for kind in options.beams:
        size = pair_bytes(geometry_of(kind, 180, 512))
        print(f"matrix pair of 180 views at 512², {kind}: {size / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
