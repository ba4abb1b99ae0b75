"""Settings of a training run and its learning rate. Free of torch."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_padis.prior.architecture import NetworkConfig
from napari_padis.prior.card import Tiling


class Drawing(BaseModel):
    """How patches are drawn from the slices of volumes, and how they are varied.

    ``phase`` gives magnitude images a random smooth phase, for priors of complex images (two
    channels). ``ceiling`` is the largest value that training sees, on the scale [0, 1]: above 1,
    intensities beyond the scale (contrast medium, dense bone) are kept up to there.

    Corners are uniform over the slice with ``pad`` pixels of zeros around it. With ``fixed_grid``
    they lie on the one grid of tiles that the simple prior uses; with ``whole`` a patch is the
    whole slice, centred in zeros where it is smaller.

    ``slices`` adjacent slices are the channels of a patch, up to ``stride`` slices apart (drawn
    for each patch), so that one volume teaches several spacings.

    ``flip`` is the probability that a patch comes from the left-right mirror image, ``gain`` and
    ``offset`` are the ranges of a random change of intensity ``gain * x + offset`` per patch, on
    the scale [0, 1]; the result stays within [0, ceiling] and the zeros around the slice stay
    zero, as the padding of a reconstruction does.

    With ``halved`` every volume is there a second time, averaged down to half the size.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pad: int = Field(24, ge=0)
    phase: bool = False
    ceiling: float = Field(1.0, ge=1, le=100)
    whole: bool = False
    fixed_grid: bool = False
    slices: int = Field(1, ge=1, le=9)
    stride: int = Field(1, ge=1, le=8)
    flip: float = Field(0.0, ge=0, le=1)
    gain: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)
    halved: bool = False

    @property
    def plain(self) -> dict[str, Any]:
        """What turns the random changes off, for validation."""
        return {"flip": 0.0, "gain": (1.0, 1.0), "offset": (0.0, 0.0), "stride": 1, "halved": False}

    @model_validator(mode="after")
    def _check_drawing(self) -> Drawing:
        if self.whole and self.fixed_grid:
            raise ValueError("choose 'whole' or 'fixed_grid', not both.")
        if self.slices % 2 == 0:
            raise ValueError("'slices' must be odd: a slice and its neighbours on both sides.")
        if self.slices == 1 and self.stride > 1:
            raise ValueError("'stride' needs several 'slices'.")
        if self.slices > 1 and self.phase:
            raise ValueError("'phase' goes with single slices.")
        if not 0 < self.gain[0] <= self.gain[1]:
            raise ValueError("'gain' is a range of positive numbers, lowest first.")
        if not -1 <= self.offset[0] <= self.offset[1] <= 1:
            raise ValueError("'offset' is a range within [-1, 1], lowest first.")
        return self


class TrainingConfig(Drawing):
    """Everything that decides a training run; stored with the weights.

    ``normalise`` scales every volume so that its 99th percentile becomes one half, as a
    reconstruction does with data that have no physical unit. ``validate_every`` is the share of
    the budget between two validations. ``compile`` and ``prefetch`` concern speed alone.

    With the ``objective`` "error" a trained network stays as it is and its second output learns
    to foretell the squared error of each pixel.
    """

    objective: Literal["denoising", "error"] = "denoising"
    network: NetworkConfig = NetworkConfig()
    patch_sizes: tuple[int, ...] = (56, 32, 16)
    probabilities: tuple[float, ...] = (0.6, 0.25, 0.15)
    batches: tuple[int, ...] = (16, 48, 128)
    normalise: bool = False
    learning_rate: float = Field(4e-4, gt=0)
    warmup_steps: int = Field(200, ge=1)
    ema: float = Field(0.999, gt=0, lt=1)
    clip: float = Field(1.0, gt=0)
    sigma_mean: float = -1.9
    sigma_std: float = Field(1.4, gt=0)
    log_uniform_fraction: float = Field(0.1, ge=0, le=1)
    sigma_min: float = Field(0.002, gt=0)
    sigma_max: float = Field(20.0, gt=0)
    steps: int | None = Field(None, ge=1)
    hours: float | None = Field(None, gt=0)
    seed: int = 0
    bfloat16: bool = True
    validate_every: float = Field(0.1, gt=0, le=1)
    compile: bool = False
    prefetch: bool = True

    @property
    def tiling(self) -> Tiling:
        """How the trained network makes a denoiser of whole images."""
        return "whole" if self.whole else "fixed" if self.fixed_grid else "shifted"

    @model_validator(mode="after")
    def _check(self) -> TrainingConfig:
        if not len(self.patch_sizes) == len(self.probabilities) == len(self.batches):
            raise ValueError("patch_sizes, probabilities and batches need the same length.")
        if any(p < 4 or p % self.network.multiple for p in self.patch_sizes):
            raise ValueError(f"patch sizes must be divisible by {self.network.multiple}.")
        if any(b < 1 for b in self.batches):
            raise ValueError("batches must be positive.")
        if min(self.probabilities) < 0 or not sum(self.probabilities) > 0:
            raise ValueError("probabilities must not be negative, nor all zero.")
        if (self.whole or self.fixed_grid) and len(self.patch_sizes) != 1:
            raise ValueError("'whole' and 'fixed_grid' have one patch size.")
        if self.network.image_channels != (2 if self.phase else self.slices):
            raise ValueError("the network needs one image channel a slice, or two with 'phase'.")
        if self.network.conditions > 1 or (self.network.conditions and self.slices == 1):
            raise ValueError("the one 'condition' is the slice spacing, of several 'slices'.")
        if (self.objective == "error") != bool(self.network.error_width):
            raise ValueError("'error_width' of the network goes with the objective 'error'.")
        if not self.sigma_min < self.sigma_max:
            raise ValueError("'sigma_min' must be less than 'sigma_max'.")
        if (self.steps is None) == (self.hours is None):
            raise ValueError("give either 'steps' or 'hours'.")
        return self


#: Settings that may change when a run goes on: its budget, and what concerns speed alone.
CHANGEABLE = {"steps", "hours", "validate_every", "compile", "prefetch"}


def learning_rate(config: TrainingConfig, step: int, progress: float) -> float:
    """Linear warm-up, constant, linear decay over the second half."""
    warm = min(1.0, (step + 1) / config.warmup_steps)
    return config.learning_rate * warm * min(1.0, 2 * (1 - progress) + 0.005)
