"""NRRD, MetaImage, TIFF and NumPy files."""

import zlib

import nrrd
import numpy as np
import pytest
import tifffile

from napari_padis.errors import InputError
from napari_padis.scan.read import read
from napari_padis.scan.volume import Volume, sar_affine
from napari_padis.scan.write import write


def lps(phantom):
    """(x, y, z) array to the Left, Posterior, Superior."""
    return phantom[:, ::-1, ::-1].transpose(2, 1, 0)


FIRST_LPS = np.array([-7.0, 3.0, 11.0])


def check(volume, phantom, spacing=(2.5, 1.5, 0.5)):
    np.testing.assert_array_equal(volume.array, phantom)
    assert volume.spacing == pytest.approx(spacing)
    assert volume.unit == "HU"
    # The first voxel of the LPS array is the last one in A and R.
    np.testing.assert_allclose(volume.affine @ [0, 7, 10, 1], [7, -3, 11, 1], atol=1e-5)


@pytest.mark.parametrize("space", ["left-posterior-superior", "RAS", "left-anterior-superior"])
@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_nrrd_spaces(tmp_path, phantom, space, encoding):
    signs = {"l": (1, 1, 1), "R": (-1, -1, 1)}[space[0]]
    if "anterior" in space:
        signs = (1, -1, 1)
    header = {
        "space": space,
        "space directions": np.diag([0.5, 1.5, 2.5]) * signs,
        "space origin": FIRST_LPS * signs,
        "encoding": encoding,
    }
    nrrd.write(str(tmp_path / "a.nrrd"), lps(phantom), header)
    check(read(tmp_path / "a.nrrd"), phantom)


def test_nrrd_with_separate_data_and_permuted_axes(tmp_path, phantom):
    header = {
        "space": "LPS",
        "space directions": [[0, 0, 2.5], [0, 1.5, 0], [0.5, 0, 0]],
        "space origin": FIRST_LPS,
        "encoding": "raw",
    }
    nrrd.write(str(tmp_path / "a.nhdr"), lps(phantom).transpose(2, 1, 0).copy(), header)
    check(read(tmp_path / "a.nhdr"), phantom)


def test_nrrd_without_space_says_what_is_assumed(tmp_path, phantom):
    nrrd.write(str(tmp_path / "a.nrrd"), lps(phantom), {"spacings": [0.5, 1.5, 2.5]})
    volume = read(tmp_path / "a.nrrd")
    np.testing.assert_array_equal(volume.array, phantom)
    assert volume.spacing == (2.5, 1.5, 0.5)
    assert any("left-posterior-superior is assumed" in note for note in volume.notes)


def metaimage_header(array, where, kind="MET_SHORT", **more):
    lines = {
        "ObjectType": "Image",
        "NDims": array.ndim,
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": "-7 3 11",
        "ElementSpacing": "0.5 1.5 2.5",
        "DimSize": " ".join(map(str, array.shape)),
        "ElementType": kind,
        **more,
        "ElementDataFile": where,
    }
    return "".join(f"{k} = {v}\n" for k, v in lines.items()).encode()


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("separate", [False, True])
def test_metaimage(tmp_path, phantom, compressed, separate):
    array = lps(phantom)
    raw = array.tobytes(order="F")
    more = {}
    if compressed:
        raw = zlib.compress(raw)
        more = {"CompressedData": "True", "CompressedDataSize": len(raw)}
    if separate:
        (tmp_path / "a.raw").write_bytes(raw)
        path = tmp_path / "a.mhd"
        path.write_bytes(metaimage_header(array, "a.raw", **more))
    else:
        path = tmp_path / "a.mha"
        path.write_bytes(metaimage_header(array, "LOCAL", **more) + raw)
    check(read(path), phantom)


def test_metaimage_direction_rows_are_axis_directions(tmp_path, phantom):
    # First array axis to S, second to P, third to L.
    array = lps(phantom).transpose(2, 1, 0).astype(">f4")
    header = metaimage_header(
        array, "LOCAL", "MET_FLOAT", TransformMatrix="0 0 1 0 1 0 1 0 0",
        ElementSpacing="2.5 1.5 0.5", BinaryDataByteOrderMSB="True",
    )  # fmt: skip
    (tmp_path / "a.mha").write_bytes(header + array.tobytes(order="F"))
    volume = read(tmp_path / "a.mha")
    assert volume.array.dtype == np.dtype("=f4")
    check(volume, phantom)


