"""Several draws of each chain, taken after burn-in. Free of torch and SciPy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: Fewest draws per chain whose correlation can be judged (four in each half).
FEWEST = 8


@dataclass(frozen=True)
class Drawing:
    """How a chain goes on when its burn-in is over.

    The burn-in is a whole run of the method, whose end is the first draw. The chain then stays
    at its last level, and gives a draw after every so many iterations.

    Attributes
    ----------
    draws : int
        Of each chain; with one the chain ends with its burn-in.
    apart : int
        Iterations from one draw to the next.
    """

    draws: int = 1
    apart: int = 1

    @classmethod
    def of(cls, settings: Mapping[str, float]) -> Drawing:
        """From a method's settings, which need not have these."""
        return cls(int(settings.get("draws", 1)), int(settings.get("apart", 1)))

    @property
    def iterations(self) -> int:
        """Those after the burn-in."""
        return (self.draws - 1) * self.apart

    def levels(self, burn_in: list[float]) -> list[float]:
        """Levels of the burn-in, and the last of them for each iteration after it."""
        return burn_in + burn_in[-1:] * self.iterations

    def due(self, left: int) -> bool:
        """Whether a chain with so many iterations left gives a draw and goes on."""
        return 0 < left <= self.iterations and left % self.apart == 0


#: The end of the burn-in alone.
LAST = Drawing()
