"""Network and preconditioning; its layout DDPM++ is tested with the import of checkpoints."""

from __future__ import annotations

import math

import pytest
import torch
from safetensors import safe_open
from torch import nn

from napari_padis.prior.architecture import NetworkConfig
from napari_padis.prior.blocks import Attention
from napari_padis.prior.card import PriorCard
from napari_padis.prior.catalogue import bundled_folder
from napari_padis.prior.network import EDMDenoiser

SMALL = NetworkConfig(width=8, multipliers=(1, 2), blocks=(1, 1))
#: For GPUs: attention on 16 x 16 pixels and fewer of a 64 x 64 patch.
BASE = NetworkConfig(
    width=128,
    multipliers=(1, 2, 2),
    blocks=(2, 2, 3),
    attention=(2,),
    middle_attention=True,
    head_channels=64,
    dropout=0.05,
)
#: One of each option.
OPTIONS = {
    "attention": SMALL.model_copy(update={"attention": (0, 1), "middle_attention": True}),
    "heads": SMALL.model_copy(update={"attention": (1,), "head_channels": 4}),
    "dropout": SMALL.model_copy(update={"dropout": 0.3}),
    "two blocks at the bottom": SMALL.model_copy(update={"middle_blocks": 2}),
    "all skips": SMALL.model_copy(update={"skips": "block", "blocks": (2, 1)}),
    "resampling blocks": SMALL.model_copy(update={"resampling": "block"}),
    "shift": SMALL.model_copy(update={"modulation": "shift", "residual_scale": 0.7}),
    "positional": SMALL.model_copy(update={"embedding": "positional"}),
    "DDPM++": NetworkConfig.ddpmpp(16, (1, 2, 2), 1, attention=(1,)),
}


def random_network(config, seed=0):
    """A network whose last layers are not zero."""
    torch.manual_seed(seed)
    network = EDMDenoiser(config).eval()
    for p in network.parameters():
        if p.ndim > 1:
            nn.init.normal_(p, std=1 / math.sqrt(p[0].numel()))
    return network


def inputs(side=16, channels=1, batch=2):
    g = torch.Generator().manual_seed(1)
    x = torch.rand(batch, channels, side, side, generator=g)
    position = torch.rand(batch, 2, side, side, generator=g) * 2 - 1
    return x, torch.tensor([0.1, 2.0]), position


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


