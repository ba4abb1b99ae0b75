"""The live layers in a viewer model; no window is needed."""

import dataclasses
import warnings

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Vectors

from napari_padis.engine.events import Iterate, Statistics
from napari_padis.gui.layer_data import volume_from_layer
from napari_padis.gui.layers import RunLayers
from napari_padis.gui.roles import GRID, ITERATE, MEAN, ROLE, STD, VARIANCE
from napari_padis.gui.world import Place, as_shown


@pytest.fixture
def started(engine, volume):
    from napari_padis.scan.geometry import ParallelGeometry
    from napari_padis.scan.measurement import Measurement

    geometry = ParallelGeometry.standard(
        4, volume.shape[1:], volume.spacing[1:], volume.spacing[0], detectors=32
    )
    return engine.started(Measurement(np.ones((6, 4, 32), np.float32), geometry))


@pytest.fixture
def layers(viewer, started):
    """A run that has begun."""
    layers = RunLayers(viewer)
    layers.begin(started)
    return layers


@pytest.fixture
def sampling(layers, started):
    """A run with two samples under way."""
    layers.update(statistics(started.shape))
    return layers


def statistics(shape, value=3.0):
    full = np.full(shape, value, np.float32)
    return Statistics(full, full + 1, full + 2, 2)


def test_mean_and_spread_come_with_two_samples_and_are_called_so_when_they_are_finished(
    viewer, layers, started
):
    def names():
        return [layer.name for layer in viewer.layers]

    assert names() == ["torso", ITERATE, GRID]
    image = np.ones(started.shape, np.float32)
    layers.update(Statistics(image, None, None, 1))
    assert names() == ["torso", ITERATE, GRID], "the mean of one is the iterate"
    layers.update(statistics(started.shape))
    running = ["variance (running)", "standard deviation (running)", "mean (running)"]
    assert names() == ["torso", *running, ITERATE, GRID]
    assert [layer.name for layer in viewer.layers if layer.visible] == ["torso", ITERATE, GRID]
    assert layers.present == {VARIANCE, STD, MEAN, ITERATE}
    layers.finish(statistics(started.shape), title=MEAN)
    assert names() == ["torso", VARIANCE, STD, MEAN, ITERATE, GRID]


@pytest.mark.parametrize(
    ("words", "added"),
    [
        ("meant as uncertainty", ""),
        ("not calibrated: a first impression", " (not calibrated)"),
        ("good; standard deviation and variance recalibrated on 12 slices", " (recalibrated)"),
    ],
)
def test_layers_say_what_the_spread_is_worth(viewer, layers, started, words, added):
    layers.update(statistics(started.shape))
    about = {"mean": "average of 2 samples", "std": words, "variance": words}
    layers.finish(statistics(started.shape), title=MEAN, about=about)
    spreads = [f"{VARIANCE}{added}", f"{STD}{added}"]
    assert [layer.name for layer in viewer.layers][1:4] == [*spreads, MEAN]
    for role, key in ((MEAN, "mean"), (STD, "std"), (VARIANCE, "variance")):
        assert volume_from_layer(layers.get(role)).metadata["about"] == about[key]


@pytest.mark.parametrize("title", ["iterate (stopped)", "FBP", "posterior sample"])
def test_a_run_without_two_samples_has_no_spread(viewer, sampling, started, title):
    """Also where there was one to look at while the samples were under way."""
    sampling.show(STD)
    image = np.ones(started.shape, np.float32)
    sampling.finish(Statistics(image, None, None, 0), title=title)
    assert [layer.name for layer in viewer.layers] == ["torso", title, ITERATE, GRID]
    assert sampling.shown == MEAN, "what was looked at is gone"
    assert (sampling.get(MEAN).data == 1).all()
    assert sampling.present == {MEAN, ITERATE}


def test_a_direct_method_has_one_layer_with_its_name(viewer, started):
    layers = RunLayers(viewer)
    layers.begin(dataclasses.replace(started, levels=0, layout=None, method="FBP"))
    assert [layer.name for layer in viewer.layers] == ["torso", "FBP"]
    assert layers.shown == MEAN
    layers.finish(Statistics(started.initial, None, None, 0), title="FBP")
    assert [layer.name for layer in viewer.layers] == ["torso", "FBP"]


def test_every_layer_has_millimetres_and_axes(viewer, layers, started):
    for layer in viewer.layers:
        assert tuple(layer.scale) == started.spacing
        assert [str(unit) for unit in layer.units] == ["millimeter"] * 3
        assert tuple(layer.axis_labels) == ("S", "P", "L")


def test_no_warning_about_inconsistent_units(viewer, started):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        RunLayers(viewer).begin(started)
        assert viewer.layers.extent.units is not None


