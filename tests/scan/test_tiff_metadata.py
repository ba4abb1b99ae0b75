"""Lengths and values as OME, ImageJ, microscopes and plain TIFF tags state them."""

import json

import numpy as np
import pytest
import tifffile

from napari_padis.scan.read import read, read_all
from napari_padis.scan.volume import Volume
from napari_padis.scan.write import write

PAGES = np.arange(2 * 3 * 4, dtype=np.uint16).reshape(2, 3, 4)


def ome(folder, pages=PAGES, axes="ZYX", **metadata):
    path = folder / "a.ome.tif"
    tifffile.imwrite(path, pages, photometric="minisblack", metadata={"axes": axes} | metadata)
    return path


def imagej(folder, pages=PAGES, resolution=(2, 4), axes="ZYX", **metadata):
    path = folder / "a.tif"
    tifffile.imwrite(path, pages, imagej=True, resolution=resolution,
                     metadata={"axes": axes} | metadata)  # fmt: skip
    return path


def plain(folder, description, pages=PAGES, **options):
    path = folder / "a.tif"
    options = {"photometric": "minisblack", "metadata": None} | options
    tifffile.imwrite(path, pages, description=description, **options)
    return path


def noted(volume, text):
    return any(text in note for note in volume.notes)


@pytest.mark.parametrize(
    ("sizes", "spacing", "note"),
    [
        ({"X": (0.5, "µm"), "Y": (0.5, "µm")}, (5e-4, 5e-4, 5e-4), "distance of the slices"),
        ({"X": (0.5, None), "Y": (0.25, None)}, (5e-4, 2.5e-4, 5e-4), "distance of the slices"),
        ({"X": (0.5, "nm"), "Y": (0.5, "nm"), "Z": (2, "µm")}, (2e-3, 5e-7, 5e-7), None),
        ({"X": (2, "mm"), "Y": (1, "cm"), "Z": (0.001, "in")}, (0.0254, 10, 2), None),
        ({"X": (5000, "Å"), "Y": (5000, "Å"), "Z": (1, "km")}, (1e6, 5e-4, 5e-4), None),
        ({"X": (2, "pixel"), "Y": (2, "pixel"), "Z": (3, "pixel")}, (3, 2, 2), "without a unit"),
        (
            {"X": (2, "reference frame"), "Y": (2, "mm"), "Z": (3, "mm")},
            (3, 2, 2),
            "one side of the pixels",
        ),
        (
            {"X": (0.5, "µm"), "Y": (0.5, "µm"), "Z": (1, "pixel")},
            (5e-4, 5e-4, 5e-4),
            "distance of the slices",
        ),
        ({"X": (2, "li"), "Y": (2, "mm"), "Z": (3, "mm")}, (3, 2, 2), "'li' is not known"),
        ({"X": (0.5, "µm"), "Z": (1, "µm")}, (1e-3, 5e-4, 5e-4), "one side of the pixels"),
        ({"Z": (3, "mm")}, (3, 1, 1), "no spacing"),
        ({}, (1, 1, 1), "no spacing"),
    ],
)
def test_ome_sizes_each_in_their_unit(tmp_path, sizes, spacing, note):
    stated = {}
    for axis, (value, unit) in sizes.items():
        stated[f"PhysicalSize{axis}"] = value
        if unit:
            stated[f"PhysicalSize{axis}Unit"] = unit
    volume = read(ome(tmp_path, **stated))
    assert volume.spacing == pytest.approx(spacing, rel=1e-6)
    np.testing.assert_array_equal(volume.array, PAGES[:, ::-1, ::-1])
    assert volume.space == "unknown"
    if note:
        assert noted(volume, note)
    else:
        assert len(volume.notes) == 1 or not noted(volume, "taken as")


