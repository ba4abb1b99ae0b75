"""Units, spaces and axes of NRRD headers."""

import nrrd
import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.scan.read import read, read_all

VOXELS = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)  # x, y, z


def nhdr(folder, *lines, voxels=VOXELS, name="a.nrrd"):
    """A header written by hand, so that it can hold what pynrrd would not write."""
    head = [
        "NRRD0005",
        "type: short",
        f"dimension: {voxels.ndim}",
        f"sizes: {' '.join(map(str, voxels.shape))}",
        "endian: little",
        "encoding: raw",
        *lines,
    ]
    path = folder / name
    path.write_bytes("\n".join(head).encode() + b"\n\n" + voxels.tobytes(order="F"))
    return path


def noted(volume, text):
    return any(text in note for note in volume.notes)


LPS = ("space: left-posterior-superior", "space directions: (5,0,0) (0,6,0) (0,0,10)",
       "space origin: (1000,2000,3000)")  # fmt: skip


@pytest.mark.parametrize(
    ("units", "factors", "note"),
    [
        ('"micron" "micron" "micron"', (1e-3,) * 3, None),
        ('"um" "um" "um"', (1e-3,) * 3, None),
        ('"µm" "µm" "µm"', (1e-3,) * 3, None),  # pynrrd alone would drop the µ: metres
        ('"nm" "mm" "cm"', (1e-6, 1, 10), None),
        ("millimeter millimeter millimeter", (1,) * 3, None),
        ('"furlong" "mm" "mm"', (1,) * 3, "'furlong' is not known"),
        ('"???" "mm" "mm"', (1,) * 3, None),
        (None, (1,) * 3, None),
    ],
)
def test_each_coordinate_of_the_space_has_its_unit(tmp_path, units, factors, note):
    lines = (*LPS, f"space units: {units}") if units else LPS
    volume = read(nhdr(tmp_path, *lines))
    x, y, z = factors
    assert volume.spacing == pytest.approx((10 * z, 6 * y, 5 * x))
    # The first voxel of the file is the last one towards front and right.
    first = volume.affine @ [0, 2, 1, 1]
    np.testing.assert_allclose(first[:3], [-1000 * x, -2000 * y, 3000 * z], rtol=1e-6)
    assert volume.space == "scanner"
    assert noted(volume, note) if note else not noted(volume, "length")


def test_units_of_axes_beside_directions(tmp_path):
    volume = read(nhdr(tmp_path, *LPS, 'units: "um" "um" "um"'))
    assert volume.spacing == pytest.approx((10e-3, 6e-3, 5e-3))
    np.testing.assert_allclose((volume.affine @ [0, 2, 1, 1])[:3], [-1, -2, 3])


def test_units_of_axes_without_a_space(tmp_path):
    volume = read(nhdr(tmp_path, "spacings: 5 6 10", 'units: "um" "nm" "mm"'))
    assert volume.spacing == pytest.approx((10, 6e-6, 5e-3))
    assert (volume.space, noted(volume, "left-posterior-superior")) == ("unknown", True)
    volume = read(nhdr(tmp_path, "spacings: 5 6 10"))
    assert volume.spacing == (10, 6, 5)
    assert noted(volume, "without a unit")
    volume = read(nhdr(tmp_path, "spacings: 5 5 nan", 'units: "um" "um" "um"'))
    assert volume.spacing == pytest.approx((5e-3, 5e-3, 5e-3))
    assert noted(volume, "missing and taken as 0.005 mm")


def test_ends_of_axes_give_spacing_and_origin(tmp_path):
    cells = ("axis mins: 0 0 0", "axis maxs: 4 6 12", 'units: "mm" "mm" "mm"')
    volume = read(nhdr(tmp_path, *cells, "centerings: cell cell cell"))
    assert volume.spacing == (3, 2, 2)
    np.testing.assert_allclose((volume.affine @ [0, 2, 1, 1])[:3], [-1, -1, 1.5])
    volume = read(nhdr(tmp_path, *cells, "centerings: node node node"))
    assert volume.spacing == (4, 3, 4)
    np.testing.assert_allclose((volume.affine @ [0, 2, 1, 1])[:3], [0, 0, 0], atol=1e-12)


@pytest.mark.parametrize("space", ["scanner-xyz", "3D-right-handed", "3D-left-handed"])
def test_spaces_without_a_patient_are_read_with_a_note(tmp_path, space):
    volume = read(nhdr(tmp_path, f"space: {space}", *LPS[1:]))
    assert volume.spacing == (10, 6, 5)
    assert volume.space == "unknown"
    assert noted(volume, f"'{space.lower()}' says nothing about the patient")


def test_an_unknown_space_is_refused(tmp_path):
    with pytest.raises(InputError, match="none that the format defines"):
        read(nhdr(tmp_path, "space: upside-down", *LPS[1:]))


