"""Ways to make a denoiser of whole images: brute force, transposes, equivalences."""

from __future__ import annotations

import itertools

import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.prior.card import PriorCard
from napari_padis.prior.checkpoint import load_network
from napari_padis.prior.denoiser import Draw, PatchDenoiser, finish, load_prior
from napari_padis.prior.overlapping import OverlappingTiles
from napari_padis.prior.patches import PatchGrid, position_channels
from napari_padis.prior.tilings import make_tiles

KINDS = ["shifted", "fixed", "whole", "averaged", "stitched"]
SHAPE = (39, 30)


@pytest.fixture
def make(tiny_prior):
    network, card = load_network(tiny_prior)

    def denoiser(tiling=None, shape=SHAPE, **more):
        return PatchDenoiser(network, card, shape, bfloat16=False, tiling=tiling, **more)

    return denoiser


def _image(n=2, shape=SHAPE, seed=0):
    return torch.rand((n, 1, *shape), generator=torch.Generator().manual_seed(seed))


def _draw(d, x, sigma=0.2):
    return d.draw(x, sigma, torch.Generator().manual_seed(1))


def _tile(d, canvas, row, col, offset, sigma):
    """The network on one tile of a canvas, whose image begins at ``offset``."""
    h, w = d.grid.sides
    corner = torch.tensor([[row - offset[0], col - offset[1]]])
    where = position_channels(corner, (h, w), d.grid.shape)
    with torch.no_grad():
        tile = canvas[None, :, row : row + h, col : col + w]
        return d.network(tile, torch.tensor([sigma]), where)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_denoising_and_its_transpose_agree_with_autograd(make, kind):
    """One pass through all tiles with a graph gives the same image and the same gradient."""
    d = make(kind, patch_batch=3)
    x = _image()
    draw = _draw(d, x)
    v = torch.randn(x.shape, generator=torch.Generator().manual_seed(2))
    leaf = x.clone().requires_grad_()
    stacks = d.grid.extract(leaf, draw.shift, draw.border)
    clean = [
        d.network(tiles, torch.tensor([0.2]), where.repeat(len(x), 1, 1, 1))
        for tiles, where in zip(stacks, d.grid.positions(draw.shift), strict=True)
    ]
    image = d.grid.assemble(tuple(clean), draw.shift)
    (expected,) = torch.autograd.grad(image, leaf, v)
    assert torch.allclose(finish(d.denoise(x, 0.2, draw)), image.detach(), atol=1e-6)
    assert torch.allclose(finish(d.vjp(x, 0.2, draw, v)), expected, atol=1e-5)


def test_the_transpose_is_that_of_denoise_itself(make):
    """<v, J u> by central differences of the whole denoiser equals <J^T v, u>."""
    for kind in KINDS:
        d = make(kind)
        x = _image(1)
        draw = _draw(d, x)
        g = torch.Generator().manual_seed(3)
        u, v = torch.randn(x.shape, generator=g), torch.randn(x.shape, generator=g)
        step = 1e-2
        there = finish(d.denoise(x + step * u, 0.2, draw)).double()
        back = finish(d.denoise(x - step * u, 0.2, draw)).double()
        forward = float(((there - back) / (2 * step) * v).sum())
        assert float((finish(d.vjp(x, 0.2, draw, v)) * u).sum()) == pytest.approx(
            forward, rel=0.01, abs=0.02
        ), kind