def test_channels_and_times_of_ome_are_volumes_of_their_own(tmp_path):
    pages = np.arange(2 * 3 * 4 * 5 * 6, dtype=np.uint16).reshape(2, 3, 4, 5, 6)
    path = ome(tmp_path, pages, "TCZYX", PhysicalSizeX=2, PhysicalSizeY=2, PhysicalSizeZ=2)
    volumes = read_all(path)
    assert [v.name for v in volumes][:4] == [
        "a time point 1 channel 1", "a time point 1 channel 2", "a time point 1 channel 3",
        "a time point 2 channel 1"]  # fmt: skip
    for volume, stack in zip(volumes, pages.reshape(6, 4, 5, 6), strict=True):
        np.testing.assert_array_equal(volume.array, stack[:, ::-1, ::-1])
    assert "'a time point 1 channel 2'" in read(path).notes[-1]
    slices = np.moveaxis(pages[0], 0, 1)  # slices before channels
    for volume, stack in zip(read_all(ome(tmp_path, slices, "ZCYX")), pages[0], strict=True):
        np.testing.assert_array_equal(volume.array, stack[:, ::-1, ::-1])


def test_images_of_one_file_are_all_offered_the_largest_first(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as file:
        file.write(PAGES[:, :2, :2], photometric="minisblack", metadata={
            "axes": "ZYX", "PhysicalSizeX": 1, "PhysicalSizeY": 1, "PhysicalSizeZ": 1})  # fmt: skip
        file.write(PAGES, photometric="minisblack", metadata={
            "axes": "ZYX", "PhysicalSizeX": 2, "PhysicalSizeY": 2, "PhysicalSizeZ": 5,
            **{f"PhysicalSize{a}Unit": "mm" for a in "XYZ"}})  # fmt: skip
        file.write(np.zeros((9, 9, 3), np.uint8), photometric="rgb")
    first, second = read_all(tmp_path / "a.ome.tif")
    assert (first.shape, first.spacing) == ((2, 3, 4), (5, 2, 2))
    assert (second.shape, second.spacing) == ((2, 2, 2), (1e-3, 1e-3, 1e-3))
    assert noted(first, "1 more of its images is not read")
    assert "'a image 1'" in read(tmp_path / "a.ome.tif").notes[-1]


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("micron", 1e-3), ("um", 1e-3), ("\\u00B5m", 1e-3), ("microns", 1e-3), ("mm", 1), ("cm", 10),
     ("inch", 25.4), ("nm", 1e-6), ("meter", 1e3),
     ("um/pixel", 1e-3), ("mm per pixel", 1)],
)  # fmt: skip
def test_imagej_leaves_out_a_spacing_of_one_unit(tmp_path, unit, factor):
    volume = read(imagej(tmp_path, unit=unit))
    assert volume.spacing == pytest.approx((factor, factor / 4, factor / 2))
    assert not noted(volume, "distance of the slices")
    volume = read(imagej(tmp_path, unit=unit, spacing=-3))
    assert volume.spacing == pytest.approx((3 * factor, factor / 4, factor / 2))


@pytest.mark.parametrize("unit", ["µm".encode("latin-1"), "µm".encode(), "Âµm".encode()])
def test_micrometres_of_imagej_in_every_encoding(tmp_path, unit):
    text = b"ImageJ=1.53t\nimages=2\nslices=2\nunit=" + unit + b"\nspacing=2\n"
    assert read(plain(tmp_path, text, resolution=(2, 2))).spacing == pytest.approx(
        (2e-3, 5e-4, 5e-4)
    )


def test_imagej_units_of_each_axis_unknown_and_none(tmp_path):
    volume = read(imagej(tmp_path, unit="mm", zunit="micron", yunit="cm", spacing=500))
    assert volume.spacing == pytest.approx((0.5, 2.5, 0.5))
    volume = read(imagej(tmp_path, unit="furlong", spacing=3))
    assert volume.spacing == pytest.approx((3, 0.25, 0.5))
    assert noted(volume, "'furlong' is not known; lengths are taken as mm")
    volume = read(imagej(tmp_path, unit="pixel", spacing=3, resolution=(1, 1)))
    assert volume.spacing == (3, 1, 1)
    assert noted(volume, "without a unit")
    volume = read(imagej(tmp_path, unit="pixel", resolution=(1, 1)))
    assert (volume.spacing, noted(volume, "no spacing")) == ((1, 1, 1), True)


