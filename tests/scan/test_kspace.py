"""fastMRI, BART and NumPy k-space: values, masks, orientation, and damaged files."""

from __future__ import annotations

import resource
import zipfile

import h5py
import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.scan.geometry import ParallelGeometry
from napari_padis.scan.kspace import is_kspace, read_kspace
from napari_padis.scan.kspace_grid import turn
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.write import write

AXES = (-2, -1)
ROWS, COLUMNS = 10, 7
HEADER = """<?xml version="1.0"?><ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD"><encoding>
<encodedSpace><matrixSize><x>10</x><y>7</y><z>1</z></matrixSize>
<fieldOfView_mm><x>20</x><y>10.5</y><z>4</z></fieldOfView_mm></encodedSpace>
<reconSpace><matrixSize><x>5</x><y>7</y><z>1</z></matrixSize>
<fieldOfView_mm><x>10</x><y>10.5</y><z>4</z></fieldOfView_mm></reconSpace>
<trajectory>cartesian</trajectory></encoding></ismrmrdHeader>"""


def fourier(image):
    shifted = np.fft.fft2(np.fft.ifftshift(image, axes=AXES), norm="ortho")
    return np.fft.fftshift(shifted, axes=AXES).astype(np.complex64)


def image_of(kspace):
    shifted = np.fft.ifft2(np.fft.ifftshift(kspace, axes=AXES), norm="ortho")
    return np.fft.fftshift(shifted, axes=AXES)


def picture(slices=2, coils=3, shape=(ROWS, COLUMNS)):
    rng = np.random.default_rng(0)
    size = (slices, coils, *shape)
    return rng.standard_normal(size) + 1j * rng.standard_normal(size)


def fastmri(folder, kspace, header=HEADER, mask=None, **options):
    path = folder / "scan.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("kspace", data=kspace, **options)
        if header is not None:
            file.create_dataset("ismrmrd_header", data=header)
        if mask is not None:
            file.create_dataset("mask", data=mask)
    return path


def bart(folder, kspace, dims=None):
    """Write ``kspace`` whose axes are BART's first ones."""
    dims = kspace.shape if dims is None else dims
    text = "# Dimensions\n" + " ".join(map(str, dims)) + "\n# Command\nfft 3 a b\n"
    (folder / "scan.hdr").write_text(text)
    (folder / "scan.cfl").write_bytes(kspace.astype("<c8").tobytes(order="F"))
    return folder / "scan.cfl"


def npz(folder, **arrays):
    np.savez_compressed(folder / "scan.npz", **arrays)
    return folder / "scan.npz"


def assert_turned(measurement, image):
    """The picture's first row is the patient's front, where (S, A, R)+ rows end."""
    found = image_of(measurement.data)
    assert np.abs(found - image[..., ::-1, ::-1]).max() < 1e-5


@pytest.mark.parametrize("shape", [(6, 4), (5, 4), (6, 7), (5, 3)])
def test_turning_kspace_turns_the_image(shape):
    image = picture(shape=shape)
    assert np.abs(image_of(turn(fourier(image))) - image[..., ::-1, ::-1]).max() < 1e-5


def test_fastmri_multi_coil(tmp_path):
    image = picture()
    path = fastmri(tmp_path, fourier(image))
    assert is_kspace(path)
    found = read_kspace(path)
    assert found.data.dtype == np.complex64
    assert found.geometry.coils == 3
    assert found.geometry.mask.all()
    assert found.spacing == (4.0, 2.0, 1.5)
    assert found.unit == "arbitrary"
    assert found.noise.kind == "unknown"
    assert "oversampled 2 times" in " ".join(found.provenance["notes"])
    assert_turned(found, image)


def test_fastmri_single_coil_and_unknown_pixel(tmp_path):
    image = picture(coils=1)
    found = read_kspace(fastmri(tmp_path, fourier(image)[:, 0], header=None))
    assert found.data.shape == (2, 1, ROWS, COLUMNS)
    assert found.spacing == (1.0, 1.0, 1.0)
    assert "no pixel size" in " ".join(found.provenance["notes"])
    assert_turned(found, image)


def test_fastmri_mask_restricts_what_was_measured(tmp_path):
    mask = np.array([1, 0, 1, 1, 1, 0, 0], dtype=bool)
    kspace = fourier(picture())
    found = read_kspace(fastmri(tmp_path, kspace, mask=mask.astype(np.float32)))
    # Column n // 2 + k of the file is column n // 2 - k of the turned image.
    assert np.array_equal(found.geometry.mask, np.tile(mask[::-1], (ROWS, 1)))
    assert np.all(found.data[..., ~mask[::-1]] == 0)


