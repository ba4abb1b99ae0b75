"""Side of the tiles."""

from __future__ import annotations

from napari_padis.prior.sides import next_multiple, whole_sides


def test_whole_images_take_the_canvas_of_training_or_the_smallest():
    assert whole_sides((243, 238), 256, 4) == (256, 256)
    assert whole_sides((256, 257), 256, 4) == (256, 260)
    assert whole_sides((64, 511), 256, 4) == (64, 512)


def test_next_multiple():
    assert [next_multiple(n, 4) for n in (1, 4, 5)] == [4, 4, 8]
