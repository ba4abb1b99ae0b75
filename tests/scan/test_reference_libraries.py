"""The test files that come with the file libraries, read here and by the library itself."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import pytest
import tifffile

from napari_padis.errors import InputError
from napari_padis.scan.read import read_all
from napari_padis.scan.volume import Volume

#: Files of nibabel that are not read, and what the user is told.
REFUSED = {
    "analyze.hdr": "does not exist",  # the header alone, without its voxels
    "nifti1.hdr": "does not exist",
    "nifti2.hdr": "does not exist",
    "row_major.dconn.nii": "not a NIfTI file",  # CIFTI: a table of the cortex, no volume
    "tiny.mnc": "netCDF",
    "small.mnc": "neither a napari-padis measurement",  # MINC 2 is HDF5
    "test.mgz": "is packed",
    "tinypet.v": "no supported format",
    "example4d+orig.BRIK.gz": "is packed",
    "T1.PAR": "no supported format",
    "standard.trk": "no supported format",
}


def data_of(module, folder=""):
    """Files that a package has; the test is skipped where it has none."""
    root = Path(module.__file__).parent / folder
    wanted = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".tif", ".tiff")
    return sorted(p for p in root.rglob("*") if p.name.lower().endswith(wanted))


NIBABEL = [p for p in data_of(nib, "tests/data") if p.name not in REFUSED]


def params(files):
    if files:
        return [pytest.param(p, id=p.name) for p in files]
    return [pytest.param(None, marks=pytest.mark.skip(reason="the package comes without data"))]


def upright(array, affine):
    """Array (S, A, R)+ and its affine by nibabel's own rules."""
    start = nib.orientations.io_orientation(affine)
    turn = nib.orientations.ornt_transform(start, nib.orientations.axcodes2ornt("SAR"))
    shape = array.shape[:3]
    turned = nib.orientations.apply_orientation(array, turn)
    return turned, affine @ nib.orientations.inv_ornt_aff(turn, shape)


@pytest.mark.parametrize("path", params(NIBABEL))
def test_nibabel_reads_the_same(path):
    image = nib.load(path)
    values = image.get_fdata()
    volumes = read_all(path)
    assert len(volumes) == (values.shape[3] if values.ndim == 4 else 1)
    for k, volume in enumerate(volumes):
        assert isinstance(volume, Volume)
        array, affine = upright(values[..., k] if values.ndim == 4 else values, image.affine)
        np.testing.assert_allclose(volume.affine, affine, atol=1e-5)
        assert volume.spacing == pytest.approx(nib.affines.voxel_sizes(affine), rel=1e-5)
        # Explained difference: voxels that are not finite become the smallest value, with a note.
        finite = np.isfinite(array)
        np.testing.assert_allclose(volume.array[finite], array[finite], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(volume.array[~finite], volume.array.min())
        assert finite.all() or any("not finite" in note for note in volume.notes)
        code = int(image.header["sform_code"]) or int(image.header["qform_code"])
        assert volume.space == nib.nifti1.xform_codes.label[code]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_named(name):
    path = Path(nib.__file__).parent / "tests" / "data" / name
    if not path.is_file():
        pytest.skip("nibabel comes without its test data")
    with pytest.raises(InputError, match=REFUSED[name]):
        read_all(path)


def test_files_of_both_versions_are_compared():
    """The comparison is no empty one where nibabel comes with its data."""
    names = {p.name for p in NIBABEL}
    assert not data_of(nib, "tests/data") or {"example4d.nii.gz", "example_nifti2.nii.gz"} <= names


@pytest.mark.parametrize("path", params(data_of(nrrd)))
def test_pynrrd_reads_the_same(path):
    array, header = nrrd.read(str(path))
    (volume,) = read_all(path)
    steps = np.linalg.norm(header["space directions"], axis=1)
    assert sorted(volume.spacing) == pytest.approx(sorted(steps))
    assert sorted(volume.shape) == sorted(array.shape)
    np.testing.assert_array_equal(np.sort(volume.array, axis=None), np.sort(array, axis=None))


@pytest.mark.parametrize("path", params(data_of(tifffile)))
def test_tifffile_reads_the_same(path):
    pages = tifffile.imread(path)
    volume = read_all(path)[0]
    np.testing.assert_array_equal(volume.array[:, ::-1, ::-1], np.atleast_3d(pages))
