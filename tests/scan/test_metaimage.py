"""What MetaImage headers state and leave open, and voxels in several files."""

import zlib

import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.scan.read import read, read_all

VOXELS = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)  # x, y, z
STATED = {"TransformMatrix": "1 0 0 0 1 0 0 0 1", "Offset": "1 2 3", "ElementSpacing": "5 6 10"}


def header(folder, where="LOCAL", voxels=VOXELS, body=b"", name="a.mhd", **entries):
    entries = {"NDims": voxels.ndim, "DimSize": " ".join(map(str, voxels.shape)),
               "ElementType": "MET_SHORT"} | entries  # fmt: skip
    entries = {"ObjectType": "Image"} | {k: v for k, v in entries.items() if v is not None}
    text = "".join(f"{k} = {v}\n" for k, v in entries.items()) + f"ElementDataFile = {where}\n"
    path = folder / name
    path.write_bytes(text.encode() + body)
    return path


def raw(voxels=VOXELS):
    return voxels.tobytes(order="F")


def upright(voxels=VOXELS):
    return voxels[::-1, ::-1].T


def noted(volume, text):
    return any(text in note for note in volume.notes)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("blank", ["", "\n\n"])
def test_listed_files_may_have_blanks_in_their_names(tmp_path, end, blank):
    for k in range(4):
        (tmp_path / f"sl {k} of 4.raw").write_bytes(raw(VOXELS[:, :, k]))
    names = end.join(f"sl {k} of 4.raw" for k in range(4)) + blank
    volume = read(header(tmp_path, "LIST", body=names.encode(), **STATED))
    np.testing.assert_array_equal(volume.array, upright())
    assert volume.spacing == (10, 6, 5)
    assert volume.space == "scanner"


def test_numbered_files_may_have_blanks_in_their_names(tmp_path):
    for k in range(4):
        (tmp_path / f"sl {k:03d}.raw").write_bytes(raw(VOXELS[:, :, k]))
    volume = read(header(tmp_path, "sl %03d.raw 0 3 1", **STATED))
    np.testing.assert_array_equal(volume.array, upright())


@pytest.mark.parametrize("words", ["LIST 2D", "LIST 3D", "LIST 2", "LIST 1D"])
def test_a_list_may_state_the_axes_of_each_file(tmp_path, words):
    files = {"1": [VOXELS[:, j, k] for k in range(4) for j in range(3)],
             "2": [VOXELS[:, :, k] for k in range(4)], "3": [VOXELS]}[words[5]]  # fmt: skip
    for k, part in enumerate(files):
        (tmp_path / f"p{k}.raw").write_bytes(raw(part))
    names = "\n".join(f"p{k}.raw" for k in range(len(files)))
    volume = read(header(tmp_path, words, body=names.encode(), **STATED))
    np.testing.assert_array_equal(volume.array, upright())


def test_each_listed_file_may_have_a_header_and_be_deflated(tmp_path):
    for k in range(4):
        (tmp_path / f"{k}.raw").write_bytes(b"12345" + raw(VOXELS[:, :, k]))
        (tmp_path / f"{k}.zraw").write_bytes(zlib.compress(raw(VOXELS[:, :, k])))
    names = "\n".join(f"{k}.raw" for k in range(4)).encode()
    for size in (5, -1):
        volume = read(header(tmp_path, "LIST", body=names, HeaderSize=size, **STATED))
        np.testing.assert_array_equal(volume.array, upright())
    names = names.replace(b"raw", b"zraw")
    volume = read(header(tmp_path, "LIST", body=names, CompressedData="True", **STATED))
    np.testing.assert_array_equal(volume.array, upright())


def test_voxels_written_as_text(tmp_path):
    text = " ".join(map(str, VOXELS.ravel(order="F"))).encode()
    volume = read(header(tmp_path, body=text, BinaryData="False", **STATED))
    np.testing.assert_array_equal(volume.array, upright())
    assert volume.array.dtype == np.int16
    with pytest.raises(InputError, match="20 of 24 voxels"):
        read(header(tmp_path, body=b"111 " * 20, BinaryData="False", **STATED))


def test_byte_order_slope_and_offset(tmp_path):
    big = VOXELS.astype(">i2")
    volume = read(header(tmp_path, body=raw(big), ElementByteOrderMSB="True", **STATED,
                         ElementToIntensityFunctionSlope=2,
                         ElementToIntensityFunctionOffset=-1024))  # fmt: skip
    np.testing.assert_array_equal(volume.array, upright() * 2 - 1024)
    assert volume.array.dtype == np.int16


@pytest.mark.parametrize(
    ("unit", "factor", "note"),
    [("um", 1e-3, None), ("mm", 1, None), ("cm", 10, None), ("?", 1, "'?' is not known")],
)
def test_units_of_distances(tmp_path, unit, factor, note):
    volume = read(header(tmp_path, body=raw(), DistanceUnits=unit, **STATED))
    assert volume.spacing == pytest.approx((10 * factor, 6 * factor, 5 * factor))
    first = (volume.affine @ [0, 2, 1, 1])[:3]
    np.testing.assert_allclose(first, np.array([-1, -2, 3]) * factor)
    assert noted(volume, note or "unit 'mm'") == bool(note)


def test_what_the_header_leaves_open_is_noted(tmp_path):
    volume = read(header(tmp_path, body=raw(), **STATED | {"ElementSpacing": None}))
    assert volume.spacing == (1, 1, 1)
    assert noted(volume, "no spacing; 1 mm is assumed")
    size = STATED | {"ElementSpacing": None, "ElementSize": "5 6 10"}
    assert read(header(tmp_path, body=raw(), **size)).spacing == (10, 6, 5)
    volume = read(header(tmp_path, body=raw(), **STATED | {"TransformMatrix": None}))
    assert (volume.space, noted(volume, "no orientation")) == ("unknown", True)


def test_letters_that_contradict_the_directions_are_noted(tmp_path):
    good = read(header(tmp_path, body=raw(), AnatomicalOrientation="RAI", **STATED))
    assert not noted(good, "AnatomicalOrientation")
    for letters in ("LPI", "RIP"):
        odd = read(header(tmp_path, body=raw(), AnatomicalOrientation=letters, **STATED))
        np.testing.assert_array_equal(odd.affine, good.affine)
        assert noted(odd, f"AnatomicalOrientation says {letters}, the directions say RAI")
    unknown = read(header(tmp_path, body=raw(), AnatomicalOrientation="???", **STATED))
    assert not noted(unknown, "AnatomicalOrientation")


def test_steps_below_zero_run_the_other_way(tmp_path):
    volume = read(header(tmp_path, body=raw(), **STATED | {"ElementSpacing": "-5 6 10"}))
    np.testing.assert_array_equal(volume.array, VOXELS[:, ::-1].T)
    assert volume.spacing == (10, 6, 5)


def test_four_axes_are_several_volumes(tmp_path):
    films = np.arange(2 * 3 * 4 * 5, dtype=np.int16).reshape(2, 3, 4, 5)
    path = header(tmp_path, voxels=films, body=raw(films), ElementSpacing="5 6 10 1",
                  TransformMatrix="1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1", Offset="1 2 3 0")  # fmt: skip
    volumes = read_all(path)
    assert [v.name for v in volumes] == [f"a {k}" for k in range(1, 6)]
    for k, volume in enumerate(volumes):
        np.testing.assert_array_equal(volume.array, upright(films[..., k]))
        assert (volume.spacing, volume.space) == ((10, 6, 5), "scanner")
