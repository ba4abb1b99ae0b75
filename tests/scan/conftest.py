"""An asymmetric phantom and a DICOM writer shared by the reader tests."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def phantom():
    """Int16 (S, A, R)+ array of HU in which no flip or transposition is a symmetry."""
    array = np.full((5, 8, 11), -1000, dtype=np.int16)
    array[1:, 2:, 1:9] = 40
    array[4, 7, 10] = 1200  # uppermost, foremost, rightmost corner
    array[1, 3, 2] = -500
    return array


@pytest.fixture
def data_folder():
    """Folder of real volumes, which are not part of the project."""
    default = Path(__file__).parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("PADIS_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder} (set PADIS_DATA)")
    return folder


@pytest.fixture
def write_series():
    """Write (slices, rows, columns) of HU, head last, as axial DICOM files."""

    def write(
        folder: Path,
        hu: np.ndarray,
        positions: list[float] | None = None,
        *,
        spacing=(0.9, 0.7),
        step=2.5,
        shear=0.0,
        axes=(1, 0, 0, 0, 1, 0),
        order=None,
        prefix="a",
        **tags,
    ) -> str:
        folder.mkdir(exist_ok=True, parents=True)
        series = generate_uid()
        normal = np.cross(axes[:3], axes[3:])
        depths = positions or [step * k for k in range(len(hu))]
        order = list(range(len(hu))) if order is None else order
        for number, k in enumerate(order):
            place = np.array([-20.0, -30.0, 5.0]) + normal * depths[k]
            place[1] += shear * depths[k]
            meta = FileMetaDataset()
            meta.TransferSyntaxUID = ExplicitVRLittleEndian
            meta.MediaStorageSOPClassUID = CTImageStorage
            meta.MediaStorageSOPInstanceUID = generate_uid()
            ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
            ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
            ds.SeriesInstanceUID, ds.Modality = series, "CT"
            ds.InstanceNumber = len(hu) - k
            ds.ImagePositionPatient = [float(v) for v in place]
            ds.ImageOrientationPatient = [float(v) for v in axes]
            ds.PixelSpacing = list(spacing)
            ds.SliceThickness = step
            ds.Rows, ds.Columns = hu.shape[1:]
            ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
            ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
            ds.PixelRepresentation = 0
            ds.RescaleSlope, ds.RescaleIntercept = 1, -1024
            for name, value in tags.items():
                setattr(ds, name, value)
            ds.PixelData = (hu[k].astype(np.int32) + 1024).astype("<u2").tobytes()
            pydicom.dcmwrite(folder / f"{prefix}{number:03d}.dcm", ds)
        return series

    return write


@pytest.fixture
def write_images():
    """Write single DICOM images of one series, each with its own tags (None removes one)."""

    def write(folder: Path, images: list[dict], **common) -> list[Path]:
        folder.mkdir(exist_ok=True, parents=True)
        series, paths = generate_uid(), []
        for number, tags in enumerate(images, 1):
            tags = {**common, **tags}
            pixels = np.asarray(tags.pop("pixels", number))
            pixels = np.broadcast_to(pixels, (6, 8) if pixels.ndim == 0 else pixels.shape)
            meta = FileMetaDataset()
            meta.TransferSyntaxUID = ExplicitVRLittleEndian
            meta.MediaStorageSOPClassUID = CTImageStorage
            meta.MediaStorageSOPInstanceUID = generate_uid()
            ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
            ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
            ds.SeriesInstanceUID, ds.Modality, ds.InstanceNumber = series, "CT", number
            ds.ImageOrientationPatient, ds.PixelSpacing = [1, 0, 0, 0, 1, 0], [0.5, 0.5]
            ds.RescaleSlope, ds.RescaleIntercept = 1, 0
            ds.Rows, ds.Columns = pixels.shape[-2:]
            if pixels.ndim == 3:
                ds.NumberOfFrames = len(pixels)
            ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
            ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
            if (z := tags.pop("z", None)) is not None:
                ds.ImagePositionPatient = [0, 0, float(z)]
            for name, value in tags.items():
                if isinstance(name, tuple):
                    ds.add_new(name, *value)
                elif value is None:
                    ds.pop(name, None)
                else:
                    setattr(ds, name, value)
            ds.PixelData = pixels.astype("<i2").tobytes()
            paths.append(folder / f"{number:03d}.dcm")
            pydicom.dcmwrite(paths[-1], ds)
        return paths

    return write
