"""Network and preconditioning."""

from __future__ import annotations

import pytest
import torch

from napari_padis.prior.architecture import NetworkConfig
from napari_padis.prior.network import EDMDenoiser

SMALL = NetworkConfig(width=8, multipliers=(1, 2), blocks=(1, 1))


def test_untrained_network_is_the_skip_of_edm():
    """F = 0 at the start, hence D = c_skip x."""
    x = torch.randn(3, 1, 16, 16)
    sigma = torch.tensor([0.01, 0.25, 5.0])
    d = EDMDenoiser(SMALL)(x, sigma, torch.zeros(3, 2, 16, 16))
    skip = 0.25**2 / (sigma**2 + 0.25**2)
    assert torch.allclose(d, skip[:, None, None, None] * x, atol=1e-6)


@pytest.mark.parametrize("size", [8, 16, 56])
def test_any_divisible_size_goes_through(size):
    net = EDMDenoiser(SMALL)
    x = torch.randn(2, 1, size, size)
    assert net(x, torch.tensor([0.1, 0.2]), torch.zeros(2, 2, size, size)).shape == x.shape


def test_bfloat16_weights_give_float32_close_to_float32():
    torch.manual_seed(0)
    net = EDMDenoiser(SMALL)
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.1)
    x, s, u = torch.randn(2, 1, 16, 16), torch.tensor([0.1, 0.2]), torch.zeros(2, 2, 16, 16)
    with torch.no_grad():
        exact = net(x, s, u)
        half = net.to(torch.bfloat16)(x, s, u)
    assert half.dtype == torch.float32
    assert torch.allclose(half, exact, atol=0.05)


def test_without_position_channels_positions_do_not_matter():
    net = EDMDenoiser(SMALL.model_copy(update={"position_channels": 0}))
    torch.nn.init.normal_(net.unet.head[-1].weight)
    x, s = torch.randn(1, 1, 16, 16), torch.tensor([0.1])
    a = net(x, s, torch.zeros(1, 2, 16, 16))
    assert torch.equal(a, net(x, s, torch.ones(1, 2, 16, 16)))


def test_lengths_must_match():
    with pytest.raises(ValueError, match="same length"):
        EDMDenoiser(NetworkConfig(multipliers=(1, 2), blocks=(1,)))


def test_noise_levels_are_told_apart():
    """The embedding must not alias neighbouring levels of a schedule."""
    net = EDMDenoiser(NetworkConfig())
    levels = torch.logspace(-2.7, 1, 100).log() / 4
    features = net.unet.embed.layers[0].weight.new_tensor(0)  # same device and type
    phase = (levels[:, None].to(features)) * net.unet.embed.frequencies
    vectors = torch.cat([phase.cos(), phase.sin()], 1)
    distance = torch.cdist(vectors, vectors) + 1e3 * torch.eye(100)
    assert distance.min() > 0.1