def test_metaimage_slice_files_and_skipped_header(tmp_path, phantom):
    array = lps(phantom)
    for k in range(array.shape[2]):
        (tmp_path / f"s{k}.raw").write_bytes(array[:, :, k].tobytes(order="F"))
    (tmp_path / "a.mhd").write_bytes(metaimage_header(array, "s%d.raw 0 4 1"))
    check(read(tmp_path / "a.mhd"), phantom)
    names = "\n".join(f"s{k}.raw" for k in range(5)).encode()
    (tmp_path / "b.mhd").write_bytes(metaimage_header(array, "LIST") + names)
    check(read(tmp_path / "b.mhd"), phantom)
    (tmp_path / "c.raw").write_bytes(b"leading bytes" + array.tobytes(order="F"))
    (tmp_path / "c.mhd").write_bytes(metaimage_header(array, "c.raw", HeaderSize=-1))
    check(read(tmp_path / "c.mhd"), phantom)


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.uint8, np.float32, np.int32])
def test_tiff_round_trip_keeps_spacing_affine_and_unit(tmp_path, phantom, dtype):
    affine = sar_affine((5.0, 1 / 3, 0.7123456789))
    affine[:3, 3] = -4, 2, 9
    array = (phantom % 200).astype(dtype)
    volume = Volume(array, (5.0, 1 / 3, 0.7123456789), unit="1/mm", affine=affine, space="scanner")
    back = read(write(tmp_path / "a.tif", volume))
    np.testing.assert_array_equal(back.array, array)
    assert back.array.dtype == (np.float32 if dtype == np.int32 else dtype)
    assert back.spacing == pytest.approx(volume.spacing, rel=1e-14)
    assert back.unit == "1/mm"
    np.testing.assert_allclose(back.affine, affine, rtol=1e-14)
    assert back.space == "scanner"
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_imagej
        assert file.imagej_metadata["spacing"] == 5.0
        assert file.imagej_metadata["unit"] == "mm"
        # Radiological pages: front at the top, the patient's right at the left.
        np.testing.assert_array_equal(file.asarray(), array[:, ::-1, ::-1])


def test_tiff_of_imagej_ome_and_centimetres(tmp_path):
    pages = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    tifffile.imwrite(
        tmp_path / "ij.tif", pages, imagej=True, resolution=(2.0, 4.0),
        metadata={"axes": "ZYX", "spacing": 3.0, "unit": "mm"},
    )  # fmt: skip
    volume = read(tmp_path / "ij.tif")
    assert volume.spacing == pytest.approx((3.0, 0.25, 0.5))
    np.testing.assert_array_equal(volume.array, pages[:, ::-1, ::-1])
    assert any("no orientation" in note for note in volume.notes)
    tifffile.imwrite(
        tmp_path / "a.ome.tif", pages, photometric="minisblack",
        metadata={"axes": "ZYX", "PhysicalSizeX": 500.0, "PhysicalSizeXUnit": "µm",
                  "PhysicalSizeY": 0.25, "PhysicalSizeYUnit": "mm", "PhysicalSizeZ": 3000.0},
    )  # fmt: skip
    assert read(tmp_path / "a.ome.tif").spacing == pytest.approx((3.0, 0.25, 0.5))
    tifffile.imwrite(
        tmp_path / "cm.tif",
        pages,
        resolution=(20.0, 40.0),
        resolutionunit="CENTIMETER",
        photometric="minisblack",
    )
    volume = read(tmp_path / "cm.tif")
    assert volume.spacing == pytest.approx((0.5, 0.25, 0.5))
    assert any("distance of the slices is not stated" in note for note in volume.notes)
    tifffile.imwrite(tmp_path / "plain.tif", pages, resolution=(72, 72), resolutionunit="INCH",
                     photometric="minisblack")  # fmt: skip
    assert read(tmp_path / "plain.tif").spacing == (1, 1, 1)


def test_tiff_folder_is_read_in_natural_order(tmp_path):
    pages = np.arange(11 * 6, dtype=np.float32).reshape(11, 2, 3)
    folder = tmp_path / "stack"
    folder.mkdir()
    for k, page in enumerate(pages):
        tifffile.imwrite(folder / f"page{k}.tif", page)
    np.testing.assert_array_equal(read(folder).array, pages[:, ::-1, ::-1])
    tifffile.imwrite(folder / "page99.tif", np.zeros((4, 4), np.float32))
    with pytest.raises(InputError, match="do not form one stack"):
        read(folder)


def test_numpy_files(tmp_path, phantom):
    np.save(tmp_path / "a.npy", phantom)
    volume = read(tmp_path / "a.npy")
    np.testing.assert_array_equal(volume.array, phantom)
    assert (volume.unit, volume.spacing) == ("arbitrary", (1, 1, 1))
    np.save(tmp_path / "flat.npy", phantom[0])
    assert read(tmp_path / "flat.npy").shape == (1, 8, 11)
    np.savez(tmp_path / "b.npz", volume=phantom, spacing=(3, 2, 1), unit="HU")
    volume = read(tmp_path / "b.npz")
    assert (volume.unit, volume.spacing) == ("HU", (3, 2, 1))
    affine = sar_affine((3, 2, 1))
    affine[:3, 3] = 5
    np.savez(tmp_path / "c.npz", phantom, affine=affine)
    np.testing.assert_allclose(read(tmp_path / "c.npz").affine, affine)


def test_content_decides_where_the_name_does_not(tmp_path, phantom):
    np.save(tmp_path / "a.npy", phantom)
    (tmp_path / "a.npy").rename(tmp_path / "volume")
    np.testing.assert_array_equal(read(tmp_path / "volume").array, phantom)
