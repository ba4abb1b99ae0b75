"""Letters at the edges of napari's own canvas: true for whatever is displayed."""

import itertools

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_padis.gui.layer_data import measurement_layer
from napari_padis.gui.letters import EdgeLetters, edge_letters
from napari_padis.gui.ortho import toggle_ortho_views


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("sides", [("down", "right"), ("up", "right"), ("up", "left")])
def test_the_letters_say_where_the_body_is(viewer, order, sides):
    """The block at the right, front and top is at the edges that have these letters."""
    viewer.dims.order = order
    viewer.scene.camera.orientation2d = sides
    letters = edge_letters(viewer)
    layer = viewer.layers["torso"]
    low, high = layer.extent.world
    block = np.array(layer.data_to_world((5, 0, 0)))  # top, front and right
    high_end = block > (low + high) / 2  # at the far end of each axis
    for axis, side in zip(order[1:], sides, strict=True):
        edges = {"down": ("top", "bottom"), "up": ("bottom", "top"), "right": ("left", "right"),
                 "left": ("right", "left")}[side]  # fmt: skip
        assert letters[edges[int(high_end[axis])]] == "SAR"[axis]
        assert letters[edges[int(not high_end[axis])]] == "IPL"[axis]


def test_without_a_patient_in_a_plane_there_are_none(viewer):
    assert edge_letters(viewer)
    viewer.dims.ndisplay = 3
    assert not edge_letters(viewer)
    viewer.dims.ndisplay = 2
    viewer.layers["torso"].visible = False
    assert not edge_letters(viewer)
    other = ViewerModel()
    other.add_image(np.zeros((3, 4, 5)))
    assert not edge_letters(other)


def test_layers_of_other_axes_have_their_own_or_none(viewer, a_measurement):
    """A sagittal stack that lies on its slices, as k-space is reconstructed."""
    torso = viewer.layers["torso"]
    stack = viewer.add_image(
        np.zeros((3, 8, 8)), axis_labels=("R", "I", "P"), units=torso.units, name="sagittal"
    )
    assert not edge_letters(viewer), "they do not agree"
    torso.visible = False
    assert edge_letters(viewer) == {"top": "S", "bottom": "I", "left": "A", "right": "P"}
    torso.visible, stack.visible = True, False
    axial = {"top": "A", "bottom": "P", "left": "R", "right": "L"}
    assert edge_letters(viewer) == axial
    viewer.add_labels(np.zeros((6, 40, 48), np.uint8))
    viewer.add_points(np.zeros((1, 3)))
    assert edge_letters(viewer) == axial, "drawings go with what they are drawn on"
    data, options, _ = measurement_layer(a_measurement)
    sinogram = viewer.add_image(data, **options)
    assert not edge_letters(viewer), "its rows are views"
    sinogram.visible = False
    assert edge_letters(viewer) == axial


def test_they_are_there_with_the_orthogonal_views_and_go_with_them(
    make_napari_viewer, add_volume, laid_out
):
    viewer = make_napari_viewer(show=True)
    add_volume(viewer)
    views = toggle_ortho_views(viewer, True)
    laid_out(views.window())
    letters = views._letters
    assert isinstance(letters, EdgeLetters)
    assert letters.shown == {"top": "A", "bottom": "P", "left": "R", "right": "L"}
    viewer.dims.order = (1, 0, 2)
    assert letters.shown == {"top": "S", "bottom": "I", "left": "R", "right": "L"}
    viewer.dims.order = (2, 0, 1)
    assert letters.shown == {"top": "S", "bottom": "I", "left": "A", "right": "P"}
    viewer.layers["torso"].visible = False
    assert not letters.shown
    toggle_ortho_views(viewer, False)
    assert not letters.shown
    viewer.layers["torso"].visible = True  # nothing is touched any more
