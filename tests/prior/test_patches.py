"""Patch grid and position channels."""

from __future__ import annotations

import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.prior.patches import PatchGrid, position_channels

SHAPES = [(64, 64), (56, 56), (111, 112), (255, 257), (1, 300), (512, 384)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("patch", [16, 56, 64])
def test_every_pixel_is_covered_exactly_once_for_every_shift(shape, patch):
    grid = PatchGrid(shape, patch)
    shifts = {(0, 0), grid.pad, (grid.pad[0] // 2, grid.pad[1] // 3)}
    for shift in shifts:
        count = torch.zeros(shape)
        for row, col in grid.corners(shift).tolist():
            count[max(row, 0) : max(row + patch, 0), max(col, 0) : max(col + patch, 0)] += 1
        assert torch.equal(count, torch.ones(shape))


def test_all_shifts_of_a_small_grid_cover_once():
    grid = PatchGrid((21, 17), 8)
    for a in range(grid.pad[0] + 1):
        for b in range(grid.pad[1] + 1):
            image = torch.arange(21 * 17.0).reshape(1, 1, 21, 17)
            (tiles,) = grid.extract(image, (a, b))
            assert torch.equal(grid.assemble((tiles,), (a, b)), image)
            assert tiles.sum() == image.sum()


@pytest.mark.parametrize("shape", SHAPES)
def test_put_back_inverts_extract(shape):
    grid = PatchGrid(shape, 16)
    g = torch.Generator().manual_seed(0)
    x = torch.randn((2, 3, *shape), generator=g)
    for _ in range(4):
        shift = grid.random_shift(g)
        assert torch.equal(grid.assemble(grid.extract(x, shift), shift), x)


def test_the_talks_numbers():
    grid = PatchGrid((256, 256), 56)
    assert (grid.tiles, grid.pad, grid.count) == ((5, 5), (24, 24), 25)


def test_border_fills_the_padding_only():
    grid = PatchGrid((10, 10), 8)
    image = torch.ones(1, 1, 10, 10)
    border = torch.full((1, 1, 16 * 16 - 10 * 10), 7.0)
    (tiles,) = grid.extract(image, (3, 2), border)
    assert tiles.sum() == 100 + 7 * (256 - 100)
    assert (grid.assemble((tiles,), (3, 2)) == 1).all()


def test_shifts_reach_all_values():
    grid = PatchGrid((10, 13), 8)
    g = torch.Generator().manual_seed(0)
    seen = {grid.random_shift(g) for _ in range(600)}
    assert seen == {(a, b) for a in range(grid.pad[0] + 1) for b in range(grid.pad[1] + 1)}


def test_shift_outside_is_refused():
    with pytest.raises(InputError, match="lies outside"):
        PatchGrid((64, 64), 56).corners((99, 0))


def test_image_spans_minus_one_to_one_whatever_the_padding():
    channels = position_channels(torch.tensor([[0, 0]]), 4, (4, 4))
    assert torch.allclose(channels[0, 0, 0], torch.tensor([-0.75, -0.25, 0.25, 0.75]))
    assert torch.allclose(channels[0, 1, :, 0], torch.tensor([-0.75, -0.25, 0.25, 0.75]))
    shifted = position_channels(torch.tensor([[-2, 2]]), 4, (4, 4))
    assert shifted[0, 1, 2, 0] == pytest.approx(-0.75)
    assert shifted[0, 0, 0, 0] == pytest.approx(0.25)


def test_positions_move_with_the_tiles():
    grid = PatchGrid((20, 20), 8)
    ramp = position_channels(torch.tensor([[0, 0]]), 20, (20, 20))
    for shift in [(0, 0), (2, 3), (4, 4)]:
        assert torch.allclose(grid.assemble(grid.positions(shift), shift), ramp, atol=1e-6)


@pytest.mark.parametrize("least", [0, 1, 8, 20])
def test_rectangular_tiles_and_larger_paddings_cover_once(least):
    grid = PatchGrid((21, 34), (8, 12), least)
    assert min(grid.shifts) >= least
    assert all(m < least + p for m, p in zip(grid.shifts, (8, 12), strict=True))
    image = torch.arange(21 * 34.0).reshape(1, 1, 21, 34)
    for shift in [(0, 0), grid.shifts, (grid.shifts[0] // 2, grid.shifts[1] // 3)]:
        (tiles,) = grid.extract(image, shift)
        assert tiles.shape == (grid.count, 1, 8, 12)
        assert tiles.sum() == image.sum()
        assert torch.equal(grid.assemble((tiles,), shift), image)


def test_a_grid_that_does_not_move_is_centred():
    grid = PatchGrid((21, 34), 8, moves=False)
    assert grid.tiles == (3, 5)
    assert grid.corners((0, 0))[0].tolist() == [-1, -3]
    assert grid.random_shift(torch.Generator().manual_seed(0)) == (0, 0)
    with pytest.raises(InputError, match="lies outside"):
        grid.corners((1, 0))
