"""Finished samples in the unit of the measurement, in memory or on disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_padis.engine.events import Array, Statistics
from napari_padis.engine.setup import Display
from napari_padis.posterior.statistics import RunningMoments, moments
from napari_padis.scan.units import hu_to_mu


def keep(display: Display, x: Tensor) -> NDArray[Any]:
    """A sample (S, C, H, W) on the prior's scale as an array (S, A, R) in the unit.

    float32, or complex64 for complex images, whose offset is left out.
    """
    if x.shape[-3] == 1:
        return display.values(x)
    parts = (x.detach().to("cpu", torch.float32) * display.gain).movedim(-3, -1)
    return torch.view_as_complex(parts.contiguous()).numpy()


def show(display: Display, kept: NDArray[Any]) -> Array:
    """The picture of what :func:`keep` gave: itself, or the magnitude of complex values."""
    if not np.iscomplexobj(kept):
        return np.asarray(kept, np.float32)
    return np.asarray(np.abs(kept) + display.offset, np.float32)


def restore(display: Display, kept: NDArray[Any], device: torch.device) -> Tensor:
    """The tensor (S, C, H, W) on the prior's scale from which :func:`keep` made an array."""
    if np.iscomplexobj(kept):
        parts = torch.view_as_real(torch.from_numpy(np.asarray(kept, np.complex64)))
        return (parts.movedim(-1, -3) / display.gain).to(device)
    values = np.asarray(kept, np.float64)
    if display.mu_water is not None:
        values = hu_to_mu(values, display.mu_water)
    scaled = ((values - display.offset) / display.gain).astype(np.float32)
    return torch.from_numpy(scaled)[:, None].to(device)


class Samples(Protocol):
    """Where finished samples go: the draws of one chain after those of another."""

    @property
    def finished(self) -> int:
        """Samples that are there for good."""

    def put(self, place: int, sample: NDArray[Any]) -> None:
        """Take in a sample of a chain of the group under way."""

    def finish(self, count: int, mean: NDArray[Any] | None = None) -> None:
        """Samples up to ``count - 1`` are there for good, and a better mean than theirs."""

    @property
    def mean(self) -> NDArray[Any] | None:
        """The mean that was kept with the last of them, if any."""

    def raw(self, place: int) -> NDArray[Any]:
        """A sample as it was put in."""

    def shown(self, display: Display, places: Sequence[int]) -> Any:
        """Some samples as pictures, (N, S, A, R), in memory or read when asked for."""


class InMemory:
    """Samples of one session.

    Parameters
    ----------
    count : int
        Samples there will be: their place is taken at once and filled as they come.
    """

    def __init__(self, count: int) -> None:
        self._count, self._array = count, np.empty(0, np.float32)
        self.finished = 0
        self.mean: NDArray[Any] | None = None

    def put(self, place: int, sample: NDArray[Any]) -> None:
        """Take in a sample."""
        if not self._array.size:
            self._array = np.empty((self._count, *sample.shape), sample.dtype)
        self._array[place] = sample

    def finish(self, count: int, mean: NDArray[Any] | None = None) -> None:
        """Samples up to ``count - 1`` are there."""
        self.finished, self.mean = count, mean

    def raw(self, place: int) -> NDArray[Any]:
        """A sample as it was put in."""
        kept: NDArray[Any] = self._array[place]
        return kept

    def shown(self, display: Display, places: Sequence[int]) -> Array:
        """Some samples; those of real images in a row are not copied."""
        if isinstance(places, range):
            return show(display, self._array[places.start : places.stop : places.step])
        return show(display, self._array[list(places)])


class Running:
    """Mean and spread of the finished samples and of those under way."""

    def __init__(self, display: Display) -> None:
        self.display = display
        self._finished = RunningMoments()

    @property
    def count(self) -> int:
        """Finished samples."""
        return self._finished.count

    @property
    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean of the finished samples, as they are kept, and variance."""
        return self._finished.mean, self._finished.variance

    def add(self, kept: NDArray[Any]) -> None:
        """A finished sample, see :func:`keep`."""
        self._finished.add(torch.from_numpy(kept))

    def statistics(self) -> Statistics:
        """Of the finished samples."""
        return pack(self.display, *self.moments, self.count)

    def with_group(self, samples: Tensor) -> Statistics:
        """Of the finished samples and of others, shape (N, S, C, H, W), as they are now."""
        mean, variance = moments(samples)
        slope = self.display.slope
        # Real and imaginary part add up to the variance of a complex image.
        spread = variance.to("cpu", torch.float32).sum(-3) * slope**2
        count = len(samples)
        both = self._finished.with_batch(torch.from_numpy(keep(self.display, mean)), spread, count)
        return pack(self.display, *both, self.count + count)


def pack(display: Display, mean: Tensor, variance: Tensor, count: int) -> Statistics:
    """Moments of samples as they are kept, to be shown; one sample has no spread."""
    shown = show(display, mean.numpy().copy())  # a copy: what was sent is never written again
    if count < 2:
        return Statistics(shown, None, None, count)
    spread = variance.numpy().astype(np.float32)
    return Statistics(shown, np.sqrt(spread), spread, count)
