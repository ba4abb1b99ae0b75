"""A point at a known place in the patient comes back there, whatever the slices' direction."""

from __future__ import annotations

import h5py
import nibabel as nib
import numpy as np
import pytest

from napari_padis.scan.kspace import read_kspace
from napari_padis.scan.volume import Volume
from napari_padis.scan.write import write

layout = pytest.importorskip("ismrmrd.hdf5")  # of the reference library

RIGHT, LEFT, FRONT, BACK, HEAD, FEET = (
    np.array(v, float)
    for v in ((-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, 1), (0, 0, -1))
)
LPS_TO_RAS = np.array([-1, -1, 1])
PIXEL, THICKNESS = (2.0, 1.5), 4.0


def rotation(degrees, axis):
    """Rodrigues' formula."""
    x, y, z = np.asarray(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


OBLIQUE = rotation(20, (1, 2, 3))

#: Directions of readout and phase encoding in LPS, and where upright pictures grow to.
PLANES = {
    "axial": (LEFT, BACK, "SAR"),
    "axial, readout to the front": (FRONT, LEFT, "SAR"),
    "axial, left-handed": (RIGHT, BACK, "SAR"),
    "sagittal": (FEET, BACK, "RSA"),
    "sagittal, readout to the front": (FRONT, HEAD, "RSA"),
    "coronal": (HEAD, LEFT, "ASR"),
    "coronal, readout to the right": (RIGHT, FEET, "ASR"),
    "oblique axial": (OBLIQUE @ LEFT, OBLIQUE @ BACK, "SAR"),
    "oblique sagittal": (OBLIQUE @ FEET, OBLIQUE @ BACK, "RSA"),
    "oblique coronal": (OBLIQUE @ RIGHT, OBLIQUE @ HEAD, "ASR"),
}


def header(matrix, fov, kept=None, vendor=""):
    """XML; ``kept`` is the number of readout samples of the reconstructed space."""

    def space(name, x):
        return (
            f"<{name}><matrixSize><x>{x}</x><y>{matrix[1]}</y><z>{matrix[2]}</z></matrixSize>"
            f"<fieldOfView_mm><x>{fov[0] * x / matrix[0]}</x><y>{fov[1]}</y><z>{fov[2]}</z>"
            f"</fieldOfView_mm></{name}>"
        )

    system = f"<systemVendor>{vendor}</systemVendor>" if vendor else ""
    return (
        f'<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD"><acquisitionSystemInformation>'
        f"{system}</acquisitionSystemInformation><encoding>{space('encodedSpace', matrix[0])}"
        f"{space('reconSpace', kept or matrix[0])}<trajectory>cartesian</trajectory></encoding>"
        "</ismrmrdHeader>"
    )


def save(path, xml, lines):
    """Write readouts: each a mapping of header entries, and ``wave`` (samples,)."""
    records = np.zeros(len(lines), layout.acquisition_dtype)
    for record, line in zip(records, lines, strict=True):
        head, wave = record["head"], line.pop("wave")
        head["version"], head["active_channels"], head["number_of_samples"] = 1, 1, len(wave)
        head["center_sample"] = len(wave) // 2
        for name, value in line.items():
            (head["idx"] if name in head["idx"].dtype.names else head)[name] = value
        record["traj"] = np.zeros(0, np.float32)
        record["data"] = wave.astype(np.complex64).view(np.float32)
    with h5py.File(path, "w") as file:
        file.create_dataset("dataset/xml", data=[xml.encode()], dtype=h5py.string_dtype())
        file.create_dataset("dataset/data", data=records)
    return path


def scan(
    folder,
    centres,
    point=(0, 0, 0),
    read=LEFT,
    phase=BACK,
    normal=None,
    shape=(12, 10),
    numbers=None,
    oversampling=1,
    vendor="",
    sign=-1,
    brightness=None,
):
    """Write slices at ``centres`` of a point at ``point``, LPS in mm.

    Each is the sum ``exp(sign 2 pi i k.r)``; the point is seen in slices through it only.
    With ``brightness`` slice i is a point of that brightness at its centre instead.
    """
    samples, lines = shape[0] * oversampling, shape[1]
    fov = (samples * PIXEL[0], lines * PIXEL[1], THICKNESS)
    readouts = []
    normal = np.cross(read, phase) if normal is None else normal
    kx = (np.arange(samples) - samples // 2) / fov[0]
    for i, centre in enumerate(np.asarray(centres, float)):
        away = np.asarray(point) - centre
        seen = float(abs(away @ np.cross(read, phase)) < THICKNESS / 2)
        if brightness is not None:
            away, seen = np.zeros(3), brightness[i]
        for y in range(lines):
            ky = (y - lines // 2) / fov[1]
            wave = seen * np.exp(sign * 2j * np.pi * (kx * (away @ read) + ky * (away @ phase)))
            readouts.append(
                {
                    "wave": wave,
                    "kspace_encode_step_1": y,
                    "slice": i if numbers is None else numbers[i],
                    "position": centre,
                    "read_dir": read,
                    "phase_dir": phase,
                    "slice_dir": normal,
                }
            )
    return save(folder / "scan.h5", header((samples, lines, 1), fov, shape[0], vendor), readouts)


def image_of(measurement):
    axes = (-2, -1)
    shifted = np.fft.ifft2(np.fft.ifftshift(measurement.data, axes=axes), norm="ortho")
    return np.abs(np.fft.fftshift(shifted, axes=axes)[:, 0])


def place_of(affine, index):
    """LPS of an index."""
    return LPS_TO_RAS * (affine @ [*index, 1])[:3]


def brightest(image):
    return np.unravel_index(image.argmax(), image.shape)


def assert_found(found, point):
    image = image_of(found)
    index = brightest(image)
    np.testing.assert_allclose(place_of(found.affine, index), point, atol=1e-3)
    rest = image.copy()
    rest[index] = 0
    assert rest.max() < 1e-3 * image.max()  # the point lies on a voxel


def notes_of(found):
    return " ".join(found.provenance["notes"])


@pytest.mark.parametrize(
    ("shape", "vendor"),
    [((12, 10), ""), ((11, 9), "Siemens"), ((12, 9), "SIEMENS Healthineers"), ((13, 10), "GE")],
)
@pytest.mark.parametrize("plane", PLANES)
def test_a_point_comes_back_where_it_was(tmp_path, plane, shape, vendor):
    read, phase, codes = PLANES[plane]
    centre, normal = np.array([17.0, -31.0, 62.0]), np.cross(read, phase)
    centres = [centre + THICKNESS * k * normal for k in range(4)]
    point = centres[2] + 3 * PIXEL[0] * read - 2 * PIXEL[1] * phase
    siemens = vendor.lower().startswith("siemens")
    sign = 1 if siemens else -1
    found = read_kspace(
        scan(tmp_path, centres, point, read, phase, shape=shape, vendor=vendor, sign=sign)
    )
    assert found.space == "scanner"
    assert "".join(nib.aff2axcodes(found.affine)) == codes
    assert found.spacing == pytest.approx(np.linalg.norm(found.affine[:3, :3], axis=0))
    assert sorted(found.spacing) == pytest.approx([1.5, 2, 4])
    assert found.geometry.mask.all()
    assert_found(found, point)
    words = notes_of(found)
    assert ("oblique by" in words) == ("oblique" in plane)
    assert ("The slices are sagittal" in words) == (codes == "RSA")
    assert ("The slices are coronal" in words) == (codes == "ASR")
    assert ("Siemens" in words) == siemens
    assert "no orientation" not in words


@pytest.mark.parametrize("shape", [(12, 10), (11, 10), (13, 9)])
@pytest.mark.parametrize("plane", ["axial", "sagittal, readout to the front", "oblique coronal"])
def test_oversampling_shifts_nothing(tmp_path, plane, shape):
    read, phase, _ = PLANES[plane]
    point = np.array([5.0, 6.0, 7.0]) - 4 * PIXEL[0] * read + PIXEL[1] * phase
    path = scan(tmp_path, [(5, 6, 7)], point, read, phase, shape=shape, oversampling=2)
    found = read_kspace(path)
    assert sorted(found.data.shape[2:]) == sorted(shape)
    assert "margin was cut off" in notes_of(found)
    assert_found(found, point)


@pytest.mark.parametrize(
    ("shape", "vendor"), [((6, 5, 4), ""), ((5, 6, 7), "SIEMENS"), ((4, 4, 4), "")]
)
@pytest.mark.parametrize("plane", PLANES)
def test_a_slab_is_placed_by_its_centre(tmp_path, plane, vendor, shape):
    read, phase, _ = PLANES[plane]
    axes = np.column_stack([read, phase, np.cross(read, phase)])
    voxel, centre = np.array([2.0, 1.5, 3.0]), np.array([-20.0, 8.0, 40.0])
    point = centre + axes @ (voxel * (1, -1, 1))
    fov = voxel * shape
    kx, ky, kz = ((np.arange(n) - n // 2) / length for n, length in zip(shape, fov, strict=True))
    sign = 1 if vendor else -1
    x, y, z = (point - centre) @ axes
    readouts = [
        {
            "wave": np.exp(sign * 2j * np.pi * (kx * x + ky[j] * y + kz[k] * z)),
            "kspace_encode_step_1": j,
            "kspace_encode_step_2": k,
            "position": centre,
            "read_dir": read,
            "phase_dir": phase,
            "slice_dir": axes[:, 2],
        }
        for j in range(shape[1])
        for k in range(shape[2])
    ]
    found = read_kspace(save(tmp_path / "slab.h5", header(shape, fov, vendor=vendor), readouts))
    assert found.space == "scanner"
    assert_found(found, point)


def test_sagittal_slices(tmp_path):
    """The first one lies in the middle, the others to the left of it."""
    centres = [(0, 0, 0), (5, 0, 0), (10, 0, 0)]
    found = read_kspace(
        scan(tmp_path, centres, read=FEET, phase=BACK, shape=(32, 32), brightness=(1, 2, 3))
    )
    # Slices grow to the right, rows to the head, columns to the front; the centre of an upright
    # picture of 32 pixels is pixel 15.
    expected = [[5, 0, 0, -10], [0, 0, 1.5, -22.5], [0, 2, 0, -30], [0, 0, 0, 1]]
    np.testing.assert_allclose(found.affine, expected, atol=1e-5)
    assert found.space == "scanner"
    image = image_of(found)
    assert image[0].max() > image[1].max() > image[2].max()  # the leftmost first
    assert brightest(image[0]) == (15, 15)


ORDERS = {
    "ascending": (0, 5, 10, 15),
    "descending": (15, 10, 5, 0),
    "interleaved": (0, 10, 5, 15),
    "below the isocentre": (-40, -35, -50, -45),
}


@pytest.mark.parametrize("numbers", [None, (3, 5, 9, 11)])
@pytest.mark.parametrize("normal", [HEAD, FEET, None])
@pytest.mark.parametrize("order", ORDERS)
def test_slices_lie_where_their_positions_say(tmp_path, order, normal, numbers):
    heights = np.array(ORDERS[order], float)
    centres = [(0, 0, z) for z in heights]
    path = scan(tmp_path, centres, normal=normal, numbers=numbers, brightness=1 + np.arange(4))
    found = read_kspace(path)
    assert found.spacing[0] == pytest.approx(5)
    np.testing.assert_allclose(found.affine[:3, 0], (0, 0, 5), atol=1e-6)
    assert found.affine[2, 3] == pytest.approx(heights.min())
    peaks = image_of(found).max((1, 2))
    assert np.array_equal(np.argsort(peaks), np.argsort(np.argsort(heights)).argsort())
    assert ("Of the slice numbers 0 to 11 the file holds 4" in notes_of(found)) == bool(numbers)


def test_a_single_slice_of_a_high_number_is_the_only_one(tmp_path):
    found = read_kspace(scan(tmp_path, [(3, -4, 25)], (3, -4, 25), numbers=(5,)))
    assert found.volume_shape == (1, 10, 12)
    assert found.spacing == pytest.approx((THICKNESS, PIXEL[1], PIXEL[0]))
    assert found.space == "scanner"
    assert_found(found, (3, -4, 25))
    assert "Of the slice numbers 0 to 5 the file holds 1" in notes_of(found)


def test_leaning_rows_of_slices_keep_their_true_place(tmp_path):
    centres = [(0, 2.0 * k, 4.0 * k) for k in range(4)]
    point = np.array(centres[3]) + 2 * PIXEL[0] * LEFT
    found = read_kspace(scan(tmp_path, centres, point))
    assert found.space == "scanner"
    assert "leans by 27 degrees" in notes_of(found)
    assert_found(found, point)


UNPLACED = {
    "uneven": ([(0, 0, 0), (0, 0, 5), (0, 0, 15)], "5 to 10 mm apart"),
    "beside the row": ([(0, 0, 0), (0, 3, 5), (0, 0, 10)], "not evenly"),
    "two alike": ([(0, 0, 0), (0, 0, 5), (0, 0, 5)], "one position for several slices"),
    "all alike": ([(0, 0, 9)] * 3, "one position for several slices"),
    "side by side": ([(0, 0, 0), (0, 9, 0), (0, 18, 0)], "one position for several slices"),
    "not a number": ([(0, 0, 0), (0, np.nan, 5), (0, 0, 10)], "one position for several slices"),
}


@pytest.mark.parametrize("name", UNPLACED)
def test_positions_that_make_no_grid_are_not_written(tmp_path, name):
    """The sides of the patient are known, the place is not."""
    centres, words = UNPLACED[name]
    found = read_kspace(scan(tmp_path, centres, brightness=(1, 2, 3)))
    assert found.space == "unknown"
    assert words in notes_of(found)
    assert nib.aff2axcodes(found.affine) == ("S", "A", "R")
    assert np.isfinite(found.affine).all()
    assert np.array_equal(np.argsort(image_of(found).max((1, 2))), (0, 1, 2))


UNDIRECTED = {
    "zero": ((0, 0, 0), (0, 0, 0), (0, 0, 0), "states no orientation"),
    "no phase encoding": (LEFT, (0, 0, 0), HEAD, "states no orientation"),
    "not a number": ((np.nan, 0, 0), BACK, HEAD, "states no orientation"),
    "too long": (2 * LEFT, 2 * BACK, 2 * HEAD, "not of length 1"),
    "not at right angles": (LEFT, (0.6, 0.8, 0), HEAD, "not at right angles"),
    "all alike": (LEFT, LEFT, LEFT, "not at right angles"),
}


@pytest.mark.parametrize("name", UNDIRECTED)
def test_useless_directions_are_not_used(tmp_path, name):
    read, phase, normal, words = UNDIRECTED[name]
    path = scan(tmp_path, [(0, 0, 0), (0, 0, 5)], brightness=(1, 2))
    plain = image_of(read_kspace(path))
    change_directions(path, slice(None), read, phase, normal)
    found = read_kspace(path)
    assert found.space == "unknown"
    assert words in notes_of(found)
    assert "states no orientation" in notes_of(found)
    np.testing.assert_allclose(np.diag(found.affine[2::-1]), found.spacing)
    assert not found.affine[:3, 3].any()
    # First row to the front: columns of the file's picture, its second axis, stay columns.
    assert image_of(found).shape == plain.swapaxes(1, 2).shape


def change_directions(path, rows, read, phase, normal):
    with h5py.File(path, "r+") as file:
        records = file["dataset/data"][()]
        for name, value in (("read_dir", read), ("phase_dir", phase), ("slice_dir", normal)):
            records["head"][name][rows] = value
        file["dataset/data"][()] = records


def test_slices_of_several_directions_are_not_one_volume(tmp_path):
    path = scan(tmp_path, [(0, 0, 0), (0, 0, 5)], brightness=(1, 2))
    change_directions(path, slice(10, None), FEET, BACK, LEFT)
    found = read_kspace(path)
    assert found.space == "unknown"
    assert "change during the scan" in notes_of(found)


def test_a_slice_that_moves_is_not_placed(tmp_path):
    path = scan(tmp_path, [(0, 0, 0), (0, 0, 5)], brightness=(1, 2))
    with h5py.File(path, "r+") as file:
        records = file["dataset/data"][()]
        records["head"]["position"][4] += 3
        file["dataset/data"][()] = records
    found = read_kspace(path)
    assert found.space == "unknown"
    assert "position of a slice changes" in notes_of(found)


def test_rounded_directions_are_made_straight(tmp_path):
    read, phase = np.round(OBLIQUE @ LEFT, 3), np.round(OBLIQUE @ BACK, 3)
    normal = np.round(OBLIQUE @ HEAD, 3)
    found = read_kspace(scan(tmp_path, [(1, 2, 3)], (1, 2, 3), read, phase, normal))
    assert found.space == "scanner"
    axes = found.affine[:3, :3] / found.spacing
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-9)


@pytest.mark.parametrize("plane", PLANES)
def test_written_pictures_keep_the_place(tmp_path, plane):
    read, phase, _ = PLANES[plane]
    centre, normal = np.array([3.0, 50.0, -20.0]), np.cross(read, phase)
    point = centre + 2 * PIXEL[0] * read + 3 * PIXEL[1] * phase
    found = read_kspace(scan(tmp_path, [centre, centre + 5 * normal], point, read, phase))
    volume = Volume(image_of(found), found.spacing, affine=found.affine, space=found.space)
    written = nib.load(write(tmp_path / "mean.nii.gz", volume))
    assert (written.header["sform_code"], written.header["qform_code"]) == (1, 1)
    index = brightest(np.asarray(written.dataobj))
    for affine in (written.get_sform(), written.get_qform()):
        np.testing.assert_allclose(place_of(affine, index), point, atol=1e-3)
