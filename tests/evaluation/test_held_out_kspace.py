"""The benchmark that predicts k-space samples which no method has seen."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import norm

from napari_padis.likelihood import CartesianMRI
from napari_padis.likelihood.coils import calibration_region
from napari_padis.likelihood.fourier import as_channels, as_complex
from napari_padis.likelihood.masks import sampling_mask
from napari_padis.scan.geometry import CartesianGeometry
from napari_padis.scan.measurement import Measurement

PATH = Path(__file__).parents[2] / "benchmarks" / "kspace.py"
SIDE, COILS, SIGMA = 48, 3, 0.1


@pytest.fixture(scope="module")
def kspace():
    spec = importlib.util.spec_from_file_location("kspace", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["kspace"] = module
    spec.loader.exec_module(module)
    return module


def complex_normal(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


@pytest.fixture(scope="module")
def scan():
    """An image, and k-space of three coils, whose maps change phases only, with noise of SIGMA."""
    rng = np.random.default_rng(3)
    y, x = np.meshgrid(*2 * [np.linspace(-1, 1, SIDE)], indexing="ij")
    maps = np.stack([np.exp(1j * (k + 0.5 * k * x - 0.2 * y)) for k in range(COILS)])
    image = complex_normal(rng, SIDE, SIDE)
    mask = sampling_mask((SIDE, SIDE), "poisson", 2, 12)
    geometry = CartesianGeometry(mask, COILS, maps[None].astype(np.complex64))
    exact = CartesianMRI(geometry).A(as_channels(torch.from_numpy(image.astype(np.complex64))))
    noise = SIGMA * complex_normal(rng, COILS, SIDE, SIDE) * mask
    data = (as_complex(exact).numpy() + noise).astype(np.complex64)
    return image, Measurement(data[None], geometry, unit="arbitrary")


def test_a_tenth_outside_the_centre_is_kept_back(kspace, scan):
    _, measurement = scan
    kept = kspace.keep_back(measurement, 0.1, 0)
    mask, rest = measurement.geometry.mask, kept.measurement
    centre = np.zeros_like(mask)
    centre[calibration_region(mask)] = True
    assert kept.mask.sum() == round(0.1 * (mask & ~centre).sum())
    assert not (kept.mask & (centre | ~mask | rest.geometry.mask)).any()
    np.testing.assert_array_equal(kept.mask | rest.geometry.mask, mask)
    assert not rest.data[0][:, kept.mask].any()
    np.testing.assert_array_equal(kept.values, measurement.data[0][:, kept.mask])
    assert (kspace.keep_back(measurement, 0.1, 1).mask != kept.mask).any()


def test_the_true_image_is_wrong_by_the_noise_and_none_by_everything(kspace, scan):
    image, measurement = scan
    kept = kspace.keep_back(measurement, 0.3, 0)
    true = kspace.errors(kept, image, SIGMA)
    for zone in ("noise", "near", "middle", "far"):
        assert true[zone] == pytest.approx(1, abs=0.1)
    assert kspace.errors(kept, 0 * image, SIGMA)["error"] == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("told", [1.0, 0.5])
def test_scores_say_whether_samples_spread_as_the_truth(kspace, scan, told):
    # Truth and samples are draws around one image, the samples with ``told`` times the spread;
    # as the maps have magnitude one, each part of a prediction has the spread of the image's.
    image, measurement = scan
    rng, spread, count = np.random.default_rng(4), 0.2, 6
    centre = image - spread * complex_normal(rng, SIDE, SIDE)
    samples = np.stack(
        [centre + told * spread * complex_normal(rng, SIDE, SIDE) for _ in range(count)]
    )
    made = spread**2 * (1 + told**2 / count) + SIGMA**2
    said = (told * spread) ** 2 * (1 + 1 / count) + SIGMA**2
    score = np.sqrt(made / said)
    kept = kspace.keep_back(measurement, 0.5, 0)
    found = kspace.scores(kept, samples, SIGMA)
    assert found.shape == (COILS, kept.mask.sum(), 2)
    assert kspace.root_mean_square(found) == pytest.approx(score, rel=0.06)
    share = 1 - 2 * norm.sf(norm.isf(0.05) / score)
    assert kspace.within(found) == pytest.approx(share, abs=0.03)


def test_a_run_is_taken_up_and_drawn(kspace, scan, tmp_path, monkeypatch, capsys):
    _, measurement = scan
    path = tmp_path / "k.npz"
    np.savez(path, ksp=measurement.data[0])
    picture = tmp_path / "k.png"
    arguments = ["--methods", "cg", "--out", str(tmp_path / "out"), "--picture", str(picture)]
    monkeypatch.setattr(sys, "argv", ["kspace", str(path), *arguments])
    kspace.main()
    first = capsys.readouterr().out
    assert picture.exists()
    kspace.main()
    assert capsys.readouterr().out == first
