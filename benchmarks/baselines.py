"""Classical baselines on real slices: filtered back-projection and total variation.

    python benchmarks/baselines.py VOLUME --views 20 --slices 8 [--noise 0.005]

Prints the PSNR of every slice, on HU clipped to [-1000, 1000] and scaled to [0, 1] with
data range 1. The weight of the total variation is once the plugin's own choice and once the
one with the best mean PSNR on these very slices.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from napari_padis.engine.recipe import Recipe
from napari_padis.engine.setup import build_problem
from napari_padis.evaluation.slices import spread
from napari_padis.likelihood import add_noise, build, root_mean_square, simulate
from napari_padis.posterior import METHODS
from napari_padis.posterior.evaluator import Evaluator
from napari_padis.posterior.problem import Problem
from napari_padis.scan.measurement import Measurement, Noise
from napari_padis.scan.nifti import read_nifti
from napari_padis.scan.units import Scale
from napari_padis.scan.volume import Volume

#: The scale on which pictures are compared.
WINDOW = Scale(-1000.0, 1000.0, "HU")

#: Weights of the total variation, for forward maps of norm 1.
WEIGHTS = tuple(float(w) for w in np.geomspace(1e-6, 1e-3, 10))


def psnr(x: Tensor, reference: Tensor) -> list[float]:
    """PSNR in dB of every slice (..., H, W), clipped to [0, 1], data range 1."""
    error = (x.clamp(0, 1) - reference).double().square().mean(dim=(-2, -1))
    return [float(v) for v in (-10 * torch.log10(error)).ravel()]


def problem_of(measurement: Measurement) -> Problem:
    """The normalised problem, on the window's scale."""
    operator = build(measurement.geometry)
    return build_problem(measurement, operator, None, Recipe(), torch.device("cpu"))[0]


def tv(problem: Problem, weight: float | None, iterations: int = 600) -> Tensor:
    """The plugin's total variation (slices, rows, columns), with its own weight when None."""
    evaluator = Evaluator(None, torch.Generator())  # type: ignore[arg-type]
    run = METHODS["tv"].run(problem, evaluator, 1, iterations, {"weight": weight or 0.0})
    while True:
        try:
            next(run)
        except StopIteration as done:
            result: Tensor = done.value
            return result[0, :, 0]


def tune_tv(
    problem: Problem,
    reference: Tensor,
    weights: Sequence[float] = WEIGHTS,
    iterations: int = 600,
) -> tuple[float, dict[float, list[float]]]:
    """Weight of the best mean PSNR, and the PSNR of every slice for every weight.

    Parameters
    ----------
    problem : Problem
    reference : Tensor, shape (slices, rows, columns)
        True slices on the window's scale, clipped to [0, 1].
    weights : sequence of float
        Weights to try.
    iterations : int
    """
    table = {weight: psnr(tv(problem, weight, iterations), reference) for weight in weights}
    return max(table, key=lambda weight: float(np.mean(table[weight]))), table


def measure(
    volume: Volume, indices: Sequence[int], views: int, noise: float, seed: int = 0
) -> tuple[Measurement, Tensor]:
    """Sinograms with noise as a share of their RMS, and the true slices on the window's scale."""
    measurement = simulate(volume, slices=indices, views=views)
    if noise > 0:
        sigma = noise * root_mean_square(measurement)
        measurement = add_noise(measurement, Noise("gaussian", sigma=sigma), seed)
    truth = np.asarray(volume.array[list(indices)], dtype=np.float32)
    return measurement, torch.from_numpy(WINDOW.to_unit_interval(truth)).clamp(0, 1)


def main() -> None:
    """Print the PSNR of every slice for both baselines."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("volume", type=Path)
    parser.add_argument("--views", type=int, default=20)
    parser.add_argument("--slices", type=int, default=8)
    parser.add_argument("--noise", type=float, default=0.0, help="sigma as a share of the RMS")
    parser.add_argument("--iterations", type=int, default=600)
    parser.add_argument("--weights", type=float, nargs="+", default=WEIGHTS)
    options = parser.parse_args()
    volume = read_nifti(options.volume)
    indices = spread(len(volume.array), options.slices)
    measurement, reference = measure(volume, indices, options.views, options.noise)
    problem = problem_of(measurement)
    best, table = tune_tv(problem, reference, options.weights, options.iterations)
    start = time.process_time()
    automatic = psnr(tv(problem, None, options.iterations), reference)
    seconds = (time.process_time() - start) / len(indices)
    print(f"{volume.name}, {options.views} views, sigma = {100 * options.noise:g} % of the RMS")
    for weight, values in sorted(table.items()):
        print(f"  weight {weight:.1e}: {np.mean(values):.2f} dB{' *' * (weight == best)}")
    print("slice    " + " ".join(f"{i:6d}" for i in indices) + "    mean")
    for name, values in (
        ("FBP", psnr(problem.direct()[:, 0], reference)),
        ("TV, best", table[best]),
        ("TV, auto", automatic),
    ):
        print(f"{name:8s} " + " ".join(f"{v:6.2f}" for v in values) + f"  {np.mean(values):6.2f}")
    print(f"({seconds:.1f} s a slice with the automatic weight)")


if __name__ == "__main__":
    main()
