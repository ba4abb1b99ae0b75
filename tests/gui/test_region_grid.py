"""Painted and drawn regions, laid over the voxels of a reconstruction."""

import numpy as np
import pytest
from napari.layers import Labels, Shapes

from napari_padis.errors import InputError
from napari_padis.gui import region_grid
from napari_padis.gui.region_grid import fingerprint
from napari_padis.gui.roles import RunGrid
from napari_padis.gui.world import Place, as_shown

GRID = RunGrid((4, 20, 24), (5.0, 2.0, 2.5), "HU", Place((10.0, -6.0, 30.0)))


def regions_on(layer, grid):
    """Regions in the order in which layers hold the voxels."""
    return as_shown(region_grid.regions_on(layer, grid))


def box(corner, size):
    """Rectangle in an axial slice: corner (slice, row, column), size in pixels."""
    s, a, r = corner
    h, w = size
    return np.array([[s, a, r], [s, a, r + w], [s, a + h, r + w], [s, a + h, r]], float)


def test_labels_on_the_same_grid_are_taken_as_they_are():
    painted = np.random.default_rng(0).integers(0, 4, GRID.shape)
    found = regions_on(Labels(painted, **GRID.placing()), GRID)
    np.testing.assert_array_equal(found, painted)


def test_regions_are_numbered_on_the_arrays_of_the_result():
    """Which grow to the front and to the right; the picture's first corner is front and right."""
    painted = np.zeros(GRID.shape, int)
    painted[1, 0, 0] = 3
    found = region_grid.regions_on(Labels(painted, **GRID.placing()), GRID)
    assert np.argwhere(found).tolist() == [[1, 19, 23]]


def test_regions_on_a_turned_scan_are_found_where_they_are_seen():
    turn = np.eye(4)
    turn[1:3, 1:3] = [[0.8, -0.6], [0.6, 0.8]]
    turn[:3, 3] = 7, 8, 9
    grid = RunGrid((4, 20, 24), (5.0, 2.0, 2.5), "HU", Place(turn=tuple(map(tuple, turn))))
    painted = np.random.default_rng(0).integers(0, 4, grid.shape)
    np.testing.assert_array_equal(regions_on(Labels(painted, **grid.placing()), grid), painted)
    corners = box((1, 3.6, 4.6), (6, 8)) * grid.spacing @ turn[:3, :3].T + turn[:3, 3]
    layer = Shapes([corners], shape_type="polygon", units=("mm",) * 3)
    expected = np.zeros(grid.shape)
    expected[1, 4:10, 5:13] = 1
    np.testing.assert_array_equal(regions_on(layer, grid), expected)


def test_labels_of_the_whole_scan_are_cropped():
    """napari makes a new Labels layer of the shape of the layer that is selected."""
    painted = np.random.default_rng(0).integers(0, 4, (9, 30, 40))
    translate = np.array(GRID.place.translate) - np.array([3, 4, 5]) * GRID.spacing
    layer = Labels(painted, **(GRID.placing() | {"translate": translate}))
    found = regions_on(layer, GRID)
    np.testing.assert_array_equal(found, painted[3:7, 4:24, 5:29])


def test_labels_that_cover_a_part_leave_the_rest_empty():
    layer = Labels(
        np.full((2, 5, 6), 3), **(GRID.placing() | {"translate": np.array([15.0, -2.0, 40.0])})
    )
    expected = np.zeros(GRID.shape)
    expected[1:3, 2:7, 4:10] = 3
    np.testing.assert_array_equal(regions_on(layer, GRID), expected)


