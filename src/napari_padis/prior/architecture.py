"""Architecture of the score network, as a prior's card stores it. Free of torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Small = Annotated[int, Field(ge=1, le=16)]
Level = Annotated[int, Field(ge=0, le=5)]


class NetworkConfig(BaseModel):
    """Architecture of :class:`~napari_padis.prior.network.EDMDenoiser`.

    The defaults describe the small convolutional network that suits CPUs;
    :meth:`ddpmpp` gives the layout of published EDM and PaDIS checkpoints.

    Parameters
    ----------
    image_channels, position_channels : int
        Channels of the patches, and of the coordinates that come with them.
    width : int
        Channels at the finest level; the other levels have ``multipliers`` times as many.
    multipliers, blocks : tuple of int
        Per level, finest first: channels and residual blocks.
    sigma_data : float
        Standard deviation of the images in the EDM preconditioning.
    position_scale : float
        Factor on the position channels, which span [-1, 1] over the image: for weights that
        were trained on other coordinates.
    conditions : int
        Scalar conditions of a patch that join the noise level, e.g. slice spacing / 10 mm.
    attention : tuple of int
        Levels that attend over the whole patch: all blocks on the way down, the last on the
        way up. Level 0 is the finest.
    middle_attention, middle_blocks : bool, int
        Attention in the first block at the bottom, and the number of blocks there.
    head_channels : int
        Channels of one attention head; one head when 0.
    dropout : float
        Share of values dropped in each residual block in training.
    skips : {"level", "block"}
        What the way up sees of the way down: the end of each level, or every block.
    resampling : {"convolution", "block"}
        Between levels: one convolution, or a residual block that averages or repeats pixels.
    embedding : {"fourier", "positional"}
        Frequencies of the noise embedding: rising to 16, or falling from 1 as in transformers.
    modulation : {"scale-shift", "shift"}
        What the noise level does in each block.
    residual_scale : float
        Factor after each sum of a branch and its skip connection.
    norm_groups, group_channels, norm_eps : int, int, float
        Group norm: most groups, least channels of a group, and its epsilon.
    error_width : int
        Channels between the two convolutions of the output that foretells the error of each
        pixel (:class:`~napari_padis.prior.blocks.ErrorHead`); 0 where the network has none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    image_channels: int = Field(1, ge=1, le=64)
    position_channels: int = Field(2, ge=0, le=3)
    width: int = Field(48, ge=8, le=1024)
    multipliers: tuple[Small, ...] = Field((1, 2, 3), min_length=1, max_length=6)
    blocks: tuple[Small, ...] = Field((1, 1, 2), min_length=1, max_length=6)
    sigma_data: float = Field(0.25, gt=0)
    position_scale: float = Field(1.0, gt=0, le=100)
    conditions: int = Field(0, ge=0, le=16)
    attention: tuple[Level, ...] = ()
    middle_attention: bool = False
    middle_blocks: Literal[1, 2] = 1
    head_channels: int = Field(0, ge=0, le=1024)
    dropout: float = Field(0.0, ge=0, lt=1)
    skips: Literal["level", "block"] = "level"
    resampling: Literal["convolution", "block"] = "convolution"
    embedding: Literal["fourier", "positional"] = "fourier"
    modulation: Literal["scale-shift", "shift"] = "scale-shift"
    residual_scale: float = Field(1.0, gt=0, le=1)
    norm_groups: int = Field(8, ge=1, le=1024)
    group_channels: int = Field(1, ge=1, le=1024)
    norm_eps: float = Field(1e-5, gt=0, lt=1)
    error_width: int = Field(0, ge=0, le=1024)

    @model_validator(mode="after")
    def _check(self) -> NetworkConfig:
        if len(self.blocks) != len(self.multipliers):
            raise ValueError("'blocks' and 'multipliers' need the same length.")
        if any(level >= len(self.multipliers) for level in self.attention):
            raise ValueError(f"'attention' names levels beyond the {len(self.multipliers)} levels.")
        attending = [self.multipliers[level] for level in self.attention]
        attending += [self.multipliers[-1]] * self.middle_attention
        if self.head_channels and any(m * self.width % self.head_channels for m in attending):
            raise ValueError("'head_channels' must divide the channels of the levels that attend.")
        return self

    @classmethod
    def ddpmpp(
        cls,
        width: int = 128,
        multipliers: tuple[int, ...] = (2, 2, 2),
        blocks: int = 4,
        *,
        image_channels: int = 1,
        position_channels: int = 2,
        attention: tuple[int, ...] = (),
        dropout: float = 0.0,
        sigma_data: float = 0.5,
        position_scale: float = 1.0,
    ) -> NetworkConfig:
        """Layout of DDPM++ in EDM (Karras et al., 2022, Table 7); the defaults are those of PaDIS.

        Song et al., "Score-based generative modeling through stochastic differential
        equations" (2021), appendix H, describe the network.
        """
        return cls(
            image_channels=image_channels,
            position_channels=position_channels,
            width=width,
            multipliers=multipliers,
            blocks=(blocks,) * len(multipliers),
            sigma_data=sigma_data,
            position_scale=position_scale,
            attention=attention,
            middle_attention=True,
            middle_blocks=2,
            dropout=dropout,
            skips="block",
            resampling="block",
            embedding="positional",
            modulation="shift",
            residual_scale=0.5**0.5,
            norm_groups=32,
            group_channels=4,
            norm_eps=1e-6,
        )

    @property
    def multiple(self) -> int:
        """Sides of the patches must be divisible by this."""
        return int(2 ** (len(self.multipliers) - 1))
