"""The mean picture of methods whose chains estimate the posterior's mean on their way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray
from torch import Tensor

from napari_padis.engine.events import Statistics
from napari_padis.engine.kept import keep, show
from napari_padis.engine.setup import Display


class Estimates:
    """Mean of the chains' own estimates, of those that have finished and of those under way.

    Of a single chain it is none: it is neither a sample nor the mean of some.

    Parameters
    ----------
    display : Display
    mean : ndarray, optional
        Of chains that finished in an earlier run, as :func:`~napari_padis.engine.kept.keep` gives.
    count : int
        How many these were.
    """

    def __init__(self, display: Display, mean: NDArray[Any] | None = None, count: int = 0) -> None:
        self._display, self._finished = display, mean
        self._count = count if mean is not None else 0
        self._group: NDArray[Any] | None = None
        self._size = 0
        self._withdrawn = False

    @property
    def count(self) -> int:
        """Chains that finished and gave an estimate; 0 if one of them took it back."""
        return 0 if self._withdrawn else self._count

    @property
    def mean(self) -> NDArray[Any] | None:
        """Of all chains so far; None where there are no estimates, or that of one chain."""
        if self._count + self._size < 2 or self._withdrawn:
            return None
        return self._all

    @property
    def _all(self) -> NDArray[Any] | None:
        if self._group is None or self._finished is None:
            return self._finished if self._group is None else self._group
        total = self._count + self._size
        return self._finished + (self._group - self._finished) * (self._size / total)

    def put(self, mean: Tensor | None, chains: int) -> None:
        """That of the chains under way, (S, C, H, W), in the place of the one before.

        None takes it back, and with it that of all chains.
        """
        if mean is None:
            self._withdrawn = True
            return
        self._group, self._size = keep(self._display, mean), chains

    def finish(self) -> NDArray[Any] | None:
        """The chains under way have ended; returns the mean to be kept."""
        if self._withdrawn:
            return None
        self._finished, self._count = self._all, self._count + self._size
        self._group, self._size = None, 0
        return self._finished

    def forget(self) -> None:
        """Leave out the chains under way, which will not end."""
        self._group, self._size = None, 0

    def in_place(self, statistics: Statistics) -> Statistics:
        """Statistics of samples with this mean in the place of theirs, where there is one."""
        mean = self.mean
        if mean is None:
            return statistics
        return replace(statistics, mean=show(self._display, mean.copy()))
