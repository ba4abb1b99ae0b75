"""The plugin's methods on real slices, against FBP and tuned TV.

    python benchmarks/reconstruction.py VOLUME --method padis-fast --samples 4
    python benchmarks/reconstruction.py VOLUME --method padis-calibrated --samples 8 --noise 0.005

Prints PSNR per slice (HU clipped to [-1000, 1000], scaled to [0, 1], data range 1),
seconds per slice, the ratio of the run's time to that of as many bare network
evaluations, and the coverage of 90 % intervals (Student) over the body (true HU > -500).
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from baselines import WINDOW, measure, problem_of, psnr, spread, tune_tv
from scipy.stats import t as student

from napari_padis.engine.events import Result
from napari_padis.engine.recipe import Recipe
from napari_padis.evaluation.reconstruction import reconstruct as run_to_end
from napari_padis.prior import load_prior
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.nifti import read_nifti


def reconstruct(recipe: Recipe, measurement: Measurement) -> Result:
    """Run with progress on stderr."""

    def report(share: float) -> None:
        if share > 0 and sys.stderr.isatty():
            print(f"\r{100 * share:5.1f} %", end="", file=sys.stderr)

    return run_to_end(recipe, measurement, report)


def bare_seconds(prior: str, shape: tuple[int, int], repeats: int = 8) -> float:
    """Seconds of one network evaluation of one slice, tiles ready, nothing around it."""
    denoiser = load_prior(prior, shape)
    grid = denoiser.grid
    shift = tuple(m // 2 for m in grid.shifts)
    stacks = grid.extract(torch.rand((1, denoiser.card.network.image_channels, *shape)), shift)
    calls = list(zip(stacks, grid.positions(shift), strict=True))
    sigma = torch.tensor([0.1])
    with torch.no_grad():
        for tiles, where in calls:
            denoiser.network(tiles, sigma, where)
        start = time.perf_counter()
        for _ in range(repeats):
            for tiles, where in calls:
                denoiser.network(tiles, sigma, where)
    return (time.perf_counter() - start) / repeats


def coverage(result: Result, truth: np.ndarray, body: np.ndarray) -> float:
    """Share of body voxels inside the 90 % interval of a further draw."""
    n = len(result.samples)
    half = float(student.ppf(0.95, n - 1)) * math.sqrt(1 + 1 / n) * result.std
    return float((np.abs(result.mean - truth) <= half)[body].mean())


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("volume", type=Path)
    parser.add_argument("--method", default="padis-fast")
    parser.add_argument("--prior", default="ct-small")
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--views", type=int, default=20)
    parser.add_argument("--slices", type=int, default=8)
    parser.add_argument(
        "--subset", type=int, nargs="+", help="which of the slices, counted from 0; all by default"
    )
    parser.add_argument("--noise", type=float, default=0.0, help="sigma as a share of the RMS")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-tv", action="store_true")
    parser.add_argument("--option", action="append", default=[], metavar="KEY=VALUE")
    o = parser.parse_args()
    volume = read_nifti(o.volume)
    indices = spread(len(volume.array), o.slices)
    if o.subset:
        indices = [indices[i] for i in o.subset]
    measurement, reference = measure(volume, indices, o.views, o.noise)
    problem = problem_of(measurement)
    rows = {"FBP": psnr(problem.direct()[:, 0], reference)}
    if not o.no_tv:
        best, table = tune_tv(problem, reference)
        rows[f"TV {best:.0e}"] = table[best]
    options = {k: float(v) for k, v in (item.split("=") for item in o.option)}
    recipe = Recipe.create(
        method=o.method,
        prior=o.prior,
        samples=o.samples,
        steps=o.steps,
        seed=o.seed,
        device="cpu",
        options=options,
    )
    result = reconstruct(recipe, measurement)
    scaled = [torch.from_numpy(WINDOW.to_unit_interval(x)) for x in (result.mean, *result.samples)]
    rows[f"{o.method} mean"] = psnr(scaled[0], reference)
    if scaled[1:]:
        each = zip(*(psnr(s, reference) for s in scaled[1:]), strict=True)
        rows[f"{o.method} one"] = [float(np.mean(v)) for v in each]
    report = result.report
    print(
        f"{volume.name}, {o.views} views, sigma = {100 * o.noise:g} % of the RMS, "
        f"{len(result.samples)} samples, {report['network_evaluations']} evaluations"
    )
    print(f"{'slice':22s}" + " ".join(f"{i:6d}" for i in indices) + "    mean")
    for name, values in rows.items():
        print(f"{name:22s}" + " ".join(f"{v:6.2f}" for v in values) + f"  {np.mean(values):6.2f}")
    bare = bare_seconds(o.prior, measurement.geometry.image_shape)
    ratio = report["seconds"] / (bare * report["image_evaluations"])
    print(
        f"{report['seconds_per_slice']:.1f} s a slice on {torch.get_num_threads()} threads; "
        f"{ratio:.2f} times {report['image_evaluations']} bare network evaluations "
        f"({bare:.3f} s each)"
    )
    if len(result.samples) > 1:
        truth = WINDOW.from_unit_interval(reference.numpy())
        body = truth > -500
        each = [
            coverage(result, truth, body & (np.arange(len(truth)) == i)[:, None, None])
            for i in range(len(truth))
        ]
        error = np.abs(result.mean - truth)[body].mean()
        print(
            f"{'cov90 per slice':22s}"
            + " ".join(f"{v:6.3f}" for v in each)
            + f"  {coverage(result, truth, body):6.3f}"
        )
        print(
            f"mean sd {result.std[body].mean():.1f} HU, mean absolute error {error:.1f} HU, "
            f"residual {report['residual']:.2f} sigma_y"
        )


if __name__ == "__main__":
    main()
