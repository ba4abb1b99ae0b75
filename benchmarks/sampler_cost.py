"""What a sampler costs beside its network: shares of the time of a run, on one thread.

    python benchmarks/sampler_cost.py VOLUME
    python benchmarks/sampler_cost.py --phantom --views 20 60 --chains 2  # of a phantom

The middle slice is reconstructed. The network's calls and the projections are timed inside the
run, in seconds of the processor, so that other programs on the machine count little. Left out are
the preparation before a run and the statistics after it, which come once however many
evaluations there are. The pilot is left out too: it has a fixed number of evaluations.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from baselines import measure

from napari_padis.engine.events import Finished, Progress, Started
from napari_padis.engine.recipe import Recipe
from napari_padis.engine.run import run
from napari_padis.posterior.methods import METHODS
from napari_padis.posterior.problem import Problem
from napari_padis.prior.network import EDMDenoiser
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.nifti import read_nifti
from napari_padis.scan.phantoms import shepp_logan_3d


@dataclass(frozen=True)
class Cost:
    """Seconds of the processor: of the sampling, of its parts, and of what comes after it."""

    sampling: float
    network: float
    projections: float
    after: float

    @property
    def outside(self) -> float:
        """Share of the time that is not the network's."""
        return 1 - self.network / self.sampling


@contextmanager
def clocks(**methods: tuple[type, str]) -> Iterator[Counter[str]]:
    """Seconds of the processor spent in methods, given as class and name."""
    seconds: Counter[str] = Counter()
    with ExitStack() as stack:
        for label, (owner, name) in methods.items():
            timed = _timed(seconds, label, getattr(owner, name))
            stack.enter_context(mock.patch.object(owner, name, timed))
        yield seconds


def _timed(seconds: Counter[str], label: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        start = time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            seconds[label] += time.process_time() - start  # type: ignore[assignment]

    return call


def cost(recipe: Recipe, measurement: Measurement) -> Cost:
    """Time a run."""
    methods = {"network": (EDMDenoiser, "forward"), "A": (Problem, "A"), "AT": (Problem, "AT")}
    start = end = 0.0
    with clocks(**methods) as seconds:
        for event in run(recipe, measurement):
            if isinstance(event, Started):
                seconds.clear()
                start = time.process_time()
            elif isinstance(event, Progress):
                end = time.process_time()
                parts = dict(seconds)
            elif isinstance(event, Finished):
                after = time.process_time() - end
    return Cost(end - start, parts["network"], parts["A"] + parts["AT"], after)


def main() -> None:
    """Print a line for each method and number of views."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("volume", type=Path, nargs="?")
    parser.add_argument("--phantom", action="store_true", help="instead of a volume")
    parser.add_argument("--methods", nargs="+", default=["padis-fast", "padis-calibrated"])
    parser.add_argument("--prior", default="ct-small")
    parser.add_argument("--views", type=int, nargs="+", default=[20, 60])
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--chains", type=int, help="those of the method by default")
    o = parser.parse_args()
    if o.phantom == (o.volume is not None):
        parser.error("give either a volume or --phantom")
    torch.set_num_threads(1)
    volume = shepp_logan_3d((3, 256, 256)) if o.phantom else read_nifti(o.volume)
    print(f"{volume.name}, {o.steps} evaluations; seconds of the processor")
    print("method          chains  views  sampling  network  projections  other  outside  after")
    for method in o.methods:
        for views in o.views:
            measurement, _ = measure(volume, [len(volume.array) // 2], views, noise=0.005)
            chains = o.chains or METHODS[method].default_samples
            recipe = Recipe(
                method=method,
                prior=o.prior,
                samples=chains,
                steps=o.steps,
                device="cpu",
                null_space=False,
                options={"sigma_max": 0.5},
            )
            found = cost(recipe, measurement)
            other = found.sampling - found.network - found.projections
            print(
                f"{method:18s}{chains:4d}{views:7d}{found.sampling:10.2f}{found.network:9.2f}"
                f"{found.projections:13.2f}{other:7.2f}{found.outside:9.1%}{found.after:7.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
