"""Processor time of the network with and without memory that is kept between its layers.

    OMP_NUM_THREADS=1 python benchmarks/allocation.py [--prior NAME] [--repeat N]

An evaluation as samplers make it, and a training step as ``napari-padis train`` makes it. The two
ways take turns, each in processes of its own, as glibc cannot be set back; medians.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from contextlib import nullcontext

import torch

from napari_padis.prior.allocation import memory_kept
from napari_padis.prior.catalogue import find_prior
from napari_padis.prior.checkpoint import load_network
from napari_padis.prior.denoiser import load_prior
from napari_padis.prior.network import EDMDenoiser, channels_last


def evaluation(prior: str) -> float:
    """Seconds of an evaluation of a 256 x 256 image."""
    denoiser = load_prior(prior, (256, 256))
    x, generator = torch.rand(1, 1, 1, 256, 256), torch.Generator().manual_seed(0)

    def once() -> None:
        draw = denoiser.draw(x, 0.1, generator)
        for _ in denoiser.denoise(x, 0.1, draw):
            pass

    return _median(once)


def training(prior: str) -> float:
    """Seconds of a training step on eight patches of 88 x 88."""
    model: EDMDenoiser = channels_last(load_network(find_prior(prior))[0].train())
    model.requires_grad_()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-5, fused=True)
    channels = model.config.image_channels
    x, position = torch.rand(8, channels, 88, 88), torch.zeros(8, 2, 88, 88)
    sigma = torch.full((8,), 0.1)

    def once() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            loss = (model(x, sigma, position) - x).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return _median(once)


def _median(once) -> float:
    for _ in range(2):
        once()
    times = []
    for _ in range(6):
        start = time.process_time()
        once()
        times.append(time.process_time() - start)
    return statistics.median(times)


def main() -> None:
    """Print both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prior", default="ct-small")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    what = {"evaluation": evaluation, "training step": training}
    if given.only:
        name, way = given.only
        with memory_kept() if way == "kept" else nullcontext():
            print(what[name](given.prior))
        return
    for name in what:
        found: dict[str, list[float]] = {"plain": [], "kept": []}
        for _ in range(given.repeat):
            for way, times in found.items():
                words = [sys.executable, __file__, "--prior", given.prior, "--only", name, way]
                times.append(float(subprocess.check_output(words)))
        plain, kept = (statistics.median(times) for times in found.values())
        print(f"{name}: {plain:.3f} s, {kept:.3f} s with memory kept, {1 - kept / plain:.1%} less")


if __name__ == "__main__":
    main()
