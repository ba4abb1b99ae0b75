"""A denoised image for methods that seek one image and need no randomness."""

from __future__ import annotations

from collections.abc import Generator

from torch import Tensor

from napari_padis.posterior.evaluator import Evaluator, State
from napari_padis.prior.denoiser import Draw
from napari_padis.prior.patches import Shift


class SteadyDenoiser:
    """Denoises with one grid of patches throughout, or averages several random ones.

    Parameters
    ----------
    evaluator : Evaluator
    shifts : int
        Random grids averaged in each evaluation; 0 for one random grid that is kept, so
        that the denoiser is one function all along and its fixed points exist.
    """

    def __init__(self, evaluator: Evaluator, shifts: int) -> None:
        self.evaluator, self.shifts = evaluator, shifts
        self.last: Draw | None = None

    @property
    def shift(self) -> Shift | None:
        """Shift of the grid that was used last."""
        return self.last.shift if self.last else None

    def __call__(self, x: Tensor, sigma: float) -> Generator[State, None, Tensor]:
        """Estimate of the clean image, in the shape of x (N, S, C, H, W)."""
        if not self.shifts:
            clean, draw = yield from self.evaluator.denoise(x, sigma, self.last)
            self.last = draw
            return clean
        total = None
        for _ in range(self.shifts):
            clean, self.last = yield from self.evaluator.denoise(x, sigma)
            total = clean if total is None else total + clean
        assert total is not None
        return total / self.shifts