def test_layers_of_a_volume_in_pixels_are_in_pixels_too(started):
    viewer = ViewerModel()
    viewer.add_image(np.zeros(started.shape), scale=started.spacing)
    RunLayers(viewer).begin(started, Place(units="pixel"))
    assert {str(unit) for layer in viewer.layers for unit in layer.units} == {"pixel"}


def test_contrast_limits_come_from_the_start_not_from_zeros(layers, started):
    """napari keeps limits when data change: a layer made from zeros would stay white."""
    layer = layers.get(ITERATE)
    assert tuple(layer.contrast_limits) == started.limits
    np.testing.assert_array_equal(layer.data, as_shown(started.initial))
    layers.update(Iterate(np.full(started.shape, 500, np.float32), 0.1, 1, None))
    assert tuple(layer.contrast_limits) == started.limits
    layer.contrast_limits = (-160, 240)
    layers.update(statistics(started.shape))
    assert tuple(layers.get(MEAN).contrast_limits) == (-160, 240), "as it is looked at by then"
    assert layers.get(STD).contrast_limits[1] == pytest.approx(4)


def test_camera_sliders_and_selection_stay(viewer, started):
    viewer.scene.camera.center = (0, 11, 22)
    viewer.scene.camera.zoom = 3.21
    viewer.dims.point = (10, 30, 50)
    viewer.layers.selection.active = viewer.layers["torso"]
    point = viewer.dims.point
    RunLayers(viewer).begin(started)
    assert viewer.scene.camera.center == (0, 11, 22)
    assert viewer.scene.camera.zoom == 3.21
    assert viewer.dims.point == point
    assert viewer.layers.selection.active is viewer.layers["torso"]


def test_a_slice_outside_the_reconstruction_is_left(viewer, started):
    viewer.dims.point = (0, -30, -50)
    RunLayers(viewer).begin(started, Place((100, -78, -117.5)))
    low, high = viewer.layers[ITERATE].extent.world
    assert low[0] <= viewer.dims.point[0] <= high[0]
    assert viewer.dims.point[1] == pytest.approx(-30, abs=2)


def test_no_camera_is_turned_for_the_axial_plane(viewer, layers):
    assert tuple(map(str, viewer.scene.camera.orientation2d)) == ("down", "right")


def test_layers_are_used_again_for_the_same_shape(viewer, layers, started):
    before = {role: layers.get(role) for role in (ITERATE, GRID)}
    count = len(viewer.layers)
    for _ in range(3):
        layers.begin(started)
    assert len(viewer.layers) == count
    assert all(layers.get(role) is layer for role, layer in before.items())


def test_another_shape_gets_layers_of_its_own(viewer, sampling, started):
    layers = sampling
    layers.finish(statistics(started.shape))
    old = layers.get(MEAN)
    array = np.zeros((3, 20, 20), np.float32)
    layers.begin(dataclasses.replace(started, shape=array.shape, initial=array, layout=None))
    assert layers.get(MEAN) is not old
    assert old in viewer.layers


def test_hidden_layers_wait_until_they_are_shown(layers, started):
    first = statistics(started.shape)
    layers.update(first)
    std = layers.get(STD)
    event = statistics(started.shape, 5)
    layers.update(event)
    np.testing.assert_array_equal(std.data, first.std)
    std.visible = True
    np.testing.assert_array_equal(std.data, event.std)
    newer = statistics(started.shape, 7)
    layers.update(newer)
    np.testing.assert_array_equal(std.data, newer.std)


def test_deleted_layers_are_skipped_and_made_again_by_the_next_run(viewer, sampling, started):
    layers = sampling
    viewer.layers.remove(viewer.layers[ITERATE])
    viewer.layers.remove(viewer.layers[GRID])
    viewer.layers.remove(layers.get(STD))
    layers.update(Iterate(np.zeros(started.shape, np.float32), 0.1, 1, (1, 1)))
    layers.update(statistics(started.shape))
    assert layers.present == {VARIANCE, MEAN}
    layers.show(MEAN)
    layers.finish(statistics(started.shape), title=MEAN)
    assert layers.present == {VARIANCE, MEAN}
    layers.begin(started)
    layers.finish(statistics(started.shape), title=MEAN)
    names = [layer.name for layer in viewer.layers]
    assert names == ["torso", f"{MEAN}, PaDIS 1", VARIANCE, STD, MEAN, ITERATE, GRID]


def test_data_are_set_once_and_not_refreshed_on_top(layers, started, monkeypatch):
    """Setting data refreshes; an explicit refresh would draw twice."""
    calls = []
    original = Image.refresh
    monkeypatch.setattr(
        Image, "refresh", lambda self, *a, **k: calls.append(self.name) or original(self, *a, **k)
    )
    layers.update(Iterate(np.ones(started.shape, np.float32), 0.1, 1, None))
    assert calls.count(ITERATE) <= 1


