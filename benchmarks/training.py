"""Speed of whole training steps against a bare loop over a fixed batch.

    python benchmarks/training.py configs/ct-small.json VOLUMES --steps 20

The bare loop does forward, backward and optimiser step on a batch that lies ready; the training
step also draws patches and noise, clips the gradient, averages the weights and keeps the loss.
Both take turns in one process, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch

from napari_padis.engine.setup import choose_device
from napari_padis.prior.data import PatchSampler
from napari_padis.prior.network import EDMDenoiser, channels_last
from napari_padis.prior.score_matching import denoising_loss
from napari_padis.prior.settings import TrainingConfig
from napari_padis.prior.slice_store import Preparation, stored_stacks
from napari_padis.prior.training import Trainer
from napari_padis.prior.training_batches import Noisy, patch_index
from napari_padis.prior.training_files import find_volumes
from napari_padis.prior.training_log import gpu_percent


class BareLoop:
    """Forward, backward and optimiser step, one fixed batch for each patch size."""

    def __init__(self, config: TrainingConfig, trainer: Trainer) -> None:
        self.config, self.device = config, trainer.device
        self.model = channels_last(EDMDenoiser(config.network).to(self.device))
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-5, fused=True)
        self.batches: dict[int, Noisy] = {}

    def prepare(self, index: int, batch: Noisy) -> None:
        """Keep the first batch of a patch size."""
        self.batches.setdefault(index, batch)

    def step(self, index: int) -> None:
        """One step on the batch of a patch size."""
        b, c = self.batches[index], self.config
        with torch.autocast(self.device.type, torch.bfloat16, enabled=c.bfloat16):
            losses = denoising_loss(
                self.model, b.clean, b.position, b.sigma, b.noise, c.network.sigma_data, b.condition
            )
        self.optimizer.zero_grad(set_to_none=True)
        losses.mean().backward()
        self.optimizer.step()


def seconds(work: Callable[..., object], values: Iterable[object], device: torch.device) -> float:
    """Wall time of some work on each value, until the device has finished it."""
    start = time.perf_counter()
    for value in values:
        work(value)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def main() -> None:
    """Print patches per second of both and their ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("volumes", type=Path)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--group", type=int, default=1, help="steps before the loops take turns")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--no-prefetch", action="store_true")
    given = parser.parse_args()
    values = json.loads(given.config.read_text())
    values.pop("hours", None)
    values |= {"steps": 10**6, "compile": given.compile, "prefetch": not given.no_prefetch}
    config = TrainingConfig(**values)
    with tempfile.TemporaryDirectory() as folder:
        prepare = Preparation(-1000, 1000, config.ceiling, config.normalise)
        stacks = stored_stacks(find_volumes(given.volumes), prepare, Path(folder))
        sampler = PatchSampler.of(stacks, config)
        trainer = Trainer(config, sampler, Path(folder), str(choose_device(given.device)))
        compare(trainer, given.steps, given.group)
        trainer.batches.close()


def compare(trainer: Trainer, steps: int, group: int) -> None:
    """Time groups of training steps and of bare steps of the same patch sizes in turn."""
    config, device = trainer.config, trainer.device
    bare = BareLoop(config, trainer)
    step = 0
    while len(bare.batches) < sum(p > 0 for p in config.probabilities):
        bare.prepare(patch_index(config, step), trainer.batches.take(step))
        step += 1
    for index in bare.batches:
        bare.step(index)
    seconds(trainer.step, [0.0], device)
    times, patches, drawing = [0.0, 0.0], 0, 0.0
    for _ in range(0, steps, group):
        first = trainer.counters.step
        indices = [patch_index(config, first + k) for k in range(group)]
        patches += sum(config.batches[i] for i in indices)
        times[0] += seconds(trainer.step, [0.0] * group, device)
        times[1] += seconds(bare.step, indices, device)
        drawing += seconds(trainer.batches.draw, [first], device) * group
    names = ("training", "bare loop")
    for name, total in zip(names, times, strict=True):
        print(f"{name:10} {patches / total:8.2f} patches/s, {total / steps:.4f} s a step")
    print(f"drawing    {100 * drawing / times[0]:.1f} % of a step (done ahead by a thread)")
    print(f"ratio      {times[1] / times[0]:.3f} of the bare loop's speed")
    if device.type == "cuda":
        print(f"GPU        {gpu_percent(device)} % busy")


if __name__ == "__main__":
    main()
