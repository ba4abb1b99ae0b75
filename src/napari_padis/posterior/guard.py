"""A watch over running samplers: one that starts to diverge goes on with a shorter data step."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator
from statistics import median

import torch
from torch import Tensor

from napari_padis.errors import ReconstructionError
from napari_padis.posterior.evaluator import Adjusted, State
from napari_padis.posterior.problem import Problem

#: A state is lost when its RMS is so many times that of an image with the level's noise.
LOOSE = 4.0
#: Share of the noise above the level that an evaluation must leave at most: Langevin steps of
#: epsilon 0.4 do.
FADING = 0.8
#: Evaluations over which the residual is watched.
WINDOW = 10
#: A residual has grown when its median over the window is so many times the least one before,
#: or the noise level, whichever is more.
GROWTH = 5.0
#: With a data step shorter than this share of what was set it is not the data step's fault.
LEAST = 1e-13


class Guard:
    """Admits the states of one run.

    Parameters
    ----------
    problem : Problem
    x : Tensor, shape (N, S, C, H, W)
        The start, finite.
    sigma : float
        Noise level of the start.

    Attributes
    ----------
    factor : float
        What the sampler has to multiply its data step (or gamma) with: 1 as long as all is well.
    """

    def __init__(self, problem: Problem, x: Tensor, sigma: float) -> None:
        self.factor = 1.0
        self._problem, self._sound, self._noise = problem, x, sigma
        self._square = max(problem.ceiling**2, self._rms(x) ** 2 - sigma**2)
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._least = math.inf

    def watch(
        self, x: Tensor, sigma: float, residual: Tensor | None = None
    ) -> Generator[State, None, Tensor]:
        """The state to go on from.

        Parameters
        ----------
        x : Tensor, shape (N, S, C, H, W)
        sigma : float
            Noise level of the state.
        residual : Tensor, optional
            ``A x - y`` of the state, or of its denoised estimate.

        Returns
        -------
        Tensor
            ``x``, or the last sound state if ``x`` is lost.

        Raises
        ------
        ReconstructionError
            If the state is lost however short the data step.
        """
        noise = max(sigma, FADING * self._noise)
        norm = self._rms(x) / (LOOSE * math.sqrt(self._square + noise**2))
        growth = 0.0 if residual is None else self._growth(residual)
        if norm <= 1:
            self._sound, self._noise = x, noise
        if norm <= 1 and growth <= 1:
            return x
        # A step of fixed length leads as far as it is long, so that its excess says what to do.
        excess = max(v if math.isfinite(v) else 10.0 for v in (norm, growth))
        self.factor *= min(0.5, 1 / excess)
        self._recent.clear()
        if self.factor < LEAST:
            raise ReconstructionError(
                f"The method diverged at noise level {sigma:.3g} however short the data step: "
                "check the intensity unit and the noise level of the data, or the prior."
            )
        yield Adjusted(
            f"The picture began to diverge at noise level {sigma:.3g}: going on with a data step "
            f"of {self.factor:.2g} times what was set."
        )
        return self._sound

    def _growth(self, residual: Tensor) -> float:
        """By how much the residual of the worst image has grown, 1 being the limit."""
        self._recent.append(self._rms(residual) / self._problem.sigma_y)
        if len(self._recent) < WINDOW:
            return 0.0
        now = median(self._recent)
        self._least = min(self._least, now)
        return now / (GROWTH * max(self._least, 1.0))

    def _rms(self, x: Tensor) -> float:
        """Root of the mean square of the worst image; inf where it is no number."""
        first = self._problem.first_axis
        norms = torch.linalg.vector_norm(x, dim=tuple(range(first, x.ndim)))
        worst = float(norms.max()) / math.sqrt(x.shape[first:].numel())
        return worst if math.isfinite(worst) else math.inf