@pytest.mark.parametrize("name", ["ct-small", "ellipses", "mr"])
def test_shipped_weights_keep_their_layout(name):
    card = PriorCard.load(bundled_folder() / f"{name}.json")
    with torch.device("meta"):
        expected = {k: list(v.shape) for k, v in EDMDenoiser(card.network).state_dict().items()}
    with safe_open(bundled_folder() / f"{name}.safetensors", "pt") as file:
        found = {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118
    assert found == expected


def test_old_cards_mean_the_network_they_meant():
    """Cards written before there were options hold these fields only."""
    old = {
        "image_channels": 1, "position_channels": 2, "width": 48, "multipliers": [1, 2, 3],
        "blocks": [1, 1, 2], "sigma_data": 0.25,
    }  # fmt: skip
    assert NetworkConfig(**old) == NetworkConfig()


def test_base_network_has_at_most_30_million_parameters():
    with torch.device("meta"):
        count = sum(p.numel() for p in EDMDenoiser(BASE).parameters())
    assert 20e6 < count < 30e6


@pytest.mark.parametrize("config", OPTIONS.values(), ids=OPTIONS.keys())
def test_options(config):
    """Sides, gradients, and that noise level, position and every parameter matter."""
    network = random_network(config)
    for side in (config.multiple, 3 * config.multiple, 16):
        x, sigma, position = inputs(side)
        assert network(x, sigma, position).shape == x.shape
    x, sigma, position = inputs()
    y = network(x, sigma, position)
    assert not torch.allclose(y, network(x, sigma, -position))
    # Without the preconditioning, only the embedding of the noise level is left.
    a, b = (network.unet(torch.cat([x, position], 1), c.expand(2)) for c in torch.tensor([-1, 0.5]))
    assert not torch.allclose(a, b)
    y.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


@pytest.mark.parametrize("config", OPTIONS.values(), ids=OPTIONS.keys())
def test_bfloat16_is_close(config):
    network = random_network(config)
    x, sigma, position = inputs()
    with torch.no_grad():
        exact = network(x, sigma, position)
        with torch.autocast("cpu", torch.bfloat16):
            mixed = network(x, sigma, position)
        half = network.to(torch.bfloat16)(x, sigma, position)
    for found in (mixed, half):
        assert found.dtype == torch.float32
        assert (found - exact).square().mean().sqrt() < 0.03 * exact.square().mean().sqrt()


def test_networks_of_several_channels():
    network = random_network(SMALL.model_copy(update={"image_channels": 3, "attention": (1,)}))
    x, sigma, position = inputs(channels=3)
    assert network(x, sigma, position).shape == x.shape


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_is_that_of_torch(heads):
    """Against nn.MultiheadAttention with the same weights, and the residual sum around it."""
    torch.manual_seed(0)
    config = SMALL.model_copy(update={"head_channels": 16 // heads, "residual_scale": 0.5})
    block = Attention(16, config)
    nn.init.normal_(block.proj.weight)
    reference = nn.MultiheadAttention(16, heads, batch_first=True)
    with torch.no_grad():
        reference.in_proj_weight.copy_(block.qkv.weight[..., 0, 0])
        reference.in_proj_bias.copy_(block.qkv.bias)
        reference.out_proj.weight.copy_(block.proj.weight[..., 0, 0])
        reference.out_proj.bias.copy_(block.proj.bias)
        x = torch.randn(2, 16, 5, 7)
        tokens = block.norm(x).flatten(2).transpose(1, 2)
        attended = reference(tokens, tokens, tokens)[0].transpose(1, 2).reshape(x.shape)
        assert torch.allclose(block(x), (x + attended) / 2, atol=1e-5)


def test_conditions_begin_without_effect_and_then_matter():
    plain = random_network(SMALL)
    network = EDMDenoiser(SMALL.model_copy(update={"conditions": 1}))
    assert not network.load_state_dict(plain.state_dict(), strict=False).unexpected_keys
    x, sigma, position = inputs()
    spacing = torch.tensor([[0.1], [0.5]])
    assert torch.equal(network(x, sigma, position, spacing), plain(x, sigma, position))
    nn.init.normal_(network.unet.embed.condition.weight)
    first, second = (network(x, sigma, position, s) for s in (spacing, spacing.flip(0)))
    assert not torch.allclose(first, second)
    one_by_one = network(x[:1], sigma[:1], position[:1], spacing[:1])
    assert torch.allclose(first[:1], one_by_one, atol=1e-6)


def test_missing_conditions_are_an_error():
    network = EDMDenoiser(SMALL.model_copy(update={"conditions": 2}))
    with pytest.raises(ValueError, match="2 conditions"):
        network(*inputs())


def test_dropout_acts_in_training_only():
    network = random_network(OPTIONS["dropout"])
    assert torch.equal(network(*inputs()), network(*inputs()))
    network.train()
    assert not torch.equal(network(*inputs()), network(*inputs()))


def test_position_scale_is_a_factor_on_the_position():
    plain = random_network(SMALL)
    scaled = random_network(SMALL.model_copy(update={"position_scale": 0.25}))
    x, sigma, position = inputs()
    assert torch.equal(scaled(x, sigma, position), plain(x, sigma, position / 4))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attention": (3,)}, "beyond the 3 levels"),
        ({"attention": (1,), "head_channels": 7}, "must divide"),
        ({"blocks": (1, 1)}, "same length"),
        ({"blocks": (0, 1, 1)}, "greater than or equal to 1"),
        ({"multipliers": (1, 2, 10**6)}, "less than or equal to 16"),
        ({"skips": "none"}, "skips"),
    ],
)
def test_absurd_architectures_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        NetworkConfig(**change)


@pytest.mark.parametrize("config", OPTIONS.values(), ids=OPTIONS)
def test_one_noise_level_for_all_patches_is_that_of_each(config):
    network = random_network(config)
    x, _, position = inputs(side=32)
    each = network(x, torch.full((2,), 0.3), position)
    torch.testing.assert_close(network(x, torch.tensor([0.3]), position), each)
    with torch.no_grad():  # in place
        torch.testing.assert_close(network(x, torch.tensor([0.3]), position), each)


def test_foretelling_the_error_leaves_the_denoised_image_to_the_bit():
    """Half of the features' values decide nothing new: the second output only reads them."""
    network = random_network(SMALL.model_copy(update={"error_width": 4}))
    plain = random_network(SMALL)
    plain.load_state_dict(network.state_dict(), strict=False)
    both = network(*inputs(), with_error=True)
    assert both.shape == (2, 2, 1, 16, 16)
    assert torch.equal(both[0], network(*inputs()))
    assert torch.equal(both[0], plain(*inputs()))
    assert both[1].std() > 0.1


def test_untrained_error_is_that_of_the_best_linear_denoiser():
    """Of white images of the standard deviation sigma_data: s^2 sd^2 / (s^2 + sd^2)."""
    network = EDMDenoiser(SMALL.model_copy(update={"error_width": 4, "sigma_data": 0.5}))
    error = network(*inputs(), with_error=True)[1].exp()
    for level, foretold in zip((0.1, 2.0), error, strict=True):
        assert torch.allclose(foretold, torch.tensor(1 / (1 / level**2 + 4)), rtol=1e-5)


def test_a_network_without_that_output_foretells_nothing():
    with pytest.raises(ValueError, match="foretell"):
        EDMDenoiser(SMALL)(*inputs(), with_error=True)