@pytest.mark.parametrize("space", ["left-posterior-superior-time", "LPST"])
def test_an_axis_of_time_counts_volumes(tmp_path, space):
    films = np.arange(2 * 3 * 4 * 5, dtype=np.int16).reshape(2, 3, 4, 5)
    directions = "space directions: (5,0,0,0) (0,6,0,0) (0,0,10,0) (0,0,0,1)"
    path = nhdr(tmp_path, f"space: {space}", directions, "space origin: (1,2,3,0)", voxels=films)
    volumes = read_all(path)
    assert [v.name for v in volumes] == [f"a {k}" for k in range(1, 6)]
    for k, volume in enumerate(volumes):
        assert (volume.spacing, volume.space) == ((10, 6, 5), "scanner")
        np.testing.assert_array_equal(volume.array, films[::-1, ::-1, :, k].T)
    assert "'a 2', 'a 3'" in read(path).notes[-1]


def test_a_list_of_volumes_may_stand_first(tmp_path):
    films = np.arange(3 * 2 * 3 * 4, dtype=np.int16).reshape(3, 2, 3, 4)
    path = nhdr(
        tmp_path, LPS[0], "space directions: none (5,0,0) (0,6,0) (0,0,10)", LPS[2],
        "kinds: list domain domain domain", voxels=films,
    )  # fmt: skip
    for k, volume in enumerate(read_all(path)):
        np.testing.assert_array_equal(volume.array, films[k, ::-1, ::-1].T)
    colours = path.read_bytes().replace(b"kinds: list", b"kinds: vector")
    path.write_bytes(colours)
    with pytest.raises(InputError, match="greyscale"):
        read(path)


@pytest.mark.parametrize("encoding", ["bzip2", "gzip"])
def test_voxels_of_one_value_are_small_when_packed(tmp_path, encoding):
    mask = np.zeros((128, 128, 128), np.uint8)
    mask[60:70, 60:70, 60:70] = 1
    nrrd.write(str(tmp_path / "a.nrrd"), mask, {"encoding": encoding, "spacings": [1, 1, 1]})
    ratio = mask.nbytes / (tmp_path / "a.nrrd").stat().st_size
    assert (ratio > 1032) == (encoding == "bzip2")
    assert int(read(tmp_path / "a.nrrd").array.sum()) == 1000


def test_one_file_per_slice_listed_or_numbered(tmp_path):
    for k in range(4):
        (tmp_path / f"sl {k}.raw").write_bytes(VOXELS[:, :, k].tobytes(order="F"))
    names = "\n".join(f"sl {k}.raw" for k in range(4))
    listed = nhdr(tmp_path, *LPS, f"data file: LIST\n{names}", name="list.nhdr")
    listed.write_bytes(listed.read_bytes().split(b"\n\n")[0] + b"\n")
    numbered = nhdr(tmp_path, *LPS, "data file: sl %d.raw 0 3 1", name="number.nhdr")
    for path in (listed, numbered):
        volume = read(path)
        np.testing.assert_array_equal(volume.array, VOXELS[::-1, ::-1].T)
        assert volume.spacing == (10, 6, 5)


def test_skipped_lines_and_bytes(tmp_path):
    path = nhdr(tmp_path, *LPS, "line skip: 1", "byte skip: 3", "data file: a.bin", name="a.nhdr")
    (tmp_path / "a.bin").write_bytes(b"a line\nabc" + VOXELS.tobytes(order="F"))
    np.testing.assert_array_equal(read(path).array, VOXELS[::-1, ::-1].T)


def test_unit_of_the_values(tmp_path):
    volume = read(nhdr(tmp_path, *LPS, "sample units: HU"))
    assert volume.unit == "HU"
    volume = read(nhdr(tmp_path, *LPS, 'sample units: "1/cm"'))
    assert volume.unit == "1/mm"
    np.testing.assert_allclose(volume.array, VOXELS[::-1, ::-1].T / 10, rtol=1e-6)
    assert noted(read(nhdr(tmp_path, *LPS, "sample units: Bq/ml")), "Bq/ml, is not known")
    assert noted(read(nhdr(tmp_path, *LPS, "old min: 0", "old max: 1")), "quantised")


@pytest.mark.parametrize(("units", "factor"), [(None, 1), (["um"] * 3, 1e-3)])
def test_a_space_without_directions_is_no_place_in_the_scanner(tmp_path, units, factor):
    header = {"space": "left-posterior-superior", "spacings": [2, 3, 4], "units": ["mm"] * 3,
              "space origin": [10, 20, 30]}  # fmt: skip
    if units:
        header["space units"] = units
    nrrd.write(str(tmp_path / "a.nrrd"), np.arange(24, dtype=np.int16).reshape(2, 3, 4), header)
    volume = read(tmp_path / "a.nrrd")
    assert volume.space == "unknown"
    assert volume.spacing == (4, 3, 2)
    # The first voxel in the file's order is the last one to the left and to the back.
    first = volume.affine @ [0, 2, 1, 1]
    np.testing.assert_allclose(first[:3], np.array([-10, -20, 30]) * factor)
    assert any("no directions in it" in note for note in volume.notes)