def test_one_page_of_imagej_has_no_distance_of_slices(tmp_path):
    volume = read(imagej(tmp_path, PAGES[:1], unit="micron"))
    assert volume.spacing == pytest.approx((5e-4, 2.5e-4, 5e-4))
    assert noted(volume, "distance of the slices is not stated")


@pytest.mark.parametrize(
    ("stored", "cf", "coefficients", "values"),
    [
        ([31768, 32768, 33768], 0, (-32768, 1), [-1000, 0, 1000]),
        ([24, 1024, 2024], 0, (-1024, 1), [-1000, 0, 1000]),
        ([0, 1, 2], 0, (0.5, 0.25), [0.5, 0.75, 1.0]),
        ([0, 1, 2], 1, (1, 0, 2), [1, 3, 9]),
        ([0, 1, 2], 20, (5, 5), [0, 1, 2]),
    ],
)
def test_calibration_of_imagej_is_applied(tmp_path, stored, cf, coefficients, values):
    pages = np.array(stored, np.uint16).reshape(1, 1, 3).repeat(2, 0)
    terms = {f"c{k}": float(c) for k, c in enumerate(coefficients)}
    volume = read(imagej(tmp_path, pages, unit="mm", cf=cf, vunit="Gray Value", **terms))
    np.testing.assert_array_equal(volume.array[0, 0, ::-1], values)
    if volume.array.dtype.kind == "i":
        assert volume.array.dtype == np.int16


def test_signed_integers_are_held_raised_by_imagej(tmp_path):
    """ImageJ adds 32768 to signed numbers, and its calibration takes it off again."""
    pages = np.array([-1000, 0, 1000], np.int16).reshape(1, 1, 3)
    volume = read(imagej(tmp_path, pages, unit="mm", cf=0, c0=-32768.0, c1=1.0))
    np.testing.assert_array_equal(volume.array[0, 0, ::-1], [-1000, 0, 1000])
    volume = read(imagej(tmp_path, pages, unit="mm"))
    np.testing.assert_array_equal(volume.array[0, 0, ::-1], [-1000, 0, 1000])


def test_values_that_cannot_be_calibrated_and_their_unit(tmp_path):
    volume = read(imagej(tmp_path, unit="mm", cf=7, c0=1.0, c1=2.0, c2=3.0, c3=1.0))
    np.testing.assert_array_equal(volume.array, PAGES[:, ::-1, ::-1])
    assert noted(volume, "calibration curve")
    volume = read(imagej(tmp_path, unit="mm", cf=0, c0=-1000.0, c1=1.0, vunit="HU"))
    assert (volume.unit, int(volume.array.min())) == ("HU", -1000)
    volume = read(imagej(tmp_path, unit="mm", cf=0, c0=0.0, c1=1.0, vunit="1/cm"))
    assert volume.unit == "1/mm"
    np.testing.assert_allclose(volume.array, PAGES[:, ::-1, ::-1] / 10, rtol=1e-6)
    volume = read(imagej(tmp_path, unit="mm", cf=0, c0=0.0, c1=1.0, vunit="g/cc"))
    assert noted(volume, "'g/cc', is not known")


def test_resolution_tags(tmp_path):
    volume = read(plain(tmp_path, "", resolution=(20000, 20000), resolutionunit="CENTIMETER"))
    assert volume.spacing == pytest.approx((5e-4, 5e-4, 5e-4))
    volume = read(plain(tmp_path, "", resolution=(300, 300), resolutionunit="INCH"))
    assert volume.spacing == (1, 1, 1)
    assert noted(volume, "300 dots per inch (0.0847 mm)")
    volume = read(plain(tmp_path, "", resolution=(4, 4), resolutionunit="NONE"))
    assert (volume.spacing, noted(volume, "no spacing")) == ((1, 1, 1), True)


