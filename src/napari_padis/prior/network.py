"""Score network: one U-Net with options inside the EDM preconditioning.

The network sees an image patch and two position channels (see
:mod:`napari_padis.prior.patches`) and is conditioned on the noise level.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_padis.prior.architecture import NetworkConfig
from napari_padis.prior.blocks import (
    ErrorHead,
    Grow,
    NoiseEmbedding,
    ResidualBlock,
    Shrink,
    group_norm,
)


class UNet(nn.Module):
    """U-Net whose options span small convolutional networks and DDPM++.

    Down, middle and up are lists of blocks per level; ``shrink`` and ``grow`` lie between the
    levels. ``up`` and ``grow`` begin at the coarsest level.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.every_block = config.skips == "block"
        widths = [config.width * m for m in config.multipliers]
        # Only where the stem itself is a skip connection it has its own number of channels.
        first = config.width if self.every_block else widths[0]
        self.embed = NoiseEmbedding(config)
        self.stem = nn.Conv2d(config.image_channels + config.position_channels, first, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        self.shrink, self.grow = nn.ModuleList(), nn.ModuleList()
        skips = self._build_down(config, widths, first)
        bottom = widths[-1]
        self.middle = ResidualBlock(bottom, bottom, config, attention=config.middle_attention)
        self.middle_rest = nn.ModuleList(
            ResidualBlock(bottom, bottom, config) for _ in range(config.middle_blocks - 1)
        )
        self._build_up(config, widths, skips)
        self.head = nn.Sequential(
            group_norm(widths[0], config),
            nn.SiLU(),
            nn.Conv2d(widths[0], config.image_channels, 3, padding=1),
        )
        last = cast(nn.Conv2d, self.head[-1])
        nn.init.zeros_(last.weight)
        nn.init.zeros_(cast(Tensor, last.bias))
        self.error = ErrorHead(widths[0], config) if config.error_width else None

    def _build_down(self, config: NetworkConfig, widths: list[int], channels: int) -> list[int]:
        """Append the way down; returns the channels of its skip connections."""
        skips = [channels] if self.every_block else []
        for level, (width, count) in enumerate(zip(widths, config.blocks, strict=True)):
            attention = level in config.attention
            blocks = nn.ModuleList()
            for _ in range(count):
                blocks.append(ResidualBlock(channels, width, config, attention))
                channels = width
            self.down.append(blocks)
            skips += [width] * (count if self.every_block else 1)
            if level < len(widths) - 1:
                self.shrink.append(
                    ResidualBlock(width, width, config, resampling="down")
                    if config.resampling == "block"
                    else Shrink(width)
                )
                skips += [width] * self.every_block
        return skips

    def _build_up(self, config: NetworkConfig, widths: list[int], skips: list[int]) -> None:
        """Append the way up, which uses up the skip connections."""
        channels = widths[-1]
        for level in reversed(range(len(widths))):
            width = widths[level]
            # One block more than on the way down when each of those, and what came before
            # them on their level, is a skip connection.
            count = config.blocks[level] + self.every_block
            blocks = nn.ModuleList()
            for i in range(count):
                skip = skips.pop() if self.every_block or i == 0 else 0
                attention = level in config.attention and i == count - 1
                blocks.append(ResidualBlock(channels + skip, width, config, attention))
                channels = width
            self.up.append(blocks)
            if level > 0:
                self.grow.append(
                    ResidualBlock(width, width, config, resampling="up")
                    if config.resampling == "block"
                    else Grow(width)
                )

    def forward(self, x: Tensor, c_noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map image and position channels (B, C + 2, P, P) to (B, C, P, P)."""
        return cast(Tensor, self.head[-1](self.features(x, c_noise, condition)[0]))

    def features(
        self, x: Tensor, c_noise: Tensor, condition: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """What the output convolution sees, (B, F, P, P), and the embedded noise level."""
        embedding = F.silu(self.embed(c_noise, condition))
        h = self.stem(x)
        skips = [h] if self.every_block else []
        for level, blocks in enumerate(self.down):
            for block in cast(nn.ModuleList, blocks):
                h = block(h, embedding)
                if self.every_block:
                    skips.append(h)
            if not self.every_block:
                skips.append(h)
            if level < len(self.shrink):
                h = self.shrink[level](h, embedding)
                if self.every_block:
                    skips.append(h)
        h = self.middle(h, embedding)
        for block in self.middle_rest:
            h = block(h, embedding)
        for level, blocks in enumerate(self.up):
            for i, block in enumerate(cast(nn.ModuleList, blocks)):
                if self.every_block or i == 0:
                    h = torch.cat([h, skips.pop()], dim=1)
                h = block(h, embedding)
            if level < len(self.grow):
                h = self.grow[level](h, embedding)
        return cast(Tensor, self.head[:-1](h)), embedding


class EDMDenoiser(nn.Module):
    """Denoiser ``D(x, sigma) = c_skip x + c_out F([c_in x; position], c_noise)``.

    Preconditioning of Karras et al., "Elucidating the design space of
    diffusion-based generative models" (2022), Table 1.  The position channels
    are not scaled by ``c_in`` (Hu et al., PaDIS, 2024).
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.unet = UNet(config)

    def forward(
        self,
        x: Tensor,
        sigma: Tensor,
        position: Tensor,
        condition: Tensor | None = None,
        with_error: bool = False,
    ) -> Tensor:
        """Denoise a batch of patches.

        Parameters
        ----------
        x : Tensor, shape (B, C, P, P)
            Noisy patches on the prior's intensity scale.
        sigma : Tensor, shape (B,)
            Noise standard deviation of each patch, same scale; or (1,), of all, which is faster.
        position : Tensor, shape (B, 2, P, P)
            Position channels; ignored when the network has none.
        condition : Tensor, optional, shape (B, n)
            Scalar conditions, slice spacing in units of 10 mm; needed by networks that have
            ``conditions``, ignored by others. One row if ``sigma`` has one.
        with_error : bool
            Foretell the squared error of every value, too, from the same features.

        Returns
        -------
        Tensor, shape (B, C, P, P), or (2, B, C, P, P) with the error; float32
            ``D``, to the bit the same in both cases, and the natural logarithm of the expected
            ``(D - x0)^2``, a variance on the square of the prior's intensity scale.

        Raises
        ------
        ValueError
            If conditions are missing, or the output that foretells errors is.
        """
        given = self._inputs(x, sigma, position, condition)
        features, embedding = self.unet.features(*given)
        denoised = self._denoised(x, sigma, self.unet.head[-1](features))
        if not with_error:
            return denoised
        if self.unet.error is None:
            raise ValueError("The network does not foretell its error.")
        variance = sigma.to(torch.float32).square()[:, None, None, None]
        linear = variance / (1 + variance / self.config.sigma_data**2)  # c_out^2
        log_error = self.unet.error(features, embedding).to(torch.float32) + linear.log()
        return torch.stack([denoised, log_error])

    def _inputs(
        self, x: Tensor, sigma: Tensor, position: Tensor, condition: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """What the U-Net sees: scaled patches with their position, ``c_noise``, conditions."""
        x = x.to(torch.float32)
        inputs = x / self._norm(sigma)
        if self.config.position_channels:
            position = position.to(inputs)
            if self.config.position_scale != 1:
                position = position * self.config.position_scale
            inputs = torch.cat([inputs, position], dim=1)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        c_noise = sigma.to(torch.float32).log() / 4
        dtype = self.unet.stem.weight.dtype
        condition = None if condition is None else condition.to(x.device, dtype)
        return inputs.to(dtype), c_noise.to(dtype), condition

    def _norm(self, sigma: Tensor) -> Tensor:
        """Standard deviation of noisy patches, (B, 1, 1, 1)."""
        s, sd = sigma.to(torch.float32)[:, None, None, None], self.config.sigma_data
        return torch.sqrt(s * s + sd * sd)

    def _denoised(self, x: Tensor, sigma: Tensor, f: Tensor) -> Tensor:
        """``D`` from the U-Net's output."""
        norm, sd = self._norm(sigma), self.config.sigma_data
        s = sigma.to(torch.float32)[:, None, None, None]
        skip = (sd * sd) / (norm * norm) * x.to(torch.float32)
        return skip + s * sd / norm * f.to(torch.float32)


def channels_last(network: EDMDenoiser) -> EDMDenoiser:
    """Store the weights the way CPUs and tensor cores convolve fastest."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network
