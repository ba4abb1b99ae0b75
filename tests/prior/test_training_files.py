"""Volumes below a folder: files, DICOM series, TIFF pages."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
import tifffile
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from napari_padis.errors import InputError
from napari_padis.prior.training_files import files_of, find_volumes, read_volumes
from napari_padis.scan.projection_tiff import OWN
from napari_padis.scan.volume import Volume
from napari_padis.scan.write import write

AXIAL, SAGITTAL = (1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1)


def write_series(folder, hu, axes=AXIAL, step=3.0, spacing=1.5, suffix=".dcm"):
    """One CT series, (slices, rows, columns) in HU."""
    folder.mkdir(parents=True, exist_ok=True)
    series, normal = generate_uid(), np.cross(axes[:3], axes[3:])
    for k, image in enumerate(hu):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        ds.SeriesInstanceUID, ds.Modality, ds.InstanceNumber = series, "CT", k
        ds.ImagePositionPatient = [float(v) for v in normal * step * k]
        ds.ImageOrientationPatient = [float(v) for v in axes]
        ds.PixelSpacing, ds.SliceThickness = [spacing, spacing], step
        ds.Rows, ds.Columns = image.shape
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
        ds.RescaleSlope, ds.RescaleIntercept = 1, 0
        ds.PixelData = image.astype(np.int16).tobytes()
        name = f"{series.split('.')[-1]}-{k}{suffix}"
        pydicom.dcmwrite(folder / name, ds, enforce_file_format=True)


def test_empty_and_missing_folders_are_named(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(InputError, match="No volumes"):
        find_volumes(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        find_volumes(tmp_path / "nowhere")


def test_dicom_series_are_read_in_hu(tmp_path):
    hu = np.full((4, 20, 24), 40) + 10 * np.arange(4)[:, None, None]
    write_series(tmp_path / "patient" / "series", hu, suffix="")
    write(tmp_path / "patient" / "other.nii.gz", Volume(np.zeros((2, 5, 5), np.int16), unit="HU"))
    paths = find_volumes(tmp_path)
    assert [p.name for p in paths] == ["other.nii.gz", "series"]
    assert len(files_of(paths[1])) == 4
    _, volume = read_volumes(paths)
    assert volume.unit == "HU"
    assert volume.spacing == pytest.approx((3.0, 1.5, 1.5))
    assert volume.array[:, 0, 0].tolist() == [40, 50, 60, 70]


def test_all_axial_series_of_a_study_and_no_reformatted_ones(tmp_path):
    write_series(tmp_path / "study", np.full((3, 20, 20), 10))
    write_series(tmp_path / "study", np.full((5, 20, 20), 20))
    write_series(tmp_path / "study", np.full((30, 20, 20), 30), axes=SAGITTAL)
    found = {len(v.array): int(v.array.max()) for v in read_volumes(find_volumes(tmp_path))}
    assert found == {3: 10, 5: 20}
    write_series(tmp_path / "scout", np.full((1, 64, 64), 0), axes=SAGITTAL)
    with pytest.raises(InputError, match="'scout' holds no axial DICOM series"):
        list(read_volumes([tmp_path / "scout"]))


def test_pages_of_one_size_are_one_volume(tmp_path):
    for k in range(3):
        tifffile.imwrite(tmp_path / f"page{k}.tif", np.full((20, 24), k, np.uint8))
    (path,) = find_volumes(tmp_path)
    (volume,) = read_volumes([path])
    assert volume.shape == (3, 20, 24)
    assert len(files_of(path)) == 3


def test_stacks_and_images_of_several_sizes_stay_apart(tmp_path):
    for k in range(2):
        tifffile.imwrite(tmp_path / f"stack{k}.tif", np.ones((5, 20, 24), np.uint8))
    assert len(find_volumes(tmp_path)) == 2
    assert [v.shape for v in read_volumes(find_volumes(tmp_path))] == [(5, 20, 24)] * 2
    tifffile.imwrite(tmp_path / "single.tif", np.ones((10, 24), np.uint8))
    assert len(find_volumes(tmp_path)) == 3


def test_damaged_files_are_named(tmp_path):
    (tmp_path / "stack.tif").write_bytes(b"II*\x00")
    with pytest.raises(InputError, match=r"stack\.tif"):
        list(read_volumes(find_volumes(tmp_path)))


def test_measurements_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "sinogram.tif", np.ones((9, 24), np.float32))
    np.savetxt(tmp_path / f"sinogram{OWN[0]}", np.linspace(0, 160, 9))
    with pytest.raises(InputError, match="priors are trained on volumes"):
        list(read_volumes(find_volumes(tmp_path)))
