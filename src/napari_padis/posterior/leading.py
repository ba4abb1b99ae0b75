"""Two samples that lead the chains: they tell where all are moving, without noise of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from napari_padis.posterior.evaluator import Evaluator
from napari_padis.posterior.method import LEADERS
from napari_padis.prior.denoiser import Draw


class LedEvaluator(Evaluator):
    """Evaluator of a batch whose first two samples lead the chains of another evaluator.

    The noises of the leaders are opposite, so that their mean carries none of it to first
    order, as that of coupled samples. They come from the generator that is common to all
    groups of chains: every group follows the same leaders, and chains that follow them are as
    independent of each other as without.

    Parameters
    ----------
    chains : Evaluator
        Draws the noise of the others, and counts.
    """

    def __init__(self, chains: Evaluator) -> None:
        super().__init__(_LedDraws(chains), chains.generator)
        self.counted = chains.counted
        self._chains = chains

    def noise(self, like: Tensor) -> Tensor:
        """White noise drawn on the generators' device: the same for every device."""
        z = torch.randn(like[:1].shape, generator=self.generator, dtype=like.dtype).to(like.device)
        return torch.cat([z, -z, self._chains.noise(like[LEADERS:])])


class _LedDraws:
    """A denoiser whose border noise is drawn for the leaders and for the chains."""

    def __init__(self, chains: Evaluator) -> None:
        self._chains = chains

    def draw(self, x: Tensor, sigma: float, generator: torch.Generator) -> Draw:
        """The shift of the chains, and noise of the border."""
        draw = self._chains.denoiser.draw(x[LEADERS:], sigma, generator)
        leaders = self._chains.plain.draw(x[:LEADERS], sigma, generator)
        if draw.border is None or leaders.border is None:
            return draw
        return replace(draw, border=torch.cat([leaders.border, draw.border]))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chains.denoiser, name)