def test_resolution_counts_where_ome_states_no_size(tmp_path):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, PAGES, photometric="minisblack", resolution=(100, 100),
                     resolutionunit="CENTIMETER", metadata={"axes": "ZYX"})  # fmt: skip
    assert read(path).spacing == pytest.approx((0.1, 0.1, 0.1))


def test_zero_that_is_white_is_said(tmp_path):
    volume = read(plain(tmp_path, "", PAGES, photometric="miniswhite"))
    np.testing.assert_array_equal(volume.array, PAGES[:, ::-1, ::-1])
    assert noted(volume, "0 is white")


def test_text_of_tifffile_states_a_unit(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PAGES, photometric="minisblack", resolution=(2, 2),
                     metadata={"axes": "ZYX", "spacing": 3, "unit": "um"})  # fmt: skip
    assert read(path).spacing == pytest.approx((3e-3, 5e-4, 5e-4))
    tifffile.imwrite(path, PAGES, photometric="minisblack", resolution=(2, 2),
                     metadata={"axes": "ZYX", "unit": "um"})  # fmt: skip
    volume = read(path)
    assert volume.spacing == pytest.approx((5e-4, 5e-4, 5e-4))
    assert noted(volume, "distance of the slices")


def test_text_of_microscopes(tmp_path):
    fei = "[Scan]\r\nPixelWidth=2e-06\r\nPixelHeight=2e-06\r\n"
    path = plain(tmp_path, "", extratags=[(34682, "s", 0, fei, True)])
    assert read(path).spacing == pytest.approx((2e-3, 2e-3, 2e-3))


def test_pages_that_are_stated_to_be_times_are_said(tmp_path):
    volume = read(imagej(tmp_path, axes="TYX", unit="mm"))
    assert volume.shape == (2, 3, 4)
    assert noted(volume, "stated to be time points; they are taken as slices")
    planes = PAGES[:1].repeat(3, 0)  # what tifffile made of three slices for many years
    path = plain(tmp_path, "", planes, photometric="rgb", planarconfig="separate")
    volume = read(path)
    np.testing.assert_array_equal(volume.array, planes[:, ::-1, ::-1])
    assert noted(volume, "stated to be colour planes")


def test_position_is_dropped_when_another_program_changed_the_image(tmp_path):
    volume = Volume(PAGES, (3.0, 2.0, 1.0), unit="HU", space="scanner")
    path = write(tmp_path / "a.tif", volume)
    with tifffile.TiffFile(path) as file:
        info = file.imagej_metadata["Info"]
        pages = file.asarray()
    assert json.loads(info)["shape"] == [2, 3, 4]
    whole = imagej(tmp_path, pages, (1, 0.5), spacing=3.0, unit="mm", Info=info)
    assert read(whole).space == "scanner"
    for part, resolution, spacing in (
        (pages[:, 1:], (1, 0.5), (3, 2, 1)),
        (pages, (2, 1), (3, 1, 0.5)),
    ):
        back = read(imagej(tmp_path, part, resolution, spacing=3.0, unit="mm", Info=info))
        assert back.spacing == pytest.approx(spacing)
        assert (back.unit, back.space) == ("HU", "unknown")
        assert noted(back, "cropped or scaled")


@pytest.mark.parametrize(("code", "said"), [(1, False), (3, True), (6, True)])
def test_pages_that_ask_to_be_turned_are_taken_as_stored_with_a_word(tmp_path, code, said):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PAGES, photometric="minisblack", extratags=[(274, 3, 1, code, True)])
    volume = read(path)
    np.testing.assert_array_equal(volume.array, PAGES[:, ::-1, ::-1])
    assert noted(volume, f"(Orientation {code})") == said
