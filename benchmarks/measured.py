"""Measured scans: the Helsinki challenge from little arc, the tooth from every fourth view.

    python benchmarks/measured.py htc SCAN_full.mat SCAN_recon_fbp_seg.mat --arcs 60 30
    python benchmarks/measured.py tooth tomopy-tooth.h5

`htc` prints the score of the Helsinki Tomography Challenge 2022: the Matthews correlation
between the published segmentation of the full scan and that of a reconstruction from part of
it, by Otsu's threshold. The weight of TV is the one with the best score, so the baseline has
the benefit of the doubt. `tooth` prints the centre that was found and, for every fourth view,
the PSNR against the FBP of all views over its range. Both write pictures to --out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import scipy.io
from numpy.typing import NDArray
from skimage.filters import threshold_otsu
from skimage.io import imsave

from napari_padis.engine.recipe import Recipe
from napari_padis.evaluation.reconstruction import reconstruct as run_to_end
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.preparation import Preparation, prepare
from napari_padis.scan.projections import Projections
from napari_padis.scan.read import read

Image = NDArray[np.float32]

#: Weights of TV that are tried, for forward maps of norm 1.
WEIGHTS = (1e-5, 1e-4, 1e-3, 1e-2)


def load(path: Path) -> Projections:
    """Projections of a file; ends the program when it holds something else."""
    found = read(path)
    if not isinstance(found, Projections):
        raise SystemExit(f"'{path}' holds no projections.")
    return found


def reconstruct(measurement: Measurement, method: str, prior: str, samples: int) -> Image:
    """Mean of a method's samples, first slice."""
    recipe = Recipe.create(method=method, prior=prior, samples=samples)
    result = run_to_end(recipe, measurement)
    print(f"    {method} {prior}: {result.report['seconds']:.0f} s", flush=True)
    return result.mean[0]


def total_variation(measurement: Measurement, weight: float) -> Image:
    """TV of the first slice."""
    recipe = Recipe.create(method="tv", samples=1, steps=300, options={"weight": weight})
    return run_to_end(recipe, measurement).mean[0]


def score(image: Image, truth: NDArray[np.bool_]) -> float:
    """Matthews correlation of Otsu's segmentation with the true one."""
    found = image > threshold_otsu(image)
    tp, tn = float((found & truth).sum()), float((~found & ~truth).sum())
    fp, fn = float((found & ~truth).sum()), float((~found & truth).sum())
    below = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return float((tp * tn - fp * fn) / below) if below else 0.0


def picture(path: Path, images: list[Image], limits: tuple[float, float]) -> None:
    """Images side by side, front on top."""
    low, high = limits
    row = np.concatenate([image[::-1, ::-1] for image in images], axis=1)
    grey = np.clip((row - low) / (high - low), 0, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    imsave(path, (255 * grey).astype(np.uint8), check_contrast=False)


def htc(arguments: argparse.Namespace) -> None:
    """Scores from the full arc and from parts of it."""
    projections = load(arguments.scan)
    published = next(
        value for name, value in scipy.io.loadmat(arguments.segmentation).items() if name[0] != "_"
    )
    truth = published[::-1] > 0
    side = len(truth)
    full = prepare(projections, Preparation.create(image_side=side))
    reference = reconstruct(full, "fbp", arguments.priors[0], 1)
    print(f"{projections.name}: full arc, FBP {score(reference, truth):.4f}")
    limits = (0.0, float(np.percentile(reference, 99.5)))
    for arc in arguments.arcs:
        settings = Preparation.create(
            image_side=side, first_degree=arguments.first, arc_degrees=arc, centre=None
        )
        # The centre is that of the full scan: a short arc does not show it.
        centre = (
            full.geometry.detectors - 1
        ) / 2 - full.geometry.shift / full.geometry.detector_pitch
        part = prepare(projections, settings.model_copy(update={"centre": centre}))
        found = {"FBP": reconstruct(part, "fbp", arguments.priors[0], 1)}
        rated = [(score(x, truth), x) for x in (total_variation(part, w) for w in WEIGHTS)]
        found["TV, best weight"] = max(rated, key=lambda pair: pair[0])[1]
        for prior in arguments.priors:
            name = f"{arguments.method} {prior}"
            found[name] = reconstruct(part, arguments.method, prior, arguments.samples)
        for name, image in found.items():
            rating = score(image, truth)
            print(f"  {arc:3.0f} degrees, {part.data.shape[1]} views, {name}: {rating:.4f}")
        picture(
            arguments.out / f"{projections.name}-{arc:.0f}.png",
            [reference, *found.values()],
            limits,
        )


def tooth(arguments: argparse.Namespace) -> None:
    """Centre, and every fourth view against all of them."""
    projections = load(arguments.scan)
    common = {"beam": "parallel", "rows": "0:1"}
    full = prepare(projections, Preparation.create(**common))
    centre = (full.geometry.detectors - 1) / 2 - full.geometry.shift / full.geometry.detector_pitch
    print(f"{projections.name}: rotation axis at column {centre:.2f}")
    part = prepare(projections, Preparation.create(**common, every=4, centre=centre))
    reference = reconstruct(full, "fbp", arguments.priors[0], 1)
    low, high = (float(v) for v in np.percentile(reference, (0.5, 99.5)))
    images = {"FBP": reconstruct(part, "fbp", arguments.priors[0], 1)}
    for prior in arguments.priors:
        name = f"{arguments.method} {prior}"
        images[name] = reconstruct(part, arguments.method, prior, arguments.samples)
    for name, image in images.items():
        error = float(np.mean((image - reference) ** 2))
        level = 10 * np.log10((high - low) ** 2 / error)
        print(f"  {part.data.shape[1]} views, {name}: {level:.2f} dB")
    picture(arguments.out / "tooth.png", [reference, *images.values()], (low, high))


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(required=True)
    for name, action in (("htc", htc), ("tooth", tooth)):
        command = commands.add_parser(name)
        command.add_argument("scan", type=Path)
        if name == "htc":
            command.add_argument("segmentation", type=Path)
            command.add_argument("--arcs", type=float, nargs="*", default=[60.0, 30.0])
            command.add_argument("--first", type=float, default=0.0, help="first angle, degrees")
        command.add_argument("--method", default="padis-fast")
        command.add_argument("--priors", nargs="+", default=["ct-small"])
        command.add_argument("--samples", type=int, default=4)
        command.add_argument("--out", type=Path, default=Path("measured"))
        command.set_defaults(action=action)
    arguments = parser.parse_args()
    arguments.action(arguments)


if __name__ == "__main__":
    main()
