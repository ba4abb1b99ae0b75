"""Patch denoiser: batching, Jacobian, memory, error table."""

from __future__ import annotations

import math

import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.prior.card import PriorCard
from napari_padis.prior.checkpoint import load_network
from napari_padis.prior.denoiser import Draw, PatchDenoiser, finish, load_prior
from napari_padis.prior.network import EDMDenoiser


@pytest.fixture
def denoiser(tiny_prior):
    network, card = load_network(tiny_prior)
    return PatchDenoiser(network, card, (40, 36), bfloat16=False)


def _image(n=3, seed=0):
    return torch.rand((n, 2, 1, 40, 36), generator=torch.Generator().manual_seed(seed))


def test_patch_batches_do_not_change_the_result(denoiser):
    x = _image()
    draw = denoiser.draw(x, 0.1, torch.Generator().manual_seed(1))
    whole = finish(denoiser.denoise(x, 0.1, draw))
    denoiser.patch_batch = 5
    assert torch.allclose(finish(denoiser.denoise(x, 0.1, draw)), whole, atol=1e-6)
    alone = Draw(draw.shift, draw.border[2:3])
    one = finish(denoiser.denoise(x[1:2, :1], 0.1, alone))
    assert torch.allclose(one, whole[1:2, :1], atol=1e-6)


def test_vjp_equals_autograd_of_the_whole(denoiser):
    x = _image(1)
    draw = denoiser.draw(x, 0.2, torch.Generator().manual_seed(1))
    v = torch.randn(x.shape, generator=torch.Generator().manual_seed(2))
    x1 = x.clone().requires_grad_()
    grid = denoiser.grid
    stacks = grid.extract(x1.reshape(-1, 1, 40, 36), draw.shift, draw.border)
    clean = [
        denoiser.network(tiles, torch.tensor([0.2]), where.repeat(2, 1, 1, 1))
        for tiles, where in zip(stacks, grid.positions(draw.shift), strict=True)
    ]
    whole = grid.assemble(tuple(clean), draw.shift)
    (expected,) = torch.autograd.grad(whole, x1, v.reshape(whole.shape))
    denoiser.patch_batch = 3
    assert torch.allclose(finish(denoiser.vjp(x, 0.2, draw, v)), expected, atol=1e-5)


def test_progress_rises_and_stays_below_one(denoiser):
    x = _image()
    denoiser.patch_batch = 2
    draw = denoiser.draw(x, 0.1, torch.Generator())
    shares = list(denoiser.denoise(x, 0.1, draw))
    assert len(shares) >= 6
    assert shares == sorted(shares)
    assert max(shares) < 1


def test_no_network_call_has_more_pixels_than_the_largest_tiles(denoiser):
    """Which is what the memory of a run is estimated from."""
    seen = []
    forward = denoiser.network.forward
    denoiser.network.forward = lambda x, *rest: seen.append(x) or forward(x, *rest)
    denoiser.patch_batch = 2
    x = _image()
    finish(denoiser.denoise(x, 0.1, denoiser.draw(x, 0.1, torch.Generator())))
    assert len({t.shape[-2:] for t in seen}) > 1
    assert max(len(t) * t[0].numel() for t in seen) <= 2 * math.prod(denoiser.grid.sides)


def test_same_seed_same_bits(denoiser):
    x = _image()
    results = []
    for _ in range(2):
        draw = denoiser.draw(x, 0.1, torch.Generator().manual_seed(5))
        results.append(finish(denoiser.denoise(x, 0.1, draw)))
    assert torch.equal(*results)


def test_padding_noise_has_the_level_asked_for(denoiser):
    draw = denoiser.draw(_image(), 0.3, torch.Generator().manual_seed(0))
    assert draw.border.std() == pytest.approx(0.3, rel=0.05)


def test_halving_ends_at_one(denoiser):
    denoiser.patch_batch = 3
    assert denoiser.halve_batch()
    assert denoiser.patch_batch == 1
    assert not denoiser.halve_batch()


