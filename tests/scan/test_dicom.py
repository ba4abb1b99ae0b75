"""DICOM series synthesised with pydicom."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from napari_padis.errors import InputError
from napari_padis.scan.read import read, read_all


def axial(phantom):
    """The (S, A, R)+ phantom as axial DICOM images: rows to the back, columns to the left."""
    return phantom[:, ::-1, ::-1]


def test_shuffled_series_reads_to_the_phantom_in_hu(tmp_path, phantom, write_series):
    write_series(tmp_path / "ct", axial(phantom), order=[3, 0, 4, 1, 2])
    volume = read(tmp_path / "ct")
    np.testing.assert_array_equal(volume.array, phantom)
    assert volume.array.dtype == np.int16
    assert (volume.unit, volume.notes) == ("HU", ())
    assert volume.spacing == pytest.approx((2.5, 0.9, 0.7))
    # DICOM's first pixel, at LPS (-20, -30, 5), is the last in A and R.
    np.testing.assert_allclose(volume.affine @ [0, 7, 10, 1], [20, 30, 5, 1], atol=1e-5)
    assert volume.metadata["Modality"] == "CT"
    assert "PatientName" not in volume.metadata


def test_coronal_and_sagittal_series_read_to_the_phantom(tmp_path, phantom, write_series):
    coronal = phantom[::-1, :, ::-1].transpose(1, 0, 2)  # slices to the front
    # Rows to the feet and columns to the left: the normal points to the front here.
    write_series(tmp_path / "cor", coronal[::-1], axes=(1, 0, 0, 0, 0, -1))
    np.testing.assert_array_equal(read(tmp_path / "cor").array, phantom)
    sagittal = phantom[::-1, ::-1, :].transpose(2, 0, 1)
    write_series(tmp_path / "sag", sagittal, axes=(0, 1, 0, 0, 0, -1))
    np.testing.assert_array_equal(read(tmp_path / "sag").array, phantom)


def test_two_series_in_one_folder(tmp_path, phantom, write_series):
    write_series(tmp_path / "s", axial(phantom), prefix="a", SeriesDescription="chest")
    write_series(tmp_path / "s", axial(phantom)[:2], prefix="b")
    (tmp_path / "s" / "notes.txt").write_text("hello")
    first, second = read_all(tmp_path / "s")
    assert (first.shape, second.shape) == ((5, 8, 11), (2, 8, 11))
    assert first.name == "s chest"
    largest = read(tmp_path / "s")
    np.testing.assert_array_equal(largest.array, phantom)
    assert any("not read" in note and second.name in note for note in largest.notes)


def test_missing_slice_is_filled_in_and_reported(tmp_path, phantom, write_series):
    kept = [0, 1, 3, 4]
    write_series(tmp_path / "s", axial(phantom)[kept], positions=[2.5 * k for k in kept])
    volume = read(tmp_path / "s")
    assert any("1 slice is missing" in note for note in volume.notes)
    assert volume.spacing[0] == pytest.approx(2.5)
    np.testing.assert_array_equal(volume.array[kept], phantom[kept])
    between = np.rint((phantom[1].astype(float) + phantom[3]) / 2)
    np.testing.assert_array_equal(volume.array[2], between)


def test_uneven_slices_are_reported(tmp_path, phantom, write_series):
    write_series(tmp_path / "s", axial(phantom), positions=[0.0, 2.5, 5.0, 7.9, 10.4])
    volume = read(tmp_path / "s")
    assert any("unevenly spaced" in note for note in volume.notes)
    assert volume.spacing[0] == pytest.approx(2.6)


def test_duplicate_positions_are_reported(tmp_path, phantom, write_series):
    twice = np.concatenate([axial(phantom), axial(phantom)[1:2]])
    write_series(tmp_path / "s", twice, positions=[0, 2.5, 5, 7.5, 10, 2.5])
    volume = read(tmp_path / "s")
    np.testing.assert_array_equal(volume.array, phantom)
    assert any("1 image is a copy of another one" in note for note in volume.notes)


def test_gantry_tilt_is_reported_and_kept_in_the_affine(tmp_path, phantom, write_series):
    write_series(tmp_path / "s", axial(phantom), shear=np.tan(np.radians(15)))
    volume = read(tmp_path / "s")
    assert any("tilted by 15.0 degrees" in note for note in volume.notes)
    np.testing.assert_array_equal(volume.array, phantom)
    np.testing.assert_allclose(
        volume.affine[:3, 0], [0, -2.5 * np.tan(np.radians(15)), 2.5], atol=1e-5
    )


def test_single_file_is_one_slice_with_its_thickness(tmp_path, phantom, write_series):
    write_series(tmp_path / "s", axial(phantom))
    path = sorted((tmp_path / "s").iterdir())[2]
    volume = read(path)
    np.testing.assert_array_equal(volume.array, phantom[2:3])
    assert volume.spacing == pytest.approx((2.5, 0.9, 0.7))
    bare = path.rename(path.with_suffix(""))  # no ending, as on many discs
    np.testing.assert_array_equal(read(bare).array, phantom[2:3])
    files = [bare, *sorted((tmp_path / "s").glob("*.dcm"))]
    assert read_all(files)[0].shape == phantom.shape


def test_fractional_slopes_give_float_and_other_modalities_no_hu(tmp_path, phantom, write_series):
    write_series(tmp_path / "s", axial(phantom), RescaleSlope="0.5", Modality="PT")
    volume = read(tmp_path / "s")
    assert volume.array.dtype == np.float32
    assert volume.unit == "arbitrary"
    expected = (phantom.astype(float) + 1024) * 0.5 - 1024
    np.testing.assert_allclose(volume.array, expected)


def test_objects_without_image_are_skipped_with_a_note(tmp_path, phantom, write_series):
    write_series(tmp_path / "s", axial(phantom))
    report = pydicom.dcmread(tmp_path / "s" / "a000.dcm")
    del report.PixelData
    report.save_as(tmp_path / "s" / "report.dcm")
    (tmp_path / "s" / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"garbage" * 3)
    volume = read(tmp_path / "s")
    np.testing.assert_array_equal(volume.array, phantom)
    assert any("2 DICOM objects were skipped" in note for note in volume.notes)


def test_enhanced_multiframe_file(tmp_path, phantom, write_series):
    write_series(tmp_path / "s", axial(phantom)[:1])
    ds = pydicom.dcmread(tmp_path / "s" / "a000.dcm")
    shared = Dataset()
    shared.PlaneOrientationSequence = Sequence([Dataset()])
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence = Sequence([Dataset()])
    shared.PixelMeasuresSequence[0].PixelSpacing = [0.9, 0.7]
    shared.PixelValueTransformationSequence = Sequence([Dataset()])
    shared.PixelValueTransformationSequence[0].RescaleSlope = 1
    shared.PixelValueTransformationSequence[0].RescaleIntercept = -1024
    frames = []
    order = [4, 0, 2, 1, 3]
    for k in order:
        frame = Dataset()
        frame.PlanePositionSequence = Sequence([Dataset()])
        frame.PlanePositionSequence[0].ImagePositionPatient = [-20, -30, 5 + 2.5 * k]
        frames.append(frame)
    for tag in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing",
                "RescaleSlope", "RescaleIntercept"):  # fmt: skip
        del ds[tag]
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    ds.PerFrameFunctionalGroupsSequence = Sequence(frames)
    ds.NumberOfFrames = 5
    ds.PixelData = (axial(phantom)[order].astype(np.int32) + 1024).astype("<u2").tobytes()
    ds.save_as(tmp_path / "multi.dcm")
    volume = read(tmp_path / "multi.dcm")
    np.testing.assert_array_equal(volume.array, phantom)
    assert volume.spacing == pytest.approx((2.5, 0.9, 0.7))


def test_folder_without_images_is_refused(tmp_path):
    with pytest.raises(InputError, match="empty"):
        read(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputError, match="No DICOM image"):
        read(tmp_path)
