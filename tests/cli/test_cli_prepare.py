"""``napari-padis prepare``: options in, a measurement that can be reconstructed out."""

import h5py
import numpy as np
import pytest
import scipy.io

from napari_padis.scan.preparation import Preparation
from napari_padis.scan.read import read

DEGREES = np.arange(0, 180, 3.0)
CENTRE, BINS = 28.0, 64


def sinogram(degrees=DEGREES):
    """Line integrals (views, bins) of a disc with a smaller one at its side."""
    angles = np.deg2rad(degrees)[:, None]
    s = np.arange(BINS) - CENTRE
    total = np.zeros((len(degrees), BINS))
    for x, y, radius, mu in ((0, 0, 18, 0.03), (8, 5, 4, 0.03)):
        at = x * np.cos(angles) + y * np.sin(angles)
        total += 2 * mu * np.sqrt(np.maximum(0, radius**2 - (s - at) ** 2))
    return total


@pytest.fixture
def beamline(tmp_path):
    rng = np.random.default_rng(0)
    light = np.exp(-sinogram())[:, None].repeat(3, axis=1)
    path = tmp_path / "scan.h5"
    with h5py.File(path, "w") as file:
        file["exchange/data"] = rng.poisson(20_000 * light) + 50.0
        file["exchange/data_white"] = rng.poisson(20_000, (10, 3, BINS)) + 50.0
        file["exchange/data_dark"] = np.full((2, 3, BINS), 50.0)
        file["exchange/theta"] = DEGREES
    return path


def test_beamline_scan_to_reconstruction(cli, beamline, tmp_path):
    out = tmp_path / "y.h5"
    result = cli("prepare", beamline, "--out", out, "--rows", "1:3", "--pitch", "0.5")
    assert result.exit_code == 0, result.output
    assert "Rotation axis found at bin" in result.output
    found = read(out)
    assert found.data.shape == (2, 60, BINS)
    assert np.abs(found.data - sinogram()).mean() < 0.01
    assert (found.noise.kind, found.unit) == ("poisson", "1/mm")
    assert found.geometry.shift == pytest.approx((31.5 - CENTRE) * 0.5, abs=0.1)
    result = cli("reconstruct", out, "--method", "fbp", "--out", tmp_path / "r", "--quiet")
    assert result.exit_code == 0, result.output
    image = read(tmp_path / "r" / "mean.nii.gz").array[0]
    # The large disc has 0.03 per bin of half a millimetre; both are on the axis' side.
    assert np.median(image[26:30, 24:28]) == pytest.approx(0.06, rel=0.1)
    assert image[31 + 5, 31 + 8] == pytest.approx(0.12, rel=0.2)


def test_choice_of_views_bins_and_corrections(cli, beamline, tmp_path):
    out = tmp_path / "y.h5"
    words = ("--every", 2, "--arc", "30:90", "--binning", 2, "--no-rings", "--centre", CENTRE)
    result = cli("prepare", beamline, "--out", out, *words, "--row-binning", 3, "--image-side", 20)
    assert result.exit_code == 0, result.output
    found = read(out)
    assert found.data.shape == (1, 15, 32)
    np.testing.assert_allclose(np.rad2deg(found.geometry.angles), np.arange(30, 120, 6))
    assert found.geometry.image_shape == (20, 20)
    assert found.geometry.shift == pytest.approx((31.5 - CENTRE) * 1)
    assert "Stripes" not in result.output


def test_options_supply_what_the_file_does_not_say(cli, tmp_path):
    scipy.io.savemat(tmp_path / "s.mat", {"sino": sinogram()})
    out = tmp_path / "y.h5"
    result = cli("prepare", tmp_path / "s.mat", "--out", out, "--views-axis", 1)
    assert result.exit_code == 2
    assert "--beam parallel" in result.output
    assert "--angles-range" in result.output
    words = ("--beam", "fan", "--angles-range", "0:360", "--views-axis", 1)
    result = cli("prepare", tmp_path / "s.mat", "--out", out, *words)
    assert result.exit_code == 2
    for option in ("--pitch MM", "--source-origin MM", "--source-detector MM"):
        assert option in result.output
    assert not out.exists()
    words = ("--pitch", 0.4, "--source-origin", 100, "--source-detector", 150, *words)
    result = cli("prepare", tmp_path / "s.mat", "--out", out, "--centre", CENTRE, *words)
    assert result.exit_code == 0, result.output
    found = read(out)
    assert found.geometry.kind == "fan"
    assert found.data.shape == (1, 60, BINS)


def test_angles_flats_and_darks_in_files(cli, tmp_path):
    counts = 5000 * np.exp(-sinogram())[:, None] + 20
    np.save(tmp_path / "scan.npy", counts)
    np.save(tmp_path / "white.npy", np.full((3, 1, BINS), 5020.0))
    np.save(tmp_path / "dark.npy", np.full((3, 1, BINS), 20.0))
    (tmp_path / "theta.txt").write_text("\n".join(map(str, DEGREES)))
    words = ("--angles", tmp_path / "theta.txt", "--flats", tmp_path / "white.npy", "--darks",
             tmp_path / "dark.npy", "--beam", "parallel", "--no-rings")  # fmt: skip
    result = cli("prepare", tmp_path / "scan.npy", "--out", tmp_path / "y.h5", *words)
    assert result.exit_code == 0, result.output
    np.testing.assert_allclose(read(tmp_path / "y.h5").data[0], sinogram(), atol=1e-4)


