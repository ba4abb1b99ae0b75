"""The files that come with pydicom, against pydicom's own pixels and nibabel's affine.

Everything that is not read as pydicom and nibabel read it stands in a table here, with the
reason. Files that pydicom downloads are not asked for.
"""

import warnings
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from nibabel.orientations import (
    apply_orientation,
    axcodes2ornt,
    inv_ornt_aff,
    io_orientation,
    ornt_transform,
)
from pydicom.fileset import FileSet
from pydicom.pixels import apply_modality_lut

from napari_padis.errors import InputError
from napari_padis.scan.dicom import is_dicom, read_dicom

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # nibabel calls its DICOM readers experimental
    from nibabel.nicom.dicomwrappers import Wrapper

FOLDER = Path(pydicom.data.__file__).parent / "test_files"
FILES = {
    str(path.relative_to(FOLDER)): path
    for path in sorted(FOLDER.rglob("*"))
    if path.is_file() and is_dicom(path) and not path.name.startswith("DICOMDIR")
}

COLOUR = "colour image"
NO_DECODER = "no decoder is installed|cannot be decoded"
NO_IMAGE = "without an image|not a DICOM file|image of \\(0, 0\\)"

#: Files that hold no volume of grey values, or cannot be decoded with what is required.
REFUSED = {
    "SC_*": COLOUR, "ExplVR_BigEnd.dcm": COLOUR, "GDCMJ2K_TextGBR.dcm": COLOUR,
    "examples_palette.dcm": COLOUR,
    "examples_rgb_color.dcm": COLOUR, "examples_ybr_color.dcm": COLOUR,
    "examples_jpeg2k.dcm": COLOUR, "*JPEGLS*": NO_DECODER, "*jpeg_ls*": NO_DECODER,
    "JPEG-lossy.dcm": "install 'pylibjpeg", "JPGExtended.dcm": "install 'pylibjpeg",
    "JPEG2000-embedded-sequence-delimiter.dcm": NO_DECODER,  # damaged on purpose
    "liver*": "segmentation", "rtplan*": "treatment plan", "rtstruct*": "contours",
    "ExplVR_*NoMeta.dcm": "treatment plan", "reportsi*": "report", "test-SR.dcm": "report",
    "waveform_ecg.dcm": "curve", "MR_truncated.dcm": "truncated: it holds 8130 of 8192",
    "badVR.dcm": "damaged header", "UN_sequence.dcm": NO_IMAGE, "meta_missing*": NO_IMAGE,
    "*priv_SQ.dcm": NO_IMAGE, "no_meta*": NO_IMAGE, "empty_charset*": NO_IMAGE,
    "dicomdirtests/TINY_ALPHA/*": "without an image",
}  # fmt: skip

#: Files whose values differ from pydicom's, and why: ours are what the note says.
DIFFERENT = {
    "693_J2KI.dcm": "voxels of padding",
    "J2K_pixelrep_mismatch.dcm": "padding",
    "rtdose*": "radiation dose",  # pydicom leaves DoseGridScaling to the caller
}

#: Files for which the unit is HU: CT that says so, and nothing else.
HU = ("693_J2KI.dcm", "CT_small.dcm", "J2K_pixelrep_mismatch.dcm", "explicit_VR-UN.dcm",
      "dicomdirtests/77654033/CT2/*", "dicomdirtests/98892001/CT5N/*")  # fmt: skip


def first_of(table, name):
    return next((row for row in table if fnmatch(name, row)), None)


def reference(ds):
    """Values and affine (RAS+ mm) of pydicom and nibabel, with the indices of (S, A, R)+."""
    values = np.asarray(apply_modality_lut(ds.pixel_array, ds), dtype=np.float64)
    values = values[..., None] if values.ndim == 2 else values.transpose(1, 2, 0)
    if ds.Modality == "RTDOSE":
        values = values * float(ds.DoseGridScaling)
    if "ImagePositionPatient" not in ds or "ImageOrientationPatient" not in ds:
        return values[::-1, ::-1].transpose(2, 0, 1), None
    affine = np.eye(4)
    wrapper = Wrapper(ds)  # its affine would refuse cosines of three digits
    directions = np.column_stack([wrapper.image_orient_patient[:, ::-1], -wrapper.slice_normal])
    step = wrapper.voxel_sizes
    if "GridFrameOffsetVector" in ds:
        step = (*step[:2], np.diff(np.asarray(ds.GridFrameOffsetVector, float))[0])
    affine[:3] = np.column_stack([directions * step, wrapper.image_position])
    affine = np.diag([-1.0, -1, 1, 1]) @ affine
    turn = ornt_transform(io_orientation(affine), axcodes2ornt("RAS"))
    canonical = apply_orientation(values, turn)
    affine = affine @ inv_ornt_aff(turn, values.shape)
    return canonical.transpose(2, 1, 0), affine[:, [2, 1, 0, 3]]


@pytest.mark.skipif(not FILES, reason="this pydicom came without test files")
@pytest.mark.parametrize("name", FILES)
def test_packaged_file(name):
    path = FILES[name]
    refused = first_of(REFUSED, name)
    if refused is not None:
        decoders = [find_spec(package) for package in ("gdcm", "pylibjpeg", "jpeg_ls")]
        if "install" in REFUSED[refused] and any(decoders):
            pytest.skip("more decoders are installed than are required")
        with pytest.raises(InputError, match=REFUSED[refused]):
            read_dicom(path)
        return
    (volume,) = read_dicom(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(path)
        values, affine = reference(ds)
    different = first_of(DIFFERENT, name)
    if different is not None:
        assert any(DIFFERENT[different] in note for note in volume.notes)
        padded = volume.array == -1000
        values = np.where(padded, -1000, values)
    np.testing.assert_allclose(volume.array, values, rtol=1e-6)
    if affine is None:
        assert volume.space == "unknown"
        assert any("no position" in note for note in volume.notes)
    else:
        assert volume.space == "scanner"
        # Cosines of three to six digits are made unit vectors before they are used.
        np.testing.assert_allclose(volume.affine, affine, rtol=2e-3, atol=5e-3)
        assert volume.spacing == pytest.approx(tuple(nib.affines.voxel_sizes(affine)), rel=1e-3)
    assert (volume.unit == "HU") == any(fnmatch(name, row) for row in HU)


@pytest.mark.skipif(not FILES, reason="this pydicom came without test files")
def test_every_row_of_the_tables_is_of_a_file():
    for row in (*REFUSED, *DIFFERENT, *HU):
        if not row.startswith("examples_") and row != "explicit_VR-UN.dcm":  # of newer pydicom
            assert any(fnmatch(name, row) for name in FILES), row


@pytest.mark.skipif(not FILES, reason="this pydicom came without test files")
@pytest.mark.parametrize("name", ["DICOMDIR", "DICOMDIR-bigEnd", "DICOMDIR-implicit"])
def test_packaged_disc(name):
    path = FOLDER / "dicomdirtests" / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        series = {file.SeriesInstanceUID for file in FileSet(FOLDER / "dicomdirtests/DICOMDIR")}
    volumes = read_dicom(path)
    assert {v.metadata["SeriesInstanceUID"] for v in volumes} == series
    assert len({v.name for v in volumes}) == len(volumes)


@pytest.mark.skipif(not FILES, reason="this pydicom came without test files")
def test_packaged_table_of_contents_without_files():
    with pytest.raises(InputError, match="without files"):
        read_dicom(FOLDER / "dicomdirtests" / "DICOMDIR-empty.dcm")
