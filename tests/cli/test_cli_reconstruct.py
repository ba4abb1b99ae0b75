import json
import signal

import numpy as np
import pytest

from napari_padis.engine import run as engine
from napari_padis.scan.read import read
from napari_padis.scan.volume import Volume
from napari_padis.scan.write import write

#: What a method without samples leaves, and what two samples or more add.
IMAGE = {"mean.nii.gz", "recipe.json", "report.json"}
SPREAD = {"std.nii.gz", "variance.nii.gz"}
SAMPLES = {"samples.nii.gz"}


def files_in(folder):
    return {path.name for path in folder.iterdir()}


def fbp(cli, measurement, out, *words):
    return cli("reconstruct", measurement, "--method", "fbp", "--out", out, "--quiet", *words)


def test_files_position_and_metrics(cli, volume_file, measurement_file, tmp_path):
    out = tmp_path / "out"
    result = fbp(cli, measurement_file, out, "--reference", volume_file)
    assert result.exit_code == 0, result.output
    assert files_in(out) == IMAGE
    assert f"{out}: FBP, " in result.stdout
    truth, mean = read(volume_file), read(out / "mean.nii.gz")
    assert mean.unit == "HU"
    assert mean.shape == truth.shape
    np.testing.assert_allclose(mean.affine, truth.affine, atol=1e-4)
    # The rod lies on the right: a mirrored result would show it on the other side.
    assert mean.array[2, 16, 22] > mean.array[2, 16, 9] + 300
    report = json.loads((out / "report.json").read_text())
    assert report["complete"] is True
    assert report["seconds"] > 0
    assert report["network_evaluations"] == 0
    assert "residual" in report
    metrics = report["metrics"]
    assert metrics["reference"] == str(volume_file)
    assert len(metrics["axial"]["psnr"]) == 5
    assert len(metrics["coronal"]["ssim"]) == len(metrics["sagittal"]["psnr"]) == 32
    assert metrics["axial"]["psnr_mean"] > 18
    assert f"{metrics['axial']['psnr_mean']:.2f} dB" in result.stdout


def test_iterations_are_told_as_such(cli, measurement_file, tmp_path):
    words = ("--method", "cg", "--steps", 3, "--out", tmp_path / "out")
    result = cli("reconstruct", measurement_file, *words)
    assert result.exit_code == 0, result.output
    assert "32 voxels on cpu, 3 iterations, about" in result.stderr
    assert "iteration 3, residual" in result.stderr
    assert "nan" not in result.stderr
    assert "evaluations" not in result.stderr
    assert ": Least squares, " in result.stdout
    assert "sample" not in result.stdout
    assert "iterations" not in fbp(cli, measurement_file, tmp_path / "out").stderr


def test_written_recipe_gives_the_same_bits(cli, measurement_file, tiny_prior, tmp_path):
    from napari_padis.engine.recipe import Recipe

    words = ("--prior", tiny_prior, "--samples", 2, "--steps", 4, "--seed", 7, "--quiet")
    out = tmp_path / "out"
    result = cli("reconstruct", measurement_file, *words, "--slices", "1:3", "--out", out)
    assert result.exit_code == 0, result.output
    *_, last = engine.run(Recipe.load(out / "recipe.json"))
    np.testing.assert_array_equal(last.result.mean, read(out / "mean.nii.gz").array)


def test_recipe_repeats_the_run(cli, measurement_file, tmp_path):
    assert fbp(cli, measurement_file, tmp_path / "a", "--seed", 5, "--slices", "1:3").exit_code == 0
    recipe = json.loads((tmp_path / "a" / "recipe.json").read_text())
    assert recipe["method"] == "fbp"
    assert recipe["seed"] == 5
    assert recipe["slices"] == [1, 3]
    assert recipe["measurement"] == str(measurement_file)
    assert read(tmp_path / "a" / "mean.nii.gz").shape == (2, 32, 32)


def test_some_slices_against_the_whole_reference(cli, volume_file, measurement_file, tmp_path):
    result = fbp(
        cli, measurement_file, tmp_path / "a", "--slices", "2:4", "--reference", volume_file
    )
    assert result.exit_code == 0, result.output
    metrics = json.loads((tmp_path / "a" / "report.json").read_text())["metrics"]
    assert metrics["reference_slices"] == [2, 3]


def test_wrong_reference_is_told_before_the_work(cli, measurement_file, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "run", None)
    small = Volume(np.zeros((5, 16, 16), np.float32), spacing=(3, 2, 2), unit="HU")
    wrong = write(tmp_path / "small.nii.gz", small)
    result = fbp(cli, measurement_file, tmp_path / "a", "--reference", wrong)
    assert result.exit_code == 2
    assert "16 x 16" in result.stderr
    other = Volume(np.zeros((5, 32, 32), np.float32), spacing=(3, 2, 2))
    wrong = write(tmp_path / "unit.nii.gz", other)
    result = fbp(cli, measurement_file, tmp_path / "a", "--reference", wrong)
    assert result.exit_code == 2
    assert "arbitrary" in result.stderr
    assert "same unit" in result.stderr


