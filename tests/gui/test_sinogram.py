"""Simulated data as layers: on the slices of the image, and on no other slider."""

import numpy as np
import pytest

from napari_padis.gui.layer_data import measurement_from_layer
from napari_padis.gui.sinogram import add_measurement
from napari_padis.gui.source import candidates, placement
from napari_padis.gui.view import center_slices
from napari_padis.gui.world import Place
from napari_padis.scan.geometry import ConeGeometry, FanGeometry
from napari_padis.scan.measurement import Measurement, Noise

PLACE = Place((15.0, -78.0, -117.5))


@pytest.fixture
def viewer(viewer):
    viewer.dims.point = (10.0, -4.0, -5.0)
    return viewer


def cone(views=50) -> Measurement:
    geometry = ConeGeometry.standard(views, (2, 40, 48), (5.0, 2.0, 2.5), (4, 30))
    data = np.random.default_rng(0).random((views, 4, 30), dtype=np.float32)
    return Measurement(data, geometry, Noise("none", 0.0), name="scan")


def fan() -> Measurement:
    geometry = FanGeometry.standard(7, (40, 48), (2.0, 2.5), detectors=30)
    return Measurement(np.ones((2, 7, 30), np.float32), geometry, Noise("none", 0.0), name="scan")


def test_views_of_a_cone_beam_do_not_lengthen_the_slider_of_the_slices(viewer):
    before = viewer.dims.range[0]
    layer = add_measurement(viewer, cone(), PLACE)
    assert not layer.visible
    assert viewer.dims.ndim == 4
    assert viewer.dims.range[1] == before
    assert viewer.dims.nsteps[:2] == (50, 6)
    assert viewer.dims.axis_labels == ("view", "S", "row", "column")
    assert viewer.dims.point == (0.0, 10.0, -4.0, -5.0)


def test_projections_are_seen_on_all_their_slices(viewer):
    layer = add_measurement(viewer, cone(), PLACE)
    layer.visible = True
    for position, seen in ((14.9, True), (20.0, True), (10.0, False), (24.0, False)):
        viewer.dims.point = (3.0, position, -78.0, -117.5)
        assert layer._slice.empty != seen
        if seen:
            np.testing.assert_array_equal(layer._slice.image.view, layer.data[3, 0])


def test_the_layer_is_a_measurement_in_the_place_of_the_image(viewer):
    scan = cone()
    layer = add_measurement(viewer, scan, PLACE)
    assert layer in candidates(viewer)
    back = measurement_from_layer(layer)
    np.testing.assert_array_equal(back.data, scan.data)
    assert placement(layer, back) == PLACE


def test_a_scan_with_other_axes_takes_the_place_of_the_last(viewer):
    first = add_measurement(viewer, cone(), PLACE)
    assert add_measurement(viewer, cone(9), PLACE) is first
    assert first.data.shape[0] == 9
    second = add_measurement(viewer, fan(), PLACE)
    assert second is not first
    assert [layer.name for layer in viewer.layers] == ["torso", "scan"]
    assert viewer.dims.ndim == 3


def test_an_image_is_centred_also_where_there_is_an_axis_of_views(viewer):
    add_measurement(viewer, cone(), PLACE)
    viewer.dims.point = (7.0, 0.0, 0.0, 0.0)
    center_slices(viewer, viewer.layers["torso"])
    # On the voxel in the middle, not between two.
    assert viewer.dims.point == (7.0, 10.0, -40.0, -60.0)
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (-39.0, -58.75))
