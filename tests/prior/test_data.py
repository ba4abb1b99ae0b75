"""Drawing patches: each way cuts what the denoiser of that way will see."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from napari_padis.errors import InputError
from napari_padis.prior.architecture import NetworkConfig
from napari_padis.prior.card import PriorCard
from napari_padis.prior.data import PatchSampler
from napari_padis.prior.settings import Drawing, TrainingConfig
from napari_padis.prior.slice_store import Stack
from napari_padis.prior.tilings import make_tiles

NETWORK = NetworkConfig(width=8, multipliers=(1, 2), blocks=(1, 1))
CARD = PriorCard(name="any", patch=16, patch_sizes=(16,), network=NETWORK)


def stack(slices, spacing=2.0, name="some"):
    return Stack(np.asarray(slices, np.float16), (spacing, 1.0, 1.0), "HU", name)


@pytest.fixture
def image():
    """A slice no two pixels of which are equal, 18 x 22."""
    return (np.random.default_rng(0).permutation(18 * 22).reshape(18, 22) + 1) / 512


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_mirrored_patches_are_true_to_their_position(image):
    ramp = np.broadcast_to(np.linspace(0.1, 0.8, 22), (1, 18, 22))
    sampler = PatchSampler.of([stack(ramp)], Drawing(pad=5, flip=1.0))
    patches, position, _ = sampler.draw(8, 64, generator())
    inside = position.abs().amax(1) < 1
    # The mirror image of a ramp in u is the ramp in -u; both ends are pixel centres.
    u = position[:, 0] / (1 - 1 / 22)
    assert torch.allclose(patches[:, 0], torch.where(inside, 0.45 - 0.35 * u, 0.0), atol=1e-3)
    assert (~inside).any()


def test_half_of_the_patches_are_mirrored():
    ramp = np.broadcast_to(np.linspace(0.1, 0.8, 22), (1, 18, 22))
    sampler = PatchSampler.of([stack(ramp)], Drawing(pad=0, flip=0.5))
    patches = sampler.draw(8, 2000, generator()).patches
    assert (patches[:, 0, 0, 0] > patches[:, 0, 0, -1]).float().mean() == pytest.approx(
        0.5, abs=0.05
    )


def test_gain_and_offset_change_the_image_and_not_its_padding():
    flat = stack(np.full((2, 18, 22), 0.5))
    drawing = Drawing(pad=6, gain=(0.8, 1.2), offset=(-0.1, 0.3), ceiling=2.0)
    patches, position, _ = PatchSampler.of([flat], drawing).draw(8, 4000, generator())
    inside = position.abs().amax(1) < 1
    assert not patches[:, 0][~inside].any()
    # Sum of two uniform variables: 0.5 g in [.4, .6], b in [-.1, .3].
    values = torch.stack([p[0][i].unique() for p, i in zip(patches, inside, strict=True)])[:, 0]
    assert values.min() >= 0.3
    assert values.max() <= 0.9
    assert values.mean() == pytest.approx(0.6, abs=0.01)
    assert values.var() == pytest.approx((0.2**2 + 0.4**2) / 12, rel=0.1)


def test_changed_intensities_stay_below_the_ceiling():
    flat = stack(np.full((1, 18, 22), 0.9))
    sampler = PatchSampler.of([flat], Drawing(pad=0, gain=(1.5, 1.5), offset=(0.0, 0.0)))
    assert sampler.draw(8, 4, generator()).patches.unique().tolist() == [1.0]


@pytest.mark.parametrize("shape", [(18, 22), (16, 16), (13, 16)])
def test_whole_images_are_framed_as_the_denoiser_frames_them(shape):
    image = torch.rand(shape, generator=generator()).half()
    sampler = PatchSampler.of([stack(image[None].numpy())], Drawing(whole=True))
    card = CARD.model_copy(update={"patch": 24 if shape == (18, 22) else 16})
    tiles = make_tiles("whole", shape, card)
    batch = sampler.draw(tiles.sides[0], 2, generator())
    if tiles.sides[0] == tiles.sides[1]:
        assert torch.equal(batch.patches[:1], tiles.extract(image[None, None].float(), (0, 0))[0])
        assert torch.equal(batch.position[:1], tiles.positions((0, 0))[0])
    assert torch.equal(batch.patches[0], batch.patches[1])


def test_larger_images_are_cropped_around_their_centre(image):
    sampler = PatchSampler.of([stack(image[None])], Drawing(whole=True))
    patch = sampler.draw(12, 1, generator()).patches[0, 0].numpy()
    assert np.array_equal(patch, image[3:15, 5:17].astype(np.float16))


def test_fixed_grid_draws_the_tiles_of_the_fixed_tiling(image):
    sampler = PatchSampler.of([stack(image[None])], Drawing(fixed_grid=True))
    tiles = make_tiles("fixed", image.shape, CARD, patch=8)
    wanted = tiles.extract(torch.from_numpy(image)[None, None].half().float(), (0, 0))[0]
    drawn = sampler.draw(8, 300, generator()).patches
    found = {tuple(p.flatten().tolist()) for p in drawn}
    assert found == {tuple(p.flatten().tolist()) for p in wanted}
    assert len(found) == tiles.count


def test_neighbours_are_real_slices_and_their_distance_is_told():
    numbered = np.arange(9)[:, None, None] / 16 + np.zeros((9, 12, 12))
    sampler = PatchSampler.of([stack(numbered, 2.5)], Drawing(pad=0, slices=3, stride=3))
    patches, _, condition = sampler.draw(8, 400, generator())
    index = (patches[:, :, 0, 0] * 16).round().long()
    step = index[:, 1] - index[:, 0]
    assert torch.equal(step, index[:, 2] - index[:, 1])
    assert sorted(step.unique().tolist()) == [1, 2, 3]
    assert torch.allclose(condition[:, 0], step * 2.5 / 10)
    assert index.min() == 0
    assert index.max() == 8
    assert sampler.slice_spacing == (2.5, 7.5)


def test_short_volumes_give_the_strides_they_can():
    five, two = stack(np.ones((5, 12, 12)), 4.0), stack(np.ones((2, 12, 12)))
    sampler = PatchSampler.of([two, five], Drawing(pad=0, slices=3, stride=3))
    assert sampler.count == 5
    assert sampler.slice_spacing == (4.0, 8.0)
    condition = sampler.draw(8, 50, generator()).condition
    assert sorted(condition.unique().tolist()) == pytest.approx([0.4, 0.8])
    with pytest.raises(InputError, match="has 3 slices or more"):
        PatchSampler.of([two], Drawing(slices=3))


def test_middles_have_the_channels_of_patches():
    numbered = np.arange(6)[:, None, None] / 16 + np.zeros((6, 12, 12))
    (middle,) = PatchSampler.of([stack(numbered)], Drawing(slices=3)).middles()
    assert (middle[:, 0, 0] * 16).tolist() == [2, 3, 4]


def test_images_of_several_sizes_have_positions_of_their_own():
    stacks = [stack(np.ones((1, 12, 12))), stack(np.ones((1, 24, 16)))]
    _, position, _ = PatchSampler.of(stacks, Drawing(pad=0)).draw(8, 100, generator())
    steps = (position[:, 1, 1, 0] - position[:, 1, 0, 0]).unique()
    assert sorted({round(s, 5) for s in steps.tolist()}) == [round(2 / 24, 5), round(2 / 12, 5)]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"whole": True, "fixed_grid": True}, "not both"),
        ({"slices": 2}, "odd"),
        ({"stride": 2}, "several"),
        ({"gain": (1.2, 0.8)}, "gain"),
        ({"gain": (0.0, 1.0)}, "gain"),
        ({"offset": (0.3, -0.3)}, "offset"),
        ({"flip": 1.5}, "less than or equal to 1"),
        ({"slices": 3}, "one image channel a slice"),
        ({"whole": True}, "one patch size"),
        ({"network": NETWORK.model_copy(update={"conditions": 1})}, "slice spacing"),
        ({"probabilities": (0.0, 0.0)}, "zero"),
        ({"batches": (0, 4)}, "positive"),
    ],
)
def test_contradictory_settings_are_refused(change, sentence):
    values = {"network": NETWORK, "patch_sizes": (16, 8), "probabilities": (0.5, 0.5)}
    with pytest.raises(ValidationError, match=sentence):
        TrainingConfig(**{**values, "batches": (2, 4), "steps": 6, **change})


def test_volumes_of_half_the_size_are_drawn_beside_them():
    """Their patches hold twice as much of the image: the position runs twice as fast."""
    slices = np.zeros((3, 32, 32), np.float16)
    sampler = PatchSampler.of([stack(slices)], Drawing(pad=0, halved=True))
    assert sampler.count == 3
    position = sampler.draw(8, 40, torch.Generator().manual_seed(0)).position
    steps = (position[:, 0, 1, 1] - position[:, 0, 0, 0]).mul(32 / 2).round().tolist()
    assert set(steps) == {1.0, 2.0}
