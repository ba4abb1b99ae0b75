"""What samplers are made of: the states they report, and counted network evaluations.

A sampler is a generator of :class:`Tick` (inside a network evaluation), :class:`Level`
(after one), :class:`Drawn` (samples of chains that go on), :class:`Estimated` (a better mean than
that of the samples) and :class:`Adjusted` (what the user should know), and returns the samples,
of shape (N, S, C, H, W).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from napari_padis.prior.denoiser import Denoiser, Draw, Work
from napari_padis.prior.patches import Shift


@dataclass(frozen=True)
class Tick:
    """Share done of the network evaluation under way, and how many are finished."""

    evaluations: int
    share: float


@dataclass(frozen=True)
class Level:
    """State after a network evaluation.

    ``estimate`` is the current data-consistent denoised estimate of every sample,
    shape (N, S, C, H, W), or of the one image from which all samples will begin.
    """

    evaluations: int
    level: int
    levels: int
    sigma: float
    estimate: Tensor
    shift: Shift | None


@dataclass(frozen=True)
class Drawn:
    """A draw of every chain, shape (N, S, C, H, W), where it is not the last, which is returned.

    To be copied before the sampler goes on from it.
    """

    samples: Tensor


@dataclass(frozen=True)
class Estimated:
    """An estimate of the posterior's mean over the chains, shape (S, C, H, W), no sample.

    It takes the place of an earlier one, which None takes back. The mean of ``E[x0 | x, y]`` at a
    noise level of the chains is the posterior mean, as that of the samples is, but scatters less:
    what is left to be drawn is averaged already (Rao and Blackwell).
    """

    mean: Tensor | None


@dataclass(frozen=True)
class Adjusted:
    """The sampler changed its own settings; ``message`` is one sentence for the user."""

    message: str


State = Tick | Level | Drawn | Estimated | Adjusted
Run = Generator[State, None, Tensor]


@dataclass
class Counted:
    """Evaluations of the denoiser, and of how many samples they were in all.

    ``part`` is what is done of the evaluation under way, in samples.
    """

    evaluations: int = 0
    samples: int = 0
    part: float = 0.0

    @property
    def work(self) -> float:
        """Evaluations of one sample, with the part that is done of the present one."""
        return self.samples + self.part


class Evaluator:
    """Counts network evaluations, reports their progress, retries when memory is short.

    With ``coupled`` noise the samples' noises add up to zero: each of them is white
    noise of unit variance for itself, but their mean carries none of it to first order
    (antithetic variates), so that few samples give nearly the mean of many.
    """

    def __init__(
        self, denoiser: Denoiser, generator: torch.Generator, coupled: bool = False
    ) -> None:
        self.denoiser, self.generator, self.counted = denoiser, generator, Counted()
        #: The denoiser whose random choices all come from the generator.
        self.plain = denoiser
        self.coupled = coupled
        #: What all groups of chains of a run have in common, found by the first of them.
        self.shared: dict[str, Any] = {}

    def alone(self) -> Evaluator:
        """For one image that all chains begin with: drawn from what groups have in common."""
        evaluator = Evaluator(self.plain, self.generator)
        evaluator.counted = self.counted
        return evaluator

    @property
    def count(self) -> int:
        """Evaluations that are finished."""
        return self.counted.evaluations

    def noise(self, like: Tensor) -> Tensor:
        """White noise drawn on the generator's device: the same for every device."""
        z = torch.randn(like.shape, generator=self.generator, dtype=like.dtype)
        count = len(z)
        if self.coupled and count > 1:
            z = (z - z.mean(0)) * math.sqrt(count / (count - 1))
        return z.to(like.device)

    def denoise(
        self, x: Tensor, sigma: float, hold: Draw | None = None, again: bool = False
    ) -> Generator[State, None, tuple[Tensor, Draw]]:
        """Evaluate the denoiser with a new random draw.

        Parameters
        ----------
        x : Tensor, shape (N, S, C, H, W)
        sigma : float
        hold : Draw, optional
            An earlier draw whose grid shift is kept; what else is random is drawn anew.
        again : bool
            Whether the draw is needed again, for :meth:`vjp`; otherwise the noise of the
            padding, nearly an image of each sample, is let go.

        Returns
        -------
        tuple of Tensor and Draw
        """
        draw = self.denoiser.draw(x, sigma, self.generator)
        if hold is not None:
            draw = replace(draw, shift=hold.shift)
        result = yield from self._counted(lambda: self.denoiser.denoise(x, sigma, draw), len(x))
        return result, draw if again else replace(draw, border=None)

    def denoise_with_error(
        self, x: Tensor, sigma: float
    ) -> Generator[State, None, tuple[Tensor, Tensor | None, Draw]]:
        """The same with the squared error that the network foretells for each pixel.

        Returns
        -------
        tuple of Tensor, Tensor or None, and Draw
            The second is missing where the denoiser foretells no errors.
        """
        foretelling: Any = self.denoiser
        if not getattr(foretelling, "has_local_error", False):
            clean, draw = yield from self.denoise(x, sigma)
            return clean, None, draw
        draw = self.denoiser.draw(x, sigma, self.generator)
        both = yield from self._counted(
            lambda: foretelling.denoise_with_error(x, sigma, draw), len(x)
        )
        return both[0], both[1], replace(draw, border=None)

    def _counted(self, start: Callable[[], Work], samples: int) -> Run:
        """A network evaluation of so many samples."""
        result = yield from self._run(start, samples)
        self.counted.evaluations += 1
        self.counted.samples += samples
        self.counted.part = 0.0
        return result

    def vjp(self, x: Tensor, sigma: float, draw: Draw, v: Tensor) -> Run:
        """Transposed Jacobian of the evaluation that used ``draw``, times ``v``."""
        return (yield from self._run(lambda: self.denoiser.vjp(x, sigma, draw, v)))

    def _run(self, start: Callable[[], Work], samples: int = 0) -> Run:
        work = start()
        while True:
            try:
                share = next(work)
            except StopIteration as done:
                result: Tensor = done.value
                return result
            except RuntimeError as error:
                if not out_of_memory(error) or not self.denoiser.halve_batch():
                    raise
                work = start()
                continue
            self.counted.part = share * samples
            yield Tick(self.count, share)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on any device."""
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or any(
        words in text for words in ("out of memory", "can't allocate memory", "not enough memory")
    )
