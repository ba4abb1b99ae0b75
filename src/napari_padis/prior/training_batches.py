"""The batch of each training step, a function of (seed, step, rank) alone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import torch
from torch import Tensor

from napari_padis.prior.data import PatchSampler
from napari_padis.prior.score_matching import draw_sigma
from napari_padis.prior.settings import TrainingConfig


class Noisy(NamedTuple):
    """Clean patches, what the network is told, noise levels (B,) and unit noise."""

    clean: Tensor
    position: Tensor
    condition: Tensor | None
    sigma: Tensor
    noise: Tensor

    def each(self, change: Callable[[Tensor], Tensor]) -> Noisy:
        """The same with every tensor changed."""
        condition = None if self.condition is None else change(self.condition)
        return Noisy(
            change(self.clean), change(self.position), condition, change(self.sigma),
            change(self.noise),
        )  # fmt: skip


def patch_index(config: TrainingConfig, step: int) -> int:
    """Which patch size a step has: the same in all processes, so that they take equally long."""
    common = torch.Generator().manual_seed(mix(config.seed, step, -1))
    weights = torch.tensor(config.probabilities)
    return int(torch.multinomial(weights, 1, generator=common).item())


class Batches:
    """Batches of a process, each prepared by a thread while the previous one is trained on.

    Parameters
    ----------
    config : TrainingConfig
    sampler : PatchSampler
    rank : int
    device : torch.device
        On a GPU the noise is drawn there and copies do not wait.
    """

    def __init__(
        self, config: TrainingConfig, sampler: PatchSampler, rank: int, device: torch.device
    ) -> None:
        self.config, self.sampler, self.rank, self.device = config, sampler, rank, device
        self._pool = ThreadPoolExecutor(1, initializer=self._begin) if config.prefetch else None
        self._ahead: tuple[int, Future[Noisy]] | None = None

    def take(self, step: int) -> Noisy:
        """The batch of a step, on the device."""
        if self._ahead is not None and self._ahead[0] == step:
            batch = self._ahead[1].result()
        else:
            batch = self.draw(step)
        if self._pool is not None:
            self._ahead = step + 1, self._pool.submit(self.draw, step + 1)
        batch = batch.each(lambda t: t.to(self.device, non_blocking=True))
        if self.device.type != "cuda":
            return batch
        own = torch.Generator(self.device).manual_seed(mix(self.config.seed, step, self.rank))
        noise = torch.randn(batch.clean.shape, generator=own, device=self.device)
        return batch._replace(noise=noise)

    def close(self) -> None:
        """Forget what was prepared, and end the thread."""
        self._ahead = None
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _begin(self) -> None:
        """The current GPU is one of each thread's own."""
        if self.device.type == "cuda" and self.device.index is not None:
            torch.cuda.set_device(self.device)

    def draw(self, step: int) -> Noisy:
        """The batch of a step before it goes to the device; on a GPU its noise is missing."""
        index = patch_index(self.config, step)
        patch, batch = self.config.patch_sizes[index], self.config.batches[index]
        own = torch.Generator().manual_seed(mix(self.config.seed, step, self.rank))
        clean, position, condition = self.sampler.draw(patch, batch, own)
        sigma = draw_sigma(self.config, batch, own)
        if self.device.type != "cuda":
            noise = torch.randn(clean.shape, generator=own)
            return Noisy(clean, position, condition, sigma, noise)
        drawn = Noisy(clean, position, condition, sigma, torch.empty(0))
        return drawn.each(Tensor.pin_memory)


def mix(seed: int, step: int, rank: int) -> int:
    """One 63-bit seed from three integers (splitmix64 finaliser)."""
    z = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + (rank + 2)) & (2**64 - 1)
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
    return (z ^ (z >> 31)) >> 1
