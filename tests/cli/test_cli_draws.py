"""Several draws of each chain on the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_padis.scan.volume import Volume
from napari_padis.scan.write import write


@pytest.fixture
def reconstruct(cli, small_measurement, tiny_prior, tmp_path):
    path = write(tmp_path / "y.h5", small_measurement)

    def call(*more):
        arguments = ["reconstruct", path, "--out", tmp_path / "out", "--prior", tiny_prior]
        arguments += ["--method", "split-gibbs", "--samples", 2, "--steps", 4, "--device", "cpu"]
        return cli(*arguments, "--slices", "1:2", "--option", "inner=2", *more)

    return call


def test_draws_are_announced_counted_and_reported(
    reconstruct, small_volume, small_measurement, tmp_path
):
    body = Volume(
        (small_volume.array > 0).astype(np.float32),
        small_volume.spacing,
        "arbitrary",
        small_measurement.affine,
    )
    regions = write(tmp_path / "regions.nii.gz", body)
    asked = ("--regions", regions, "--exceeds", 0)
    result = reconstruct("--option", "draws=8", "--option", "apart=2", *asked)
    assert result.exit_code == 0, result.output
    words = " ".join(result.output.split())
    assert "32 network evaluations a chain of 8 draws" in words  # 4, and 7 times 2 x 2
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["network_evaluations"] == 32
    assert report["draws_per_chain"] == 8
    assert f"{report['samples']} samples of 2 chains (worth" in words
    assert ("Note: The chains have not mixed" in words) == (report["r_hat"] > 1.05)
    # Regions are answered by what the samples are worth, not by how many there are.
    (answer,) = report["regions"]
    assert answer["samples"] == min(report["samples"], report["effective_samples"])
    recipe = json.loads((tmp_path / "out" / "recipe.json").read_text())
    assert recipe["options"] == {"inner": 2, "draws": 8, "apart": 2}


def test_too_few_draws_are_refused_before_the_run(reconstruct, tmp_path):
    result = reconstruct("--option", "draws=3")
    assert result.exit_code != 0
    assert "must be 1, or at least 8" in " ".join(result.output.split())
