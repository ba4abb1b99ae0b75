"""Exact quantiles of posterior samples, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

#: Levels that are reported and saved.
LEVELS = (0.05, 0.5, 0.95)

#: Samples from which on outer quantiles are worth a picture.
ENOUGH = 10

#: Values that are sorted at once.
BLOCK = 1 << 24


class Samples(Protocol):
    """Samples along the first axis: an array in memory, or one on disk."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape (N, S, ...)."""

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """A part of them as an array."""


def quantiles(
    samples: Samples,
    levels: Sequence[float] = LEVELS,
    block: int = BLOCK,
    stopped: Callable[[], bool] = lambda: False,
) -> NDArray[np.float32] | None:
    """Quantiles over the first axis.

    Parameters
    ----------
    samples : array or array on disk, shape (N, S, ...)
        Only parts of up to ``block`` values are read, at least one index of the second axis.
    levels : sequence of float
        In [0, 1].
    block : int
        Values that are held and sorted at a time.
    stopped : callable
        Asked between the blocks.

    Returns
    -------
    ndarray, shape (len(levels), S, ...), or None if it was stopped

    Notes
    -----
    The order statistic of rank ``(N + 1) p``, linearly interpolated (definition 6 of Hyndman
    and Fan, The American Statistician 50:361, 1996). Another draw of the same distribution
    then lies below it with probability p exactly, whatever the distribution, as long as the
    rank is between 1 and N; see :func:`covered`.
    """
    out = np.empty((len(levels), *samples.shape[1:]), np.float32)
    for part in _blocks(samples.shape, block):
        if stopped():
            return None
        values = np.asarray(samples[(slice(None), part)], np.float32)
        # Contiguous along the samples: many short rows sort faster than few long columns.
        rows = np.ascontiguousarray(np.moveaxis(values, 0, -1))
        out[:, part] = _of_sorted(np.sort(rows, axis=-1), levels)
    return out


def covered(samples: int, level: float = 0.9) -> float:
    """Probability that a new draw lies between the outer quantiles of ``samples`` draws.

    It is ``level`` itself from ``2 / (1 - level) - 1`` samples on (19 for 90 %); with fewer
    the quantiles are the extremes, and cover ``(N - 1) / (N + 1)``.

    Parameters
    ----------
    samples : int
    level : float
        Difference of the quantiles' levels, which lie symmetrically about one half.
    """
    rank = (samples + 1) * (1 - level) / 2
    return level if rank >= 1 - 1e-9 else max(samples - 1, 0) / (samples + 1)


def _of_sorted(rows: NDArray[np.float32], levels: Sequence[float]) -> NDArray[np.float32]:
    count = rows.shape[-1]
    result = []
    for level in levels:
        rank = np.clip(level * (count + 1), 1, count) - 1
        below = int(rank)
        above, share = min(below + 1, count - 1), np.float32(rank - below)
        result.append(rows[..., below] * (1 - share) + rows[..., above] * share)
    return np.stack(result)


def _blocks(shape: tuple[int, ...], block: int) -> Iterator[slice]:
    """Parts of the second axis of at most ``block`` values, but at least one index."""
    each = max(1, int(block // max(1, shape[0] * int(np.prod(shape[2:], dtype=np.int64)))))
    for start in range(0, shape[1], each):
        yield slice(start, min(start + each, shape[1]))
