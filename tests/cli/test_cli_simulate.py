import numpy as np
import pytest

from napari_padis.scan.read import read


def simulate(cli, volume_file, out, *words):
    result = cli("simulate", volume_file, "--views", 12, "--detectors", 48, "--out", out, *words)
    assert result.exit_code == 0, result.output
    return read(out)


def test_shape_geometry_and_unit(cli, volume_file, tmp_path):
    found = simulate(cli, volume_file, tmp_path / "y.h5")
    assert found.data.shape == (5, 12, 48)
    assert found.unit == "HU"
    assert found.volume_shape == (5, 32, 32)
    assert found.spacing == pytest.approx((3, 2, 2))
    assert found.noise.kind == "none"
    assert found.geometry.detector_pitch * 48 == pytest.approx(2 * 32 * 2)


def test_slices_are_those_of_the_volume(cli, volume_file, tmp_path):
    every = simulate(cli, volume_file, tmp_path / "all.h5")
    some = simulate(cli, volume_file, tmp_path / "some.h5", "--slices", "1:4")
    spread = simulate(cli, volume_file, tmp_path / "spread.h5", "--slices", "0:5:2")
    np.testing.assert_array_equal(some.data, every.data[1:4])
    np.testing.assert_array_equal(spread.data, every.data[::2])
    assert some.affine[2, 3] == pytest.approx(3.0)
    assert spread.spacing[0] == pytest.approx(6.0)


def test_gaussian_noise_has_the_asked_level(cli, volume_file, tmp_path):
    clean = simulate(cli, volume_file, tmp_path / "clean.h5").data
    noisy = simulate(cli, volume_file, tmp_path / "noisy.h5", "--sigma", 0.05, "--seed", 3)
    assert noisy.noise.sigma == pytest.approx(0.05)
    assert np.std(noisy.data - clean) == pytest.approx(0.05, rel=0.1)
    share = simulate(cli, volume_file, tmp_path / "share.h5", "--sigma-relative", 0.01)
    rms = np.sqrt(np.mean(clean.astype(float) ** 2))
    assert share.noise.sigma == pytest.approx(0.01 * rms, rel=1e-4)
    assert np.std(share.data - clean) == pytest.approx(0.01 * rms, rel=0.1)


def test_poisson_noise_and_seed(cli, volume_file, tmp_path):
    words = ("--photons", 1e4, "--electronic", 5)
    one = simulate(cli, volume_file, tmp_path / "1.h5", *words, "--seed", 1)
    same = simulate(cli, volume_file, tmp_path / "2.h5", *words, "--seed", 1)
    other = simulate(cli, volume_file, tmp_path / "3.h5", *words, "--seed", 2)
    assert (one.noise.kind, one.noise.photons, one.noise.electronic) == ("poisson", 1e4, 5)
    np.testing.assert_array_equal(one.data, same.data)
    assert not np.array_equal(one.data, other.data)
