"""Chains with random numbers of their own, so that it does not matter which run together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_padis.posterior.evaluator import Evaluator
from napari_padis.prior.denoiser import Denoiser, Draw


def generator(seed: int, *key: int) -> torch.Generator:
    """Random numbers that belong to a seed and a key, independent of those of other keys."""
    state = np.random.SeedSequence(seed, spawn_key=key).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]) & (2**63 - 1))


class ChainEvaluator(Evaluator):
    """Evaluator of some of the chains of a run.

    The noise of each chain comes from a generator of its own; the shift of the patch grid, and
    what is drawn for anything that has not one entry per chain, comes from a common one, which
    starts the same for every group of chains. Chains are therefore the same, up to rounding,
    whichever others run beside them.

    Parameters
    ----------
    denoiser : Denoiser
    seed : int
        Of the whole run.
    chains : sequence of int
        Numbers of the chains of this group; they lie along the first axis of all tensors.
    coupled : bool
        Whether the noises of this group add up to zero: the group then belongs together.
    """

    def __init__(
        self, denoiser: Denoiser, seed: int, chains: Sequence[int], coupled: bool = False
    ) -> None:
        # Key 0 is the common generator's, 1 + i that of chain i.
        self._own = [generator(seed, 1 + i) for i in chains]
        super().__init__(denoiser, generator(seed, 0), coupled)
        self.denoiser = denoiser and _ChainDraws(denoiser, self._own)

    def noise(self, like: Tensor) -> Tensor:
        """White noise drawn on the generators' device: the same for every device."""
        count = len(self._own)
        if like.ndim == 0 or len(like) != count:
            return super().noise(like)
        z = torch.empty(like.shape, dtype=like.dtype)
        for image, own in zip(z, self._own, strict=True):
            image.normal_(generator=own)
        if self.coupled and count > 1:
            z.sub_(z.mean(0)).mul_(math.sqrt(count / (count - 1)))
        return z.to(like.device)


class _ChainDraws:
    """A denoiser whose border noise is drawn chain by chain."""

    def __init__(self, denoiser: Denoiser, own: Sequence[torch.Generator]) -> None:
        self._denoiser, self._own = denoiser, own

    def draw(self, x: Tensor, sigma: float, generator: torch.Generator) -> Draw:
        """One shift for all, and noise of the border for each chain."""
        if len(x) != len(self._own):
            return self._denoiser.draw(x, sigma, generator)
        shared = self._denoiser.draw(x[:1], sigma, generator)
        if shared.border is None:
            return shared
        each = len(shared.border)
        border = shared.border.new_empty((each * len(x), *shared.border.shape[1:]), device="cpu")
        for part, own in zip(border.split(each), self._own, strict=True):
            part.normal_(generator=own).mul_(sigma)
        return replace(shared, border=border.to(x.device))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._denoiser, name)
