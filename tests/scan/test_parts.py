"""Folders of several things: all are offered, and what is left out is named."""

import nibabel as nib
import numpy as np
import pytest
import tifffile

from napari_padis.errors import InputError
from napari_padis.gui.sniff import is_ours
from napari_padis.scan.projections import Projections
from napari_padis.scan.read import read, read_all

PAGES = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)


def pages(folder, prefix="page"):
    for k, page in enumerate(PAGES):
        tifffile.imwrite(folder / f"{prefix}{k}.tif", page)


def test_dicom_beside_pages_beside_nifti(tmp_path, phantom, write_series):
    write_series(tmp_path, phantom)
    pages(tmp_path)
    nib.save(nib.Nifti1Image(PAGES, np.eye(4)), tmp_path / "third.nii.gz")
    (tmp_path / "notes.txt").write_text("nothing to see")
    scans = read_all(tmp_path)
    assert [scan.metadata["format"] for scan in scans] == ["DICOM", "TIFF", "NIfTI"]
    np.testing.assert_array_equal(scans[0].array, phantom[:, ::-1, ::-1])
    np.testing.assert_array_equal(scans[1].array, PAGES[:, ::-1, ::-1])
    np.testing.assert_array_equal(scans[2].array, PAGES.T)
    note = read(tmp_path).notes[-1]
    assert note == "Also there and not read: 'TIFF pages from page0.tif', 'third.nii.gz'."
    assert is_ours(tmp_path)


def test_dicom_in_a_folder_below_a_report(tmp_path, phantom, write_series):
    write_series(tmp_path / "study" / "series", phantom)
    nib.save(nib.Nifti1Image(PAGES, np.eye(4)), tmp_path / "mask.nii.gz")
    scans = read_all(tmp_path)
    assert [scan.metadata["format"] for scan in scans] == ["DICOM", "NIfTI"]


def test_stacks_of_a_folder_are_volumes_of_their_own(tmp_path):
    for name in ("one", "two"):
        tifffile.imwrite(tmp_path / f"{name}.tif", PAGES, photometric="minisblack")
    volumes = read_all(tmp_path)
    assert [v.name for v in volumes] == ["one", "two"]
    assert read(tmp_path).notes[-1] == "Also there and not read: 'two.tif'."


def test_angles_of_the_only_stack_of_a_folder(tmp_path):
    tifffile.imwrite(tmp_path / "scan.tif", PAGES, photometric="minisblack")
    (tmp_path / "scan_angles.txt").write_text("0\n60\n120\n")
    (projections,) = read_all(tmp_path)
    assert isinstance(projections, Projections)
    assert projections.shape == (3, 4, 5)


def test_pages_of_another_name_are_no_slices(tmp_path):
    """A reconstruction with its preview; counts with their flat and dark fields."""
    pages(tmp_path)
    tifffile.imwrite(tmp_path / "page_preview.tif", np.zeros((2, 2), np.uint8))
    for k in range(2):
        tifffile.imwrite(tmp_path / f"flat{k}.tif", PAGES[0])
    (volume,) = read_all(tmp_path)
    np.testing.assert_array_equal(volume.array, PAGES[:, ::-1, ::-1])
    assert any("'flat0.tif', 'page_preview.tif'" in note for note in volume.notes)


def test_pages_without_numbers_are_one_stack(tmp_path):
    for name, page in zip("abc", PAGES, strict=True):
        tifffile.imwrite(tmp_path / f"{name}.tif", page)
    (volume,) = read_all(tmp_path)
    np.testing.assert_array_equal(volume.array, PAGES[:, ::-1, ::-1])


def test_a_damaged_file_does_not_hide_the_others(tmp_path):
    nib.save(nib.Nifti1Image(PAGES, np.eye(4)), tmp_path / "a.nii")
    (tmp_path / "b.nii").write_bytes((tmp_path / "a.nii").read_bytes()[:360])
    (volume,) = read_all(tmp_path)
    assert any("Not read: 'b.nii' is truncated" in note for note in volume.notes)
    (tmp_path / "a.nii").unlink()
    with pytest.raises(InputError, match="truncated"):
        read_all(tmp_path)


def test_voxels_beside_their_header_are_one_part(tmp_path):
    nib.save(nib.Nifti1Pair(PAGES, np.eye(4)), tmp_path / "a.img")
    (volume,) = read_all(tmp_path)
    np.testing.assert_array_equal(volume.array, PAGES.T)
    assert read(tmp_path).notes == volume.notes


def test_folders_without_images(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="is empty"):
        read(tmp_path / "empty")
    (tmp_path / "empty" / "a.txt").write_text("hello")
    with pytest.raises(InputError, match="No DICOM"):
        read(tmp_path / "empty")
    assert not is_ours(tmp_path / "empty")