def test_finer_and_coarser_labels_are_looked_up_at_the_voxels():
    """Against napari's own way from a place in the world to a voxel."""
    rng = np.random.default_rng(1)
    for factor in (0.37, 1.7):
        shape = tuple(int(np.ceil(n / factor)) + 1 for n in GRID.shape)
        options = GRID.placing() | {"scale": np.array(GRID.spacing) * factor}
        layer = Labels(rng.integers(0, 5, shape), **options)
        found = regions_on(layer, GRID)
        for voxel in rng.integers(0, GRID.shape, (200, 3)):
            place = np.array(GRID.place.translate) + voxel * GRID.spacing
            index = tuple(int(np.floor(i + 0.5)) for i in layer.world_to_data(place))
            assert found[tuple(voxel)] == layer.data[index]


def test_labels_in_another_length_unit():
    painted = np.random.default_rng(0).integers(0, 4, GRID.shape)
    layer = Labels(
        painted,
        scale=np.array(GRID.spacing) / 10,
        translate=np.array(GRID.place.translate) / 10,
        units=("cm",) * 3,
    )
    np.testing.assert_array_equal(regions_on(layer, GRID), painted)


def test_labels_of_two_axes_count_on_every_slice():
    painted = np.zeros((20, 24), int)
    painted[3:7, 4:9] = 2
    layer = Labels(
        painted,
        scale=GRID.spacing[1:],
        translate=GRID.place.translate[1:],
        units=("mm",) * 2,
    )
    found = regions_on(layer, GRID)
    np.testing.assert_array_equal(found, np.broadcast_to(painted, GRID.shape))


def test_a_rectangle_counts_on_its_slice_only():
    layer = Shapes([box((2, 2.6, 3.6), (6, 8))], shape_type="rectangle", **GRID.placing())
    expected = np.zeros(GRID.shape)
    expected[2, 3:9, 4:12] = 1
    np.testing.assert_array_equal(regions_on(layer, GRID), expected)


def test_an_ellipse_has_its_area_and_its_middle():
    grid = RunGrid((1, 200, 240), (1.0, 1.0, 1.0), "HU")
    layer = Shapes([box((0, 40, 60), (100, 120))], shape_type="ellipse", **grid.placing())
    rows, columns = np.nonzero(regions_on(layer, grid)[0])
    assert len(rows) == pytest.approx(np.pi * 50 * 60, rel=0.01)
    assert rows.mean() == pytest.approx(90, abs=0.2)
    assert columns.mean() == pytest.approx(120, abs=0.2)


@pytest.mark.parametrize("kind", ["rectangle", "ellipse", "polygon"])
def test_shapes_are_filled_as_napari_fills_them(kind):
    rng = np.random.default_rng(2)
    corners = box((1, 3.3, 4.2), (11.4, 13.7))
    if kind == "polygon":
        corners = np.c_[np.ones(5), rng.uniform(1, 18, 5), rng.uniform(1, 22, 5)]
        centre = corners.mean(axis=0)
        corners = corners[np.argsort(np.arctan2(*(corners - centre)[:, 1:].T))]
    layer = Shapes([corners], shape_type=kind, **GRID.placing())
    ours, theirs = regions_on(layer, GRID), layer.to_labels(GRID.shape)
    assert theirs.sum() > 50
    # A pixel whose centre lies on the outline may go either way.
    assert (ours != theirs).sum() <= 0.05 * theirs.sum()


def test_shapes_are_numbered_and_the_later_one_counts():
    places = [box((0, 2.5, 2.5), (6, 6)), box((0, 5.5, 5.5), (6, 6)), box((3, 1.5, 1.5), (2, 2))]
    found = regions_on(Shapes(places, shape_type="rectangle", **GRID.placing()), GRID)
    assert set(np.unique(found)) == {0, 1, 2, 3}
    assert (found == 2).sum() == 36
    assert (found == 1).sum() == 36 - 9
    assert (found[3] == 3).sum() == 4


def test_shapes_on_another_grid_lie_where_they_are_seen():
    """napari's own new Shapes layer starts at the origin of the world."""
    corners = box((0, 0, 0), (0, 0)) + np.array(GRID.place.translate)
    corners += np.array([[2, 2.6, 3.6], [2, 2.6, 11.6], [2, 8.6, 11.6], [2, 8.6, 3.6]]) * np.array(
        GRID.spacing
    )
    layer = Shapes([corners], shape_type="rectangle", units=("mm",) * 3)
    expected = np.zeros(GRID.shape)
    expected[2, 3:9, 4:12] = 1
    np.testing.assert_array_equal(regions_on(layer, GRID), expected)


