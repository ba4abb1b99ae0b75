"""Every forward model from the command line: simulate, read, reconstruct."""

import json

import numpy as np
import pytest

from napari_padis.cli.angles import read_angles
from napari_padis.cli.models import AXES, MODELS
from napari_padis.errors import InputError
from napari_padis.likelihood import FORWARDS
from napari_padis.scan.read import read

#: Options, and the shape of the data of the cylinder of 5 slices of 32 x 32.
CASES = {
    "parallel": (("--views", 16, "--detectors", 50, "--arc", 170), (5, 16, 50)),
    "fan": (("--views", 9, "--detectors", 50, "--curved", "--source-origin", 200), (5, 9, 50)),
    "cone": (("--views", 6, "--detectors", 40, "--detector-rows", 12), (6, 12, 40)),
    "cartesian": (("--mask", "random", "--acceleration", 2, "--coils", 3), (5, 3, 32, 32)),
    "blur": (("--kernel", "gaussian", "--width", 1.2, "--sigma", 5), (5, 32, 32)),
    "downsample": (("--factor", 2, "--sigma", 5), (5, 16, 16)),
    "mask": (("--missing", 0.3, "--sigma", 5), (5, 32, 32)),
    "denoise": (("--sigma-relative", 0.05), (5, 32, 32)),
}


@pytest.mark.parametrize("kind", FORWARDS)
def test_from_volume_to_reconstruction(cli, volume_file, tmp_path, kind):
    words, shape = CASES[kind]
    out = tmp_path / "y.h5"
    made = cli("simulate", volume_file, "--forward", kind, *words, "--out", out)
    assert made.exit_code == 0, made.output
    assert " x ".join(str(n) for n in shape) in made.stdout
    assert ", ".join(AXES[kind]) in made.stdout
    assert read(out).data.shape == shape
    facts = json.loads(cli("read", out, "--json").stdout)
    assert facts["forward"] == kind
    assert facts["shape"] == list(shape)
    assert facts["axes"] == list(AXES[kind])
    assert facts["volume_shape"] == [5, 32, 32]
    assert cli("read", out).exit_code == 0
    result = cli("reconstruct", out, "--method", "fbp", "--out", tmp_path / "r", "--quiet")
    assert result.exit_code == 0, result.output
    mean = read(tmp_path / "r" / "mean.nii.gz")
    assert mean.shape == (5, 32, 32)
    truth = read(volume_file).array + (1000.0 if kind == "cartesian" else 0.0)
    assert np.corrcoef(mean.array.ravel(), truth.ravel())[0, 1] > 0.8


@pytest.mark.parametrize(
    ("kind", "words", "fragments"),
    [
        ("parallel", ("--factor", 2), ("--factor", "'parallel'", "downsample")),
        ("parallel", ("--source-origin", 500), ("--source-origin", "fan and cone")),
        ("parallel", ("--curved",), ("--curved", "fan")),
        ("blur", ("--views", 20), ("--views", "'blur'")),
        ("denoise", ("--photons", 1e4), ("--photons", "'denoise'")),
        ("fan", ("--detector-rows", 4), ("--detector-rows", "cone")),
        ("cartesian", ("--missing", 0.5), ("--missing", "mask")),
        ("blur", ("--width", 2), ("width", "Gaussian")),
        ("parallel", ("--feed", 5), ("--feed", "cone")),
        ("parallel", ("--detectors", 0), ("bins",)),
        ("blur", ("--kernel", "box"), ("'box'", "uniform or gaussian")),
        ("blur", ("--size", 4), ("odd",)),
        ("downsample", ("--factor", 5), ("multiples of the factor 5", "crop")),
        ("mask", ("--missing", 1.5), ("share",)),
        ("cartesian", ("--mask", "spiral"), ("'spiral'", "poisson")),
        ("fan", ("--source-origin", 10), ("outside", "from the axis")),
        ("fan", ("--source-origin", 200, "--source-detector", 100), ("farther",)),
        ("parallel", ("--arc", 0), ("arc",)),
        ("cone", ("--views", 0), ("At least one view",)),
        ("denoise", ("--electronic", 5), ("--photons",)),
    ],
)
def test_options_that_do_not_fit(cli, volume_file, tmp_path, kind, words, fragments):
    out = tmp_path / "y.h5"
    result = cli("simulate", volume_file, "--forward", kind, *words, "--out", out)
    assert result.exit_code == 2, result.output
    for fragment in fragments:
        assert fragment in result.stderr
    assert not out.exists()


