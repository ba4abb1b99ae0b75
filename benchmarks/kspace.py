"""Measured k-space: some of the samples are kept back and predicted from the others.

    python benchmarks/kspace.py brain8ch-sigpy-tutorial.npz --picture brain.png

A share of the measured samples outside the calibration region, chosen by the seed, is taken away;
the coil maps come from that region, the same for all methods. Each method's picture is complex, and
what all coils measure of it at the places kept back is its prediction. Printed are the RMS of the
prediction's error relative to that of the samples kept back, and in units of the noise's standard
deviation as the program estimates it: of all, and of the third nearest to the centre, of the middle
one and of the farthest; 1 is the least that can be expected, and errors of the coil maps count too.

Samplers have scores too: measured minus mean of the samples' predictions, over the root of
``(1 + 1/n) variance + noise variance``, real and imaginary part each. The variance is that of the
samples' predictions, pooled over each coil's places at like distance from the centre, as four
samples say little about one place. Printed are the RMS of the scores, and the share within the 90 %
interval of a normal variable.

Samples are kept in --out, rows in its table: the same command goes on where it was stopped, and
makes the picture without running anything again. Rows of the picture: magnitude; the same ten
times brighter, for the air; ten times the standard deviation over the samples; ten times the
difference from the last method.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import norm
from skimage.io import imsave

from napari_padis.engine.events import Iterate
from napari_padis.engine.plan import Plan, make_plan
from napari_padis.engine.recipe import Recipe
from napari_padis.engine.run import run
from napari_padis.engine.store import SampleStore, open_store
from napari_padis.evaluation.ledger import Ledger, Row
from napari_padis.likelihood import CartesianMRI
from napari_padis.likelihood.coils import calibration_region, with_maps
from napari_padis.likelihood.fourier import as_channels, as_complex
from napari_padis.posterior.methods import find_method
from napari_padis.scan.geometry import CartesianGeometry
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.read import read

Complex = NDArray[np.complexfloating[Any]]

METHODS = ("cg", "tv", "pnp-admm", "padis-fast", "padis-calibrated")

#: Zones of like distance from the centre over which variances are pooled; level of the interval.
ZONES, LEVEL = 8, 0.9

#: How much brighter the lower rows of the picture are.
BRIGHTER = 10

KEYS = {
    "data": str, "share": float, "seed": int, "method": str, "prior": str, "samples": int,
    "sigma": float,
}  # fmt: skip
VALUES = {
    "coupling": float, "error": float, "noise": float, "near": float, "middle": float,
    "far": float, "score": float, "within": float, "seconds": float,
}  # fmt: skip


@dataclass(frozen=True)
class KeptBack:
    """Samples of one slice that no method sees.

    Parameters
    ----------
    measurement : Measurement
        The others, with coil maps.
    mask : ndarray of bool, shape (rows, columns)
        Where the samples kept back are.
    values : ndarray of complex, shape (coils, count)
    """

    measurement: Measurement
    mask: NDArray[np.bool_]
    values: Complex

    @property
    def distance(self) -> NDArray[np.float64]:
        """From the centre of k-space, as a share of half a side, shape (count,)."""
        rows, columns = (np.arange(n) / (n / 2) - 1 for n in self.mask.shape)
        found: NDArray[np.float64] = np.hypot(rows[:, None], columns)[self.mask]
        return found

    def predict(self, image: Complex) -> Complex:
        """What the coils measure of an image (rows, columns) there, shape (coils, count)."""
        geometry = self.measurement.geometry
        assert isinstance(geometry, CartesianGeometry)
        there = CartesianMRI(replace(geometry, mask=self.mask))
        channels = as_channels(torch.from_numpy(np.asarray(image, np.complex64)))
        found: Complex = as_complex(there.A(channels)).numpy()[:, self.mask]
        return found


def keep_back(measurement: Measurement, share: float, seed: int) -> KeptBack:
    """Take some samples of a slice away, none of them from the calibration region."""
    geometry = measurement.geometry
    assert isinstance(geometry, CartesianGeometry)
    free = geometry.mask.copy()
    free[calibration_region(geometry.mask)] = False
    places = np.argwhere(free)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(places, round(share * len(places)), replace=False)
    mask = np.zeros_like(free)
    mask[tuple(chosen.T)] = True
    rest = replace(
        measurement,
        data=np.where(mask, 0, measurement.data),
        geometry=replace(geometry, mask=geometry.mask & ~mask),
    )
    return KeptBack(with_maps(rest), mask, measurement.data[0][:, mask])


def parts(values: Complex) -> NDArray[np.float64]:
    """Real and imaginary part along a new last axis."""
    return np.stack([values.real, values.imag], axis=-1).astype(np.float64)


def zones(distance: NDArray[np.float64], count: int) -> list[NDArray[np.intp]]:
    """Places in so many zones of equally many, nearest to the centre first."""
    return np.array_split(np.argsort(distance, kind="stable"), count)


def errors(kept: KeptBack, image: Complex, sigma: float) -> dict[str, float]:
    """Prediction error of an image, see above."""
    error = parts(kept.predict(image) - kept.values)
    size = root_mean_square(error)
    thirds = zip(("near", "middle", "far"), zones(kept.distance, 3), strict=True)
    return {
        "error": size / root_mean_square(parts(kept.values)),
        "noise": size / sigma,
        **{name: root_mean_square(error[:, third]) / sigma for name, third in thirds},
    }


def scores(kept: KeptBack, samples: Complex, sigma: float) -> NDArray[np.float64]:
    """Errors in units of what is expected of them, shape (coils, count, 2), see above."""
    predicted = parts(np.stack([kept.predict(sample) for sample in samples]))
    count = len(samples)
    variance = predicted.var(0, ddof=1)
    for zone in zones(kept.distance, ZONES):
        variance[:, zone] = variance[:, zone].mean((1, 2), keepdims=True)
    expected = (1 + 1 / count) * variance + sigma**2
    found: NDArray[np.float64] = (parts(kept.values) - predicted.mean(0)) / np.sqrt(expected)
    return found


def root_mean_square(values: NDArray[np.float64]) -> float:
    """Root of the mean square."""
    return math.sqrt(float(np.square(values).mean()))


def within(found: NDArray[np.float64]) -> float:
    """Share of the scores in the interval of LEVEL."""
    return float((np.abs(found) <= norm.ppf((1 + LEVEL) / 2)).mean())


def recipe_of(key: Row) -> Recipe:
    """The run of a row."""
    return Recipe.create(
        method=key["method"],
        prior=key["prior"],
        samples=key["samples"],
        seed=key["seed"],
        options={"sigma": key["sigma"]} if key["sigma"] else {},
        null_space=False,
    )


def images_of(store: SampleStore, plan: Plan) -> tuple[Complex, Complex]:
    """The complex mean picture of a finished run, and its samples."""
    samples = np.stack([store.raw(k)[0] for k in range(plan.places)])
    mean = store.mean
    return (samples.mean(0) if mean is None else mean[0]), samples


def fill(ledger: Ledger, key: Row, kept: KeptBack, folder: Path) -> None:
    """Run a method and add its row."""
    recipe, start, coupling = recipe_of(key), time.perf_counter(), math.nan
    for event in run(recipe, kept.measurement, store=folder):
        if isinstance(event, Iterate) and math.isnan(coupling):
            coupling = event.sigma  # ADMM comes first, where there is one
    seconds = time.perf_counter() - start
    plan = make_plan(recipe, kept.measurement, stored=True)
    mean, samples = images_of(open_store(folder, plan), plan)
    z = scores(kept, samples, plan.sigma_y) if len(samples) > 1 else None
    ledger.add(
        {
            **key,
            "coupling": 0.0 if math.isnan(coupling) else coupling,
            **errors(kept, mean, plan.sigma_y),
            "score": 0.0 if z is None else root_mean_square(z),
            "within": 0.0 if z is None else within(z),
            "seconds": seconds,
        }
    )


def show(ledger: Ledger) -> None:
    """Print the table."""
    print(
        f"{'method':18s}{'samples':>8s}{'sigma':>8s}{'error':>8s}{'noises':>8s}{'near':>8s}"
        f"{'middle':>8s}{'far':>8s}{'score':>8s}{'within':>8s}{'seconds':>9s}"
    )
    for row in ledger.rows:
        numbers = [row[name] for name in ("noise", "near", "middle", "far")]
        line = f"{row['method']:18s}{row['samples']:8d}{row['coupling']:8.3f}{row['error']:8.4f}"
        line += "".join(f"{value:8.3f}" for value in numbers)
        spread = [f"{row[n]:8.3f}" if row["score"] else f"{'':8s}" for n in ("score", "within")]
        print(f"{line}{''.join(spread)}{row['seconds']:9.0f}")


def picture(path: Path, found: list[tuple[Complex, Complex]]) -> None:
    """Methods side by side, rows as above."""
    last = found[-1][0]
    white = float(np.percentile(np.abs(last), 99.8))
    columns = [
        np.concatenate(
            [
                np.abs(mean),
                BRIGHTER * np.abs(mean),
                BRIGHTER * np.sqrt(np.square(parts(samples)).sum(-1).mean(0)),
                BRIGHTER * np.abs(mean - last),
            ]
        )
        for mean, samples in ((m, s - s.mean(0)) for m, s in found)
    ]
    grey = np.clip(np.concatenate(columns, axis=1) / white, 0, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    imsave(path, (255 * grey).astype(np.uint8), check_contrast=False)


def main() -> None:
    """Fill the table, print it, and make the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="k-space; its first slice is taken")
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--prior", default="mr")
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--sigma", type=float, nargs="+", default=[0.0], help="0: automatic")
    parser.add_argument("--share", type=float, default=0.1, help="of the samples, kept back")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("kspace"), help="folder of samples")
    parser.add_argument("--picture", type=Path)
    o = parser.parse_args()
    scan = read(o.data)
    if not isinstance(scan, Measurement) or not isinstance(scan.geometry, CartesianGeometry):
        parser.error(f"'{o.data}' holds no Cartesian k-space.")
    kept = keep_back(scan.take(0, 1), o.share, o.seed)
    print(
        f"{100 * scan.geometry.mask.mean():.1f} % of k-space measured; {kept.mask.sum()} of "
        f"{scan.geometry.mask.sum()} samples of {scan.geometry.coils} coils kept back."
    )
    ledger = Ledger(o.out / "table.json", KEYS, VALUES, (".json",))
    shown = []
    for name in o.methods:
        method = find_method(name)
        for sigma in o.sigma if "sigma" in method.options else o.sigma[:1]:
            key = {
                "data": o.data.name, "share": o.share, "seed": o.seed, "method": name,
                "prior": o.prior if method.needs_prior else "",
                "samples": o.samples if method.sampler else 1,
                "sigma": sigma if "sigma" in method.options else 0.0,
            }  # fmt: skip
            text = json.dumps(list(key.values())[1:])
            folder = o.out / "".join(c if c.isalnum() or c in ".-" else "_" for c in text)
            if not ledger.has(key):
                fill(ledger, key, kept, folder)
            if o.picture:
                plan = make_plan(recipe_of(key), kept.measurement, stored=True)
                shown.append(images_of(open_store(folder, plan), plan))
    if o.picture:
        picture(o.picture, shown)
    show(ledger)


if __name__ == "__main__":
    main()
