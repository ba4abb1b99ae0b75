"""Side of the tiles."""

from __future__ import annotations

import pytest

from napari_padis.prior.patches import PatchGrid
from napari_padis.prior.sides import LEAST_PAD, choose_side, next_multiple, whole_sides

SIZES = [5, 36, 64, 128, 200, 241, 243, 256, 304, 384, 512, 513, 765, 1024]


@pytest.mark.parametrize("patch", [16, 56, 88])
@pytest.mark.parametrize("multiple", [1, 4, 16])
def test_few_pixels_are_covered_and_few_tiles_used(patch, multiple):
    """No other allowed side has fewer covered pixels without having more tiles, or vice versa."""
    for size in SIZES:
        side, other = choose_side((size, 77), patch, multiple)
        assert other == choose_side((77, size), patch, multiple)[0]
        assert side % multiple == 0
        grid = PatchGrid((size, size), side, LEAST_PAD)
        assert min(grid.shifts) >= LEAST_PAD
        near = [p for p in range(multiple, 200, multiple) if 0.75 * patch <= p <= 1.6 * patch]
        assert side in near or grid.count == 1
        for p in near if side in near else ():
            rival = PatchGrid((size, size), p, LEAST_PAD)
            assert rival.canvas[0] >= grid.canvas[0] or rival.count > grid.count


@pytest.mark.parametrize("size", [128, 200, 238, 241, 243, 256, 304, 384, 512, 513, 765, 1024])
def test_little_more_than_the_image_is_covered(size):
    for patch in (56, 88):
        side, _ = choose_side((size, size), patch, 4)
        assert PatchGrid((size, size), side, LEAST_PAD).canvas[0] / size < 1.07


def test_networks_that_attend_keep_to_sides_near_those_that_they_have_seen():
    from napari_padis.prior.architecture import NetworkConfig
    from napari_padis.prior.card import PriorCard, Training
    from napari_padis.prior.tilings import make_tiles

    attending, seen = (
        NetworkConfig(middle_attention=True),
        Training(steps=1, patches=8, pixels=8, seconds=1),
    )
    for network, training, patches, sides in (
        (NetworkConfig(), None, (88,), (132, 80)),
        (attending, None, (88, 32), (88, 80)),
        (NetworkConfig(attention=(2,)), seen, (88,), (88, 80)),
        (attending, seen, (88, 32), (132, 80)),
    ):
        card = PriorCard(
            name="any", patch=88, patch_sizes=patches, network=network, training=training
        )
        assert make_tiles("shifted", (256, 152), card).sides == sides


def test_small_images_lie_in_one_small_tile():
    side = choose_side((20, 33), 88, 4)
    assert side == (28, 44)
    assert PatchGrid((20, 33), side, LEAST_PAD).count == 1


def test_whole_images_take_the_canvas_of_training_or_the_smallest():
    assert whole_sides((243, 238), 256, 4) == (256, 256)
    assert whole_sides((256, 257), 256, 4) == (256, 260)
    assert whole_sides((64, 511), 256, 4) == (64, 512)


def test_next_multiple():
    assert [next_multiple(n, 4) for n in (1, 4, 5)] == [4, 4, 8]
