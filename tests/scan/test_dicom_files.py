"""DICOM files are known by their content, and found from a disc's table of contents."""

import numpy as np
import pydicom
import pytest
from pydicom.fileset import FileSet
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from napari_padis.errors import InputError
from napari_padis.scan.dicom import is_dicom, read_dicom
from napari_padis.scan.read import format_of, read


def bare(path, target, syntax, meta):
    """The data set of a file without preamble, and without its file meta information."""
    ds = pydicom.dcmread(path)
    little = syntax != ExplicitVRBigEndian
    if not little:
        ds.PixelData = ds.pixel_array.astype(">i2").tobytes()
    ds.preamble = None
    ds.file_meta.TransferSyntaxUID = syntax
    if not meta:
        del ds.file_meta
    pydicom.dcmwrite(target, ds, implicit_vr=syntax.is_implicit_VR, little_endian=little,
                     enforce_file_format=False)  # fmt: skip


@pytest.mark.parametrize("meta", [True, False], ids=["meta information", "data set only"])
@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian],
    ids=["explicit", "implicit", "big endian"],
)  # fmt: skip
def test_files_without_preamble_and_ending_are_read(tmp_path, write_images, syntax, meta):
    paths = write_images(tmp_path / "full", [{"z": 3 * k, "pixels": 100 * k} for k in range(3)])
    (tmp_path / "bare").mkdir()
    for k, path in enumerate(paths):
        bare(path, tmp_path / "bare" / f"IM{k:04d}", syntax, meta)
    first = tmp_path / "bare" / "IM0000"
    assert first.read_bytes()[128:132] != b"DICM"
    assert is_dicom(first)
    assert format_of(first) == "dicom"
    volume = read(tmp_path / "bare")
    assert volume.array[:, 0, 0].tolist() == [0, 100, 200]
    assert read(first).shape == (1, 6, 8)


@pytest.mark.parametrize(
    "content",
    [
        b"hello world " * 60,
        bytes(4096),
        np.random.default_rng(0).bytes(4096),
        b"\x5c\x01\x00\x00" + bytes(344),  # NIfTI
        np.arange(8, 2048, dtype="<u2").tobytes(),
        b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100" + b"\xff" * 200,  # one element, then nothing
        b"",
    ],
)
def test_other_files_are_not_taken_for_dicom(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    assert not is_dicom(tmp_path / "x")


def disc(tmp_path, write_images):
    paths = write_images(
        tmp_path / "w", [{"z": 3 * k, "pixels": 10 * k} for k in range(3)],
        PatientID="1", PatientName="a", StudyInstanceUID="1.2.3", StudyDate="20200101",
        StudyTime="101010", StudyID="1", AccessionNumber="1", SeriesNumber=1,
    )  # fmt: skip
    files = FileSet()
    for path in paths:
        files.add(path)
    files.write(tmp_path / "disc")
    return tmp_path / "disc"


def test_a_table_of_contents_gives_its_images(tmp_path, write_images):
    folder = disc(tmp_path, write_images)
    for path in (folder / "DICOMDIR", folder):
        volume = read(path)
        assert volume.array[:, 0, 0].tolist() == [0, 10, 20]
        assert volume.notes == ()


def test_a_table_of_contents_of_a_disc_in_lower_case(tmp_path, write_images):
    folder = disc(tmp_path, write_images)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.name != "DICOMDIR":
            path.rename(path.with_name(path.name.lower()))
    assert read_dicom(folder / "DICOMDIR")[0].shape[0] == 3


def test_a_table_of_contents_alone_says_what_is_missing(tmp_path, write_images):
    folder = disc(tmp_path, write_images)
    alone = tmp_path / "DICOMDIR"
    alone.write_bytes((folder / "DICOMDIR").read_bytes())
    with pytest.raises(InputError, match=r"contents of 3 DICOM files.*copy the whole"):
        read(alone)


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_RLE.dcm", "rtdose.dcm"])
@pytest.mark.parametrize("seed", range(30))
def test_damaged_files_are_read_or_refused_in_one_sentence(tmp_path, name, seed):
    path = pydicom.data.get_testdata_file(name, download=False)
    if path is None:
        pytest.skip("this pydicom came without test files")
    rng = np.random.default_rng(seed)
    with open(path, "rb") as file:
        content = np.frombuffer(file.read(), np.uint8).copy()
    reach = len(content) if seed % 2 else 3000  # the header, mostly
    where = rng.integers(0, reach, rng.integers(1, 30))
    content[where] = rng.integers(0, 256, len(where))
    end = len(content) if seed % 3 else int(rng.integers(1, len(content)))
    (tmp_path / "a.dcm").write_bytes(content[:end].tobytes())
    try:
        read_dicom(tmp_path / "a.dcm")
    except InputError as error:
        message = str(error)
        assert "\n" not in message
        assert len(message) < 400