def test_settings_file_with_options_on_top(cli, beamline, tmp_path):
    settings = tmp_path / "p.json"
    Preparation(every=3, binning=2, centre=CENTRE).save(settings)
    result = cli("prepare", beamline, "--out", tmp_path / "y.h5", "--settings", settings,
                 "--binning", 4)  # fmt: skip
    assert result.exit_code == 0, result.output
    assert read(tmp_path / "y.h5").data.shape == (3, 20, 16)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--arc", "30"), "--arc must be given as A:B"),
        (("--arc", "300:9"), "No view is left"),
        (("--rows", "7:9"), "there are 3 rows"),
        (("--rows", "x"), "Wrong settings"),
        (("--every", "0"), "Wrong settings"),
        (("--centre", "left"), "--centre must be"),
        (("--centre", "99"), "outside the detector"),
        (("--beam", "cone"), "Wrong settings"),
        (("--angles-range", "0"), "--angles-range must be"),
        (("--angles", "none.txt"), "does not exist"),
        (("--binning", "100"), "cannot be averaged"),
        (("--views-axis", "4"), "must be 1, 2 or 3"),
    ],
)
def test_wrong_options_in_one_sentence(cli, beamline, tmp_path, words, said):
    out = tmp_path / "y.h5"
    result = cli("prepare", beamline, "--out", out, *words)
    assert result.exit_code == 2, result.output
    assert said in result.output
    assert result.output.count("napari-padis:") == 1
    assert not out.exists()


def test_volumes_and_measurements_are_no_projections(cli, volume_file, measurement_file, tmp_path):
    for file in (volume_file, measurement_file):
        result = cli("prepare", file, "--out", tmp_path / "x.h5")
        assert result.exit_code == 2
        assert "projections come as" in result.output


def shapes(size):
    """A disc with a bar and a hole, and the line integrals through it, both from a function."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return (
        0.02 * (x**2 + y**2 < 56**2)
        + 0.015 * ((x > -25) & (x < 15) & (y > 25) & (y < 33))
        - (0.02 * ((x > 10) & (x < 35) & (y > -35) & (y < -12)))
    )


def test_half_acquisition_to_the_whole_picture(cli, tmp_path):
    """A detector of 72 bins with the axis at bin 7.5 sees a disc of 128 in a full turn."""
    from scipy.ndimage import map_coordinates

    truth, angles = shapes(128), np.deg2rad(np.arange(0, 360, 1.0))
    s, t = (np.arange(72) - 7.5)[:, None], np.arange(-64, 64, 0.5)[None, :]
    rows = []
    for a in angles:
        x, y = s * np.cos(a) - t * np.sin(a), s * np.sin(a) + t * np.cos(a)
        rows.append(map_coordinates(truth, [y + 63.5, x + 63.5], order=1).sum(axis=1) / 2)
    np.savez(tmp_path / "half.npz", sinogram=np.array(rows, np.float32), angles=angles)
    out = tmp_path / "y.h5"
    result = cli("prepare", tmp_path / "half.npz", "--beam", "parallel", "--out", out)
    assert result.exit_code == 0, result.output
    found = read(out)
    assert found.geometry.shift == pytest.approx(35.5 - 7.5, abs=0.2)
    assert found.geometry.image_shape == (128, 128)
    result = cli("reconstruct", out, "--method", "fbp", "--out", tmp_path / "r", "--quiet")
    assert result.exit_code == 0, result.output
    image = read(tmp_path / "r" / "mean.nii.gz").array[0]
    y, x = np.mgrid[:128, :128] - 63.5
    inside = x**2 + y**2 < 63**2
    assert np.corrcoef(image[inside], truth[inside])[0, 1] > 0.96
    assert np.abs(image - truth)[inside].mean() < 0.001


def test_an_axis_that_is_not_clear_is_asked_for(cli, tmp_path):
    np.savez(tmp_path / "flat.npz", sinogram=np.ones((90, 64)), angles=np.arange(0, 360, 4.0))
    words = ("prepare", tmp_path / "flat.npz", "--beam", "parallel", "--out", tmp_path / "y.h5")
    result = cli(*words, "--no-log", "--no-rings")
    assert result.exit_code == 2
    assert "--centre BIN" in result.output
    assert not (tmp_path / "y.h5").exists()
    result = cli(*words, "--no-log", "--no-rings", "--centre", "middle")
    assert result.exit_code == 0, result.output
    assert read(tmp_path / "y.h5").geometry.shift == 0


def test_unit_of_angles_can_be_said(cli, tmp_path):
    (tmp_path / "theta_rad.txt").write_text("\n".join(map(str, DEGREES + 0.5)))
    np.save(tmp_path / "scan.npy", sinogram()[:, None])
    words = ("prepare", tmp_path / "scan.npy", "--beam", "parallel", "--out", tmp_path / "y.h5",
             "--centre", CENTRE, "--angles", tmp_path / "theta_rad.txt")  # fmt: skip
    result = cli(*words)
    assert result.exit_code == 0, result.output
    assert "contradict" in result.output
    np.testing.assert_allclose(np.rad2deg(read(tmp_path / "y.h5").geometry.angles), DEGREES + 0.5)
    result = cli(*words, "--angle-unit", "radians")
    assert result.exit_code == 0, result.output
    np.testing.assert_allclose(read(tmp_path / "y.h5").geometry.angles, DEGREES + 0.5)
    assert cli(*words, "--angle-unit", "furlongs").exit_code == 2
