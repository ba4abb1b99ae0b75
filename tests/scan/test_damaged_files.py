"""Every damaged, absurd or missing file ends in one clear sentence."""

import gzip
import json
import resource
import zlib

import h5py
import nibabel as nib
import nrrd
import numpy as np
import pydicom
import pytest
import tifffile

from napari_padis.errors import InputError
from napari_padis.scan.geometry import ParallelGeometry
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.read import read
from napari_padis.scan.write import write

CASES = {}


def case(name):
    def register(function):
        CASES[name] = function
        return function

    return register


def nifti(folder, name="a.nii", **fields):
    path = folder / name
    array = np.random.default_rng(0).integers(-1000, 1000, (9, 8, 7)).astype(np.int16)
    nib.save(nib.Nifti1Image(array, np.eye(4)), path)
    if fields:
        raw = bytearray(gzip.decompress(path.read_bytes()) if name.endswith("gz")
                        else path.read_bytes())  # fmt: skip
        header = np.frombuffer(raw[:348], nib.Nifti1Header.template_dtype).copy()
        for key, value in fields.items():
            header[key] = value
        raw[:348] = header.tobytes()
        path.write_bytes(gzip.compress(bytes(raw)) if name.endswith("gz") else raw)
    return path


def cut(path, share=0.6):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def sinogram(folder, **attributes):
    geometry = ParallelGeometry.standard(4, (8, 8), detectors=6)
    path = write(folder / "y.h5", Measurement(np.ones((2, 4, 6), np.float32), geometry))
    with h5py.File(path, "a") as file:
        file.attrs.update(attributes)
    return path


def meta(folder, body=b"", **fields):
    header = {"ObjectType": "Image", "NDims": "3", "DimSize": "4 3 2", "ElementType": "MET_SHORT",
              "ElementSpacing": "1 1 1", "ElementDataFile": "LOCAL"}  # fmt: skip
    header |= fields
    last = header.pop("ElementDataFile")
    text = "".join(f"{k} = {v}\n" for k, v in header.items()) + f"ElementDataFile = {last}\n"
    path = folder / "a.mha"
    path.write_bytes(text.encode() + body)
    return path


def dicom(folder, **tags):
    from pydicom.data import get_testdata_file

    ds = pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))
    for name, value in tags.items():
        if value is None:
            delattr(ds, name)
        else:
            setattr(ds, name, value)
    path = folder / "a.dcm"
    ds.save_as(path)
    return path


def raw_npy(folder, header):
    path = folder / "a.npy"
    text = (header + " " * (117 - len(header)) + "\n").encode()
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\0" * 64)
    return path


def text(path, content):
    path.write_bytes(content)
    return path


