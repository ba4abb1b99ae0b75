"""A larger network begins as the smaller one that it grows from."""

from __future__ import annotations

import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.prior.architecture import NetworkConfig
from napari_padis.prior.growing import grown
from napari_padis.prior.network import EDMDenoiser

SMALL = {"width": 8, "multipliers": (1, 2), "blocks": (1, 1)}


def trained(**changes) -> EDMDenoiser:
    """A network none of whose layers is still zero."""
    torch.manual_seed(3)
    network = EDMDenoiser(NetworkConfig(**(SMALL | changes)))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network.eval()


def denoised(network: EDMDenoiser, **more) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(3, 1, 16, 16, generator=generator)
    position = torch.rand(3, 2, 16, 16, generator=generator)
    return network(x, torch.tensor([0.01, 0.2, 3.0]), position, **more)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"blocks": (2, 3)},
        {"middle_attention": True, "head_channels": 4},
        {"blocks": (1, 2), "attention": (1,), "dropout": 0.1},
    ],
)
def test_the_larger_network_begins_as_the_smaller(more):
    small = trained()
    large = grown(small, NetworkConfig(**(SMALL | more))).eval()
    torch.testing.assert_close(denoised(large), denoised(small), rtol=0, atol=0)
    if more:
        assert sum(map(torch.numel, large.parameters())) > sum(map(torch.numel, small.parameters()))


def test_conditions_change_nothing_at_first():
    small = trained()
    large = grown(small, NetworkConfig(**SMALL, conditions=1)).eval()
    told = denoised(large, condition=torch.tensor([[0.1], [0.3], [2.0]]))
    torch.testing.assert_close(told, denoised(small), rtol=0, atol=0)


@pytest.mark.parametrize("more", [{}, {"blocks": (2, 1), "conditions": 1}])
def test_several_slices_begin_with_the_middle_one(more):
    small = trained()
    large = grown(small, NetworkConfig(**(SMALL | {"image_channels": 3} | more))).eval()
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, 3, 16, 16, generator=generator)
    position = torch.rand(2, 2, 16, 16, generator=generator)
    sigma = torch.tensor([0.05, 1.0])
    condition = torch.tensor([[0.1], [0.2]])
    result = large(x, sigma, position, condition)
    alone = small(x[:, 1:2], sigma, position)
    torch.testing.assert_close(result[:, 1:2], alone, rtol=1e-5, atol=1e-6)
    share = (0.25**2 / (0.25**2 + sigma**2))[:, None, None]
    for neighbour in (0, 2):
        torch.testing.assert_close(result[:, neighbour], share * x[:, neighbour])


def test_new_blocks_learn():
    large = grown(trained(), NetworkConfig(**(SMALL | {"blocks": (2, 1)})))
    denoised(large).square().mean().backward()
    assert large.unet.down[0][1].conv2.weight.grad.abs().max() > 0


@pytest.mark.parametrize(
    ("small", "large", "named"),
    [
        ({}, {"width": 16}, "width"),
        ({}, {"multipliers": (1, 2, 2), "blocks": (1, 1, 1)}, "multipliers"),
        ({"blocks": (2, 2)}, {"blocks": (1, 2)}, "blocks"),
        ({"skips": "block"}, {"skips": "block", "blocks": (2, 1)}, "blocks"),
        ({"residual_scale": 0.7}, {"residual_scale": 0.7, "blocks": (2, 1)}, "blocks"),
        # Even a block or an attention that adds nothing would scale what passes there.
        ({"residual_scale": 0.7}, {"residual_scale": 0.7, "middle_attention": True}, "middle_att"),
        # The same shapes, but other heads.
        ({"middle_attention": True}, {"middle_attention": True, "head_channels": 4}, "head_chan"),
        ({"conditions": 1}, {"conditions": 2}, "conditions"),
        ({"position_channels": 0}, {}, "position_channels"),
        ({"image_channels": 2}, {"image_channels": 3}, "image_channels"),
        ({}, {"image_channels": 2}, "image_channels"),  # a complex image has no middle
    ],
)
def test_a_network_that_cannot_begin_so_is_refused_by_name(small, large, named):
    with pytest.raises(InputError, match=f"another network.*see {named}"):
        grown(trained(**small), NetworkConfig(**(SMALL | large)))
