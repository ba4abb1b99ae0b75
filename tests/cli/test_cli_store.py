"""Samples in a store, and questions about regions, on the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_padis.scan.volume import Volume
from napari_padis.scan.write import write


@pytest.fixture
def measurement_file(small_measurement, tmp_path):
    return write(tmp_path / "y.h5", small_measurement)


@pytest.fixture
def regions_file(small_measurement, small_volume, tmp_path):
    labels = (small_volume.array > 0).astype(np.float32) + (small_volume.array > 300)
    volume = Volume(labels, small_volume.spacing, "arbitrary", small_measurement.affine)
    return write(tmp_path / "regions.nii.gz", volume)


@pytest.fixture
def reconstruct(cli, measurement_file, tiny_prior, tmp_path):
    def call(*more, method="padis-calibrated", samples=3):
        arguments = ["reconstruct", measurement_file, "--out", tmp_path / "out", "--quiet"]
        arguments += ["--method", method, "--prior", tiny_prior, "--steps", 4, "--device", "cpu"]
        return cli(*arguments, "--samples", samples, *more)

    return call


def test_store_keeps_the_samples_and_is_taken_up(reconstruct, tmp_path):
    store = ("--store", tmp_path / "store", "--chains", 2)
    assert reconstruct(*store).exit_code == 0
    assert (tmp_path / "store" / "samples.zarr").is_dir()
    assert not (tmp_path / "out" / "samples.nii.gz").exists()
    mean = (tmp_path / "out" / "mean.nii.gz").read_bytes()
    again = reconstruct(*store)
    assert "3 of 3 samples are in the store already" in again.output
    assert (tmp_path / "out" / "mean.nii.gz").read_bytes() == mean
    other = reconstruct(*store, "--seed", 1)
    assert other.exit_code != 0
    assert "another run" in other.output


def test_regions_are_answered_in_the_report(reconstruct, regions_file, tmp_path):
    result = reconstruct("--regions", regions_file, "--exceeds", 0, "--slices", "1:3")
    assert result.exit_code == 0, result.output
    answers = json.loads((tmp_path / "out" / "report.json").read_text())["regions"]
    assert [a["region"] for a in answers] == [1, 2]
    for answer in answers:
        assert answer["samples"] == 3
        assert answer["low"] <= answer["probability"] <= answer["high"]
        assert answer["probability"] in (0, pytest.approx(1 / 3), pytest.approx(2 / 3), 1)


@pytest.mark.parametrize(
    ("arguments", "method", "message"),
    [
        (["--exceeds", "0"], "padis-calibrated", "both --regions and --exceeds"),
        (["--regions", "REGIONS"], "padis-calibrated", "both --regions and --exceeds"),
        (["--regions", "REGIONS", "--exceeds", "0"], "padis-fast", "not independent"),
        (["--regions", "DATA", "--exceeds", "0"], "padis-calibrated", "volume of labels"),
    ],
)
def test_wrong_questions_are_named_before_the_run(
    reconstruct, regions_file, measurement_file, tmp_path, arguments, method, message
):
    places = {"REGIONS": regions_file, "DATA": measurement_file}
    result = reconstruct(*(places.get(a, a) for a in arguments), method=method)
    assert result.exit_code != 0
    assert message in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()
