"""The viewer's world is the patient's, upright and radiological in napari's own camera."""

import itertools

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_padis.gui.layer_data import volume_layer
from napari_padis.gui.view import keep_upright
from napari_padis.gui.world import (
    WORLD,
    WORLD_TO_RAS,
    Place,
    as_shown,
    resting_place,
    shown_affine,
    to_ras,
)
from napari_padis.scan.orientation import voxel_sizes
from napari_padis.scan.volume import Volume, sar_affine

#: Towards the right, the top and the viewer of a screen.
SCREEN = {
    "right": (1, 0, 0), "left": (-1, 0, 0), "up": (0, 1, 0), "down": (0, -1, 0),
    "towards": (0, 0, 1), "away": (0, 0, -1),
}  # fmt: skip


def turned_about(axis, degrees):
    a, b = (k for k in range(3) if k != axis)
    matrix = np.eye(4)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix[[a, a, b, b], [a, b, a, b]] = c, -s, s, c
    return matrix


def scan(affine, shape=(4, 6, 8)):
    array = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return Volume(array, voxel_sizes(affine), "HU", affine, "scan")


@pytest.fixture
def straight():
    affine = sar_affine((2.5, 1.5, 0.5))
    affine[:3, 3] = 4, -9, 30
    return affine


def test_every_voxel_lies_at_its_patient_coordinates(straight):
    """Those of DICOM, in napari's order of axes: (z, y, x) towards head, back and left."""
    volume = scan(straight)
    data, options, _ = volume_layer(volume)
    layer = ViewerModel().add_image(data, **options)
    assert tuple(layer.axis_labels) == WORLD
    assert (layer.scale > 0).all()
    for index in np.ndindex(volume.shape):
        r, a, s = (straight @ [*index, 1])[:3]
        shown = layer.world_to_data((s, -a, -r))
        assert data[tuple(np.rint(shown).astype(int))] == volume.array[index]
        np.testing.assert_allclose(shown, np.rint(shown), atol=1e-9)


def test_the_array_is_upright_by_itself_and_fit_for_torch(straight):
    """For plug-ins and writers that look at the array only: first row front, first column right."""
    volume = scan(straight)
    data, _, _ = volume_layer(volume)
    assert data[0, 0, 0] == volume.array[0, -1, -1]
    assert all(stride > 0 for stride in data.strides)
    np.testing.assert_array_equal(as_shown(as_shown(volume.array)), volume.array)


def test_an_oblique_volume_is_straightened_about_its_middle(straight):
    affine = turned_about(0, 20) @ turned_about(2, 10) @ straight
    shape, spacing = (4, 6, 8), voxel_sizes(affine)
    rest = resting_place(affine, shape, spacing).matrix(spacing)
    np.testing.assert_allclose(np.diag(rest), [*spacing, 1])
    middle = [*(np.array(shape) - 1) / 2, 1]
    np.testing.assert_allclose(WORLD_TO_RAS @ rest @ middle, affine @ middle)
    # What leads from there to the patient is a rotation.
    turn = (shown_affine(affine, shape) @ np.linalg.inv(rest) @ np.linalg.inv(WORLD_TO_RAS))[:3, :3]
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1)


@pytest.mark.parametrize("turn", [np.eye(4), turned_about(0, 30), np.diag([1.0, -1, -1, 1])])
def test_a_place_gives_its_matrix_and_its_layer_back(turn):
    spacing = (2.5, 1.5, 0.5)
    matrix = np.diag([*spacing, 1.0])
    matrix[:3, 3] = -3, 4, 5.5
    place = Place.of(turn @ matrix, spacing)
    assert (place.turn is None) == bool((turn == np.eye(4)).all())
    np.testing.assert_allclose(place.matrix(spacing), turn @ matrix, atol=1e-12)
    layer = ViewerModel().add_image(np.zeros((3, 4, 5)), **place.arguments(spacing))
    for index in ([0, 0, 0], [1, 2, 3]):
        expected = turn @ matrix @ [*index, 1]
        np.testing.assert_allclose(layer.data_to_world(index), expected[:3], atol=1e-12)


def test_labels_of_axes_say_how_the_patient_lies():
    np.testing.assert_array_equal(to_ras(("S", "P", "L")), WORLD_TO_RAS)
    np.testing.assert_array_equal(to_ras(("t", "Superior", "posterior", "left")), WORLD_TO_RAS)
    np.testing.assert_array_equal(to_ras(("R", "A", "S")), np.eye(4))
    # A slice: the third axis is that of the world which has these two.
    np.testing.assert_array_equal(to_ras(("P", "L")), WORLD_TO_RAS)
    for labels in ((), ("z", "y", "x"), ("S", "A", "I"), ("L", "R"), ("-3", "-2", "-1"), ("S",)):
        assert to_ras(labels) is None


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_in_every_plane_the_head_or_the_front_is_up_and_nothing_is_mirrored(order, straight):
    viewer = ViewerModel()
    data, options, _ = volume_layer(scan(straight))
    viewer.add_image(data, **options)
    keep_upright(viewer)
    viewer.dims.order = order
    sides = [SCREEN[str(side)] for side in viewer.scene.camera.orientation]
    screen = np.zeros((3, 3))  # of each axis of the world
    screen[list(order)] = sides
    patient = WORLD_TO_RAS[:3, :3].T  # of each axis of the world
    # The map from the patient to the screen is a rotation, not a mirror.
    assert np.linalg.det(np.linalg.solve(patient, screen)) == pytest.approx(1)
    if 0 in order[1:2]:
        assert screen[0].tolist() == [0, 1, 0], "head up"
    if order == (0, 1, 2):
        assert screen[1].tolist() == [0, -1, 0], "front up"
        assert screen[2].tolist() == [1, 0, 0], "right side at the left"


def test_a_camera_that_the_user_has_turned_is_left_alone(straight):
    viewer = ViewerModel()
    data, options, _ = volume_layer(scan(straight))
    viewer.add_image(data, **options)
    keep_upright(viewer)
    viewer.scene.camera.orientation2d = ("up", "left")
    viewer.dims.order = (1, 0, 2)
    viewer.add_image(data, **options)
    assert tuple(map(str, viewer.scene.camera.orientation2d)) == ("up", "left")


def test_a_viewer_without_a_patient_keeps_its_camera():
    viewer = ViewerModel()
    keep_upright(viewer)
    viewer.add_image(np.zeros((3, 4, 5)))
    before = viewer.scene.camera.orientation
    viewer.dims.order = (1, 0, 2)
    assert viewer.scene.camera.orientation == before
