"""Tiles at random places: what they cover, where their seams lie, what they cost."""

from __future__ import annotations

import itertools

import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.prior.architecture import NetworkConfig
from napari_padis.prior.card import PriorCard, Training
from napari_padis.prior.patches import PatchGrid
from napari_padis.prior.sides import LEAST_PAD
from napari_padis.prior.splits import SplitTiles, choose_split
from napari_padis.prior.tilings import make_tiles

SIZES = [1, 5, 36, 64, 128, 200, 241, 256, 304, 384, 512, 513, 1024]
SEEN = Training(steps=1, patches=8, pixels=8, seconds=1)


def split(length, patch=88, multiple=4, smallest=None, largest=None):
    mean = largest or 1.65 * patch
    return choose_split(
        length, multiple, mean, smallest or patch // 3, largest or 3 * patch, min(4, patch // 14)
    )


@pytest.mark.parametrize("patch", [16, 56, 88])
@pytest.mark.parametrize("multiple", [1, 4, 16])
def test_each_pixel_is_taken_once_and_the_network_can_take_every_tile(patch, multiple):
    for length in SIZES:
        axis = split(length, patch, multiple)
        for shift in {*range(0, axis.shifts + 1, 7), axis.shifts}:
            parts = axis.parts(shift)
            edges = [parts[0].first, *(p.end for p in parts)]
            assert (edges[0], edges[-1]) == (0, length)
            assert edges == sorted(set(edges))
            assert [p.first for p in parts] == edges[:-1]
            for p in parts:
                assert p.side % multiple == 0
                assert p.start <= p.first < p.end <= p.start + p.side
            begin, end = parts[0].start, parts[-1].start + parts[-1].side
            assert end - begin == axis.canvas


@pytest.mark.parametrize("patch", [56, 88])
def test_every_shift_costs_little_more_than_the_image(patch):
    for length in (128, 200, 241, 256, 304, 384, 512, 513, 1024):
        axis = split(length, patch)
        totals = {sum(p.side for p in axis.parts(a)) for a in range(axis.shifts + 1)}
        assert len(totals) == 1
        assert length < totals.pop() < 1.065 * length + 4


@pytest.mark.parametrize("length", [256, 384, 512, 1024])
def test_seams_lie_everywhere_but_near_the_edges(length):
    """Between the first place of the first seam and the last of the last, all are as likely."""
    axis = split(length)
    places = [p.end for a in range(axis.shifts + 1) for p in axis.parts(a)[:-1]]
    low, high = min(places), max(places)
    assert low < length / 3.5
    assert high > length - length / 3.5
    counts = [places.count(i) for i in range(low, high + 1)]
    assert set(counts) <= ({1} if axis.count == 2 else {1, 2})
    assert counts.count(1) >= 0.98 * len(counts)


def test_neighbours_overlap_and_the_seam_lies_inside():
    for length in (256, 304, 512):
        axis = split(length)
        for shift in (0, 3, axis.shifts):
            for before, after in itertools.pairwise(axis.parts(shift)):
                assert before.start + before.side - before.end >= 2
                assert after.first - after.start >= 2


def test_tiles_begin_at_every_phase_of_the_coarser_levels():
    axis = split(256)
    for k in range(axis.count):
        assert {axis.parts(a)[k].start % 4 for a in range(axis.shifts + 1)} == {0, 1, 2, 3}


def test_sides_stay_within_bounds():
    for smallest, largest in ((66, 220), (80, 101), (32, 145)):
        for length in (256, 384, 512):
            axis = split(length, smallest=smallest, largest=largest)
            sides = [p.side for a in range(axis.shifts + 1) for p in axis.parts(a)]
            assert min(sides) >= smallest
            assert max(sides) <= largest + 3
            assert axis.largest == max(sides)


def test_one_tile_moves_in_its_padding():
    axis = split(128)
    assert (axis.count, axis.canvas, axis.shifts) == (1, 136, LEAST_PAD)
    assert [axis.parts(a)[0].start for a in (0, LEAST_PAD)] == [-LEAST_PAD, 0]
    for shift in (-1, LEAST_PAD + 1):
        with pytest.raises(InputError, match="lies outside"):
            axis.parts(shift)


@pytest.mark.parametrize("shape", [(21, 34), (40, 9), (7, 50)])
def test_cutting_and_joining_at_every_shift(shape):
    """Inverse on images, and exact transposes: inner products of whole numbers agree."""
    tiles = SplitTiles(*(split(n, 12, 2, smallest=4) for n in shape))
    g = torch.Generator().manual_seed(0)
    image = torch.randint(-9, 9, (2, 3, *shape), generator=g).double()
    for shift in itertools.product(*(range(m + 1) for m in tiles.shifts)):
        cut = tiles.extract(image, shift)
        assert sum(map(len, cut)) == len(image) * tiles.count
        assert len({t.shape[-2:] for t in cut}) == len(cut)
        assert torch.equal(tiles.assemble(cut, shift), image)
        other = tuple(torch.randint(-9, 9, t.shape, generator=g).double() for t in cut)
        product = sum((a * b).sum() for a, b in zip(cut, other, strict=True))
        assert product == (tiles.gather(other, shift) * image).sum()
        product = sum((a * b).sum() for a, b in zip(other, tiles.spread(image, shift), strict=True))
        assert product == (tiles.assemble(other, shift) * image).sum()


def test_border_lies_around_the_image():
    tiles = SplitTiles(split(40, 24, 4), split(33, 24, 4))
    rows, cols = tiles.canvas
    image = torch.zeros(1, 1, 40, 33)
    border = torch.ones(1, 1, rows * cols - 40 * 33)
    for shift in ((0, 0), (5, 3), tiles.shifts):
        cut = tiles.extract(image, shift, border)
        outside = [
            ((p[:, 0].abs() > 1) | (p[:, 1].abs() > 1)).float()[:, None]
            for p in tiles.positions(shift)
        ]
        for a, b in zip(cut, outside, strict=True):
            assert torch.equal(a, b)


def test_shifts_are_drawn_from_all_of_them():
    tiles = SplitTiles(split(20, 12, 2), split(5, 12, 2))
    g = torch.Generator().manual_seed(0)
    seen = {tiles.random_shift(g) for _ in range(1500)}
    assert seen == set(itertools.product(*(range(m + 1) for m in tiles.shifts)))


def test_networks_that_attend_keep_to_sides_near_those_that_they_have_seen():
    attending = NetworkConfig(middle_attention=True)
    for network, training, patches, count, low, high in (
        (NetworkConfig(), None, (88,), (2, 2), 66, 220),
        (attending, None, (88, 32), (3, 2), 66, 104),
        (NetworkConfig(attention=(2,)), SEEN, (88,), (3, 2), 66, 104),
        (attending, SEEN, (88, 32), (2, 2), 32, 220),
    ):
        card = PriorCard(
            name="any", patch=88, patch_sizes=patches, network=network, training=training
        )
        tiles = make_tiles("shifted", (256, 152), card)
        assert tiles.tiles == count
        for axis in (tiles.rows, tiles.cols):
            sides = [p.side for a in range(axis.shifts + 1) for p in axis.parts(a)]
            assert low <= min(sides)
            assert max(sides) <= high


def test_tiles_of_a_given_side_are_the_published_grid():
    card = PriorCard(name="any", patch=88)
    assert make_tiles("shifted", (256, 256), card, 132) == PatchGrid((256, 256), (132, 132), 8)
