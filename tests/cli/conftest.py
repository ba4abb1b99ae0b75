"""What the tests of the command line share."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from napari_padis.scan.volume import Volume
from napari_padis.scan.write import write


@pytest.fixture
def cli():
    """Call the command line in this process: ``cli('read', path).exit_code``."""
    from napari_padis.cli.main import app

    def call(*words):
        return CliRunner().invoke(app, [str(word) for word in words])

    return call


def cylinder(slices=5, side=32):
    """A water cylinder in air with a bone rod on its right, in HU."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    image = np.where(np.hypot(x, y) < 0.4 * side, 0.0, -1000.0)
    image[np.hypot(x - 0.2 * side, y) < 0.07 * side] = 800.0
    stack = np.repeat(image[None], slices, axis=0) + 10.0 * np.arange(slices)[:, None, None]
    return Volume(
        array=np.maximum(stack, -1000).astype(np.int16), spacing=(3.0, 2.0, 2.0), unit="HU"
    )


@pytest.fixture
def volume_file(tmp_path) -> Path:
    return write(tmp_path / "cylinder.nii.gz", cylinder())


@pytest.fixture
def measurement_file(cli, volume_file, tmp_path) -> Path:
    out = tmp_path / "y.h5"
    result = cli("simulate", volume_file, "--views", 30, "--detectors", 64, "--out", out)
    assert result.exit_code == 0, result.output
    return out


#: Smallest network and shortest training that are still of the right kind.
TINY = {
    "network": {"width": 8, "multipliers": [1, 1], "blocks": [1, 1]},
    "patch_sizes": [16],
    "probabilities": [1.0],
    "batches": [4],
    "pad": 8,
    "bfloat16": False,
}


@pytest.fixture
def tiny_config(tmp_path) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(TINY))
    return path


@pytest.fixture
def training_folder(tmp_path) -> Path:
    return write_training_volumes(tmp_path / "volumes")


def write_training_volumes(folder):
    folder.mkdir()
    for slices in (3, 4):
        write(folder / f"{slices}.nii.gz", cylinder(slices))
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """Folder of a finished training run of three steps; not to be written to."""
    from napari_padis.cli.main import app

    folder = tmp_path_factory.mktemp("trained")
    (folder / "tiny.json").write_text(json.dumps(TINY))
    volumes = write_training_volumes(folder / "volumes")
    words = ["train", volumes, "--out", folder / "tiny", "--config", folder / "tiny.json"]
    result = CliRunner().invoke(app, [str(word) for word in (*words, "--steps", 3)])
    assert result.exit_code == 0, result.output
    return folder / "tiny"


@pytest.fixture
def tiny_prior(trained, tmp_path) -> Path:
    """Card of a prior that was trained for three steps, with its state beside it."""
    return Path(shutil.copytree(trained, tmp_path / "tiny")) / "tiny.json"
