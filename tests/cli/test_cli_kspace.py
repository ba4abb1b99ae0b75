"""From a file of k-space to a picture at its place in the patient."""

import json

import h5py
import nibabel as nib
import numpy as np
import pytest

#: Sagittal slices to the left; millimetres between pixels and slices.
READ, PHASE, NORMAL = (0, 0, -1), (0, 1, 0), (1, 0, 0)
PIXEL, STEP, SIDE = 2.0, 5.0, 16


def spot(row, column):
    """K-space of a picture whose only bright pixel lies off the centre."""
    k = (np.arange(SIDE) - SIDE // 2) / SIDE
    return np.exp(-2j * np.pi * (k[:, None] * row + k * column)).astype(np.complex64)


@pytest.fixture
def sagittal(tmp_path):
    """Three slices whose spot lies 4 mm below and 6 mm behind the isocentre."""
    ismrmrd = pytest.importorskip("ismrmrd")
    size = f"<x>{SIDE}</x><y>{SIDE}</y><z>1</z>"
    fov = f"<x>{PIXEL * SIDE}</x><y>{PIXEL * SIDE}</y><z>{STEP}</z>"
    space = f"<matrixSize>{size}</matrixSize><fieldOfView_mm>{fov}</fieldOfView_mm>"
    path = tmp_path / "sagittal.h5"
    file = ismrmrd.Dataset(str(path), "dataset", create_if_needed=True)
    file.write_xml_header(
        f'<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD"><encoding><encodedSpace>{space}'
        f"</encodedSpace><reconSpace>{space}</reconSpace><trajectory>cartesian</trajectory>"
        "</encoding></ismrmrdHeader>".encode()
    )
    for k in range(3):
        kspace = (k + 1) * spot(2, 3)
        for y in range(SIDE):
            line = ismrmrd.Acquisition.from_array(kspace[None, :, y])
            line.center_sample, line.idx.slice, line.idx.kspace_encode_step_1 = SIDE // 2, k, y
            line.position[:] = (STEP * k, 0, 0)
            line.read_dir[:], line.phase_dir[:], line.slice_dir[:] = READ, PHASE, NORMAL
            file.append_acquisition(line)
    file.close()
    return path


def test_a_sagittal_scan_is_reconstructed_in_its_place(cli, sagittal, tmp_path):
    facts = json.loads(cli("read", sagittal, "--json").stdout)
    assert facts["orientation"] == "RSA"
    assert facts["space"] == "scanner"
    assert facts["spacing"] == [STEP, PIXEL, PIXEL]
    assert facts["affine"][0] == [STEP, 0, 0, -2 * STEP]
    assert facts["notes"] == facts["provenance"]["notes"]
    assert "sagittal" in facts["notes"][0]
    out = tmp_path / "out"
    made = cli("reconstruct", sagittal, "--method", "fbp", "--out", out, "--quiet")
    assert made.exit_code == 0, made.output
    mean = nib.load(out / "mean.nii.gz")
    assert (mean.header["sform_code"], mean.header["qform_code"]) == (1, 1)
    assert mean.header.get_zooms() == pytest.approx((STEP, PIXEL, PIXEL))
    values = np.asarray(mean.dataobj)
    index = np.unravel_index(values.argmax(), values.shape)
    # The brightest slice is the last of the file, 10 mm to the left.
    np.testing.assert_allclose(mean.affine @ [*index, 1], (-10, -6, -4, 1), atol=1e-4)
    # The result compares with itself, and its planes are named by the patient.
    again = cli("reconstruct", sagittal, "--method", "fbp", "--out", tmp_path / "b", "--quiet",
                "--reference", out / "mean.nii.gz")  # fmt: skip
    assert again.exit_code == 0, again.output
    metrics = json.loads((tmp_path / "b" / "report.json").read_text())["metrics"]
    assert len(metrics["sagittal"]["psnr"]) == 3
    assert len(metrics["axial"]["psnr"]) == len(metrics["coronal"]["psnr"]) == SIDE


def test_a_scan_of_unknown_place_gets_no_scanner_coordinates(cli, tmp_path):
    path = tmp_path / "knee.h5"
    with h5py.File(path, "w") as file:
        file["kspace"] = np.stack([spot(2, 3)] * 2)[:, None]
    facts = json.loads(cli("read", path, "--json").stdout)
    assert facts["space"] == "unknown"
    assert any("no orientation" in note for note in facts["notes"])
    out = tmp_path / "out"
    made = cli("reconstruct", path, "--method", "fbp", "--out", out, "--quiet")
    assert made.exit_code == 0, made.output
    header = nib.load(out / "mean.nii.gz").header
    assert (header["sform_code"], header["qform_code"]) == (0, 0)
    assert header.get_zooms() == pytest.approx((1, 1, 1))