def test_a_shape_drawn_in_the_coronal_plane():
    corners = np.array([[0.6, 7, 3.6], [0.6, 7, 8.6], [2.6, 7, 8.6], [2.6, 7, 3.6]])
    found = regions_on(Shapes([corners], shape_type="rectangle", **GRID.placing()), GRID)
    expected = np.zeros(GRID.shape)
    expected[1:3, 7, 4:9] = 1
    np.testing.assert_array_equal(found, expected)


def test_shapes_of_two_axes_count_on_every_slice():
    corners = box((0, 2.6, 3.6), (6, 8))[:, 1:]
    layer = Shapes(
        [corners],
        shape_type="rectangle",
        scale=GRID.spacing[1:],
        translate=GRID.place.translate[1:],
        units=("mm",) * 2,
    )
    found = regions_on(layer, GRID)
    assert (found[:, 3:9, 4:12] == 1).all()
    assert found.sum() == 4 * 48


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (Labels(np.zeros(GRID.shape, int), **GRID.placing(), name="mine"), "'mine' has no region"),
        (Shapes(ndim=3, **GRID.placing(), name="mine"), "'mine' has no region yet"),
        (
            Labels(np.ones(GRID.shape, int), name="far", translate=(900, 0, 0), units=("mm",) * 3),
            "No region of 'far' covers a voxel",
        ),
        (
            Shapes([box((7, 2, 2), (5, 5))], shape_type="rectangle", **GRID.placing()),
            "covers a voxel",
        ),
        (Labels(np.ones((2, 4, 20, 24), int), name="deep"), "'deep' has 4 axes"),
        (Labels(np.ones(GRID.shape, int), rotate=20, name="skew"), "'skew' is rotated"),
        (
            Shapes([box((0, 2, 2), (5, 5))[:2]], shape_type="line", **GRID.placing()),
            "enclose nothing",
        ),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(layer, words):
    with pytest.raises(InputError, match=words) as caught:
        regions_on(layer, GRID)
    assert str(caught.value).count(". ") == 0


def test_a_checksum_changes_with_all_that_makes_the_regions():
    """And with nothing else: name, colours and the kind of array in memory do not count."""
    painted = np.random.default_rng(0).integers(0, 4, GRID.shape)
    other = painted.copy()
    other[-1, -1, -1] += 1
    same = fingerprint(Labels(painted, **GRID.placing()))
    assert fingerprint(Labels(painted.copy("F"), name="b", **GRID.placing())) == same
    moved = GRID.placing() | {"translate": np.array([0.0, 0.0, 1e-3])}
    inches = GRID.placing() | {"units": ("inch",) * 3}
    layers = [
        Labels(other, **GRID.placing()),
        Labels(painted, **moved),
        Labels(painted, **inches),
        Labels(painted, rotate=1, **GRID.placing()),
        Labels(painted.reshape(4, 24, 20), **GRID.placing()),
    ]
    found = [same, *(fingerprint(layer) for layer in layers)]
    assert len(set(found)) == len(found)


def test_a_checksum_of_shapes():
    def shapes(*boxes, kind="rectangle"):
        return fingerprint(Shapes(list(boxes), shape_type=kind, ndim=3, **GRID.placing()))

    first, second = box((1, 2, 3), (4, 5)), box((2, 8, 9), (3, 2))
    found = [
        shapes(),
        shapes(first),
        shapes(first, second),
        shapes(second, first),
        shapes(first + 0.25),
        shapes(first, kind="ellipse"),
    ]
    assert len(set(found)) == len(found)
    assert shapes(first.copy(), second) == found[2]
