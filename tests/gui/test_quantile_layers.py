"""Quantiles in the layer list: where they come from, and that none passes for another run's."""

import dataclasses

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_padis.engine.events import Finished, Statistics
from napari_padis.gui.contributions import write_nifti_layer
from napari_padis.gui.layer_data import volume_from_layer
from napari_padis.gui.layers import RunLayers
from napari_padis.gui.mirror import Mirror
from napari_padis.gui.roles import HIGH, ITERATE, LOW, MEAN, MEDIAN, ROLE, SOURCE, STD, VARIANCE
from napari_padis.gui.world import Place, as_shown
from napari_padis.scan.read import read

NAMES = (LOW, MEDIAN, HIGH)


@pytest.fixture
def started(engine, a_measurement):
    return engine.started(a_measurement)


@pytest.fixture
def layers(viewer):
    return RunLayers(viewer)


def statistics(shape, value=3.0):
    full = np.full(shape, value, np.float32)
    return Statistics(full, full + 1, full + 2, 12)


def volumes(shape, value=0.0):
    return {
        name: np.full(shape, value + i, np.float32) for i, name in enumerate(("q05", "q50", "q95"))
    }


def a_run(layers, started, quantiles=None, **placing):
    layers.begin(started, **placing)
    layers.finish(statistics(started.shape), quantiles, MEAN)


def test_they_come_at_the_end_below_the_mean_and_hidden(viewer, layers, started):
    layers.begin(started)
    before = [layer.name for layer in viewer.layers]
    assert not set(NAMES) & set(before)
    assert not layers.has_quantiles
    layers.finish(statistics(started.shape), volumes(started.shape), MEAN)
    names = [layer.name for layer in viewer.layers]
    assert names == ["torso", VARIANCE, STD, *NAMES, MEAN, ITERATE, "patch grid"]
    assert layers.has_quantiles
    for value, name in enumerate(NAMES):
        layer = layers.get(name)
        assert not layer.visible
        assert (layer.data == value).all()
        assert layer.colormap.name == "gray"


def test_they_lie_where_the_mean_lies(layers, started):
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    a_run(layers, started, volumes(started.shape), place=Place((7.0, 8.0, 9.0)), affine=affine)
    mean = layers.get(MEAN)
    for name in NAMES:
        layer = layers.get(name)
        for place in ("scale", "translate", "units", "axis_labels"):
            assert tuple(getattr(layer, place)) == tuple(getattr(mean, place)), place
        assert layer.metadata[ROLE] == name
        entry = layer.metadata["napari_padis"]
        assert entry["unit"] == "HU"
        np.testing.assert_array_equal(entry["affine"], affine)


def test_they_have_the_contrast_that_the_mean_has_now(layers, started):
    layers.begin(started)
    layers.update(statistics(started.shape))
    layers.get(MEAN).contrast_limits = (-160, 240)
    layers.finish(statistics(started.shape), volumes(started.shape))
    assert tuple(layers.get(MEDIAN).contrast_limits) == (-160, 240)
    a_run(layers, started, volumes(started.shape))
    assert tuple(layers.get(MEDIAN).contrast_limits) == started.limits, "as the next run has it"


def test_the_next_run_has_layers_of_its_own(viewer, layers, started):
    a_run(layers, started, volumes(started.shape))
    before = {name: layers.get(name) for name in NAMES}
    a_run(layers, started, volumes(started.shape, 10))
    for value, (name, layer) in enumerate(before.items()):
        assert layer in viewer.layers
        assert layer.name == f"{name}, PaDIS 1"
        assert not layer.visible
        assert (layer.data == value).all()
        assert (layers.get(name).data == 10 + value).all()


def test_during_a_run_those_of_the_run_before_do_not_pass_for_its_own(layers, started):
    a_run(layers, started, volumes(started.shape))
    layers.show(MEDIAN)
    layers.begin(started)
    assert layers.shown == ITERATE
    assert not layers.has_quantiles
    layers.show(MEDIAN)
    assert layers.shown is None
    assert all(layers.get(name) is None for name in NAMES)


def test_a_run_without_quantiles_takes_them_out(viewer, layers, started):
    a_run(layers, started, volumes(started.shape))
    layers.begin(started)
    layers.show(MEDIAN)
    layers.finish(statistics(started.shape), {}, MEAN)
    assert not [layer.name for layer in viewer.layers if layer.name in NAMES]
    assert all(layers.get(name) is None for name in NAMES)
    assert not layers.has_quantiles


def test_those_of_another_shape_stay_to_be_compared_but_out_of_sight(viewer, layers, started):
    a_run(layers, started, volumes(started.shape, 5))
    layers.show(HIGH)
    old = layers.get(HIGH)
    other = dataclasses.replace(started, spacing=(1.0, 1.0, 1.0))
    a_run(layers, other, volumes(started.shape))
    assert old in viewer.layers
    assert not old.visible
    assert (old.data == 7).all()
    assert layers.get(HIGH) is not old


def test_deleted_ones_are_made_again_by_the_next_run(viewer, layers, started):
    a_run(layers, started, volumes(started.shape))
    viewer.layers.remove(layers.get(MEDIAN))
    viewer.layers.remove(layers.get(MEAN))
    layers.finish(statistics(started.shape), volumes(started.shape))
    assert layers.get(MEDIAN) in viewer.layers, "also where there is no mean to lie below"
    assert tuple(layers.get(MEDIAN).contrast_limits) == started.limits
    a_run(layers, started, volumes(started.shape))
    assert sorted(layer.name for layer in viewer.layers if layer.name in NAMES) == sorted(NAMES)


