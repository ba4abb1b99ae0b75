"""The first bytes of a file tell its format, its name only where they do not."""

import bz2
import gzip
import shutil

import nibabel as nib
import nrrd
import numpy as np
import pytest
import scipy.io
import tifffile

from napari_padis.errors import InputError
from napari_padis.gui.sniff import is_ours
from napari_padis.scan.formats import file_format
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.projections import Projections
from napari_padis.scan.read import read, read_all
from napari_padis.scan.volume import Volume

VOXELS = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
AFFINE = np.diag([2.0, 3.0, 4.0, 1.0])


def nifti(path, kind=nib.Nifti1Image):
    nib.save(kind(VOXELS, AFFINE), path)
    return path


def same(volume):
    np.testing.assert_array_equal(volume.array, VOXELS.T)
    assert volume.spacing == (4, 3, 2)
    return True


@pytest.mark.parametrize("kind", [nib.Nifti1Pair, nib.Nifti2Pair])
def test_headers_of_nifti_pairs(tmp_path, kind):
    nifti(tmp_path / "a.img", kind)
    for name in ("a.hdr", "a.img"):
        assert same(read(tmp_path / name))
        assert is_ours(tmp_path / name)
    assert read(tmp_path / "a.hdr").space == "aligned"
    assert len(read_all([tmp_path / "a.img", tmp_path / "a.hdr"])) == 1
    (tmp_path / "a.img").unlink()
    with pytest.raises(InputError, match=r"a\.img' does not exist"):
        read(tmp_path / "a.hdr")


def test_packed_pairs(tmp_path):
    nifti(tmp_path / "a.img.gz", nib.Nifti1Pair)
    for name in ("a.hdr.gz", "a.img.gz"):
        volume = read(tmp_path / name)
        assert same(volume)
        assert (volume.name, is_ours(tmp_path / name)) == ("a", True)


@pytest.mark.parametrize("kind", [nib.AnalyzeImage, nib.Spm99AnalyzeImage, nib.Spm2AnalyzeImage])
def test_analyze_says_that_it_states_no_orientation(tmp_path, kind):
    affine = np.diag([-2.0, 3.0, 4.0, 1.0])  # columns to the left, as nibabel takes them
    nib.save(kind(VOXELS, affine), tmp_path / "a.img")
    volume = read(tmp_path / "a.hdr")
    np.testing.assert_array_equal(volume.array, VOXELS[::-1].T)
    assert (volume.spacing, volume.space) == ((4, 3, 2), "unknown")
    assert any("Analyze files state no orientation" in note for note in volume.notes)


def test_header_of_k_space_is_still_one(tmp_path):
    kspace = np.ones((8, 6, 1, 2), np.complex64)
    (tmp_path / "k.hdr").write_text("# Dimensions\n8 6 1 2\n")
    (tmp_path / "k.cfl").write_bytes(kspace.tobytes(order="F"))
    for name in ("k.hdr", "k.cfl"):
        assert isinstance(read(tmp_path / name), Measurement)
        assert is_ours(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "start", "said"),
    [
        ("a.hdr", b"ENVI\nsamples = 3\n", "an ENVI header"),
        ("a.hdr", b"#?RADIANCE\n", "a Radiance picture"),
        ("a.hdr", b"!INTERFILE :=\n", "an Interfile header"),
        ("a.hdr", b"whatever it is", "no supported format"),
        ("a.tif", b"\x89PNG\r\n\x1a\n0000", "a PNG picture"),
        ("a.dcm", b"\xff\xd8\xff\xe0 JFIF", "a JPEG picture"),
        ("a.mnc", b"CDF\x01", "netCDF"),
        ("a.gz", gzip.compress(b"hello", mtime=0), "is packed"),
        ("a.zip", b"PK\x03\x04 hello", "is packed"),
        ("a.raw", b"\0\1\2\3" * 9, "voxels without a header"),
        ("a.img", b"\0\1\2\3" * 9, "voxels without a header"),
    ],
)
def test_what_is_not_read_is_called_by_its_name(tmp_path, name, start, said):
    (tmp_path / name).write_bytes(start)
    with pytest.raises(InputError, match=said):
        read(tmp_path / name)
    assert not is_ours(tmp_path / name)


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nii.bz2", "a.dat", "a.hdr", "a"])
@pytest.mark.parametrize("pack", [None, gzip.compress, bz2.compress])
def test_packed_or_not_whatever_the_name_says(tmp_path, kind, name, pack):
    content = nifti(tmp_path / "whole.nii", kind).read_bytes()
    (tmp_path / name).write_bytes(pack(content) if pack else content)
    assert same(read(tmp_path / name))