def test_sampling_with_a_trained_prior(cli, volume_file, measurement_file, tiny_prior, tmp_path):
    words = ("--method", "padis-fast", "--prior", tiny_prior, "--samples", 2, "--steps", 2)
    out = tmp_path / "out"
    result = cli("reconstruct", measurement_file, *words, "--sigma-y", 0.01, "--out", out)
    assert result.exit_code == 0, result.output
    report = json.loads((out / "report.json").read_text())
    assert report["samples"] == 2
    assert report["image"] == "posterior mean"
    assert files_in(out) == IMAGE | SPREAD | SAMPLES
    assert f"{out}: posterior mean of 2 samples, " in result.stdout
    assert report["network_evaluations"] > 0
    assert np.isfinite(read(out / "std.nii.gz").array).all()
    recipe = json.loads((out / "recipe.json").read_text())
    assert recipe["sigma_y"] == 0.01
    assert recipe["samples"] == 2


def test_interrupt_keeps_the_partial_result(cli, measurement_file, tmp_path, monkeypatch):
    real = engine.run

    def interrupted(recipe, measurement, control, store):
        events = real(recipe, measurement, control, store)
        yield next(events)
        signal.raise_signal(signal.SIGINT)
        assert control.stopped
        yield from events

    monkeypatch.setattr(engine, "run", interrupted)
    before = signal.getsignal(signal.SIGINT)
    result = fbp(cli, measurement_file, tmp_path / "out")
    assert result.exit_code == 130
    assert "partial" in result.stdout
    assert files_in(tmp_path / "out") == IMAGE
    assert json.loads((tmp_path / "out" / "report.json").read_text())["complete"] is False
    assert signal.getsignal(signal.SIGINT) is before


def test_one_sample_has_no_spread_and_answers_nothing(
    cli, measurement_file, volume_file, tiny_prior, tmp_path
):
    out = tmp_path / "out"
    words = ("--method", "padis-calibrated", "--prior", tiny_prior, "--samples", 1, "--steps", 3)
    result = cli("reconstruct", measurement_file, *words, "--quiet", "--out", out)
    assert result.exit_code == 0, result.output
    assert files_in(out) == IMAGE | SAMPLES
    assert f"{out}: posterior sample, " in result.stdout
    report = json.loads((out / "report.json").read_text())
    assert (report["image"], report["samples"]) == ("posterior sample", 1)
    assert report["spread"] == "none: one sample only"
    asked = ("--regions", volume_file, "--exceeds", 0, "--out", tmp_path / "asked")
    result = cli("reconstruct", measurement_file, *words, "--quiet", *asked)
    assert result.exit_code == 2
    assert "over one sample" in result.stderr


def test_interrupt_before_the_first_sample(
    cli, measurement_file, tiny_prior, tmp_path, monkeypatch
):
    """Also over an older result, whose standard deviation must not stay."""
    real, stopped = engine.run, []

    def interrupted(recipe, measurement, control, store):
        for event in real(recipe, measurement, control, store):
            yield event
            if stopped and type(event).__name__ == stopped[0] and not control.stopped:
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(engine, "run", interrupted)
    out = tmp_path / "out"
    words = ("--prior", tiny_prior, "--samples", 2, "--steps", 3, "--quiet", "--out", out)
    assert cli("reconstruct", measurement_file, *words).exit_code == 0
    assert files_in(out) == IMAGE | SPREAD | SAMPLES
    for kind, title in (("Started", "FBP"), ("Statistics", "iterate (stopped)")):
        stopped[:] = [kind]
        result = cli("reconstruct", measurement_file, *words)
        assert result.exit_code == 130
        assert files_in(out) == IMAGE
        assert f"{out}: {title}, " in result.stdout
        report = json.loads((out / "report.json").read_text())
        assert (report["image"], report["samples_finished"]) == (title, 0)


def test_second_interrupt_discards(cli, measurement_file, tmp_path, monkeypatch):
    def interrupted(recipe, measurement, control, store):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        yield from ()

    monkeypatch.setattr(engine, "run", interrupted)
    assert fbp(cli, measurement_file, tmp_path / "out").exit_code == 130
    assert not any((tmp_path / "out").iterdir())


@pytest.mark.parametrize("bad", ["--samples=-1", "--steps=0", "--sigma-y=0", "--seed=-1"])
def test_impossible_settings(cli, measurement_file, tmp_path, bad):
    result = fbp(cli, measurement_file, tmp_path / "out", bad)
    assert result.exit_code == 2
    assert "Wrong settings" in result.stderr
