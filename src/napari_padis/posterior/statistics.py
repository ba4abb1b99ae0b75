"""Running mean and variance over samples (Welford 1962, in Chan's batch form)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


class RunningMoments:
    """Mean and unbiased variance of tensors that arrive one after another.

    Of complex tensors the variance is real: that of the real part plus that of the
    imaginary part.
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean: Tensor | None = None
        self._squares: Tensor | None = None

    def add(self, sample: Tensor) -> None:
        """Take in one sample."""
        self.count += 1
        if self._mean is None or self._squares is None:
            self._mean, self._squares = sample.clone(), torch.zeros_like(sample.real)
            return
        delta = sample - self._mean
        self._mean += delta / self.count
        self._squares += (delta * (sample - self._mean).conj()).real

    def with_batch(self, mean: Tensor, variance: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Mean and variance of these samples and of a batch of others, which is not added.

        Parameters
        ----------
        mean, variance : Tensor
            Those of the batch; the variance unbiased.
        count : int
            Samples of the batch.

        Notes
        -----
        Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing
        sample variances", COMPSTAT 1982.
        """
        if self._mean is None or self._squares is None:
            return mean, variance
        total = self.count + count
        delta = mean - self._mean
        squares = self._squares + variance * max(count - 1, 0)
        squares += delta.abs().square() * (self.count * count / total)
        return self._mean + delta * (count / total), squares / max(total - 1, 1)

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


def chain_moments(chains: Iterable[Iterable[Tensor]]) -> tuple[Tensor, Tensor]:
    """Mean and variance over equally many draws of each of several chains.

    The variance between the chains' means plus ``(n - 1) / n`` times that within them, each
    unbiased for itself (Vehtari et al., Bayesian Analysis 16:667, 2021, equations 2 to 4). It is
    unbiased however correlated the ``n`` draws of a chain are, as long as the chains are
    independent; for one draw of each, it is their unbiased variance. Of a single chain it is
    that of its draws, which are taken for independent.
    """
    between, within = RunningMoments(), torch.zeros(())
    for chain in chains:
        one = RunningMoments()
        for draw in chain:
            one.add(draw)
        between.add(one.mean)
        within = within + one.variance * ((one.count - 1) / one.count)
    if between.count == 1:
        return one.mean, one.variance
    return between.mean, between.variance + within / between.count