@pytest.mark.parametrize("kind", ["averaged", "stitched"])
@pytest.mark.parametrize("stride", [16, 11, 5])
def test_overlapping_tiles_are_averaged_or_cropped(make, kind, stride):
    d = make(kind, stride=stride)
    x = _image(1)
    draw = _draw(d, x)
    (rows, cols), (down, along) = d.grid.tiles, d.grid.step
    offset = [(c - n) // 2 for c, n in zip(d.grid.canvas, SHAPE, strict=True)]
    assert max(down, along) <= stride
    padded = _framed(d, x[0], draw, offset)
    total = torch.zeros(d.grid.canvas)
    count = torch.zeros(d.grid.canvas)
    for i, j in itertools.product(range(rows), range(cols)):
        clean = _tile(d, padded, i * down, j * along, offset, 0.2)[0]
        for r, c in itertools.product(range(16), range(16)):
            if kind == "stitched" and not (
                _kept(r, i, rows, down, 16) and _kept(c, j, cols, along, 16)
            ):
                continue
            total[i * down + r, j * along + c] += clean[r, c]
            count[i * down + r, j * along + c] += 1
    assert count.min() == 1
    if kind == "stitched":
        assert count.max() == 1
    expected = (total / count)[offset[0] : offset[0] + 39, offset[1] : offset[1] + 30]
    assert torch.allclose(finish(d.denoise(x, 0.2, draw))[0, 0], expected, atol=1e-5)


def _kept(i, tile, tiles, step, side):
    """Whether pixel ``i`` of a tile is kept: its middle, and up to the ends of the row."""
    before, after = (side - step) // 2, (side - step) // 2 + step
    return (tile == 0 or i >= before) and (tile == tiles - 1 or i < after)


def _framed(d, image, draw, offset):
    """The image on its canvas, pixel by pixel: noise above, below, left, right of it."""
    canvas = torch.full((1, *d.grid.canvas), torch.nan)
    (top, left), (h, w) = offset, image.shape[1:]
    bottom, right = top + h, left + w
    places = [
        (r, c)
        for ours in (
            lambda r, c: r < top,
            lambda r, c: r >= bottom,
            lambda r, c: top <= r < bottom and c < left,
            lambda r, c: top <= r < bottom and c >= right,
        )
        for r, c in itertools.product(*(range(n) for n in d.grid.canvas))
        if ours(r, c)
    ]
    for value, (r, c) in zip(draw.border[0, 0].tolist(), places, strict=True):
        canvas[0, r, c] = value
    canvas[0, top:bottom, left:right] = image[0]
    assert canvas.isfinite().all()
    return canvas


def test_the_whole_image_is_one_evaluation_in_the_middle_of_the_canvas(make):
    d = make("whole")
    x = _image(1)
    draw = _draw(d, x)
    assert (d.grid.sides, d.grid.count) == ((40, 30), 1)  # the next multiples of 2
    assert draw.shift == (0, 0)
    canvas = _framed(d, x[0], draw, (0, 0))
    expected = _tile(d, canvas, 0, 0, (0, 0), 0.2)[:, :39, :30]
    assert torch.allclose(finish(d.denoise(x, 0.2, draw))[0], expected, atol=1e-6)


def test_whole_images_lie_where_training_puts_them(tiny_prior):
    """Slices smaller than the canvas of training are centred on one of its size."""
    import numpy as np

    from napari_padis.prior.data import PatchSampler
    from napari_padis.prior.settings import Drawing
    from napari_padis.prior.slice_store import Stack

    slices = np.ones((1, 27, 31), np.float16)
    sampler = PatchSampler.of(
        [Stack(slices, (1.0, 1.0, 1.0), "HU", "ones")], Drawing(whole=True, pad=0)
    )
    batch = sampler.draw(32, 1, torch.Generator().manual_seed(0))
    card = PriorCard(name="whole", patch=32, tiling="whole")
    tiles = make_tiles("whole", (27, 31), card)
    assert torch.equal(*tiles.extract(torch.ones(1, 1, 27, 31), (0, 0)), batch.patches)
    assert torch.allclose(*tiles.positions((0, 0)), batch.position)


def test_the_fixed_grid_is_the_one_of_training():
    import numpy as np

    from napari_padis.prior.data import PatchSampler
    from napari_padis.prior.settings import Drawing
    from napari_padis.prior.slice_store import Stack

    image = np.arange(1, 22 * 27 + 1, dtype=np.float16).reshape(1, 22, 27) / 1024
    sampler = PatchSampler.of(
        [Stack(image, (1.0, 1.0, 1.0), "HU", "ramp")], Drawing(fixed_grid=True)
    )
    batch = sampler.draw(8, 200, torch.Generator().manual_seed(0))
    grid = make_tiles("fixed", (22, 27), PriorCard(name="simple", patch=8, tiling="fixed"))
    assert grid.random_shift(torch.Generator()) == (0, 0)
    (tiles,) = grid.extract(torch.from_numpy(image.astype(np.float32))[None], (0, 0))
    known = {tuple(t.flatten().tolist()) for t in tiles}
    assert {tuple(p.flatten().tolist()) for p in batch.patches} == known


def test_the_mean_over_all_shifts_is_the_average_with_stride_one(make):
    """P shifts along each axis use every tile once; so does the average of all tiles."""
    shape, side = (17, 9), 8
    d = make("shifted", shape, patch=side)
    grid = PatchGrid(shape, side, least=side - 1)
    assert grid.shifts == (side - 1, side - 1)
    d.grid = grid
    x, sigma = _image(1, shape), 0.2
    everything = range(side)
    clean = [
        finish(d.denoise(x, sigma, Draw(shift)))
        for shift in itertools.product(everything, repeat=2)
    ]
    a = make("averaged", shape, patch=side)
    a.grid = OverlappingTiles(shape, side, 1, margin=side - 1)
    assert a.grid.count == len(clean) * grid.count
    average = finish(a.denoise(x, sigma, Draw((0, 0))))
    assert torch.allclose(torch.stack(clean).mean(0), average, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_cutting_and_joining_have_exact_transposes(kind):
    card = PriorCard(name="any", patch=12)
    tiles = make_tiles(kind, SHAPE, card)
    g = torch.Generator().manual_seed(0)
    image = torch.randn((2, 3, *SHAPE), generator=g, dtype=torch.float64)
    shift = tiles.random_shift(g)
    cut = tiles.extract(image, shift)
    other = tuple(torch.randn(t.shape, generator=g, dtype=torch.float64) for t in cut)
    assert _product(cut, other) == pytest.approx(float((image * tiles.gather(other, shift)).sum()))
    assert _product(other, tiles.spread(image, shift)) == pytest.approx(
        float((tiles.assemble(other, shift) * image).sum())
    )
    # Tiles that agree with one image give back that image.
    assert torch.allclose(tiles.assemble(cut, shift), image)


def _product(a, b):
    """Inner product of tiles."""
    return sum(float((x * y).sum()) for x, y in zip(a, b, strict=True))


def test_position_is_that_of_the_pixels(make):
    """Assembled position channels are those of the image whatever the tiles."""
    ramp = position_channels(torch.tensor([[0, 0]]), SHAPE, SHAPE)
    for kind in KINDS:
        grid = make(kind).grid
        shift = grid.random_shift(torch.Generator().manual_seed(4))
        assert torch.allclose(grid.assemble(grid.positions(shift), shift), ramp, atol=1e-6), kind


def test_the_card_decides_unless_the_caller_does(tiny_prior, tmp_path):
    from napari_padis.prior.checkpoint import save_prior

    network, card = load_network(tiny_prior)
    save_prior(network, card.model_copy(update={"name": "w", "tiling": "whole"}), tmp_path)
    path = tmp_path / "w.json"
    assert load_prior(path, SHAPE).grid.count == 1
    assert load_prior(path, SHAPE, tiling="fixed").grid.count == 6
    assert load_prior(path, SHAPE, tiling="shifted", patch=(8, 12)).grid.sides == (8, 12)
    assert load_prior(path, SHAPE, tiling="averaged", stride=4).grid.step == (4, 4)


def test_one_evaluation_takes_few_tiles_of_large_images(make):
    assert make("whole", (1024, 1024)).patch_batch == 1
    assert make("shifted", (256, 256)).patch_batch > 20
    assert make("whole", patch_batch=7).patch_batch == 7


def test_conditions_reach_the_network(tiny_prior):
    network, card = load_network(tiny_prior)
    seen = []
    forward = network.forward

    def spy(x, sigma, position, condition=None):
        seen.append(condition)
        return forward(x, sigma, position)

    network.forward = spy
    x = _image(1)
    for given in ((), (0.25,)):
        d = PatchDenoiser(network, card, SHAPE, bfloat16=False, condition=given)
        finish(d.denoise(x, 0.2, _draw(d, x)))
    assert seen[0] is None
    assert torch.equal(seen[-1], torch.tensor([[0.25]]))  # one for all tiles


@pytest.mark.parametrize("stride", [0, 17, (4, 20)])
def test_tiles_that_leave_gaps_are_refused(make, stride):
    with pytest.raises(InputError, match="do not cover"):
        make("averaged", stride=stride) if stride else OverlappingTiles(SHAPE, 16, stride)
