"""Is the seam between tiles to be seen? Jumps of the error across columns and rows.

    python benchmarks/seam.py VOLUMES --slices 4 --steps 20 100 --table seam.json

Slices of validation volumes from few views, by each method, with equal tiles at random shifts,
whose seams stay near the same columns and rows (``equal``), and with those of today (``chosen``).
The jump at a column is the mean, over the rows, of the absolute difference of the error between
it and its neighbour, in HU; of the standard deviation likewise. Prints, as means over the slices:
the mean and the largest jump at the seams of the equal tiles, the largest at the seam of the last
evaluation, the 95th and 99th percentile of all other columns and rows, and on how many slices the
first two are below the 95th. Rows that are in the table are not made again.

    python benchmarks/seam.py VOLUMES --slices 4 --denoise

One evaluation of either on slices with white noise instead, and of the mean of four: PSNR, and the
processor's time for one in units of that with equal tiles.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from napari_padis.engine.events import Finished, Iterate, Result, Started
from napari_padis.engine.metrics import psnr
from napari_padis.engine.recipe import Recipe
from napari_padis.engine.run import run
from napari_padis.evaluation.denoising import SIGMAS, add_white_noise
from napari_padis.evaluation.ledger import Ledger, Row
from napari_padis.evaluation.reconstruction import measure, on_scale, quality_of_mean
from napari_padis.evaluation.slices import ChosenSlices, choose_slices
from napari_padis.prior.denoiser import finish, load_prior
from napari_padis.prior.patches import PatchGrid
from napari_padis.prior.sides import LEAST_PAD

Places = NDArray[np.intp]

#: Width of the scale of comparison in HU.
HU = 2000.0

KEYS = {
    "method": str, "steps": int, "samples": int, "prior": str, "views": int, "tiles": str,
    "volume": str, "slice": int, "size": int, "of": str,
}  # fmt: skip
VALUES = {
    "seam": float, "largest": float, "last": float, "p95": float, "p99": float, "psnr": float,
    "seconds": float,
}  # fmt: skip


def seams(shape: tuple[int, int], side: int) -> list[Places]:
    """Where seams of equal tiles may lie, along rows and columns: before which pixels."""
    grid = PatchGrid(shape, side, LEAST_PAD)
    return [
        np.unique(
            [
                k * side - pad + a
                for a in range(most + 1)
                for k in range(1, count)
                if 0 < k * side - pad + a < n
            ]
        ).astype(np.intp)
        for n, count, pad, most in zip(shape, grid.tiles, grid.pad, grid.shifts, strict=True)
    ]


def jumps(image: NDArray[np.floating]) -> list[NDArray[np.floating]]:
    """Mean absolute difference from the row before, and from the column before."""
    return [np.abs(np.diff(image, axis=axis)).mean(axis=1 - axis) for axis in (0, 1)]


def jumps_at(
    image: NDArray[np.floating], where: list[Places], last: list[Places]
) -> dict[str, float]:
    """Figures of one image, see above."""
    found = jumps(image)
    here = np.concatenate([j[w - 1] for j, w in zip(found, where, strict=True)])
    there = np.concatenate([j[w - 1] for j, w in zip(found, last, strict=True)])
    apart = np.concatenate([np.delete(j, w - 1) for j, w in zip(found, where, strict=True)])
    return {
        "seam": float(here.mean()),
        "largest": float(here.max(initial=0)),
        "last": float(there.max(initial=0)),
        "p95": float(np.percentile(apart, 95)),
        "p99": float(np.percentile(apart, 99)),
    }


def reconstructed(recipe: Recipe, chosen: ChosenSlices, views: int) -> tuple[Result, list[Places]]:
    """The result, and where the seams of the last grid lie."""
    last: list[Places] = [np.empty(0, np.intp)] * 2
    layout = None
    for event in run(recipe, measure(chosen, views)):
        if isinstance(event, Started):
            layout = event.layout
        if isinstance(event, Iterate) and event.shift is not None and layout is not None:
            lines = zip(layout.patch, layout.tiles, layout.pad, event.shift, strict=True)
            last = [
                at[(at > 0) & (at < n)]
                for (step, more, pad, shift), n in zip(lines, event.array.shape[-2:], strict=True)
                for at in [shift - pad + step * np.arange(more + 1)]
            ]
        if isinstance(event, Finished):
            return event.result, last
    raise RuntimeError("The run ended without a result.")


def fill(ledger: Ledger, key: Row, side: int, chosen: ChosenSlices) -> None:
    """Make the rows of one run: those of the error and, if there are samples, of their spread."""
    recipe = Recipe.create(
        method=key["method"],
        steps=key["steps"],
        samples=key["samples"],
        prior=key["prior"],
        patch=side if key["tiles"] == "equal" else None,
        device="cpu",
        null_space=False,
    )
    start = time.perf_counter()
    result, last = reconstructed(recipe, chosen, key["views"])
    seconds = time.perf_counter() - start
    ((decibels, _),) = quality_of_mean(result, chosen)
    images = {"error": on_scale(result.mean, result.unit)[0] - chosen.truth[0]}
    if result.std is not None:
        images["sd"] = on_scale(result.std, result.unit)[0]
    where = seams((chosen.truth.shape[1], chosen.truth.shape[2]), side)
    for of, image in images.items():
        figures = jumps_at(HU * image, where, last)
        ledger.add({**key, "of": of, **figures, "psnr": decibels, "seconds": seconds})


def show(ledger: Ledger) -> None:
    """Means over the slices of each method and tiling."""
    print(
        f"{'method':18s}{'steps':>6s} {'tiles':8s}{'of':7s}{'slices':>7s}"
        + "".join(f"{name:>9s}" for name in ("seam", "largest", "last", "p95", "p99", "PSNR"))
        + "  seam < p95, largest < p95"
    )
    names = ("method", "steps", "tiles", "of", "size", "samples", "prior", "views")
    for group in dict.fromkeys(tuple(row[name] for name in names) for row in ledger.rows):
        rows = [row for row in ledger.rows if tuple(row[name] for name in names) == group]
        method, steps, tiles, of = group[:4]
        means = [
            float(np.mean([row[name] for row in rows]))
            for name in ("seam", "largest", "last", "p95", "p99", "psnr")
        ]
        below = [sum(row[name] <= row["p95"] for row in rows) for name in ("seam", "largest")]
        print(
            f"{method:18s}{steps:6d} {tiles:8s}{of:7s}{len(rows):7d}"
            + "".join(f"{value:9.2f}" for value in means)
            + f"  {below[0]}, {below[1]} of {len(rows)}"
        )


def denoise(
    chosen: list[ChosenSlices], prior: str, side: int, sigmas: list[float], draws: int = 4
) -> None:
    """Print what one evaluation of either does and costs, and the mean of several."""
    shape = (chosen[0].truth.shape[1], chosen[0].truth.shape[2])
    both = {"equal": load_prior(prior, shape, patch=side), "chosen": load_prior(prior, shape)}
    print(f"{'sigma':>6s}  {'tiles':8s}{'one':>8s}{'mean':>8s}{'time':>8s}")
    for sigma in sigmas:
        found: dict[str, list[list[float]]] = {tiles: [] for tiles in both}
        for slices in chosen:
            for k, index in enumerate(slices.indices):
                truth = slices.truth[k]
                noisy = add_white_noise(truth, sigma, slices.name, index)
                x = torch.from_numpy(noisy)[None, None]
                for tiles, denoiser in both.items():
                    g = torch.Generator().manual_seed(index)
                    start = time.process_time()
                    clean = [
                        finish(denoiser.denoise(x, sigma, denoiser.draw(x, sigma, g)))
                        for _ in range(draws)
                    ]
                    seconds = (time.process_time() - start) / draws
                    each = [psnr(c[0, 0].clamp(0, 1).numpy(), truth) for c in clean]
                    mean = torch.stack(clean).mean(0)[0, 0].clamp(0, 1).numpy()
                    found[tiles].append([float(np.mean(each)), psnr(mean, truth), seconds])
        unit = np.mean([row[2] for row in found["equal"]])
        for tiles, rows in found.items():
            one, mean, seconds = np.mean(rows, axis=0)
            print(f"{sigma:6g}  {tiles:8s}{one:8.2f}{mean:8.2f}{seconds / unit:8.2f}", flush=True)


def main() -> None:
    """Fill the table and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("volumes", type=Path, help="folder of validation volumes")
    parser.add_argument("--table", type=Path, default=Path("seam.json"))
    parser.add_argument("--method", nargs="+", default=["pnp-admm", "padis-fast"])
    parser.add_argument("--steps", type=int, nargs="+", default=[20])
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--slices", type=int, default=1, help="of each volume")
    parser.add_argument("--first", type=int, help="only so many volumes")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--views", type=int, default=20)
    parser.add_argument("--prior", default="ct-small")
    parser.add_argument("--side", type=int, default=132, help="of the equal tiles")
    parser.add_argument("--tiles", nargs="+", default=["equal", "chosen"])
    parser.add_argument("--denoise", action="store_true")
    parser.add_argument("--sigma", type=float, nargs="+", default=SIGMAS, help="for --denoise")
    o = parser.parse_args()
    volumes = choose_slices(o.volumes, o.slices, o.size)[: o.first]
    if o.denoise:
        return denoise(volumes, o.prior, o.side, o.sigma)
    if not any(len(w) for w in seams((o.size, o.size), o.side)):
        parser.error(f"{o.size} pixels have no seam with tiles of {o.side}; choose smaller ones.")
    ledger = Ledger(o.table, KEYS, VALUES, (".json",))
    given = {"prior": o.prior, "views": o.views, "size": o.size}
    for chosen in volumes:
        for index in chosen.indices:
            one = ChosenSlices(chosen.name, chosen.volume, (index,))
            for method in o.method:
                for steps in o.steps:
                    for tiles in o.tiles:
                        key = {
                            **given, "method": method, "steps": steps, "tiles": tiles,
                            "samples": 1 if method == "pnp-admm" else o.samples,
                            "volume": chosen.name, "slice": index,
                        }  # fmt: skip
                        if not ledger.has({**key, "of": "error"}):
                            fill(ledger, key, o.side, one)
    show(ledger)


if __name__ == "__main__":
    main()
