"""Speed of the batched matrix pair against ODL with ASTRA slice by slice, on one thread.

Call it as ``python benchmarks/projector.py --slices 64 --views 20 60``.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch

from napari_padis.likelihood import ParallelBeam
from napari_padis.likelihood.odl_bridge import project_with_odl, ray_transform, to_odl_axes
from napari_padis.scan.geometry import ParallelGeometry


def best(work: Callable[[], object], repeats: int) -> float:
    """Least processor time of ``work`` in milliseconds; other programs do not count."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1000 * min(times)


def measure(views: int, slices: int, size: int, repeats: int) -> dict[str, float]:
    """Milliseconds per slice of both projectors, and their relative difference."""
    geometry = ParallelGeometry(
        (np.arange(views) + 0.5) * np.pi / views, 2 * size, 1.0, (size, size), (1.0, 1.0)
    )
    start = time.process_time()
    ours = ParallelBeam(geometry)
    build = time.process_time() - start
    x = torch.rand(slices, size, size, generator=torch.Generator().manual_seed(0))
    y = ours.A(x)
    theirs = ray_transform(geometry)
    few = min(slices, 8)
    images = [theirs.domain.element(to_odl_axes(one).copy()) for one in x[:few].numpy()]
    data = [theirs.range.element(one) for one in y[:few].numpy()]
    reference = project_with_odl(theirs, x[0].numpy())
    adjoint = theirs.adjoint
    return {
        "build s": build,
        "MiB": ours.nbytes / 2**20,
        "A": best(lambda: ours.A(x), repeats) / slices,
        "A odl": best(lambda: [theirs(one) for one in images], repeats) / few,
        "AT": best(lambda: ours.AT(y), repeats) / slices,
        "AT odl": best(lambda: [adjoint(one) for one in data], repeats) / few,
        "pinv": best(lambda: ours.pinv(y), repeats) / slices,
        "error": float(np.linalg.norm(y[0].numpy() - reference) / np.linalg.norm(reference)),
    }


def main() -> None:
    """Print one line per number of views."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=64)
    parser.add_argument("--views", type=int, nargs="+", default=[20, 60])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{options.slices} slices of {options.size}², ms per slice, one thread")
    print("views  build s    MiB      A  (ODL)  ratio     AT  (ODL)  ratio   pinv   difference")
    for views in options.views:
        row = measure(views, options.slices, options.size, options.repeats)
        print(
            f"{views:5d} {row['build s']:8.2f} {row['MiB']:6.0f}"
            f" {row['A']:6.2f} {row['A odl']:6.1f} {row['A odl'] / row['A']:5.1f}x"
            f" {row['AT']:6.2f} {row['AT odl']:6.1f} {row['AT odl'] / row['AT']:5.1f}x"
            f" {row['pinv']:6.1f}   {row['error']:.1e}"
        )


if __name__ == "__main__":
    main()