def test_error_variance_interpolates_the_table(tiny_prior):
    network, card = load_network(tiny_prior)
    card = card.model_copy(update={"error_table": ((0.01, 1e-5), (0.1, 1e-3), (1.0, 1e-2))})
    d = PatchDenoiser(network, card, (40, 36))
    assert d.error_variance(0.1) == pytest.approx(1e-3)
    assert d.error_variance(0.0316227766) == pytest.approx(1e-4, rel=1e-3)
    assert d.error_variance(1e-4) <= 1e-8
    assert d.error_variance(10) < 1


def test_patch_must_fit_the_network(tiny_prior):
    network, card = load_network(tiny_prior)
    with pytest.raises(InputError, match="divisible by 2"):
        PatchDenoiser(network, card, (40, 36), patch=15)


def test_trained_gaussian_prior_matches_the_wiener_filter():
    """Denoising score matching on white Gaussian images learns the Wiener filter."""
    from napari_padis.prior.architecture import NetworkConfig
    from napari_padis.prior.network import EDMDenoiser
    from napari_padis.prior.training import denoising_loss

    torch.manual_seed(0)
    net = EDMDenoiser(NetworkConfig(width=8, multipliers=(1,), blocks=(1,)))
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    position = torch.zeros(64, 2, 8, 8)
    for _ in range(400):
        clean = 0.5 + 0.1 * torch.randn(64, 1, 8, 8)
        sigma = torch.rand(64) * 0.3 + 0.02
        loss = denoising_loss(net, clean, position, sigma, torch.randn_like(clean), 0.25).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for s in (0.05, 0.1, 0.2):
        clean = 0.5 + 0.1 * torch.randn(64, 1, 8, 8)
        with torch.no_grad():
            d = net(clean + s * torch.randn_like(clean), torch.full((64,), s), position)
        wiener = s**2 * 0.01 / (s**2 + 0.01)
        assert (d - clean).square().mean() < 1.1 * wiener


def test_bundled_prior_loads(monkeypatch):
    from napari_padis.prior import catalogue

    cards = catalogue()
    assert "ct-small" in [card.name for card in cards]
    card = next(c for c in cards if c.name == "ct-small")
    d = load_prior("ct-small", (256, 256))
    assert sum(p.numel() for p in d.network.parameters()) == card.parameters <= 6_000_000
    assert isinstance(d.card, PriorCard)
    assert d.error_variance(0.1) < 0.1**2 / 5


@pytest.fixture
def foretelling(tiny_prior):
    """The tiny prior with a second output that has weights of its own."""
    network, card = load_network(tiny_prior)
    config = network.config.model_copy(update={"error_width": 4})
    larger = EDMDenoiser(config)
    larger.load_state_dict(network.state_dict(), strict=False)
    torch.manual_seed(0)
    torch.nn.init.normal_(larger.unet.error.conv2.weight, std=0.3)
    card = card.model_copy(update={"network": config})
    return PatchDenoiser(larger.eval(), card, (40, 36), bfloat16=False)


def test_error_comes_with_the_same_image(foretelling, denoiser):
    assert foretelling.has_local_error
    assert not denoiser.has_local_error
    x = _image()
    draw = foretelling.draw(x, 0.3, torch.Generator().manual_seed(1))
    denoised, error = finish(foretelling.denoise_with_error(x, 0.3, draw))
    assert torch.equal(denoised, finish(foretelling.denoise(x, 0.3, draw)))
    assert torch.equal(denoised, finish(denoiser.denoise(x, 0.3, draw)))
    assert error.shape == x.shape
    assert error.std() > 0
    assert 0 < error.min() <= error.max() <= 0.3**2 * (1 + 1e-6)


def test_error_lies_where_its_pixels_lie(foretelling):
    """In tiles put together as those of the image are."""
    x = _image(1)[:, :1]
    draw = foretelling.draw(x, 0.3, torch.Generator().manual_seed(1))
    error = finish(foretelling.denoise_with_error(x, 0.3, draw))[1]
    grid, level = foretelling.grid, torch.tensor([0.3])
    stacks = grid.extract(x.reshape(-1, 1, 40, 36), draw.shift, draw.border)
    made = [
        foretelling.network(tiles, level, where, with_error=True)[1].exp().clamp_max(0.09)
        for tiles, where in zip(stacks, grid.positions(draw.shift), strict=True)
    ]
    whole = grid.assemble(tuple(made), draw.shift)
    assert torch.allclose(error.reshape(whole.shape), whole, rtol=1e-4)
