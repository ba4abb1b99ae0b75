"""Layers shown again in other viewers; no canvas is needed."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_padis.engine.events import Iterate
from napari_padis.gui.layers import RunLayers
from napari_padis.gui.mirror import Mirror, can_mirror
from napari_padis.gui.roles import GRID


@pytest.fixture
def main():
    return ViewerModel()


@pytest.fixture
def others():
    return [ViewerModel() for _ in range(3)]


def test_the_array_is_shared_and_followed(main, others, add_volume):
    layer = add_volume(main)
    mirror = Mirror(layer, others)
    for other in others:
        assert other.layers["torso"].data is layer.data
        np.testing.assert_array_equal(other.layers["torso"].scale, layer.scale)
    layer.data = layer.data + 1
    assert all(other.layers["torso"].data is layer.data for other in others)
    assert mirror.source is layer


def test_looks_are_linked(main, others, add_volume):
    layer = add_volume(main)
    mirror = Mirror(layer, others)
    layer.contrast_limits = (-100, 100)
    layer.colormap = "viridis"
    layer.opacity = 0.5
    layer.gamma = 1.5
    for other in others:
        copy = other.layers["torso"]
        assert tuple(copy.contrast_limits) == (-100, 100)
        assert copy.colormap.name == "viridis"
        assert (copy.opacity, copy.gamma) == (0.5, 1.5)
    assert mirror.source is layer


def test_hidden_layers_cost_nothing_until_shown(main, others, add_volume):
    layer = add_volume(main)
    mirror = Mirror(layer, others)
    layer.visible = False
    old = layer.data
    layer.data = layer.data + 1
    copies = [other.layers["torso"] for other in others]
    assert all(copy.data is old and not copy.visible for copy in copies)
    layer.visible = True
    assert all(copy.data is layer.data and copy.visible for copy in copies)
    mirror.detach()


def test_copies_are_made_when_first_needed(main, others, add_volume):
    layer = add_volume(main, visible=False)
    copied = []
    mirror = Mirror(layer, others, lambda: copied.append(True))
    assert [len(other.layers) for other in others] == [0, 0, 0]
    layer.data = layer.data + 1
    layer.opacity = 0.5
    layer.visible = True
    assert copied == [True]
    assert all(other.layers["torso"].data is layer.data for other in others)
    assert others[0].layers["torso"].opacity == 0.5
    mirror.remove()


def test_removing_takes_the_copies_out_and_ends_following(main, others, add_volume):
    layer = add_volume(main)
    mirror = Mirror(layer, others)
    copy = others[0].layers["torso"]
    mirror.remove()
    assert all(len(other.layers) == 0 for other in others)
    layer.opacity = 0.25
    assert copy.opacity == 1


def test_a_user_may_remove_a_copy(main, others, add_volume):
    mirror = Mirror(add_volume(main), others)
    others[1].layers.clear()
    mirror.remove()
    assert all(len(other.layers) == 0 for other in others)


def test_the_patch_grid_goes_to_the_axial_view_only(main, others, engine, volume):
    from napari_padis.scan.geometry import ParallelGeometry
    from napari_padis.scan.measurement import Measurement

    geometry = ParallelGeometry.standard(4, volume.shape[1:], volume.spacing[1:], 5, 32)
    layers = RunLayers(main)
    started = engine.started(Measurement(np.ones((6, 4, 32), np.float32), geometry))
    layers.begin(started)
    grid = layers.get(GRID)
    mirror = Mirror(grid, others)
    assert [len(other.layers) for other in others] == [1, 0, 0]
    layers.update(Iterate(np.ones(started.shape, np.float32), 0.1, 1, (3, 5)))
    np.testing.assert_array_equal(others[0].layers[GRID].data, grid.data)
    layers.show("posterior mean")
    assert not others[0].layers[GRID].visible
    mirror.detach()


def test_what_can_be_mirrored(main, add_volume):
    assert can_mirror(add_volume(main))
    sinogram = main.add_image(np.zeros((3, 4, 5)), axis_labels=("slice", "view", "detector"))
    assert not can_mirror(sinogram)
    assert not can_mirror(main.add_points(np.zeros((1, 3)), axis_labels=("S", "P", "L")))
    colours = main.add_image(np.zeros((2, 4, 5, 3)), rgb=True, axis_labels=("S", "P", "L"))
    assert not can_mirror(colours)


@pytest.mark.parametrize(
    ("moved", "shown"),
    [
        ({"rotate": (0, 0, 30)}, [True, False, False]),
        ({"rotate": (30, 0, 0)}, [False, False, True]),
        ({"rotate": (0, 0, 90)}, [True, True, True]),
        ({"shear": (0, 0.2, 0)}, [False, True, False]),
        ({"affine": np.diag([2.0, 1.0, 1.0, 1.0])}, [True, True, True]),
    ],
)
def test_no_false_plane_of_a_turned_layer_is_shown(main, others, add_volume, moved, shown):
    """napari leaves away what turns a layer out of the slice."""
    layer = add_volume(main)
    mirror = Mirror(layer, others, normals=(0, 1, 2))
    copies = [other.layers["torso"] for other in others]
    assert all(copy.visible for copy in copies)
    for name, value in moved.items():
        setattr(layer, name, value)
    assert [copy.visible for copy in copies] == shown
    for visible in (False, True):
        layer.visible = visible
        assert [copy.visible for copy in copies] == [visible and true for true in shown]
    layer.rotate, layer.shear, layer.affine = np.eye(3), np.zeros(3), np.eye(4)
    assert all(copy.visible for copy in copies)
    mirror.detach()
