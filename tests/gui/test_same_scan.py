"""The dock and the command line simulate the same data from the same settings."""

import numpy as np
import pytest
from qtpy.QtWidgets import QComboBox
from typer.testing import CliRunner

from napari_padis.cli.main import app
from napari_padis.gui import job as jobs
from napari_padis.gui.sections.parameters import PARAMETERS
from napari_padis.likelihood import FORWARDS
from napari_padis.scan.read import read
from napari_padis.scan.write import write

SETTINGS = {
    "parallel": {"views": 7, "arc": 90, "detectors": 40},
    "fan": {"views": 5, "detectors": 30, "source_origin": 200, "curved": True},
    "cone": {"views": 6, "arc": 720, "feed": 10, "detector_rows": 8, "detectors": 20},
    "cartesian": {"mask": "poisson", "acceleration": 2.5, "coils": 3},
    "blur": {"kernel": "gaussian", "width": 1.3},
    "downsample": {"factor": 2},
    "mask": {"missing": 0.3},
    "denoise": {},
}
CASES = [(kind, {}) for kind in FORWARDS] + [(k, v) for k, v in SETTINGS.items() if v]


def simulated_by_the_dock(dock, volume, kind, settings, seed):
    section = dock.forward
    section.choose(kind)
    section.noise.kind.setCurrentIndex(0)
    scales = {parameter.name: parameter.scale for parameter in PARAMETERS[kind]}
    for name, value in settings.items():
        control = section.control(name)
        if isinstance(control, QComboBox):
            control.setCurrentIndex(control.findData(value))
        else:
            control.setValue(value * scales[name])
    if "seed" in scales:
        section.control("seed").setValue(seed)
    return jobs.simulate(volume, dock.request().simulation, seed)


def simulated_by_the_command_line(volume, folder, kind, settings, seed):
    path, out = write(folder / "volume.nii.gz", volume), folder / "y.h5"
    words = ["simulate", path, "--forward", kind, "--seed", seed, "--out", out]
    for name, value in settings.items():
        flag = f"--{name.replace('_', '-')}"
        words += [flag] if value is True else [flag, value]
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return read(out)


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_the_same_scan(make_dock, volume, tmp_path, kind, settings):
    _, dock = make_dock()
    # The pattern of equispaced lines has no control: it is always the first.
    seed = 4 if settings else 0
    shown = simulated_by_the_dock(dock, volume, kind, settings, seed)
    written = simulated_by_the_command_line(volume, tmp_path, kind, settings, seed)
    one, other = shown.geometry.to_dict(), written.geometry.to_dict()
    assert one.keys() == other.keys()
    for name, value in one.items():
        if name == "kind":
            assert value == other[name]
        else:
            np.testing.assert_allclose(value, other[name], rtol=1e-9, err_msg=name)
    np.testing.assert_allclose(shown.data, written.data, atol=1e-5 * np.abs(shown.data).max())
