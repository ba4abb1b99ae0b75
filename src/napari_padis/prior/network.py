"""Score network: a small U-Net inside the EDM preconditioning.

The network sees an image patch and two position channels (see
:mod:`napari_padis.prior.patches`) and is conditioned on the noise level.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_padis.prior.architecture import NetworkConfig


class NoiseEmbedding(nn.Module):
    """Fourier features of ``c_noise`` followed by two linear layers."""

    frequencies: Tensor

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        # c_noise = ln(sigma)/4 spans about [-2, 1]; frequencies up to 16 resolve
        # neighbouring levels of a 100-level schedule without aliasing.
        self.register_buffer(
            "frequencies",
            2 * math.pi * torch.logspace(-1, math.log10(16.0), width // 2),
            persistent=False,
        )
        self.layers = nn.Sequential(
            nn.Linear(2 * (width // 2), out), nn.SiLU(), nn.Linear(out, out)
        )

    def forward(self, c_noise: Tensor) -> Tensor:
        """Embed noise levels of shape (B,) to (B, out)."""
        phase = c_noise[:, None] * self.frequencies
        return cast(Tensor, self.layers(torch.cat([phase.cos(), phase.sin()], dim=1)))


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(channels, 8), channels)


class ResidualBlock(nn.Module):
    """Norm, SiLU, convolution, twice; the noise level scales and shifts between."""

    def __init__(self, inp: int, out: int, embedding: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = _norm(inp), _norm(out)
        self.conv1 = nn.Conv2d(inp, out, 3, padding=1)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.modulation = nn.Linear(embedding, 2 * out)
        self.skip = nn.Conv2d(inp, out, 1) if inp != out else nn.Identity()
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(cast(Tensor, self.conv2.bias))

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Transform (B, inp, P, P) to (B, out, P, P)."""
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, dim=1)
        h = self.conv2(F.silu(self.norm2(h) * (1 + scale) + shift))
        return cast(Tensor, self.skip(x) + h)


class UNet(nn.Module):
    """Convolutional U-Net: strided convolutions down, nearest-neighbour up."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        if len(config.blocks) != len(config.multipliers):
            raise ValueError("'blocks' and 'multipliers' need the same length.")
        widths = [config.width * m for m in config.multipliers]
        emb = 4 * config.width
        self.embed = NoiseEmbedding(config.width, emb)
        self.stem = nn.Conv2d(
            config.image_channels + config.position_channels, widths[0], 3, padding=1
        )
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        self.shrink, self.grow = nn.ModuleList(), nn.ModuleList()
        channels = widths[0]
        for level, (width, count) in enumerate(zip(widths, config.blocks, strict=True)):
            blocks = nn.ModuleList()
            for _ in range(count):
                blocks.append(ResidualBlock(channels, width, emb))
                channels = width
            self.down.append(blocks)
            if level < len(widths) - 1:
                self.shrink.append(nn.Conv2d(channels, channels, 3, stride=2, padding=1))
        self.middle = ResidualBlock(channels, channels, emb)
        for level in reversed(range(len(widths))):
            blocks = nn.ModuleList()
            for i in range(config.blocks[level]):
                skip = widths[level] if i == 0 else 0
                blocks.append(ResidualBlock(channels + skip, widths[level], emb))
                channels = widths[level]
            self.up.append(blocks)
            if level > 0:
                self.grow.append(nn.Conv2d(channels, channels, 3, padding=1))
        self.head = nn.Sequential(
            _norm(channels), nn.SiLU(), nn.Conv2d(channels, config.image_channels, 3, padding=1)
        )
        last = cast(nn.Conv2d, self.head[-1])
        nn.init.zeros_(last.weight)
        nn.init.zeros_(cast(Tensor, last.bias))

    def forward(self, x: Tensor, c_noise: Tensor) -> Tensor:
        """Map image and position channels (B, C + 2, P, P) to (B, C, P, P)."""
        embedding = F.silu(self.embed(c_noise))
        h = self.stem(x)
        skips = []
        for level, blocks in enumerate(self.down):
            for block in cast(nn.ModuleList, blocks):
                h = block(h, embedding)
            skips.append(h)
            if level < len(self.shrink):
                h = self.shrink[level](h)
        h = self.middle(h, embedding)
        for level, blocks in enumerate(self.up):
            h = torch.cat([h, skips.pop()], dim=1)
            for block in cast(nn.ModuleList, blocks):
                h = block(h, embedding)
            if level < len(self.grow):
                h = self.grow[level](F.interpolate(h, scale_factor=2.0, mode="nearest"))
        return cast(Tensor, self.head(h))


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

    def forward(self, x: Tensor, sigma: Tensor, position: Tensor) -> Tensor:
        """Denoise a batch of patches.

        Parameters
        ----------
        x : Tensor, shape (B, C, P, P)
            Noisy patches on the prior's intensity scale.
        sigma : Tensor, shape (B,)
            Noise standard deviation of each patch, same scale.
        position : Tensor, shape (B, 2, P, P)
            Position channels; ignored when the network has none.

        Returns
        -------
        Tensor, shape (B, C, P, P), float32
        """
        sd = self.config.sigma_data
        s = sigma.to(torch.float32)[:, None, None, None]
        x = x.to(torch.float32)
        norm = torch.sqrt(s * s + sd * sd)
        inputs = x / norm
        if self.config.position_channels:
            inputs = torch.cat([inputs, position.to(inputs)], dim=1)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        c_noise = sigma.to(torch.float32).log() / 4
        dtype = self.unet.stem.weight.dtype
        f = self.unet(inputs.to(dtype), c_noise.to(dtype)).to(torch.float32)
        return (sd * sd) / (norm * norm) * x + s * sd / norm * f


def channels_last(network: EDMDenoiser) -> EDMDenoiser:
    """Store the weights the way CPUs and tensor cores convolve fastest."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network
