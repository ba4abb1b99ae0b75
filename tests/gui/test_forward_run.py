"""Every forward model from the dock to the picture, with the real simulation and engine."""

import numpy as np
import pytest

from napari_padis.gui import job as jobs
from napari_padis.gui.roles import MEAN
from napari_padis.likelihood import FORWARDS
from napari_padis.scan.measurement import Measurement

#: Settings that leave enough data to know the volume again.
SETTINGS = {
    "parallel": {"views": 60, "detectors": 128},
    "fan": {"views": 90, "detectors": 128},
    "cone": {"views": 90, "detectors": 128},
    "cartesian": {"acceleration": 1, "centre": 4, "coils": 2},
    "blur": {"size": 3},
    "mask": {"missing": 5},
}


@pytest.fixture
def real_dock(make_dock):
    viewer, dock = make_dock()
    dock.controller.runner, dock.controller.simulator = jobs.run_engine, jobs.simulate
    return viewer, dock


@pytest.mark.parametrize("kind", FORWARDS)
def test_a_volume_is_known_again(real_dock, finish, volume, kind):
    viewer, dock = real_dock
    dock.forward.choose(kind)
    dock.forward.noise.kind.setCurrentIndex(0)
    for name, value in SETTINGS.get(kind, {}).items():
        dock.forward.control(name).setValue(value)
    dock.measurement.first.setValue(2)
    dock.run()
    finish(dock.controller)
    assert dock.controller.message == ("info", "Finished.")
    result = dock.controller.result
    assert result.mean.shape == (4, 40, 48)
    likeness = np.corrcoef(result.mean.ravel(), volume.array[2:].ravel())[0, 1]
    assert likeness > 0.85
    assert dock.run_bar.projector.toolTip()

    # The simulated data are a layer that can be measured data, in the same place.
    (layer,) = [x for x in viewer.layers if x.metadata.get("napari_padis_simulated")]
    dock.data.choose(layer)
    assert isinstance(dock.data.source, Measurement)
    assert dock.forward.kind == kind
    dock.run()
    finish(dock.controller)
    np.testing.assert_array_equal(dock.controller.result.mean, result.mean)
    np.testing.assert_allclose(dock.controller.layers.get(MEAN).translate, (10, -78, -117.5))
    np.testing.assert_allclose(dock.controller.result.affine, result.affine)