CASES |= {
    "missing file": lambda f: f / "none.nii.gz",
    "impossible path": lambda f: f / "a\0b.nii",
    "empty nifti": lambda f: text(f / "a.nii", b""),
    "empty gz": lambda f: text(f / "a.nii.gz", b""),
    "text as nifti": lambda f: text(f / "a.nii", b"hello world " * 60),
    "text as nii.gz": lambda f: text(f / "a.nii.gz", b"hello world " * 60),
    "gzipped text": lambda f: text(f / "a.nii.gz", gzip.compress(b"hello " * 100)),
    "nifti cut in the voxels": lambda f: cut(nifti(f)),
    "nifti cut in the header": lambda f: cut(nifti(f), 0.1),
    "nii.gz cut": lambda f: cut(nifti(f, "a.nii.gz")),
    "nifti claims terabytes": lambda f: nifti(f, dim=[3, 30000, 30000, 30000, 1, 1, 1, 1]),
    "nii.gz claims terabytes": lambda f: nifti(
        f, "a.nii.gz", dim=[3, 30000, 30000, 30000, 1, 1, 1, 1]),
    "nii.gz claims a little more": lambda f: nifti(f, "a.nii.gz", dim=[3, 90, 80, 7, 1, 1, 1, 1]),
    "nifti of negative size": lambda f: nifti(f, dim=[3, -9, 8, 7, 1, 1, 1, 1]),
    "nifti of size zero": lambda f: nifti(f, dim=[3, 0, 8, 7, 1, 1, 1, 1]),
    "nifti time series": lambda f: nifti(f, dim=[4, 1, 1, 1, 500, 1, 1, 1]),
    "nifti of unknown type": lambda f: nifti(f, datatype=9999),
    "nifti without spacing": lambda f: nifti(f, srow_x=0, srow_y=0, srow_z=0),
    "nifti with NaN affine": lambda f: nifti(f, srow_x=np.nan),
    "nifti of colours": lambda f: nifti(f, datatype=128, bitpix=24, dim=[3, 3, 8, 7, 1, 1, 1, 1]),
    "nifti of complex numbers": lambda f: nifti(
        f, datatype=32, bitpix=64, dim=[3, 2, 8, 7, 1, 1, 1, 1]),
    "empty dicom": lambda f: text(f / "a.dcm", b""),
    "text as dicom": lambda f: text(f / "a.dcm", b"no dicom " * 100),
    "marker only": lambda f: text(f / "a.dcm", b"\0" * 128 + b"DICM"),
    "dicom cut": lambda f: cut(dicom(f), 0.5),
    "dicom without image": lambda f: dicom(f, PixelData=None),
    "dicom of colours": lambda f: dicom(f, SamplesPerPixel=3),
    "dicom of size zero": lambda f: dicom(f, Rows=0),
    "dicom claims more": lambda f: dicom(f, Rows=30000, Columns=30000),
    "dicom with zero spacing": lambda f: dicom(f, PixelSpacing=[0, 1]),
    "dicom with parallel axes": lambda f: dicom(f, ImageOrientationPatient=[1, 0, 0, 1, 0, 0]),
    "dicom with NaN position": lambda f: dicom(f, ImagePositionPatient=["1", "2"]),
    "text as nrrd": lambda f: text(f / "a.nrrd", b"hello"),
    "nrrd cut": lambda f: cut(_nrrd(f)),
    "nrrd.gz cut": lambda f: cut(_nrrd(f, encoding="gzip")),
    "nrrd claims terabytes": lambda f: text(
        f / "a.nrrd", b"NRRD0004\ntype: short\ndimension: 3\nsizes: 90000 90000 90000\n"
        b"endian: little\nencoding: raw\n\n1234"),
    "nrrd of negative size": lambda f: text(
        f / "a.nrrd", b"NRRD0004\ntype: short\ndimension: 3\nsizes: -3 2 2\n"
        b"endian: little\nencoding: raw\n\n1234"),
    "nrrd without its data": lambda f: text(
        f / "a.nhdr", b"NRRD0004\ntype: short\ndimension: 3\nsizes: 3 2 2\n"
        b"endian: little\nencoding: raw\ndata file: gone.raw\n\n"),
    "nrrd of an odd space": lambda f: _nrrd(f, space="sideways-up-front"),
    "nrrd vectors": lambda f: _nrrd(f, shape=(3, 4, 5, 6)),
    "text as mha": lambda f: text(f / "a.mha", b"hello world"),
    "binary as mha": lambda f: text(f / "a.mha", bytes(range(256)) * 20),
    "mha without voxels": lambda f: meta(f),
    "mha cut": lambda f: meta(f, b"\0" * 40),
    "mha claims terabytes": lambda f: meta(f, b"\0" * 40, DimSize="99999 99999 99999"),
    "mha of negative size": lambda f: meta(f, b"\0" * 48, DimSize="4 -3 2"),
    "mha of odd type": lambda f: meta(f, b"\0" * 48, ElementType="MET_STRING"),
    "mha of words": lambda f: meta(f, b"\0" * 48, DimSize="four 3 2"),
    "mha with zero spacing": lambda f: meta(f, b"\0" * 48, ElementSpacing="0 1 1"),
    "mha with singular matrix": lambda f: meta(f, b"\0" * 48, TransformMatrix="1 0 0 1 0 0 0 0 1"),
    "mha badly compressed": lambda f: meta(f, b"\0" * 48, CompressedData="True"),
    "mha compressed and cut": lambda f: meta(
        f, zlib.compress(bytes(48))[:-9], CompressedData="True"),
    "mhd without its data": lambda f: meta(f, ElementDataFile="gone.raw"),
    "mhd with a huge pattern": lambda f: meta(f, ElementDataFile="a%d.raw 0 999999999999 1"),
    "text as tiff": lambda f: text(f / "a.tif", b"hello world" * 9),
    "tiff marker only": lambda f: text(f / "a.tif", b"II*\0\x08\0\0\0"),
    "tiff cut": lambda f: cut(_tiff(f, np.ones((9, 40, 40), np.uint16))),
    "tiff of colours": lambda f: _tiff(f, np.ones((9, 9, 3), np.uint8), photometric="rgb"),
    "tiff of four axes": lambda f: _tiff(f, np.ones((2, 3, 9, 9), np.uint8)),
    "text as npy": lambda f: text(f / "a.npy", b"hello"),
    "npy cut": lambda f: cut(_npy(f, np.ones((4, 5, 6)))),
    "npy claims terabytes": lambda f: raw_npy(
        f, "{'descr': '<f8', 'fortran_order': False, 'shape': (100000, 100000, 1000)}"),
    "npy of negative size": lambda f: raw_npy(
        f, "{'descr': '<f8', 'fortran_order': False, 'shape': (-4, 2, 2)}"),
    "npy of objects": lambda f: _npy(f, np.array([{}, []], dtype=object)),
    "npy of text": lambda f: _npy(f, np.array([[["a"]]])),
    "npy of one axis": lambda f: _npy(f, np.ones(5)),
    "npy without voxels": lambda f: _npy(f, np.ones((0, 3, 3))),
    "npy of NaN": lambda f: _npy(f, np.full((2, 2, 2), np.nan)),
    "text as npz": lambda f: text(f / "a.npz", b"PK hello"),
    "npz with odd names": lambda f: _npz(f, first=np.ones((2, 2, 2)), second=np.ones((2, 2, 2))),
    "npz with odd unit": lambda f: _npz(f, array=np.ones((2, 2, 2)), unit="Gray"),
    "npz with odd spacing": lambda f: _npz(f, array=np.ones((2, 2, 2)), spacing=[1, -1, 1]),
    "text as h5": lambda f: text(f / "a.h5", b"hello"),
    "h5 cut": lambda f: cut(sinogram(f)),
    "foreign h5": lambda f: sinogram(f, format="something else"),
    "h5 of the future": lambda f: sinogram(f, version=99),
    "unknown ending": lambda f: text(f / "a.xyz", b"hello"),
}  # fmt: skip


