"""Draws of chains on their way into the samples, and which of them count in the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_padis.engine.events import Array
from napari_padis.engine.kept import Running, Samples, keep, show
from napari_padis.engine.plan import Plan
from napari_padis.posterior.drawing import FEWEST
from napari_padis.posterior.effective_size import kept_draws
from napari_padis.posterior.mixing import Mixing, judge, square_means
from napari_padis.posterior.statistics import chain_moments


@dataclass(frozen=True)
class Chosen:
    """The draws that count.

    Attributes
    ----------
    places : range or tuple of int
        Along the axis of samples, chain by chain.
    chains : int
        Each with equally many of them.
    stride : int
        Every how many draws of a chain are among them.
    mixing : Mixing or None
        None where each chain gave one draw, or too few to be judged.
    """

    places: range | tuple[int, ...]
    chains: int
    stride: int = 1
    mixing: Mixing | None = None


class Draws:
    """Takes in the draws of each chain, which lie one after another, chain by chain.

    All of them are kept until the end, as only then it is known how far apart draws must be.

    Parameters
    ----------
    plan : Plan
    kept : Samples
        Where they go.
    running : Running
        Moments of the last draw of each chain, which are independent of each other.
    """

    def __init__(self, plan: Plan, kept: Samples, running: Running) -> None:
        self._plan, self._kept, self._running = plan, kept, running
        self._each, self._chains, self._made = plan.draws, range(0), 0
        self._means: dict[int, np.ndarray] = {}

    def restore(self) -> None:
        """Take up what an earlier run left."""
        for place in range(self._kept.finished):
            self._take(place, self._kept.raw(place))

    def begin(self, chains: range) -> None:
        """Go on with other chains."""
        self._chains, self._made = chains, 0

    def put(self, samples: Tensor) -> None:
        """The next draw of every chain of the group."""
        for chain, sample in zip(self._chains, samples, strict=True):
            place, kept = chain * self._each + self._made, keep(self._plan.display, sample)
            self._kept.put(place, kept)
            self._take(place, kept)
        self._made += 1

    def finish(self, mean: NDArray[Any] | None = None) -> None:
        """The chains of the group have ended, all so far with a better mean than the draws'."""
        self._kept.finish(self._chains.stop * self._each, mean)

    def chosen(self) -> Chosen:
        """Draws of the finished chains; of those under way if none is, and they gave any."""
        chains, each = self._kept.finished // self._each, self._each
        if not chains and self._made:
            chains, each = self._chains.stop, self._made
        if self._each == 1 or not chains:
            return Chosen(range(chains), chains)
        mixing = None
        if each >= FEWEST:
            places = [range(c * self._each, c * self._each + each) for c in range(chains)]
            mixing = judge(np.array([[self._means[i] for i in part] for part in places]))
        stride = mixing.stride if mixing else each
        numbers = kept_draws(each, stride)
        places_kept = (c * self._each + k for c in range(chains) for k in numbers)
        return Chosen(tuple(places_kept), chains, stride, mixing)

    def moments(self, chosen: Chosen) -> tuple[Tensor, Tensor]:
        """Mean of the draws that count, as they are kept, and variance."""
        if self._each == 1:
            return self._running.moments
        each = len(chosen.places) // chosen.chains
        return chain_moments(
            (torch.from_numpy(self._kept.raw(place)) for place in part)
            for part in (chosen.places[i : i + each] for i in range(0, each * chosen.chains, each))
        )

    def _take(self, place: int, kept: Array) -> None:
        if (place + 1) % self._each == 0:
            self._running.add(kept)
        if self._each > 1:
            self._means[place] = square_means(show(self._plan.display, kept))