def test_one_image_is_visible(viewer, layers, started):
    a_run(layers, started, volumes(started.shape), source=viewer.layers["torso"])
    for role in (*NAMES, MEAN, STD, SOURCE, LOW):
        layers.show(role)
        assert layers.shown == role
        visible = [x for x in viewer.layers if isinstance(x, Image) and x.visible]
        assert visible == [layers.get(role)]
        assert not layers.get("patch grid").visible


def test_showing_one_by_hand_is_noticed(viewer, started):
    seen = []
    layers = RunLayers(viewer, seen.append)
    a_run(layers, started, volumes(started.shape))
    layers.show(MEAN)
    seen.clear()
    layers.get(MEAN).visible = False
    layers.get(HIGH).visible = True
    assert seen[-1] == HIGH


def test_camera_sliders_and_selection_stay(viewer, layers, started):
    layers.begin(started)
    viewer.layers.selection.active = viewer.layers["torso"]
    viewer.dims.point = (10, 30, 50)
    point, center = viewer.dims.point, viewer.scene.camera.center
    layers.finish(statistics(started.shape), volumes(started.shape))
    assert viewer.layers.selection.active is viewer.layers["torso"]
    assert (viewer.dims.point, viewer.scene.camera.center) == (point, center)


def test_the_other_views_follow_them(layers, started):
    others = [ViewerModel() for _ in range(3)]
    a_run(layers, started, volumes(started.shape))
    mirror = Mirror(layers.get(MEDIAN), others)
    assert [len(other.layers) for other in others] == [0, 0, 0]
    layers.show(MEDIAN)
    copies = [other.layers[MEDIAN] for other in others]
    assert all(copy.visible and copy.data is layers.get(MEDIAN).data for copy in copies)
    layers.begin(started)
    assert not any(copy.visible for copy in copies), "no stale picture there either"
    mirror.remove()


def test_one_is_saved_with_unit_and_affine(layers, started, tmp_path):
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2] = started.spacing
    affine[:3, 3], affine[3, 3] = (-7, 8, 9), 1
    rng = np.random.default_rng(0)
    given = {
        name: rng.normal(size=started.shape).astype(np.float32) for name in ("q05", "q50", "q95")
    }
    a_run(layers, started, given, affine=affine)
    np.testing.assert_allclose(volume_from_layer(layers.get(LOW)).affine, affine)
    data, meta, _ = layers.get(LOW).as_layer_data_tuple()
    (path,) = write_nifti_layer(str(tmp_path / "low.nii.gz"), data, meta)
    saved = read(path)
    np.testing.assert_allclose(saved.array, given["q05"], rtol=1e-5)
    np.testing.assert_allclose(saved.affine, affine, atol=1e-5)


@pytest.fixture
def with_quantiles(engine):
    """Wraps the small engine: its result has quantiles, or none."""

    class Runner:
        given = True

        def __call__(self, *arguments):
            for event in engine(*arguments):
                if isinstance(event, Finished) and self.given:
                    shape = event.result.mean.shape
                    event = Finished(dataclasses.replace(event.result, quantiles=volumes(shape)))
                yield event

    return Runner()


def test_the_dock_shows_and_saves_them(make_dock, with_quantiles, finish, tmp_path):
    _viewer, dock = make_dock()
    dock.controller.runner = with_quantiles
    row = dock.run_bar._quantiles
    assert not row.isVisibleTo(dock)
    dock.run()
    finish(dock.controller)
    assert row.isVisibleTo(dock)
    dock.run_bar._view_buttons[HIGH].click()
    assert dock.controller.layers.shown == HIGH
    assert dock.run_bar._view_buttons[HIGH].isChecked()
    dock.controller.save(tmp_path / "out")
    finish(dock.controller)
    for name, role in zip(("q05", "q50", "q95"), NAMES, strict=True):
        saved = read(tmp_path / "out" / f"{name}.nii.gz")
        shown = dock.controller.layers.get(role).data
        np.testing.assert_array_equal(saved.array, as_shown(shown))


def test_the_dock_offers_none_for_a_run_without(make_dock, with_quantiles, finish):
    viewer, dock = make_dock()
    dock.controller.runner = with_quantiles
    dock.run()
    finish(dock.controller)
    dock.run_bar._view_buttons[MEDIAN].click()
    with_quantiles.given = False
    dock.run()
    finish(dock.controller)
    assert not dock.run_bar._quantiles.isVisibleTo(dock)
    assert dock.controller.layers.shown == MEAN
    assert MEDIAN not in [layer.name for layer in viewer.layers]
    assert dock.run_bar._view_buttons[MEAN].isChecked()


def test_a_failed_run_leaves_no_quantiles_to_look_at(make_dock, with_quantiles, engine, finish):
    _viewer, dock = make_dock()
    dock.controller.runner = with_quantiles
    dock.run()
    finish(dock.controller)
    engine.error = RuntimeError("CUDA out of memory")
    dock.run()
    finish(dock.controller)
    assert not dock.run_bar._quantiles.isVisibleTo(dock)
    assert dock.controller.layers.get(MEDIAN) is None
