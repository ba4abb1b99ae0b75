"""Building blocks of the score network: noise embedding, residual block, attention."""

from __future__ import annotations

import math
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_padis.prior.architecture import NetworkConfig

#: What a residual block does to the number of pixels.
Resampling = Literal["", "down", "up"]


def group_norm(channels: int, config: NetworkConfig) -> nn.GroupNorm:
    """Group norm with the configured number of groups, fewer where they do not divide."""
    most = max(1, min(config.norm_groups, channels // config.group_channels))
    return nn.GroupNorm(math.gcd(channels, most), channels, eps=config.norm_eps)


def silu(x: Tensor) -> Tensor:
    """SiLU of an array that nothing else needs, in place where no gradient is taken."""
    return F.silu(x, inplace=not torch.is_grad_enabled())


class NoiseEmbedding(nn.Module):
    """Sines of ``c_noise`` and two linear layers; scalar conditions are added.

    The layer of the conditions starts at zero: a network that gets conditions later begins
    as it was without.
    """

    frequencies: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        half, out = config.width // 2, 4 * config.width
        if config.embedding == "fourier":
            # c_noise = ln(sigma)/4 spans about [-2, 1]; frequencies up to 16 resolve
            # neighbouring levels of a 100-level schedule without aliasing.
            frequencies = 2 * math.pi * torch.logspace(-1, math.log10(16.0), half)
        else:
            # Vaswani et al., "Attention is all you need" (2017), section 3.5, with both ends.
            frequencies = 1e-4 ** (torch.arange(half) / max(1, half - 1))
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.layers = nn.Sequential(nn.Linear(2 * half, out), nn.SiLU(), nn.Linear(out, out))
        self.condition: nn.Linear | None = None
        if config.conditions:
            self.condition = nn.Linear(config.conditions, out)
            nn.init.zeros_(self.condition.weight)
            nn.init.zeros_(self.condition.bias)

    def forward(self, c_noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Embed noise levels (B,) and conditions (B, n) to (B, 4 width)."""
        phase = c_noise[:, None] * self.frequencies
        embedding = self.layers(torch.cat([phase.cos(), phase.sin()], dim=1))
        if self.condition is not None:
            if condition is None:
                raise ValueError(f"The network needs {self.condition.in_features} conditions.")
            embedding = embedding + self.condition(condition)
        return cast(Tensor, embedding)


class Attention(nn.Module):
    """Self-attention over all pixels of a patch, added to them.

    Group norm, one 1x1 convolution for queries, keys and values, softmax attention, and a 1x1
    convolution that starts at zero.
    """

    def __init__(self, channels: int, config: NetworkConfig) -> None:
        super().__init__()
        self.heads = channels // config.head_channels if config.head_channels else 1
        self.scale = config.residual_scale
        self.norm = group_norm(channels, config)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.proj = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.proj.weight)
        nn.init.zeros_(cast(Tensor, self.proj.bias))

    def forward(self, x: Tensor) -> Tensor:
        """Transform (B, C, H, W) to the same shape."""
        b, c, h, w = x.shape
        qkv = self.qkv(self.norm(x)).reshape(b, 3, self.heads, c // self.heads, h * w)
        q, k, v = qkv.transpose(3, 4).unbind(1)
        attended = F.scaled_dot_product_attention(q, k, v)
        attended = attended.transpose(2, 3).reshape(b, c, h, w)
        return cast(Tensor, (x + self.proj(attended)) * self.scale)


class ResidualBlock(nn.Module):
    """Norm, SiLU, convolution, twice; the noise level acts in between.

    Parameters
    ----------
    inp, out : int
        Channels.
    config : NetworkConfig
    attention : bool
        Follow it by :class:`Attention`.
    resampling : {"", "down", "up"}
        Average 2x2 pixels, or repeat them, before the first convolution and in the skip.
    """

    def __init__(
        self,
        inp: int,
        out: int,
        config: NetworkConfig,
        attention: bool = False,
        resampling: Resampling = "",
    ) -> None:
        super().__init__()
        self.resampling = resampling
        self.scale = config.residual_scale
        self.scales = config.modulation == "scale-shift"
        self.norm1, self.norm2 = group_norm(inp, config), group_norm(out, config)
        self.conv1 = nn.Conv2d(inp, out, 3, padding=1)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.modulation = nn.Linear(4 * config.width, (1 + self.scales) * out)
        plain = inp == out and not resampling
        self.skip = nn.Identity() if plain else nn.Conv2d(inp, out, 1)
        self.dropout = nn.Dropout(config.dropout)
        self.attention = Attention(out, config) if attention else None
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(cast(Tensor, self.conv2.bias))

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Transform (B, inp, H, W) to (B, out, H', W'); one embedding may serve them all."""
        h = self.conv1(self._resample(silu(self.norm1(x))))
        h = self._modulated(h, self.modulation(embedding))
        h = self.conv2(self.dropout(silu(h)))
        h = h.add_(self.skip(self._resample(x)))
        if self.scale != 1:
            h = h * self.scale
        return cast(Tensor, h if self.attention is None else self.attention(h))

    def _modulated(self, h: Tensor, change: Tensor) -> Tensor:
        """Second norm, changed by the noise level."""
        if not self.scales:
            return cast(Tensor, self.norm2(h + change[:, :, None, None]))
        scale, shift = change.chunk(2, dim=1)
        if len(change) == 1:  # one noise level for all: the norm's own weights do it, in one pass
            norm, gain = self.norm2, 1 + scale[0]
            weight, bias = norm.weight * gain, norm.bias * gain + shift[0]
            return F.group_norm(h, norm.num_groups, weight, bias, norm.eps)
        return cast(Tensor, self.norm2(h) * (1 + scale)[..., None, None] + shift[..., None, None])

    def _resample(self, x: Tensor) -> Tensor:
        if self.resampling == "down":
            return F.avg_pool2d(x, 2)
        if self.resampling == "up":
            return F.interpolate(x, scale_factor=2.0, mode="nearest")
        return x


class ErrorHead(nn.Module):
    """Second output: log of the squared error of each pixel, relative to ``c_out^2``.

    Convolution, the noise level, SiLU, convolution, on what the convolution of the first output
    sees. The last convolution starts at zero: every pixel then has an error of ``c_out``,
    which is that of the best linear denoiser of white images.
    """

    def __init__(self, channels: int, config: NetworkConfig) -> None:
        super().__init__()
        width = config.error_width
        self.conv1 = nn.Conv2d(channels, width, 3, padding=1)
        self.modulation = nn.Linear(4 * config.width, width)
        self.conv2 = nn.Conv2d(width, config.image_channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(cast(Tensor, self.conv2.bias))

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        """From features (B, F, P, P) and the embedded noise level to (B, C, P, P)."""
        h = self.conv1(features)
        h = F.silu(h + self.modulation(embedding)[..., None, None])
        return cast(Tensor, self.conv2(h))


class Shrink(nn.Conv2d):
    """Strided convolution to half the side."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:  # type: ignore[override]
        """Transform (B, C, H, W) to (B, C, H/2, W/2)."""
        return super().forward(x)


class Grow(nn.Conv2d):
    """Repeated pixels and a convolution, to twice the side."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:  # type: ignore[override]
        """Transform (B, C, H, W) to (B, C, 2H, 2W)."""
        return super().forward(F.interpolate(x, scale_factor=2.0, mode="nearest"))
