"""Values of DICOM images: lookup table, rescale, padding, and what is HU."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut
from pydicom.sequence import Sequence

from napari_padis.errors import InputError
from napari_padis.scan.dicom import read_dicom

RAMP = np.arange(48).reshape(6, 8)


def only(path):
    (volume,) = read_dicom(path)
    return volume


def with_table(path, values, kind, first=0):
    ds = pydicom.dcmread(path)
    for name in ("RescaleSlope", "RescaleIntercept"):
        ds.pop(name, None)
    item = Dataset()
    item.LUTDescriptor = [len(values), first, 16]
    item["LUTDescriptor"].VR = "SS" if first < 0 else "US"
    if kind:
        item.ModalityLUTType = kind
    item.LUTData = list(values)
    item["LUTData"].VR = "US"
    ds.ModalityLUTSequence = Sequence([item])
    ds.save_as(path)


@pytest.mark.parametrize(
    ("kind", "unit"), [("HU", "HU"), ("US", "arbitrary"), ("OD", "arbitrary"), ("", "arbitrary")]
)
@pytest.mark.parametrize("first", [0, 10, -5])
def test_the_lookup_table_is_applied(tmp_path, write_images, kind, unit, first):
    (path,) = write_images(tmp_path / "s", [{"z": 0, "pixels": RAMP}])
    with_table(path, 7 + 3 * np.arange(30), kind, first)
    volume = only(path)
    ds = pydicom.dcmread(path)
    np.testing.assert_array_equal(
        volume.array[0, ::-1, ::-1], apply_modality_lut(ds.pixel_array, ds)
    )
    assert volume.array.max() == 7 + 3 * 29  # what lies beyond the table is its last entry
    assert volume.unit == unit
    assert any("not taken as HU" in note for note in volume.notes) == (unit == "arbitrary")


@pytest.mark.parametrize(
    ("tags", "unit", "word"),
    [
        ({"RescaleType": "HU"}, "HU", None),
        ({}, "HU", None),
        ({"RescaleType": "US"}, "arbitrary", "'US'"),
        ({"RescaleType": "Z_EFF"}, "arbitrary", "'Z_EFF'"),
        ({"Modality": "PT", "RescaleType": "HU"}, "arbitrary", None),
        ({"Modality": "MR", "RescaleType": "HU"}, "arbitrary", None),
        ({"Modality": "NM"}, "arbitrary", None),
        ({"Modality": "OT"}, "arbitrary", None),
        ({"Modality": None}, "HU", None),  # the class says CT
        ({"RescaleSlope": None, "RescaleIntercept": None}, None, "does not say"),
    ],
)
def test_only_what_the_file_calls_ct_numbers_is_hu(tmp_path, write_images, tags, unit, word):
    (path,) = write_images(tmp_path / "s", [{"z": 0, "pixels": RAMP, **tags}])
    volume = only(path)
    assert volume.unit == (unit or "arbitrary")
    assert word is None or any(word in note for note in volume.notes)


def chest():
    """Air, lung and tissue in HU, with noise."""
    rng = np.random.default_rng(2)
    values = rng.normal(-1000, 12, (24, 30))
    values[4:20, 4:26] = rng.normal(40, 12, (16, 22))
    values[8:16, 7:13] = rng.normal(-850, 12, (8, 6))
    return np.round(values)


def test_values_of_an_unspecified_unit_are_told_by_their_spread(tmp_path, write_images):
    images = [{"z": z, "pixels": chest(), "RescaleType": "US"} for z in range(4)]
    write_images(tmp_path / "s", images)
    volume = only(tmp_path / "s")
    assert volume.unit == "HU"
    assert any("unspecified" in note for note in volume.notes)
    assert any("taken as Hounsfield units" in note for note in volume.notes)


@pytest.mark.parametrize(("added", "doubt"), [(0, False), (1000, True), (1024, True)])
def test_ct_numbers_that_cannot_be_right_are_doubted(tmp_path, write_images, added, doubt):
    """Cone-beam scanners write CT whose air is 0 and that states an intercept of 0."""
    images = [{"z": z, "pixels": np.maximum(chest() + added, -1024 + added)} for z in range(4)]
    write_images(tmp_path / "s", images)
    volume = only(tmp_path / "s")
    assert volume.unit == "HU"
    assert any("but they look like" in note for note in volume.notes) == doubt


def test_every_frame_has_its_own_rescale(tmp_path, write_images):
    images = [{"z": 3 * k, "pixels": RAMP, "RescaleSlope": 1 + k / 2, "RescaleIntercept": -k}
              for k in range(3)]  # fmt: skip
    write_images(tmp_path / "s", images)
    expected = [RAMP * (1 + k / 2) - k for k in range(3)]
    np.testing.assert_allclose(only(tmp_path / "s").array[:, ::-1, ::-1], expected)


def test_values_of_mixed_sizes_fit(tmp_path, write_images):
    images = [{"z": 3 * k, "pixels": RAMP, "RescaleSlope": 1000**k} for k in range(3)]
    write_images(tmp_path / "s", images)
    volume = only(tmp_path / "s")
    assert volume.array.max() == 47_000_000
    assert volume.array.dtype.kind == "i"


@pytest.mark.parametrize(
    ("value", "limit", "declared", "intercept"),
    [
        (-2000, None, ("SS", -2000), 0),
        (-2000, None, ("US", 63536), 0),
        (-3000, -2000, ("SS", -2000), 0),
        (0, None, ("SS", 0), -1024),
        (5000, None, ("SS", 5000), 0),
    ],
    ids=["plain", "of the wrong sign", "a range", "zero", "above"],
)
def test_padding_is_air(tmp_path, write_images, value, limit, declared, intercept):
    pixels = RAMP + 30 - intercept
    pixels[0, :5] = value
    pixels[5, 5] = value  # wherever it lies
    tags = {(0x0028, 0x0120): declared, "RescaleIntercept": intercept}
    if limit is not None:
        tags[(0x0028, 0x0121)] = ("SS", value)
        pixels[0, 1] = limit
    (path,) = write_images(tmp_path / "s", [{"z": 0, "pixels": pixels, **{}} | tags])
    volume = only(path)
    expected = pixels + intercept
    expected[0, :5] = expected[5, 5] = -1000
    np.testing.assert_array_equal(volume.array[0, ::-1, ::-1], expected)
    assert any("6 voxels of padding" in note for note in volume.notes)


def test_padding_of_a_value_that_tissue_has(tmp_path, write_images):
    """Only what is joined to the border is outside of the body."""
    pixels = np.full((12, 12), 0)
    pixels[2:10, 2:10] = 40
    pixels[5, 5] = 0  # water within the body
    tags = {"z": 0, "pixels": pixels, (0x0028, 0x0120): ("SS", 0)}
    (path,) = write_images(tmp_path / "s", [tags])
    volume = only(path)
    assert (volume.array == -1000).sum() == 144 - 64
    assert (volume.array == 0).sum() == 1
    assert any("1 voxels inside the body" in note for note in volume.notes)


def test_padding_of_mr_is_left(tmp_path, write_images):
    tags = {"z": 0, "pixels": RAMP, (0x0028, 0x0120): ("SS", 0), "Modality": "MR"}
    (path,) = write_images(tmp_path / "s", [tags])
    np.testing.assert_array_equal(only(path).array[0, ::-1, ::-1], RAMP)


def test_colours_of_a_palette_are_no_grey_values(tmp_path, write_images):
    tags = {"z": 0, "PhotometricInterpretation": "PALETTE COLOR"}
    (path,) = write_images(tmp_path / "s", [tags])
    with pytest.raises(InputError, match="colour image"):
        read_dicom(path)
