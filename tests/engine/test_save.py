import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from napari_padis.engine.events import Result
from napari_padis.engine.save import plain, save_result
from napari_padis.errors import InputError
from napari_padis.scan.read import read
from napari_padis.scan.volume import sar_affine


@pytest.fixture
def result():
    rng = np.random.default_rng(1)
    samples = rng.normal(0, 100, (3, 4, 5, 6)).astype(np.float32)
    spacing = (3.0, 2.0, 1.5)
    affine = sar_affine(spacing)
    affine[:3, 3] = (-10, 20, 30)
    return Result(
        mean=samples.mean(0),
        std=samples.std(0, ddof=1),
        variance=samples.var(0, ddof=1),
        samples=samples,
        spacing=spacing,
        affine=affine,
        unit="HU",
        recipe={"method": "fbp", "seed": 4},
        report={"seconds": 1.5, "residual": float("nan"), "shape": (4, np.int64(5))},
        complete=True,
        space="scanner",
    )


def test_the_frame_of_coordinates_is_that_of_the_measurement(result, tmp_path):
    for space, code in (("scanner", 1), ("aligned", 2), ("unknown", 0)):
        paths = save_result(replace(result, space=space), tmp_path)
        for name in ("mean", "std", "variance", "samples"):
            header = nib.load(paths[name]).header
            assert (header["sform_code"], header["qform_code"]) == (code, code)
            assert header.get_zooms()[:3] == pytest.approx(result.spacing[::-1])


def test_everything_comes_back(result, tmp_path):
    paths = save_result(result, tmp_path / "new" / "folder")
    for name in ("mean", "std", "variance"):
        volume = read(paths[name])
        np.testing.assert_array_equal(volume.array, getattr(result, name))
        np.testing.assert_allclose(volume.affine, result.affine, atol=1e-5)
        assert volume.spacing == pytest.approx(result.spacing)
    assert read(paths["mean"]).unit == "HU"
    assert read(paths["std"]).unit == "HU"
    assert json.loads(paths["recipe"].read_text()) == result.recipe
    report = json.loads(paths["report"].read_text())
    assert report == {"seconds": 1.5, "residual": None, "shape": [4, 5], "complete": True}


def test_files_say_what_mean_and_spread_are_worth(result, tmp_path):
    spread = "not calibrated: " + "a first impression of coupled samples, which is " + 40 * "long "
    words = {"mean": "average of 3 samples", "spread": spread}
    result = replace(result, report=words)
    assert result.about == {"mean": words["mean"], "std": spread, "variance": spread}
    paths = save_result(result, tmp_path)
    described = {
        name: bytes(nib.load(paths[name]).header["descrip"].item()).decode()
        for name in ("mean", "std", "samples")
    }
    assert described["mean"] == "napari-padis unit=HU; average of 3 samples"
    assert described["std"].startswith("napari-padis unit=HU; not calibrated: a first")
    assert described["std"].endswith(" ...")
    assert described["samples"] == "napari-padis unit=HU"
    assert read(paths["std"]).unit == "HU"
    assert json.loads(paths["report"].read_text())["spread"] == spread


def test_what_is_not_known_is_not_told(result):
    assert result.about == {}
    words = {"mean": "average of 2 samples", "spread": "none: one sample only"}
    alone = replace(result, std=None, variance=None, report=words)
    assert alone.about == {"mean": "average of 2 samples"}
    done = {"spread": "good", "recalibrated": True, "recalibration": "by 2"}
    assert replace(result, report=done).about["std"] == "good; by 2"
    not_done = {**done, "recalibrated": False}
    assert replace(result, report=not_done).about["std"] == "good"


def test_samples_are_one_four_dimensional_file(result, tmp_path):
    image = nib.load(save_result(result, tmp_path)["samples"])
    assert image.ndim == 4
    assert image.shape[-1] == 3
    turned = nib.as_closest_canonical(image)
    values = np.asarray(turned.dataobj)
    # (R, A, S, sample) of the canonical image is (sample, S, A, R) of the result.
    np.testing.assert_array_equal(values.transpose(3, 2, 1, 0), result.samples)
    corner = turned.affine @ [0, 0, 0, 1]
    np.testing.assert_allclose(corner[:3], result.affine[:3, 3], atol=1e-5)


def test_a_second_result_replaces_the_first(result, tmp_path):
    save_result(result, tmp_path)
    paths = save_result(replace(result, mean=result.mean + 1, complete=False), tmp_path)
    np.testing.assert_array_equal(read(paths["mean"]).array, result.mean + 1)
    assert json.loads(paths["report"].read_text())["complete"] is False
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in paths.values()}


def test_what_there_is_not_is_not_written(result, tmp_path):
    """A standard deviation of one sample, and samples of a method that makes none."""
    full = {*save_result(result, tmp_path)}
    assert full == {"mean", "std", "variance", "samples", "recipe", "report"}
    one = replace(result, std=None, variance=None, samples=result.samples[:1])
    assert {*save_result(one, tmp_path)} == {"mean", "samples", "recipe", "report"}
    assert not (tmp_path / "std.nii.gz").exists(), "that of an earlier result does not fit either"
    assert not (tmp_path / "variance.nii.gz").exists()
    none = replace(one, samples=result.samples[:0], title="FBP")
    paths = save_result(none, tmp_path)
    names = {"mean.nii.gz", "recipe.json", "report.json"}
    assert {path.name for path in paths.values()} == names
    assert {path.name for path in tmp_path.iterdir()} == names


def test_failure_leaves_the_old_result_whole(result, tmp_path, monkeypatch):
    paths = save_result(result, tmp_path)
    before = {name: path.read_bytes() for name, path in paths.items()}

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_padis.engine.save.write_samples", full_disk)
    with pytest.raises(InputError, match="No space left"):
        save_result(replace(result, mean=result.mean + 1), tmp_path)
    assert {name: path.read_bytes() for name, path in paths.items()} == before
    assert len(list(tmp_path.iterdir())) == len(paths)


def test_folder_that_is_a_file(result, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        save_result(result, tmp_path / "file")


def test_plain_values():
    value = {1: (np.float32(0.5), float("inf")), "a": np.arange(2), "p": None, "q": {True}}
    assert plain(value) == {"1": [0.5, None], "a": [0, 1], "p": None, "q": [True]}
