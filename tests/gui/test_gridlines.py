import numpy as np
import pytest

from napari_padis.engine.events import PatchLayout
from napari_padis.gui.gridlines import grid_lines, tile_edges
from napari_padis.gui.world import as_shown


@pytest.mark.parametrize(("height", "width", "patch"), [(40, 48, 16), (65, 33, 8), (64, 64, 56)])
def test_lines_are_the_borders_of_the_tiles_of_the_prior(height, width, patch):
    """The drawn borders are exactly where the tile index of a pixel changes."""
    torch = pytest.importorskip("torch")
    from napari_padis.prior.patches import PatchGrid

    grid = PatchGrid((height, width), patch)
    layout = PatchLayout(grid.sides, grid.tiles, grid.pad)
    for shift in [(0, 0), (grid.pad[0], grid.pad[1]), (grid.pad[0] // 2, grid.pad[1] // 3)]:
        index = torch.arange(grid.count, dtype=torch.float32)
        tiles = index[:, None, None, None].expand(-1, 1, patch, patch)
        owner = as_shown(grid.assemble((tiles.contiguous(),), shift)[0, 0].numpy())
        rows = np.flatnonzero(np.diff(owner[:, 0])) + 0.5
        cols = np.flatnonzero(np.diff(owner[0])) + 0.5
        lines = grid_lines(layout, shift, (1, height, width))
        across = lines[lines[:, 1, 2] > 0]
        along = lines[lines[:, 1, 1] > 0]
        np.testing.assert_allclose(across[:, 0, 1], rows[(rows > 0) & (rows < height - 1)])
        np.testing.assert_allclose(along[:, 0, 2], cols[(cols > 0) & (cols < width - 1)])


@pytest.mark.parametrize("kind", ["fixed", "whole", "stitched", "averaged"])
def test_lines_of_other_tilings(kind):
    """Stitched: between the parts that are kept; averaged: at the first pixels of the tiles."""
    torch = pytest.importorskip("torch")
    from napari_padis.prior.card import PriorCard
    from napari_padis.prior.tilings import make_tiles

    shape = (40, 52)
    tiles = make_tiles(kind, shape, PriorCard(name="any", patch=16))
    lines = grid_lines(PatchLayout(*tiles.lattice), (0, 0), (1, *shape))
    drawn = np.unique(lines[lines[:, 1, 2] > 0][:, 0, 1])
    if kind == "averaged":
        starts = np.arange(1, tiles.tiles[0]) * tiles.step[0] - 0.5
        np.testing.assert_allclose(drawn, np.sort(shape[0] - 1 - starts))
        return
    index = torch.arange(tiles.count, dtype=torch.float32)
    owner = tiles.assemble((index[:, None, None, None].expand(-1, 1, *tiles.sides),), (0, 0))
    column = as_shown(owner[0, 0].numpy())[:, 0]
    np.testing.assert_allclose(drawn, np.flatnonzero(np.diff(column)) + 0.5)


@pytest.mark.parametrize("shape", [(40, 52), (20, 90), (256, 512)])
def test_lines_are_the_seams_wherever_they_are(shape):
    """Tiles at random places: where a pixel and its neighbour come from different tiles."""
    torch = pytest.importorskip("torch")
    from napari_padis.prior.card import PriorCard
    from napari_padis.prior.tilings import make_tiles

    tiles = make_tiles("shifted", shape, PriorCard(name="any", patch=16 if shape[0] < 99 else 88))
    for shift in ((0, 0), (tiles.shifts[0] // 2, tiles.shifts[1] // 3), tiles.shifts):
        stacks, first = [], 0
        for stack in tiles.extract(torch.zeros(1, 1, *shape), shift):
            number = first + torch.arange(len(stack), dtype=torch.float32)
            stacks.append(number[:, None, None, None].expand_as(stack))
            first += len(stack)
        owner = as_shown(tiles.assemble(tuple(stacks), shift)[0, 0].numpy())
        lines = grid_lines(PatchLayout(*tiles.lattice), shift, (1, *shape))
        drawn = np.unique(lines[lines[:, 1, 2] > 0][:, 0, 1])
        np.testing.assert_allclose(drawn, np.flatnonzero(np.diff(owner[:, 0])) + 0.5)
        drawn = np.unique(lines[lines[:, 1, 1] > 0][:, 0, 2])
        np.testing.assert_allclose(drawn, np.flatnonzero(np.diff(owner[0])) + 0.5)


def test_lines_span_the_image_and_repeat_on_every_slice():
    lines = grid_lines(PatchLayout((16, 16), (3, 4), (8, 16)), (3, 5), (4, 40, 48))
    ends = lines[:, 0] + lines[:, 1]
    assert lines[..., 1:].min() == 0
    assert ends[:, 1].max() == 39
    assert ends[:, 2].max() == 47
    per_slice = len(lines) // 4
    np.testing.assert_array_equal(lines[:, 0, 0], np.repeat(np.arange(4), per_slice))
    assert (lines[:, 1, 0] == 0).all()


def test_borders_outside_the_image_are_not_drawn():
    assert tile_edges(10, 8, 2, 6, 0).tolist() == [1.5]
    assert tile_edges(10, 8, 2, 6, 6).tolist() == [7.5]
