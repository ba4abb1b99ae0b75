"""Running mean and variance over samples (Welford 1962, in Chan's batch form)."""

from __future__ import annotations

import torch
from torch import Tensor


class RunningMoments:
    """Mean and unbiased variance of tensors that arrive one after another."""

    def __init__(self) -> None:
        self.count = 0
        self._mean: Tensor | None = None
        self._squares: Tensor | None = None

    def add(self, sample: Tensor) -> None:
        """Take in one sample."""
        self.count += 1
        if self._mean is None or self._squares is None:
            self._mean, self._squares = sample.clone(), torch.zeros_like(sample)
            return
        delta = sample - self._mean
        self._mean += delta / self.count
        self._squares += delta * (sample - self._mean)

    @property
    def mean(self) -> Tensor:
        """Mean so far."""
        if self._mean is None:
            raise ValueError("No sample was added.")
        return self._mean

    @property
    def variance(self) -> Tensor:
        """Unbiased variance so far; zero for a single sample."""
        if self._squares is None:
            raise ValueError("No sample was added.")
        return self._squares / max(self.count - 1, 1)


def moments(samples: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and unbiased variance over the first axis."""
    running = RunningMoments()
    for sample in samples:
        running.add(sample)
    return running.mean, running.variance
