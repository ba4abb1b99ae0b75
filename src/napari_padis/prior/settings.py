"""Settings of a training run and its learning rate. Free of torch."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_padis.prior.architecture import NetworkConfig


class TrainingConfig(BaseModel):
    """Everything that decides a training run; stored with the weights.

    ``normalise`` scales every volume so that its 99th percentile becomes one half, as a
    reconstruction does with data that have no physical unit. ``phase`` gives magnitude images
    a random smooth phase, for priors of complex images (two channels). ``ceiling`` is the
    largest value that training sees, on the scale [0, 1]: above 1, intensities beyond the scale
    (contrast medium, dense bone) are kept up to there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: NetworkConfig = NetworkConfig()
    patch_sizes: tuple[int, ...] = (56, 32, 16)
    probabilities: tuple[float, ...] = (0.6, 0.25, 0.15)
    batches: tuple[int, ...] = (16, 48, 128)
    pad: int = Field(24, ge=0)
    normalise: bool = False
    phase: bool = False
    ceiling: float = Field(1.0, ge=1, le=100)
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

    @model_validator(mode="after")
    def _check(self) -> TrainingConfig:
        if not len(self.patch_sizes) == len(self.probabilities) == len(self.batches):
            raise ValueError("patch_sizes, probabilities and batches need the same length.")
        if any(p % self.network.multiple for p in self.patch_sizes):
            raise ValueError(f"patch sizes must be divisible by {self.network.multiple}.")
        if self.network.image_channels != (2 if self.phase else 1):
            raise ValueError("priors have one image channel, or two with 'phase'.")
        if (self.steps is None) == (self.hours is None):
            raise ValueError("give either 'steps' or 'hours'.")
        return self


def learning_rate(config: TrainingConfig, step: int, progress: float) -> float:
    """Linear warm-up, constant, linear decay over the second half."""
    warm = min(1.0, (step + 1) / config.warmup_steps)
    return config.learning_rate * warm * min(1.0, 2 * (1 - progress) + 0.005)
