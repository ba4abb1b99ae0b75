"""The unit that no file states: asked for, stated by ``--unit``, never guessed in silence."""

import json

import nibabel as nib
import numpy as np
import pytest

from napari_padis.scan.read import read

ROWS, COLUMNS = np.mgrid[-1:1:32j, -1:1:32j]


def save(tmp_path, array, name="case.nii.gz"):
    nib.save(nib.Nifti1Image(np.asarray(array), np.diag([-2.0, -2, 3, 1])), tmp_path / name)
    return tmp_path / name


def crop(lost=0):
    """CT cut down to soft tissue."""
    image = np.where(np.hypot(ROWS, COLUMNS) < 0.9, 40, -120)
    image = np.where(np.hypot(ROWS - 0.2, COLUMNS) < 0.2, 300, image) + lost
    return np.repeat(image[..., None], 3, axis=2).astype(np.int16)


def ct(padding):
    image = np.where(np.hypot(ROWS, COLUMNS) < 0.7, 40, -1000)
    image = np.where(np.hypot(ROWS, COLUMNS) < 1.05, image, padding)
    return np.repeat(image[..., None], 3, axis=2).astype(np.int16)


def facts(cli, path, *words):
    result = cli("read", path, "--json", *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def simulate(cli, path, out, *words):
    return cli("simulate", path, "--views", 8, "--detectors", 32, "--out", out, *words)


@pytest.mark.parametrize("padding", [-32768, -8192, -3024, -1500])
def test_padding_is_never_projected(cli, tmp_path, padding):
    path = save(tmp_path, ct(padding))
    found = facts(cli, path)
    assert (found["unit"], found["range"]) == ("HU", [-1000, 40])
    assert str(padding) in " ".join(found["notes"])
    result = simulate(cli, path, tmp_path / "y.h5", "--photons", 1e5)
    assert result.exit_code == 0, result.output
    simulate(cli, save(tmp_path, ct(-1000), "clean.nii"), tmp_path / "c.h5", "--photons", 1e5)
    data, clean = read(tmp_path / "y.h5"), read(tmp_path / "c.h5")
    np.testing.assert_allclose(data.data, clean.data)
    assert data.noise.sigma == pytest.approx(clean.noise.sigma)


def test_a_crop_asks_for_its_unit_and_takes_it(cli, tmp_path):
    path, out = save(tmp_path, crop()), tmp_path / "y.h5"
    assert facts(cli, path)["unit"] == "arbitrary"
    result = simulate(cli, path, out, "--photons", 1e5)
    assert result.exit_code == 2
    assert "-120 to 300" in result.stderr
    assert "--unit" in result.stderr
    assert not out.exists()

    found = facts(cli, path, "--unit", "Hounsfield")
    assert found["unit"] == "HU"
    assert found["range"] == [-120, 300]
    assert "stated by the user" in found["notes"][-1]
    result = simulate(cli, path, out, "--photons", 1e5, "--unit", "hu")
    assert result.exit_code == 0, result.output
    measured = read(out)
    assert measured.unit == "HU"
    assert np.isfinite(measured.noise.sigma)


def test_a_lost_intercept_can_be_stated(cli, tmp_path):
    path = save(tmp_path, ct(-1000) + 1024)
    result = simulate(cli, path, tmp_path / "y.h5")
    assert result.exit_code == 2
    assert "1024 or 1000 added" in result.stderr
    assert facts(cli, path, "--unit", "HU+1024")["range"] == [-1000, 40]
    path = save(tmp_path, crop(1024))
    assert simulate(cli, path, tmp_path / "y.h5").exit_code == 2
    assert facts(cli, path, "--unit", "HU+1024")["range"] == [-120, 300]


def test_phase_is_not_projected_whatever_its_unit(cli, tmp_path):
    path = save(tmp_path, np.linspace(-4096, 4092, 3072).astype(np.int16).reshape(32, 32, 3))
    assert facts(cli, path)["unit"] == "arbitrary"
    for words in ((), ("--unit", "HU"), ("--unit", "1/mm"), ("--unit", "arbitrary")):
        result = simulate(cli, path, tmp_path / "y.h5", "--photons", 1e5, *words)
        assert result.exit_code == 2, words
        assert "--unit" in result.stderr
    for forward in ("cartesian", "blur"):
        out = tmp_path / f"{forward}.h5"
        assert cli("simulate", path, "--forward", forward, "--out", out).exit_code == 0


def test_units_are_converted(cli, tmp_path):
    image = 0.193 * (1 + crop() / 1000.0)
    path = save(tmp_path, image.astype(np.float32))
    for words in (("--unit", "1/cm"), ("--unit", "cm^-1")):
        assert facts(cli, path, *words)["unit"] == "1/mm"
        assert facts(cli, path, *words)["range"][1] == pytest.approx(0.0193 * 1.3, rel=1e-5)
    simulate(cli, path, tmp_path / "a.h5", "--unit", "1/cm")
    simulate(cli, path, tmp_path / "b.h5", "--unit", "1/mm")
    a, b = read(tmp_path / "a.h5"), read(tmp_path / "b.h5")
    np.testing.assert_allclose(10 * a.data, b.data, rtol=1e-5)


def test_values_without_a_unit_that_could_be_attenuation_are_told_once(cli, tmp_path):
    path = save(tmp_path, (0.02 * (crop() > 0)).astype(np.float32))
    result = simulate(cli, path, tmp_path / "y.h5")
    assert result.exit_code == 0, result.output
    assert result.stderr.count("no physical unit") == 1
    assert "Note:" in result.stderr
    result = simulate(cli, path, tmp_path / "y.h5", "--unit", "1/mm")
    assert "Note" not in result.stderr


def test_an_unknown_unit_or_none_to_give_is_said(cli, tmp_path):
    path = save(tmp_path, crop())
    for words in (("read", path), ("simulate", path, "--out", tmp_path / "y.h5")):
        result = cli(*words, "--unit", "stones")
        assert result.exit_code == 2
        assert "'stones' is no intensity unit" in result.stderr
    simulate(cli, path, tmp_path / "y.h5", "--unit", "HU")
    result = cli("read", tmp_path / "y.h5", "--unit", "HU")
    assert result.exit_code == 2
    assert "Only a volume" in result.stderr


def test_the_unit_of_a_reference_can_be_stated(cli, tmp_path):
    path, out = save(tmp_path, crop()), tmp_path / "y.h5"
    simulate(cli, path, out, "--unit", "HU")
    fbp = ("reconstruct", out, "--method", "fbp", "--out", tmp_path / "result", "--quiet")
    result = cli(*fbp, "--reference", path)
    assert result.exit_code == 2
    assert "arbitrary" in result.stderr
    result = cli(*fbp, "--unit", "HU")
    assert result.exit_code == 2
    assert "--reference" in result.stderr
    result = cli(*fbp, "--reference", path, "--unit", "HU")
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "result" / "report.json").read_text())
    assert report["metrics"]["window_unit"] == "HU"


def test_what_is_not_known_of_a_volume_is_told_when_it_is_simulated(cli, tmp_path):
    """An assumed orientation, a second series of the folder: the measurement keeps the words."""
    path = tmp_path / "case.nii"
    image = nib.Nifti1Image(ct(-2048), None)
    image.header.set_zooms((2, 2, 3))
    nib.save(image, path)
    result = simulate(cli, path, tmp_path / "y.h5")
    assert result.exit_code == 0, result.output
    for words in ("has no orientation", "taken as Hounsfield units", "are padding"):
        assert result.stderr.count(words) == 1
        assert any(words in n for n in read(tmp_path / "y.h5").provenance["volume_notes"])
