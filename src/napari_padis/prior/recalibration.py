"""From the standard deviation that samples have to the error that is made: what was measured."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

Spread = Annotated[float, Field(gt=0, le=1e6)]
Count = Annotated[int, Field(ge=1)]


class Recalibration(BaseModel):
    """A monotone map of the standard deviation, and what it was measured with.

    It holds for this prior, method, number of samples and family of tasks, and for nothing else.
    Lengths are on the prior's scale, [0, 1].

    Attributes
    ----------
    method : str
    settings : str
        All settings of the method in a line, defaults included.
    task : str
        Family of tasks, see :func:`napari_padis.engine.task_family.family_of`.
    samples : int
        Of each image.
    weights : str
        sha256 of the prior's weights.
    voxels, slices, volumes : int
        What it was measured on.
    conditions : dict
        Of the measurement: views, noise and the like.
    spread, error : tuple of float
        Standard deviations of samples, increasing, and those that would have been right: the
        RMS error of the samples' mean without the scatter of that mean.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: str = Field(min_length=1, max_length=200)
    settings: str = Field(min_length=1, max_length=2000)
    task: str = Field(min_length=1, max_length=200)
    samples: int = Field(ge=2)
    weights: str = Field("", max_length=64)
    voxels: Count
    slices: Count
    volumes: Count
    conditions: dict[str, float | int | str] = Field(default_factory=dict)
    spread: tuple[Spread, ...] = Field(min_length=1, max_length=1000)
    error: tuple[Spread, ...] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _monotone(self) -> Self:
        if len(self.spread) != len(self.error):
            raise ValueError("'spread' and 'error' must be of one length")
        if (np.diff(self.spread) <= 0).any() or (np.diff(self.error) < 0).any():
            raise ValueError("'spread' must increase, and 'error' must not fall")
        return self

    @property
    def key(self) -> tuple[str, str, str, int, str]:
        """What a run must have in common with it."""
        return self.method, self.settings, self.task, self.samples, self.weights

    def __str__(self) -> str:
        """Of how much it was measured."""
        slices = "1 slice" if self.slices == 1 else f"{self.slices} slices"
        volumes = "1 volume" if self.volumes == 1 else f"{self.volumes} volumes"
        return f"{slices} of {volumes} ({self.task}, {self.samples} samples)"

    def apply(self, sd: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """The right standard deviation for each that samples have.

        Linear between the measured ones; below the first and above the last the ratio stays.

        Parameters
        ----------
        sd : ndarray
            On the prior's scale, not negative.
        """
        given = np.asarray(sd, np.float64)
        found = np.interp(given, self.spread, self.error)
        low, high = self.spread[0], self.spread[-1]
        found = np.where(given < low, given * (self.error[0] / low), found)
        return np.where(given > high, given * (self.error[-1] / high), found)