def _nrrd(folder, shape=(4, 5, 6), **header):
    header.setdefault("encoding", "raw")
    array = np.random.default_rng(0).integers(0, 999, shape).astype(np.int16)
    if "space" in header:
        header |= {"space directions": np.eye(3), "space origin": np.zeros(3)}
    nrrd.write(str(folder / "a.nrrd"), array, header)
    return folder / "a.nrrd"


def _tiff(folder, array, **options):
    tifffile.imwrite(folder / "a.tif", array, **({"photometric": "minisblack"} | options))
    return folder / "a.tif"


def _npy(folder, array):
    np.save(folder / "a.npy", array)
    return folder / "a.npy"


def _npz(folder, **arrays):
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


@case("h5 with a lost geometry")
def _lost_geometry(folder):
    path = sinogram(folder)
    with h5py.File(path, "a") as file:
        del file["geometry"]
    return path


@case("h5 with a broken geometry")
def _broken_geometry(folder):
    path = sinogram(folder)
    with h5py.File(path, "a") as file:
        del file["geometry"]
        file["geometry"] = "{not json"
    return path


@case("h5 with a foreign geometry")
def _foreign_geometry(folder):
    path = sinogram(folder)
    with h5py.File(path, "a") as file:
        del file["geometry"]
        file["geometry"] = json.dumps({"kind": "spiral"})
    return path


@case("h5 whose data do not fit")
def _wrong_shape(folder):
    path = sinogram(folder)
    with h5py.File(path, "a") as file:
        del file["data"]
        file["data"] = np.ones((2, 5, 6), np.float32)
    return path


@case("h5 that claims terabytes")
def _huge_h5(folder):
    path = sinogram(folder)
    with h5py.File(path, "a") as file:
        del file["data"]
        file.create_dataset("data", (10**11, 4, 6), "f4", chunks=(1, 4, 6), compression="gzip")
    return path


@case("h5 with NaN")
def _nan_h5(folder):
    path = sinogram(folder)
    with h5py.File(path, "a") as file:
        file["data"][0, 0, 0] = np.nan
    return path


def test_there_are_enough_cases():
    assert len(CASES) >= 20


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore")
def test_one_sentence_and_no_memory(name, tmp_path):
    path = CASES[name](tmp_path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError) as caught:
        read(path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200_000  # KB
    message = str(caught.value)
    assert "\n" not in message
    assert 20 < len(message) < 450
    assert message.endswith(".")
    assert "Traceback" not in message
