"""How good the shown mean picture is after how many seconds from Run.

    python benchmarks/over_time.py VALIDATION --size 256 --views 20

One slice of the first volume of a folder, exact data. Prints for each method the PSNR of the mean
that a window would show after so many seconds, and after how many seconds a method's picture is as
good as the last one of total variation and of PnP-ADMM.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from napari_padis.engine.events import Array, Finished, Statistics
from napari_padis.engine.recipe import Recipe
from napari_padis.engine.run import run
from napari_padis.evaluation.reconstruction import measure, on_scale
from napari_padis.evaluation.slices import ChosenSlices, choose_slices, quality

#: Seconds from Run that are printed.
TIMES = (2, 5, 10, 20, 40, 80, 160, 320)

Curve = list[tuple[float, float]]


def curve(chosen: ChosenSlices, recipe: Recipe, views: int) -> Curve:
    """Seconds from Run and PSNR of every mean that is shown."""
    measurement = measure(chosen, views)
    shown: list[tuple[float, Array]] = []
    start = time.perf_counter()
    for event in run(recipe, measurement):
        if isinstance(event, Statistics):
            shown.append((time.perf_counter() - start, event.mean))
        elif isinstance(event, Finished):
            shown.append((time.perf_counter() - start, event.result.mean))
    unit = measurement.unit
    return [(t, quality(on_scale(x, unit), chosen.truth)[0][0]) for t, x in shown]


def at(found: Curve, seconds: float) -> float:
    """PSNR of what was shown at that time, the first picture before it came."""
    return ([p for t, p in found if t <= seconds] or [found[0][1]])[-1]


def reached(found: Curve, psnr: float) -> str:
    """When the picture was first so good."""
    return next((f"{t:.0f} s" for t, p in found if p >= psnr), "not")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--views", type=int, default=20)
    parser.add_argument("--prior", default="ct-small")
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--methods", nargs="+", default=["tv", "pnp-admm", "padis-fast", "padis-calibrated"]
    )
    o = parser.parse_args()
    chosen = choose_slices(o.folder, 1, o.size)[0]
    print(f"{chosen.name}, slice {chosen.indices[0]}, {o.views} exact views, {o.size} pixels")
    print("PSNR in dB after seconds:", *(f"{t:6d}" for t in TIMES), "   end")
    curves = {}
    for method in o.methods:
        recipe = Recipe(
            method=method, prior=o.prior, samples=o.samples, device=o.device, null_space=False
        )
        curves[method] = found = curve(chosen, recipe, o.views)
        figures = (f"{at(found, t):6.2f}" if t < found[-1][0] else "      " for t in TIMES)
        last = f"{found[-1][1]:6.2f} at {found[-1][0]:.0f} s"
        print(f"{method:24s} ", *figures, last, flush=True)
    for goal in ("tv", "pnp-admm"):
        if goal in curves:
            psnr = curves[goal][-1][1]
            others = (f"{m} {reached(c, psnr)}" for m, c in curves.items() if m != goal)
            print(f"as good as {goal} ({psnr:.2f} dB) after:", ", ".join(others))


if __name__ == "__main__":
    main()
