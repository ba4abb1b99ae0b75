"""ISMRMRD acquisitions sorted into k-space."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.scan.kspace import is_kspace, read_kspace

AXES = (-2, -1)
COUNTERS = ("kspace_encode_step_1", "kspace_encode_step_2", "average", "slice", "contrast",
            "phase", "repetition", "set", "segment")  # fmt: skip
INDEX = np.dtype([*((name, "<u2") for name in COUNTERS), ("user", "<u2", (8,))])
HEAD = np.dtype([
    ("version", "<u2"), ("flags", "<u8"), ("measurement_uid", "<u4"), ("scan_counter", "<u4"),
    ("acquisition_time_stamp", "<u4"), ("physiology_time_stamp", "<u4", (3,)),
    ("number_of_samples", "<u2"), ("available_channels", "<u2"), ("active_channels", "<u2"),
    ("channel_mask", "<u8", (16,)), ("discard_pre", "<u2"), ("discard_post", "<u2"),
    ("center_sample", "<u2"), ("encoding_space_ref", "<u2"), ("trajectory_dimensions", "<u2"),
    ("sample_time_us", "<f4"), ("position", "<f4", (3,)), ("read_dir", "<f4", (3,)),
    ("phase_dir", "<f4", (3,)), ("slice_dir", "<f4", (3,)),
    ("patient_table_position", "<f4", (3,)), ("idx", INDEX), ("user_int", "<i4", (8,)),
    ("user_float", "<f4", (8,)),
])  # fmt: skip
VECTOR = h5py.vlen_dtype(np.float32)
ACQUISITION = np.dtype([("head", HEAD), ("traj", VECTOR), ("data", VECTOR)])


def xml(matrix, recon_rows=None, trajectory="cartesian", centre=None, mode="embedded"):
    """Header of 2 mm x 1.5 mm x 3 mm voxels."""
    rows, columns, blocks = matrix
    kept = recon_rows or rows

    def space(name, x):
        return (
            f"<{name}><matrixSize><x>{x}</x><y>{columns}</y><z>{blocks}</z></matrixSize>"
            f"<fieldOfView_mm><x>{2 * x}</x><y>{1.5 * columns}</y><z>{3 * blocks}</z>"
            f"</fieldOfView_mm></{name}>"
        )

    limits = "" if centre is None else (
        f"<encodingLimits><kspace_encoding_step_1><minimum>0</minimum><maximum>{columns - 1}"
        f"</maximum><center>{centre}</center></kspace_encoding_step_1></encodingLimits>"
    )  # fmt: skip
    return (
        f'<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD"><encoding>'
        f"{space('encodedSpace', rows)}{space('reconSpace', kept)}{limits}"
        f"<trajectory>{trajectory}</trajectory><parallelImaging><calibrationMode>{mode}"
        "</calibrationMode></parallelImaging></encoding></ismrmrdHeader>"
    )


def acquisition(line, step, *, flags=0, centre=None, position=(0, 0, 0), step2=0, **counters):
    """One readout ``line`` (coils, samples)."""
    records = np.zeros(1, dtype=ACQUISITION)
    head = records["head"][0]
    head["version"], head["flags"] = 1, flags
    head["active_channels"], head["number_of_samples"] = line.shape
    head["center_sample"] = line.shape[1] // 2 if centre is None else centre
    head["position"], head["slice_dir"] = position, (0, 0, 1)
    head["idx"]["kspace_encode_step_1"], head["idx"]["kspace_encode_step_2"] = step, step2
    for name, value in counters.items():
        place = head["idx"] if name in COUNTERS else head
        place[name] = value
    records["traj"][0] = np.zeros(0, np.float32)
    records["data"][0] = np.ascontiguousarray(line, np.complex64).view(np.float32).ravel()
    return records[0]


def save(folder, header, acquisitions, group="dataset"):
    path = folder / "scan.h5"
    with h5py.File(path, "w") as file:
        text = h5py.string_dtype()
        file.create_dataset(f"{group}/xml", data=np.array([header], dtype=object), dtype=text)
        data = file.create_dataset(f"{group}/data", (len(acquisitions),), dtype=ACQUISITION)
        for i, record in enumerate(acquisitions):
            data[i] = record
    return path


def image_of(kspace):
    shifted = np.fft.ifft2(np.fft.ifftshift(kspace, axes=AXES), norm="ortho")
    return np.fft.fftshift(shifted, axes=AXES)[..., ::-1, ::-1]


@pytest.fixture
def image():
    rng = np.random.default_rng(0)
    return rng.standard_normal((2, 3, 8, 5)) + 1j * rng.standard_normal((2, 3, 8, 5))


@pytest.fixture
def kspace(image):
    shifted = np.fft.fft2(np.fft.ifftshift(image, axes=AXES), norm="ortho")
    return np.fft.fftshift(shifted, axes=AXES)


def lines(kspace, **more):
    return [
        acquisition(kspace[k, :, :, y], y, slice=k, position=(0, 0, 7 * k), **more)
        for k in range(len(kspace))
        for y in range(kspace.shape[3])
    ]


def test_lines_in_any_order(tmp_path, image, kspace):
    records = lines(kspace)
    np.random.default_rng(1).shuffle(records)
    path = save(tmp_path, xml((8, 5, 1)), records)
    assert is_kspace(path)
    found = read_kspace(path)
    assert found.spacing == (7.0, 2.0, 1.5)
    assert found.geometry.mask.all()
    assert np.abs(image_of(found.data) - image).max() < 1e-5


def test_the_group_may_have_any_name(tmp_path, image, kspace):
    found = read_kspace(save(tmp_path, xml((8, 5, 1)), lines(kspace), group="scan7"))
    assert np.abs(image_of(found.data) - image).max() < 1e-5


def test_files_of_the_reference_library(tmp_path, image, kspace):
    ismrmrd = pytest.importorskip("ismrmrd")
    path = tmp_path / "scan.h5"
    file = ismrmrd.Dataset(str(path), "dataset", create_if_needed=True)
    file.write_xml_header(xml((8, 5, 1)).encode())
    for k in range(2):
        for y in range(5):
            line = ismrmrd.Acquisition.from_array(kspace[k, :, :, y].astype(np.complex64))
            line.center_sample, line.idx.slice, line.idx.kspace_encode_step_1 = 4, k, y
            file.append_acquisition(line)
    file.close()
    found = read_kspace(path)
    assert found.spacing == (3.0, 2.0, 1.5)
    assert np.abs(image_of(found.data) - image).max() < 1e-5


def test_slices_are_sorted_by_position(tmp_path, image, kspace):
    records = lines(kspace)
    for record in records:
        record["head"]["position"][2] *= -1
    found = read_kspace(save(tmp_path, xml((8, 5, 1)), records))
    assert np.abs(image_of(found.data) - image[::-1]).max() < 1e-5


def test_noise_scans_are_skipped_and_averages_averaged(tmp_path, image, kspace):
    rng = np.random.default_rng(3)
    noise = [acquisition(9 * rng.standard_normal((3, 16)), 0, flags=1 << 18)]
    low, high = lines(0.5 * kspace), lines(1.5 * kspace, average=1)
    other = lines(9 * kspace, repetition=1)
    found = read_kspace(save(tmp_path, xml((8, 5, 1)), noise + low + high + other))
    assert np.abs(image_of(found.data) - image).max() < 1e-5
    notes = " ".join(found.provenance["notes"])
    assert "1 acquisitions of 31 are no image data" in notes
    assert "2 images (repetition)" in notes


def test_missing_lines_and_the_stated_centre(tmp_path, kspace):
    records = [r for r in lines(kspace) if r["head"]["idx"]["kspace_encode_step_1"] < 3]
    found = read_kspace(save(tmp_path, xml((8, 5, 1), centre=1), records))
    # Step 1 is the zero frequency: steps 0, 1, 2 are columns 1, 2, 3 either way round.
    assert np.array_equal(found.geometry.mask[0], [False, True, True, True, False])
    assert found.geometry.mask.all(1).sum() == 0


def test_calibration_lines_count_unless_they_are_separate(tmp_path, image, kspace):
    records = lines(kspace)
    extra = [r for r in records if r["head"]["idx"]["kspace_encode_step_1"] == 2]
    for record in extra:
        record["head"]["flags"] = 1 << 19
    found = read_kspace(save(tmp_path, xml((8, 5, 1)), records))
    assert np.abs(image_of(found.data) - image).max() < 1e-5
    apart = read_kspace(save(tmp_path, xml((8, 5, 1), mode="separate"), records))
    assert apart.geometry.mask[0].sum() == 4


def test_asymmetric_and_reversed_readouts(tmp_path, kspace):
    records = []
    for y in range(5):
        line = kspace[0, :, :, y]
        if y % 2:  # the first three samples were never measured
            records.append(acquisition(line[:, 3:], y, centre=1))
        else:
            records.append(acquisition(line[:, ::-1], y, centre=3, flags=1 << 21))
    found = read_kspace(save(tmp_path, xml((8, 5, 1)), records))
    expected = kspace[:1].copy()
    expected[..., :3, 1::2] = 0
    shifted = np.fft.ifft2(np.fft.ifftshift(expected, axes=AXES), norm="ortho")
    assert np.abs(image_of(found.data) - np.fft.fftshift(shifted, axes=AXES)).max() < 1e-5
    assert found.geometry.mask.sum() == 40 - 6


def test_readout_oversampling_is_removed(tmp_path, image, kspace):
    found = read_kspace(save(tmp_path, xml((8, 5, 1), recon_rows=4), lines(kspace)))
    assert found.data.shape == (2, 3, 4, 5)
    assert found.spacing[1:] == (2.0, 1.5)
    assert np.abs(image_of(found.data) - image[:, :, 2:6]).max() < 1e-5


def test_3d_becomes_slices_along_the_readout(tmp_path):
    rng = np.random.default_rng(4)
    volume = rng.standard_normal((2, 6, 5, 4))
    axes = (1, 2, 3)
    full = np.fft.fftn(np.fft.ifftshift(volume, axes=axes), axes=axes, norm="ortho")
    full = np.fft.fftshift(full, axes=axes)
    records = [
        acquisition(full[..., y, z], y, step2=z) for y in range(5) for z in range(4)
    ]  # fmt: skip
    found = read_kspace(save(tmp_path, xml((6, 5, 4)), records))
    assert found.spacing == (2.0, 1.5, 3.0)
    assert np.abs(image_of(found.data) - volume.swapaxes(0, 1)).max() < 1e-5


def short(kspace):
    records = lines(kspace)
    records[3]["data"] = records[3]["data"][:-4]
    return records


DAMAGED = {
    "radial": (lambda k: (xml((8, 5, 1), trajectory="radial"), lines(k)), "trajectory 'radial'"),
    "no matrix": (lambda k: ("<ismrmrdHeader/>", lines(k)), "header of"),
    "no xml": (lambda k: ("text", lines(k)), "header of"),
    "huge": (lambda k: (xml((9000, 9000, 9000)), lines(k)), "promises"),
    "outside": (lambda k: (xml((8, 4, 1)), lines(k)), "lies outside"),
    "long": (lambda k: (xml((7, 5, 1)), lines(k)), "lies outside"),
    "short": (lambda k: (xml((8, 5, 1)), short(k)), "incomplete"),
    "noise": (lambda k: (xml((8, 5, 1)), lines(k, flags=1 << 18)), "no image acquisitions"),
    "coils": (lambda k: (xml((8, 5, 1)), lines(k) + lines(k[:, :2])), "number of coils"),
    "slabs": (lambda k: (xml((8, 5, 2)), lines(k)), "3D k-space of 2 slabs"),
    "zero": (lambda k: (xml((8, 5, 1)), lines(0 * k)), "no signal"),
    "empty": (lambda k: (xml((8, 5, 1)), []), "no image acquisitions"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_end_in_one_sentence(tmp_path, kspace, name):
    make, words = DAMAGED[name]
    with pytest.raises(InputError, match=words) as caught:
        read_kspace(save(tmp_path, *make(kspace)))
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_truncated_and_foreign_files(tmp_path, kspace):
    path = save(tmp_path, xml((8, 5, 1)), lines(kspace))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert not is_kspace(path)
    with pytest.raises(InputError, match="truncated"):
        read_kspace(path)
    with h5py.File(path, "w") as file:
        file["volume"] = np.zeros(3)
    with pytest.raises(InputError, match="holds no k-space"):
        read_kspace(path)


def test_a_header_without_directions_is_read(tmp_path, image, kspace):
    path = save(tmp_path, xml((8, 5, 1)), lines(kspace))
    short = [n for n in HEAD.names if n not in ("read_dir", "phase_dir")]
    layout = np.dtype([(n, HEAD[n]) for n in short])
    whole = np.dtype([("head", layout), ("traj", VECTOR), ("data", VECTOR)])
    with h5py.File(path, "r+") as file:
        before = file["dataset/data"][()]
        del file["dataset/data"]
        after = np.zeros(len(before), whole)
        after["traj"], after["data"] = before["traj"], before["data"]
        for name in short:
            after["head"][name] = before["head"][name]
        file.create_dataset("dataset/data", data=after)
    found = read_kspace(path)
    assert found.space == "unknown"
    assert found.spacing == (7.0, 2.0, 1.5)
    assert np.abs(image_of(found.data) - image).max() < 1e-5