def test_only_the_chosen_slices_of_a_cone(cli, volume_file, tmp_path):
    out = tmp_path / "y.h5"
    words = ("--forward", "cone", "--views", 4, "--slices", "0:5:2")
    result = cli("simulate", volume_file, *words, "--out", out)
    assert result.exit_code == 0, result.output
    found = read(out)
    assert found.volume_shape == (3, 32, 32)
    assert found.geometry.slice_spacing == pytest.approx(6)
    whole = ("reconstruct", out, "--method", "fbp", "--quiet", "--out", tmp_path / "r")
    assert cli(*whole, "--slices", "0:3").exit_code == 0
    part = cli(*whole, "--slices", "1:3")
    assert part.exit_code == 2
    assert "all slices together" in part.stderr


def test_listed_angles(cli, volume_file, tmp_path):
    path, out = tmp_path / "angles.txt", tmp_path / "y.h5"
    path.write_text("0, 45\n90 135\n")
    result = cli("simulate", volume_file, "--angles", path, "--out", out)
    assert result.exit_code == 0, result.output
    angles = read(out).geometry.angles
    np.testing.assert_allclose(angles, np.deg2rad([0, 45, 90, 135]))
    both = cli("simulate", volume_file, "--angles", path, "--views", 4, "--out", out)
    assert both.exit_code == 2
    assert "either angles" in both.stderr


@pytest.mark.parametrize(("content", "message"), [("1 x", "numbers"), (" \n", "empty")])
def test_angles_that_are_none(tmp_path, content, message):
    path = tmp_path / "angles.txt"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_angles(path)
    with pytest.raises(InputError, match="does not exist"):
        read_angles(tmp_path / "absent.txt")


def test_back_end_is_checked_and_recorded(cli, measurement_file, volume_file, tmp_path):
    out = tmp_path / "r"
    words = ("reconstruct", measurement_file, "--method", "fbp", "--out", out, "--quiet")
    wrong = cli(*words, "--backend", "abacus")
    assert wrong.exit_code == 2
    assert "'abacus'" in wrong.stderr
    assert "matrix" in wrong.stderr
    assert cli(*words, "--backend", "matrix").exit_code == 0
    assert json.loads((out / "recipe.json").read_text())["backend"] == "matrix"
    image = tmp_path / "image.h5"
    assert cli("simulate", volume_file, "--forward", "denoise", "--out", image).exit_code == 0
    wrong = cli("reconstruct", image, "--method", "fbp", "--backend", "rays", "--out", out)
    assert wrong.exit_code == 2
    assert "use auto" in wrong.stderr
    listed = json.loads(cli("forwards", "--json").stdout)
    assert "matrix" in listed[0]["backends"]


def test_projections_are_described_and_not_reconstructed(cli, data_folder, tmp_path):
    path = data_folder / "sinograms" / "htc2022_01a_full.mat"
    facts = json.loads(cli("read", path, "--json").stdout)
    assert facts["kind"] == "projections"
    assert facts["shape"] == [721, 1, 560]
    assert facts["beam"] == "fan"
    assert facts["source_origin"] == pytest.approx(410.66)
    result = cli("reconstruct", path, "--out", tmp_path / "r")
    assert result.exit_code == 2
    assert "raw projections" in result.stderr


def test_every_option_belongs_to_a_model(cli):
    text = cli("simulate", "--help").stdout
    for name, models in MODELS.items():
        assert f"--{name.replace('_', '-')}" in text
        assert set(models) <= set(FORWARDS)