def test_arrays_of_the_worker_are_shown_as_they_are(layers, started):
    """Snapshots are never written again, so no copy is needed and nothing can tear."""
    array = np.ones(started.shape, np.float32)
    layers.update(Iterate(array, 0.1, 1, None))
    assert np.shares_memory(layers.get(ITERATE).data, array)


def test_the_grid_moves_with_the_shift(layers, started):
    grid = layers.get(GRID)
    assert isinstance(grid, Vectors)
    assert grid.vector_style == "line"
    before = grid.data.copy()
    layers.update(Iterate(np.ones(started.shape, np.float32), 0.1, 1, (3, 5)))
    inner = started.shape[1] - 1 - np.setdiff1d(grid.data[:, 0, 1], [0, started.shape[1] - 1])
    assert before.shape[1:] == grid.data.shape[1:]
    patch, pad = started.layout.patch, started.layout.pad
    expected = 3 - pad[0] + patch[0] * np.arange(started.layout.tiles[0] + 1) - 0.5
    assert set(inner) <= set(expected)


def test_the_grid_adds_nothing_to_the_extent(viewer, layers, started):
    image = layers.get(ITERATE).extent.world
    for shift in [(0, 0), started.layout.pad]:
        layers.update(Iterate(np.ones(started.shape, np.float32), 0.1, 1, shift))
        grid = layers.get(GRID).extent.world
        assert (grid[0] >= image[0]).all()
        assert (grid[1] <= image[1]).all()


def test_slider_steps_stay_on_the_voxels(viewer, started):
    """Lines that end on pixel edges would move the sliders half a pixel."""
    before = viewer.dims.range
    RunLayers(viewer).begin(started, Place((0, -78, -117.5)))
    assert viewer.dims.range == before


def test_the_grid_is_shown_in_the_axial_plane_only(viewer, layers):
    grid = layers.get(GRID)
    assert grid.visible
    viewer.dims.order = (1, 0, 2)
    assert not grid.visible
    viewer.dims.order = (0, 1, 2)
    assert grid.visible
    viewer.dims.ndisplay = 3
    assert not grid.visible


def test_no_grid_for_methods_without_patches(viewer, started):
    layers = RunLayers(viewer)
    layers.begin(dataclasses.replace(started, layout=None))
    assert layers.get(GRID) is None
    layers.update(Iterate(np.ones(started.shape, np.float32), 0.1, 1, None))


def test_the_run_before_goes_out_of_sight_where_the_shape_is_another(sampling, viewer, started):
    layers = sampling
    layers.finish(statistics(started.shape), title=MEAN)
    old = layers.get(MEAN)
    layers.show(MEAN)
    other = dataclasses.replace(started, spacing=(1.0, 1.0, 1.0))
    layers.begin(other)
    assert old in viewer.layers
    assert not old.visible
    assert layers.get(MEAN) is not old
    ours = [x for x in viewer.layers if ROLE in x.metadata and x.visible]
    assert ours == [layers.get(ITERATE), layers.get(GRID)]


def test_show_makes_one_image_visible(sampling):
    layers = sampling
    layers.show(STD)
    assert layers.shown == STD
    assert not layers.get(GRID).visible
    layers.show(ITERATE)
    assert layers.get(GRID).visible


def test_colours_and_units_of_the_spread(sampling):
    layers = sampling
    assert layers.get(STD).colormap.name == "inferno"
    assert layers.get(ITERATE).colormap.name == "gray"
    entries = {role: layers.get(role).metadata["napari_padis"] for role in (MEAN, VARIANCE)}
    assert entries[MEAN]["unit"] == "HU"
    assert entries[VARIANCE]["unit"] == "arbitrary"


def test_a_saved_mean_keeps_the_affine_of_the_scan(viewer, started):
    from napari_padis.gui.layer_data import volume_from_layer

    affine = np.diag([2.5, 2.0, 5.0, 1.0])[[2, 1, 0, 3]][:, [0, 1, 2, 3]]
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2] = started.spacing
    affine[:3, 3], affine[3, 3] = (-7, 8, 9), 1
    layers = RunLayers(viewer)
    layers.begin(started, affine=affine)
    layers.finish(statistics(started.shape))
    np.testing.assert_allclose(volume_from_layer(layers.get(MEAN)).affine, affine)


def test_a_name_that_the_user_gave_stays(sampling, started, viewer):
    mean = sampling.get(MEAN)
    mean.name = "mine"
    sampling.finish(statistics(started.shape), title=MEAN)
    assert mean.name == "mine"
    sampling.begin(started)
    assert mean.name == "mine"
    assert mean in viewer.layers
    assert not mean.visible
