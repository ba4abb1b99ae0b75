"""Side of the tiles."""

from __future__ import annotations

import pytest

from napari_padis.prior.patches import PatchGrid
from napari_padis.prior.sides import LEAST_PAD, choose_side, next_multiple, whole_sides

SIZES = [5, 36, 64, 128, 200, 241, 243, 256, 304, 384, 512, 513, 765, 1024]


@pytest.mark.parametrize("patch", [16, 56, 88])
@pytest.mark.parametrize("multiple", [1, 4, 16])
def test_no_other_side_near_the_trained_one_covers_less(patch, multiple):
    for size in SIZES:
        side, other = choose_side((size, 77), patch, multiple)
        assert other == choose_side((77, size), patch, multiple)[0]
        assert side % multiple == 0
        grid = PatchGrid((size, size), side, LEAST_PAD)
        assert min(grid.shifts) >= LEAST_PAD
        near = [
            p for p in range(multiple, 4 * patch, multiple) if 0.75 * patch <= p <= 1.15 * patch
        ]
        best = min(PatchGrid((size, size), p, LEAST_PAD).canvas[0] for p in near)
        assert grid.canvas[0] <= best
        assert side in near or grid.count == 1


def test_tiles_are_large_where_that_costs_nothing():
    assert choose_side((256, 256), 88, 4) == (88, 88)
    assert choose_side((304, 241), 88, 4) == (80, 84)
    # 272 pixels are 4 x 68 and 3 x 90.67: only one side is possible.
    assert choose_side((264, 264), 88, 4)[0] * 4 == 272


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