def test_wrong_names_do_not_matter(tmp_path):
    tifffile.imwrite(tmp_path / "a.dcm", VOXELS, photometric="minisblack")
    nrrd.write(str(tmp_path / "b.nrrd"), VOXELS)
    shutil.move(tmp_path / "b.nrrd", tmp_path / "b.tif")
    np.save(tmp_path / "c.npy", VOXELS)
    shutil.move(tmp_path / "c.npy", tmp_path / "c.npz")
    np.savez(tmp_path / "d.npz", array=VOXELS, unit="HU")
    shutil.move(tmp_path / "d.npz", tmp_path / "d.npy")
    scipy.io.savemat(tmp_path / "e.mat", {"sino": np.ones((8, 9)), "theta": np.arange(9.0)})
    shutil.move(tmp_path / "e.mat", tmp_path / "e.h5")
    (tmp_path / "f.nii").write_bytes(
        b"ObjectType = Image\nNDims = 3\nDimSize = 4 5 6\nElementType = MET_SHORT\n"
        b"ElementDataFile = LOCAL\n" + VOXELS.tobytes(order="F")
    )
    kinds = {p.name: file_format(p) for p in tmp_path.iterdir()}
    assert kinds == {"a.dcm": "tiff", "b.tif": "nrrd", "c.npz": "numpy", "d.npy": "numpy",
                     "e.h5": "matlab", "f.nii": "metaimage"}  # fmt: skip
    for name in kinds:
        scan = read(tmp_path / name)
        assert isinstance(scan, Projections if name == "e.h5" else Volume), name
        if isinstance(scan, Volume):
            assert sorted(scan.shape) == [4, 5, 6]


def test_kinds_of_hdf5_are_told_by_their_content(tmp_path):
    import h5py

    for name in ("a.mat", "a.h5", "a.hdf5"):
        with h5py.File(tmp_path / name, "w") as file:
            file["kspace"] = np.ones((1, 2, 8, 8), np.complex64)
        assert isinstance(read(tmp_path / name), Measurement)
        with h5py.File(tmp_path / name, "w") as file:
            file["exchange/data"] = np.ones((3, 2, 4), np.float32)
        assert isinstance(read(tmp_path / name), Projections)
        with h5py.File(tmp_path / name, "w") as file:
            file["cells"] = np.ones(3)
        with pytest.raises(InputError, match=r"'cells'|holds no sinogram"):
            read(tmp_path / name)


def test_voxels_lead_to_the_header_that_names_them(tmp_path):
    header = ("ObjectType = Image\nNDims = 3\nDimSize = 4 5 6\nElementSpacing = 2 3 4\n"
              "TransformMatrix = -1 0 0 0 -1 0 0 0 1\nElementType = MET_SHORT\n"
              "ElementDataFile = {}\n")  # fmt: skip
    for suffix in (".raw", ".img", ".dat"):
        (tmp_path / f"a{suffix}").write_bytes(VOXELS.tobytes(order="F"))
        (tmp_path / "a.mhd").write_text(header.format(f"a{suffix}"))
        assert same(read(tmp_path / f"a{suffix}"))
        (tmp_path / "a.mhd").write_text(header.format("other.raw"))
        with pytest.raises(InputError, match="without a header"):
            read(tmp_path / f"a{suffix}")
