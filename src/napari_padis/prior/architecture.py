"""Architecture of the score network, as a prior's card stores it. Free of torch."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class NetworkConfig(BaseModel):
    """Architecture of :class:`~napari_padis.prior.network.EDMDenoiser`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image_channels: int = Field(1, ge=1, le=64)
    position_channels: int = Field(2, ge=0, le=3)
    width: int = Field(48, ge=8, le=1024)
    multipliers: tuple[int, ...] = Field((1, 2, 3), min_length=1, max_length=6)
    blocks: tuple[int, ...] = Field((1, 1, 2), min_length=1, max_length=6)
    sigma_data: float = Field(0.25, gt=0)

    @property
    def multiple(self) -> int:
        """Sides of the patches must be divisible by this."""
        return int(2 ** (len(self.multipliers) - 1))
