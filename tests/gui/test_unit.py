"""The unit of a layer: what was found, what is asked, and what the user states for it."""

import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.gui.facts import describe
from napari_padis.gui.layer_data import measurement_layer, volume_layer
from napari_padis.gui.unit import as_found, question, stated
from napari_padis.scan.volume import Volume

SHAPE = (4, 24, 28)
ROWS, COLUMNS = np.mgrid[-1:1:24j, -1:1:28j]


def stack(image, kind=np.int16):
    return np.repeat(np.asarray(image)[None], 4, axis=0).astype(kind)


def crop():
    return Volume(stack(np.where(np.hypot(ROWS, COLUMNS) < 0.8, 40, -120)), name="crop")


def lost_intercept():
    image = np.where(np.hypot(ROWS, COLUMNS) < 0.8, 1064, 24)
    return Volume(stack(image, np.uint16), name="lost")


def add(viewer, volume):
    data, options, _ = volume_layer(volume)
    return viewer.add_image(data, **options)


def test_only_an_unknown_unit_is_asked_for(a_measurement):
    assert "choose HU" in question(crop())
    assert "none is possible" in question(crop())
    assert "taken for 1/mm" in question(Volume(np.full(SHAPE, 0.02, np.float32)))
    assert "HU+1024" in question(lost_intercept())
    ct = np.where(np.hypot(ROWS, COLUMNS) < 0.8, 40, -1000)
    assert "look like CT numbers; if so, choose HU" in question(Volume(stack(ct)))
    for known in (Volume(stack(ct), unit="HU"), a_measurement, None):
        assert question(known) == ""
    assert as_found(crop()) == "as found: unknown"
    assert describe(crop()).endswith("1 × 1 × 1 mm, without a unit")
    assert as_found(a_measurement) == "as found: HU"


def test_measured_data_have_no_unit_of_another_scale(a_measurement):
    assert stated(a_measurement, "1/mm").unit == "1/mm"
    for unit in ("1/cm", "HU+1024"):
        with pytest.raises(InputError, match="Measured data"):
            stated(a_measurement, unit)


def test_the_dock_asks_beside_the_box_where_a_projection_needs_the_unit(make_dock):
    viewer, dock = make_dock()
    data = dock.data
    assert not data.question.isVisibleTo(dock)
    assert data.unit_box.itemText(0) == "as found: HU"
    add(viewer, crop())
    data.choose(viewer.layers["crop"])
    assert data.unit_box.currentText() == "as found: unknown"
    assert data.question.isVisibleTo(dock)
    assert "choose HU" in data.question.text()
    dock.forward.choose("cartesian")
    assert not data.question.isVisibleTo(dock)
    dock.forward.choose("fan")
    assert data.question.isVisibleTo(dock)
    data.unit_box.setCurrentText("HU")
    assert not data.question.isVisibleTo(dock)
    assert dock.request().volume.unit == "HU"


def test_a_stated_unit_belongs_to_its_layer(make_dock):
    viewer, dock = make_dock()
    data = dock.data
    add(viewer, crop())
    data.choose(viewer.layers["crop"])
    data.unit_box.setCurrentText("HU")
    data.choose(viewer.layers["torso"])
    assert data.unit == ""
    assert data.unit_box.currentText() == "as found: HU"
    add(viewer, Volume(np.ones(SHAPE, np.float32), name="mr"))
    data.choose(viewer.layers["mr"])
    assert (data.unit, data.source.unit) == ("", "arbitrary")
    data.choose(viewer.layers["crop"])
    assert (data.unit, data.source.unit) == ("HU", "HU")


def test_another_scale_changes_values_and_contrast_together(make_dock):
    viewer, dock = make_dock()
    layer = add(viewer, lost_intercept())
    dock.data.choose(layer)
    layer.contrast_limits = (24, 1424)
    dock.data.unit_box.setCurrentText("HU+1024")
    request = dock.request()
    assert np.unique(request.volume.array).tolist() == [-1000, 40]
    assert request.limits == (-1000, 400)
    assert np.unique(layer.data).tolist() == [24, 1064]
    dock.data.unit_box.setCurrentText("1/cm")
    assert dock.request().limits == pytest.approx((2.4, 142.4))


def test_a_unit_that_measured_data_cannot_have_is_told(make_dock, a_measurement):
    viewer, dock = make_dock(volume=False)
    data, options, _ = measurement_layer(a_measurement)
    viewer.add_image(data, **options)
    dock.data.unit_box.setCurrentText("1/cm")
    assert dock.data.source is None
    assert "Measured data" in dock.data.facts.text()


def test_values_that_cannot_be_attenuation_end_in_a_sentence(make_dock, finish):
    from napari_padis.gui import job

    viewer, dock = make_dock()
    add(viewer, crop())
    dock.data.choose(viewer.layers["crop"])
    dock.controller.simulator = job.simulate
    dock.run()
    finish(dock.controller)
    level, text = dock.controller.message
    assert level == "error"
    assert "cannot be attenuation" in text
    assert "Unit in the dock" in text