def test_mask_is_what_any_coil_measured(tmp_path):
    rng = np.random.default_rng(1)
    mask = rng.random((ROWS, COLUMNS)) < 0.5
    kspace = fourier(picture()) * mask
    kspace[:, 0, :, 3] = 0  # one coil lacks a column, the others have it
    found = read_kspace(npz(tmp_path, ksp=kspace))
    turned = np.roll(mask[::-1, ::-1], (1, 0), (0, 1))
    assert np.array_equal(found.geometry.mask, turned)


def test_a_lost_line_of_one_slice_is_left_out_of_all(tmp_path):
    kspace = fourier(picture(slices=3, shape=(10, 16)))
    kspace[1, :, :, 2] = 0
    found = read_kspace(npz(tmp_path, ksp=kspace))
    assert found.geometry.mask.sum() == 10 * 15
    assert "10 samples" in " ".join(found.provenance["notes"])
    assert np.all(found.data[:, :, ~found.geometry.mask] == 0)


def test_bart_slices(tmp_path):
    image = picture()
    kspace = fourier(image).transpose(2, 3, 1, 0)  # read, phase, coil, slice
    shaped = kspace.reshape(ROWS, COLUMNS, 1, 3, *(1,) * 9, 2)
    path = bart(tmp_path, shaped)
    assert is_kspace(path)
    assert is_kspace(path.with_suffix(".hdr"))
    for name in (path, path.with_suffix(".hdr")):
        assert_turned(read_kspace(name), image)


def test_bart_picture_of_two_phase_encodings(tmp_path):
    image = picture(slices=1)
    kspace = fourier(image)[0].transpose(1, 2, 0)[None]
    assert_turned(read_kspace(bart(tmp_path, kspace)), image)


