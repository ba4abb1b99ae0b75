"""NIfTI in and out."""

import nibabel as nib
import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.scan.nifti import read_nifti
from napari_padis.scan.orientation import reorient
from napari_padis.scan.read import read, read_all
from napari_padis.scan.volume import Volume, sar_affine
from napari_padis.scan.write import write, write_samples


def turned(phantom, codes, spacing=(2.5, 1.5, 0.5)):
    affine = sar_affine(spacing)
    affine[:3, 3] = 4, -9, 30
    return reorient(phantom, affine, codes)


@pytest.mark.parametrize("codes", ["LPS", "RAS", "PIR", "SAR", "IRP"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_any_orientation_reads_to_the_same_array_and_back(tmp_path, phantom, codes, suffix):
    array, affine = turned(phantom, codes)
    path = tmp_path / f"scan{suffix}"
    nib.save(nib.Nifti1Image(array, affine), path)
    volume = read(path)
    np.testing.assert_array_equal(volume.array, phantom)
    assert volume.array.dtype == np.int16
    assert volume.spacing == pytest.approx((2.5, 1.5, 0.5))
    assert (volume.unit, volume.name) == ("HU", "scan")
    written = nib.load(write(tmp_path / f"copy{suffix}", volume))
    np.testing.assert_allclose(written.affine, affine, atol=1e-5)
    np.testing.assert_array_equal(written.dataobj, array)
    assert written.get_data_dtype() == np.int16
    assert read(tmp_path / f"copy{suffix}").notes == ()


def test_oblique_keeps_true_affine_and_says_so(tmp_path, phantom):
    c, s = np.cos(0.3), np.sin(0.3)
    turn = np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    array, affine = turned(phantom, "LPS")
    nib.save(nib.Nifti1Image(array, turn @ affine), tmp_path / "a.nii")
    volume = read(tmp_path / "a.nii")
    np.testing.assert_array_equal(volume.array, phantom)
    assert volume.spacing == pytest.approx((2.5, 1.5, 0.5), abs=1e-5)
    np.testing.assert_allclose(volume.affine, turn @ turned(phantom, "SAR")[1], atol=1e-5)
    assert any("oblique by 17 degrees" in note for note in volume.notes)
    write(tmp_path / "b.nii", volume)
    np.testing.assert_allclose(nib.load(tmp_path / "b.nii").affine, turn @ affine, atol=1e-5)


def codes_of(image):
    return int(image.header["sform_code"]), int(image.header["qform_code"])


@pytest.mark.parametrize("code", range(6))
def test_the_frame_of_coordinates_is_kept(tmp_path, phantom, code):
    array, affine = turned(phantom, "LPS")
    image = nib.Nifti1Image(array, None)
    image.set_sform(affine, code)
    image.set_qform(affine, code)
    nib.save(image, tmp_path / "a.nii")
    volume = read(tmp_path / "a.nii")
    assert volume.space == nib.nifti1.xform_codes.label[code]
    written = nib.load(write(tmp_path / "b.nii", volume))
    assert codes_of(written) == (code, code)
    assert written.header.get_zooms() == pytest.approx((0.5, 1.5, 2.5))
    again = read(tmp_path / "b.nii")
    assert again.space == volume.space
    np.testing.assert_array_equal(again.array, volume.array)
    np.testing.assert_allclose(again.affine, volume.affine)


def test_qform_counts_where_there_is_no_sform(tmp_path, phantom):
    array, affine = turned(phantom, "RAS")
    image = nib.Nifti1Image(array, None)
    image.set_qform(affine, 2)
    image.header["sform_code"] = 0
    nib.save(image, tmp_path / "a.nii")
    volume = read(tmp_path / "a.nii")
    assert volume.space == "aligned"
    np.testing.assert_allclose(volume.affine, turned(phantom, "SAR")[1], atol=1e-5)


def test_an_unknown_position_is_not_written_as_one_of_the_scanner(tmp_path, phantom):
    """Other programs then find the spacing, and the sides where they assume them."""
    affine = turned(phantom, "SAR")[1]
    volume = Volume(phantom, (2.5, 1.5, 0.5), affine=affine, metadata={"orientation": "RPI"})
    image = nib.load(write(tmp_path / "a.nii.gz", volume))
    assert codes_of(image) == (0, 0)
    assert image.header.get_zooms() == pytest.approx((0.5, 1.5, 2.5))
    seen, placed = reorient(np.asarray(image.dataobj), image.affine, "SAR")
    np.testing.assert_array_equal(seen, phantom)
    assert not np.allclose(placed, affine)  # nibabel centres the volume instead
    np.testing.assert_allclose(read(tmp_path / "a.nii.gz").affine, affine)
    image.header["srow_x"] = 0  # as a program does that drops what has no code
    nib.save(image, tmp_path / "b.nii")
    np.testing.assert_allclose(read(tmp_path / "b.nii").affine, placed)


def test_volume_of_the_scanner_that_was_never_a_file_is_written_ras(tmp_path, phantom):
    volume = Volume(phantom.astype(np.float64), spacing=(3, 2, 1), unit="1/mm", space="scanner")
    image = nib.load(write(tmp_path / "a.nii.gz", volume))
    assert nib.aff2axcodes(image.affine) == ("R", "A", "S")
    assert codes_of(image) == (1, 1)
    assert image.get_data_dtype() == np.float32
    back = read(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(back.array, phantom)
    np.testing.assert_allclose(back.affine, volume.affine)
    assert back.unit == "1/mm"


@pytest.mark.parametrize(
    ("slope", "inter", "dtype"), [(1, -1024, np.int16), (2, 0, np.int16), (0.5, 3, np.float32)]
)
def test_scaling_is_applied_and_whole_numbers_stay_whole(tmp_path, slope, inter, dtype):
    stored = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    image = nib.Nifti1Image(stored, np.eye(4))
    path = tmp_path / "a.nii"
    nib.save(image, path)
    raw = bytearray(path.read_bytes())
    raw[112:120] = np.array([slope, inter], "<f4").tobytes()  # scl_slope, scl_inter
    path.write_bytes(raw)
    (volume,) = read_nifti(path)
    assert volume.array.dtype == dtype
    np.testing.assert_array_equal(volume.array, (stored * slope + inter).transpose(2, 1, 0))


def test_two_dimensions_become_one_slice(tmp_path):
    flat = np.arange(12, dtype=np.float32).reshape(3, 4)
    nib.save(nib.Nifti1Image(flat, np.diag([2, 3, 1, 1])), tmp_path / "a.nii")
    volume = read(tmp_path / "a.nii")
    assert volume.shape == (1, 4, 3)
    assert volume.spacing == (1, 3, 2)
    np.testing.assert_array_equal(volume.array[0], flat.T)


def test_lengths_in_metres_become_millimetres(tmp_path):
    image = nib.Nifti1Image(np.ones((2, 2, 2), np.uint8), np.diag([0.001, 0.002, 0.003, 1]))
    image.header.set_xyzt_units("meter")
    nib.save(image, tmp_path / "a.nii")
    assert read(tmp_path / "a.nii").spacing == pytest.approx((3, 2, 1), rel=1e-5)


def test_missing_orientation_is_said(tmp_path):
    image = nib.Nifti1Image(np.ones((2, 2, 2), np.uint8), None)
    image.header["qform_code"] = image.header["sform_code"] = 0
    nib.save(image, tmp_path / "a.nii")
    assert any("no orientation" in note for note in read(tmp_path / "a.nii").notes)


def test_samples_are_four_dimensional_and_read_back(tmp_path, rng):
    samples = rng.normal(size=(3, 4, 5, 6)).astype(np.float32)
    affine = sar_affine((3, 2, 1))
    path = write_samples(tmp_path / "samples.nii.gz", samples, affine, unit="HU", space="aligned")
    assert nib.load(path).shape == (6, 5, 4, 3)
    volumes = read_all(path)
    assert [v.space for v in volumes] == ["aligned"] * 3
    assert [v.name for v in volumes] == ["samples 1", "samples 2", "samples 3"]
    np.testing.assert_array_equal([v.array for v in volumes], samples)
    np.testing.assert_allclose(volumes[0].affine, affine)
    first = read(path)
    np.testing.assert_array_equal(first.array, samples[0])
    assert first.notes[-1] == "Also there and not read: 'samples 2', 'samples 3'."
    with pytest.raises(InputError, match="axes"):
        write_samples(path, samples[0], affine)
