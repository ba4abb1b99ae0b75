"""Sequences of grid shifts that cover all of them more evenly than chance does."""

from __future__ import annotations

import torch

from napari_padis.prior.patches import Shift

#: The plastic number, root of g^3 = g + 1.
PLASTIC = 1.3247179572447460


class EvenShifts:
    """The R2 sequence over the shifts of a grid, begun at a random place.

    A random rotation leaves every single shift uniform (Cranley and Patterson, SIAM J. Numer.
    Anal. 13:904, 1976); the sequence ``n (1/g, 1/g^2) mod 1`` is that of Roberts, "The
    unreasonable effectiveness of quasirandom sequences" (2018).
    """

    def __init__(self) -> None:
        self._generator: torch.Generator | None = None
        self._start = (0.0, 0.0)
        self._count = 0

    def draw(self, largest: tuple[int, int], generator: torch.Generator) -> Shift:
        """Next shift in 0..largest along each axis; another generator begins anew."""
        if generator is not self._generator:
            u = torch.rand(2, generator=generator, device=generator.device, dtype=torch.float64)
            rows, cols = u.tolist()
            self._generator, self._start, self._count = generator, (rows, cols), 0
        self._count += 1
        rows = (self._start[0] + self._count / PLASTIC) % 1.0
        cols = (self._start[1] + self._count / PLASTIC**2) % 1.0
        return int(rows * (largest[0] + 1)), int(cols * (largest[1] + 1))