def test_bart_3d_becomes_slices_along_the_readout(tmp_path):
    rng = np.random.default_rng(2)
    volume = rng.standard_normal((6, 5, 4, 2))  # readout, two phase encodings, coils
    axes = (0, 1, 2)
    kspace = np.fft.fftn(np.fft.ifftshift(volume, axes=axes), axes=axes, norm="ortho")
    kspace = np.fft.fftshift(kspace, axes=axes)
    mask = rng.random((5, 4)) < 0.7
    found = read_kspace(bart(tmp_path, kspace * mask[..., None]))
    assert found.data.shape == (6, 2, 5, 4)
    assert found.geometry.mask.sum() == mask.sum()
    assert_turned(read_kspace(bart(tmp_path, kspace)), volume.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("key", ["ksp", "kspace"])
@pytest.mark.parametrize("axes", [2, 3, 4])
def test_numpy_archives(tmp_path, key, axes):
    image = picture(slices=2 if axes == 4 else 1, coils=1 if axes == 2 else 3)
    kspace = fourier(image).reshape(image.shape[4 - axes :])
    path = npz(tmp_path, **{key: kspace.astype(np.complex128), "comment": np.array("brain")})
    assert is_kspace(path)
    found = read_kspace(path)
    assert found.data.dtype == np.complex64
    assert_turned(found, image)


@pytest.mark.parametrize(
    ("stated", "unit", "spacing"),
    [((5, 2, 1.5), "mm", (5, 2, 1.5)), ((200, 150), "um", (None, 0.2, 0.15))],
)
def test_numpy_archives_may_state_their_spacing(tmp_path, stated, unit, spacing):
    kspace = fourier(picture(slices=2, coils=3))
    path = npz(tmp_path, kspace=kspace, spacing=np.array(stated), spacing_unit=np.array(unit))
    found = read_kspace(path)
    steps = np.linalg.norm(found.affine[:3, :3], axis=0)
    np.testing.assert_allclose(steps[1:], spacing[1:])
    assert spacing[0] is None or steps[0] == pytest.approx(spacing[0])
    assert not any("no pixel size" in note for note in found.provenance["notes"])
    with pytest.raises(InputError, match="spacing"):
        read_kspace(npz(tmp_path, kspace=kspace, spacing=np.array([1.0, -1, 1])))


def test_real_brain(data_folder):
    found = read_kspace(data_folder / "kspace" / "brain8ch-sigpy-tutorial.npz")
    assert found.data.shape == (1, 8, 230, 180)
    assert found.geometry.acceleration == pytest.approx(8.04, abs=0.01)


def test_other_files_are_no_kspace(tmp_path):
    assert not is_kspace(npz(tmp_path, volume=np.zeros((2, 3, 4))))
    geometry = ParallelGeometry.standard(4, (8, 8), detectors=6)
    ours = write(tmp_path / "y.h5", Measurement(np.ones((2, 4, 6), np.float32), geometry))
    assert not is_kspace(ours)
    (tmp_path / "a.hdr").write_bytes(b"\x5c\x01\x00\x00" + bytes(344))
    assert not is_kspace(tmp_path / "a.hdr")
    (tmp_path / "b.npz").write_bytes(b"no archive")
    assert not is_kspace(tmp_path / "b.npz")
    assert not is_kspace(tmp_path / "absent.cfl")


def test_sniffing_reads_no_data(tmp_path):
    """4 GB of k-space that was never written: the file is small, the claim is not."""
    path = tmp_path / "large.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("kspace", (64, 16, 640, 820), np.complex64, chunks=(1, 1, 640, 820))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert is_kspace(path)
    with pytest.raises(InputError, match="promises"):
        read_kspace(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def cut(path, share=0.6):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def large_npy(folder):
    """An archive whose entry claims far more than it holds."""
    with zipfile.ZipFile(folder / "scan.npz", "w") as archive:
        header = "{'descr': '<c8', 'fortran_order': False, 'shape': (8, 99999, 99999), }"
        body = header.ljust(117).encode() + b"\n"
        archive.writestr("ksp.npy", b"\x93NUMPY\x01\x00\x76\x00" + body + bytes(64))
    return folder / "scan.npz"


def lone(folder, suffix):
    path = bart(folder, fourier(picture())[0].transpose(1, 2, 0)[:, :, None])
    path.with_suffix(".hdr" if suffix == ".cfl" else ".cfl").unlink()
    return path.with_suffix(suffix)


def bad_header(folder, text):
    path = bart(folder, np.ones((4, 4), complex))
    path.with_suffix(".hdr").write_text(text)
    return path


def unlike_slices():
    kspace = fourier(picture())
    kspace[0, ..., :3] = kspace[1, ..., 4:] = 0
    return kspace


SQUARE = np.ones((4, 4), complex)
DAMAGED = {
    "absent": (lambda f: f / "absent.h5", "does not exist"),
    "fastMRI cut": (lambda f: cut(fastmri(f, fourier(picture(slices=9)))), "damaged"),
    "fastMRI real": (lambda f: fastmri(f, np.ones((2, 3, 4, 5))), "complex numbers"),
    "fastMRI 2 axes": (lambda f: fastmri(f, SQUARE), "has shape"),
    "fastMRI header": (lambda f: fastmri(f, fourier(picture()), HEADER[:400]), "header of"),
    "fastMRI header sizes": (
        lambda f: fastmri(f, fourier(picture()), HEADER.replace("<x>20</x>", "<x>0</x>")),
        "header of",
    ),
    "fastMRI mask": (lambda f: fastmri(f, fourier(picture()), mask=np.ones(9)), "mask of"),
    "fastMRI zero": (lambda f: fastmri(f, 0 * fourier(picture())), "no signal"),
    "fastMRI nan": (lambda f: fastmri(f, np.nan * fourier(picture())), "not finite"),
    "BART cut": (lambda f: cut(bart(f, fourier(picture()))), "truncated"),
    "BART other header": (lambda f: bart(f, SQUARE, (4, 3)), "do not belong together"),
    "BART no data": (lambda f: lone(f, ".hdr"), "copy both"),
    "BART no header": (lambda f: lone(f, ".cfl"), "copy both"),
    "BART text": (lambda f: bad_header(f, "# Dimensions\nfour four"), "no BART header"),
    "BART negative": (lambda f: bad_header(f, "# Dimensions\n4 -4"), "declares"),
    "BART echoes": (lambda f: bart(f, np.ones((4, 4, 1, 1, 1, 3), complex)), "3 echoes"),
    "BART line": (lambda f: bart(f, np.ones((4,), complex)), "two axes"),
    "npz cut": (lambda f: cut(npz(f, ksp=fourier(picture()))), "readable NumPy"),
    "npz claim": (large_npy, "promises"),
    "npz real": (lambda f: npz(f, ksp=np.ones((2, 4, 4))), "complex numbers"),
    "npz line": (lambda f: npz(f, ksp=np.ones(4, complex)), "has shape"),
    "npz objects": (lambda f: npz(f, ksp=np.array([None, 1])), "complex numbers"),
    "npz other": (lambda f: npz(f, other=SQUARE), "no array named"),
    "empty": (lambda f: npz(f, ksp=np.ones((2, 0, 4), complex)), "has shape"),
    "slices differ": (lambda f: npz(f, ksp=unlike_slices()), "sampled differently"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_end_in_one_sentence(tmp_path, name):
    make, words = DAMAGED[name]
    with pytest.raises(InputError, match=words) as caught:
        read_kspace(make(tmp_path))
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    assert len(message) < 300
