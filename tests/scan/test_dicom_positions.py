"""Slices stand where the file says, on one grid of the body's true height."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from napari_padis.scan.dicom import read_dicom


def height(volume):
    """From the first slice's centre to the last one's, in mm."""
    return (volume.shape[0] - 1) * volume.spacing[0]


def levels(volume):
    return volume.array[:, 0, 0].tolist()


def test_two_slice_distances_keep_the_height(tmp_path, write_images):
    z = [2.5 * k for k in range(32)] + [77.75 + 7.5 * k for k in range(12)]
    write_images(tmp_path / "ct", [{"z": v, "pixels": round(4 * v)} for v in z])
    (volume,) = read_dicom(tmp_path / "ct")
    assert height(volume) == pytest.approx(160.25)
    assert volume.spacing[0] == pytest.approx(2.5, rel=0.01)
    # Values are linear in z, which linear interpolation keeps at every place.
    expected = 4 * np.arange(volume.shape[0]) * volume.spacing[0]
    np.testing.assert_allclose(levels(volume), expected, atol=0.6)
    (note,) = (n for n in volume.notes if "resampled" in n)
    assert "2.5" in note
    assert "7.5" in note
    assert "160.25 mm" in note


@pytest.mark.parametrize(
    ("z", "slices", "spacing"),
    [
        ([0, 1, 2, 3, 4, 9, 14, 19, 24], 25, 1.0),
        ([0, 5, 10, 15, 16, 17, 18, 19], 20, 1.0),
        ([0, 2, 4, 6, 9, 12, 15, 18], 10, 2.0),
        ([0, 3, 7.3, 9, 13, 15], 6, 3.0),
    ],
    ids=["thin then thick", "thick then thin", "two and three", "no regular distance"],
)
def test_uneven_slices_keep_height_and_places(tmp_path, write_images, z, slices, spacing):
    write_images(tmp_path / "s", [{"z": v, "pixels": round(100 * v)} for v in z])
    (volume,) = read_dicom(tmp_path / "s")
    assert height(volume) == pytest.approx(z[-1] - z[0])
    assert (volume.shape[0], volume.spacing[0]) == (slices, pytest.approx(spacing, rel=0.15))
    expected = 100 * np.arange(slices) * volume.spacing[0]
    np.testing.assert_allclose(levels(volume), expected, atol=1)


def test_missing_slices_are_filled_and_a_large_gap_divides(tmp_path, write_images):
    z = [3 * k for k in range(12) if k not in (4, 8, 9)]
    write_images(tmp_path / "holes", [{"z": v, "pixels": 10 * v} for v in z])
    (volume,) = read_dicom(tmp_path / "holes")
    assert levels(volume) == [30 * k for k in range(12)]
    assert any("3 slices are missing" in note for note in volume.notes)
    z = [*range(8), *range(100, 106)]
    write_images(tmp_path / "gap", [{"z": v} for v in z])
    lower, upper = read_dicom(tmp_path / "gap")
    assert (lower.shape[0], upper.shape[0]) == (8, 6)
    assert upper.affine[2, 3] == pytest.approx(100)
    assert any("gap" in note for note in lower.notes)


@pytest.mark.parametrize("step", [0.005, 2e-4, 12.0])
def test_positions_are_compared_relative_to_the_spacing(tmp_path, write_images, step):
    images = [{"z": step * k, "PixelSpacing": [step, step], "SliceThickness": step}
              for k in range(40)]  # fmt: skip
    write_images(tmp_path / "s", images)
    (volume,) = read_dicom(tmp_path / "s")
    assert volume.shape[0] == 40
    assert volume.spacing == pytest.approx((step, step, step))


def test_micrometres_are_told_apart_when_the_pixel_spacing_is_missing(tmp_path, write_images):
    write_images(tmp_path / "s", [{"z": 0.005 * k, "PixelSpacing": None} for k in range(9)])
    (volume,) = read_dicom(tmp_path / "s")
    assert volume.shape[0] == 9
    assert volume.spacing[0] == pytest.approx(0.005)
    assert any("taken as 1 mm" in note for note in volume.notes)


def test_rounding_of_positions_is_no_slice_distance(tmp_path, write_images):
    images = [{"z": 3 * k + 2e-4 * t, "TemporalPositionIdentifier": t, "pixels": 10 * t + k}
              for k in range(4) for t in (1, 2, 3)]  # fmt: skip
    write_images(tmp_path / "s", images)
    assert [levels(v) for v in read_dicom(tmp_path / "s")] == [
        [10 * t + k for k in range(4)] for t in (1, 2, 3)
    ]


def test_positions_rounded_to_tenths_are_one_even_stack(tmp_path, write_images):
    """Distances of 0.6 and 0.7 mm come of 0.667 mm; nothing is to be interpolated."""
    images = [{"z": round(2 * k / 3, 1), "pixels": 10 * (k % 2)} for k in range(12)]
    write_images(tmp_path / "s", images)
    (volume,) = read_dicom(tmp_path / "s")
    assert levels(volume) == [10 * (k % 2) for k in range(12)]
    assert volume.spacing[0] == pytest.approx(2 / 3, rel=0.01)
    assert any("unevenly spaced, 0.6 to 0.7 mm" in note for note in volume.notes)


@pytest.mark.parametrize("tag", ["PixelSpacing", "ImageOrientationPatient", "RescaleType"])
def test_what_one_image_lacks_the_others_tell(tmp_path, write_images, tag):
    """One sagittal image without a tag is no volume of its own."""
    images = [
        {"pixels": k, "ImagePositionPatient": [2.0 * k, 0, 0]} | ({tag: None} if k == 2 else {})
        for k in range(5)
    ]
    write_images(
        tmp_path / "s",
        images,
        ImageOrientationPatient=[0, 1, 0, 0, 0, -1],
        RescaleType="HU",
        PixelSpacing=[0.4, 0.3],
    )
    (volume,) = read_dicom(tmp_path / "s")
    assert volume.array[0, 0].tolist() == [4, 3, 2, 1, 0]  # the patient's left has high x
    assert volume.spacing == pytest.approx((0.4, 0.3, 2))
    assert volume.unit == "HU"
    assert any("1 image states no" in n and "'003.dcm'" in n for n in volume.notes) == (
        tag != "RescaleType"
    )


@pytest.mark.parametrize(
    ("deltas", "spacing"),
    [([(0.05, 0.04)], (0.4, 0.5)), ([(0.05, 0.04)] * 2, (0.4, 0.5)),
     ([(0.05, 0.04), (0.02, 0.02)], (1, 1))],
    ids=["one region", "two alike", "two scales"],
)  # fmt: skip
def test_ultrasound_states_its_pixels_by_regions(tmp_path, write_images, deltas, spacing):
    regions = []
    for x, y in deltas:
        region = Dataset()
        region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3  # cm
        region.PhysicalDeltaX, region.PhysicalDeltaY = x, y
        regions.append(region)
    images = [{"z": k, "PixelSpacing": None, "Modality": "US"} for k in range(3)]
    write_images(tmp_path / "s", images, SequenceOfUltrasoundRegions=regions)
    (volume,) = read_dicom(tmp_path / "s")
    assert volume.spacing[1:] == pytest.approx(spacing)
    assert any("no pixel spacing" in note for note in volume.notes) == (spacing == (1, 1))


def test_sides_of_sagittal_slices_without_positions_are_assumed(tmp_path, write_images):
    images = [{"SliceLocation": 3 * k, "pixels": k} for k in range(4)]
    write_images(tmp_path / "s", images, ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    (volume,) = read_dicom(tmp_path / "s")
    assert (volume.spacing[2], volume.space) == (pytest.approx(3), "unknown")
    assert any("from which side these grow is assumed" in note for note in volume.notes)


@pytest.mark.parametrize(
    ("tags", "step"),
    [
        ({"z": 4, "SpacingBetweenSlices": 0.3, "SliceThickness": 0.5}, 0.3),
        ({"z": 4, "SliceThickness": 0.5}, 0.5),
        ({"SpacingBetweenSlices": 0.3}, 0.3),
    ],
    ids=["spacing", "thickness", "no position"],
)
def test_frames_without_positions_follow_their_spacing(tmp_path, write_images, tags, step):
    pixels = np.arange(20)[:, None, None] * np.ones((20, 6, 8), int)
    (path,) = write_images(tmp_path / "s", [{"pixels": pixels, **tags}])
    (volume,) = read_dicom(path)
    assert volume.spacing[0] == pytest.approx(step)
    assert levels(volume) == list(range(20))
    assert volume.affine[2, 3] == pytest.approx(tags.get("z", 0))
    assert any("stacked" in note for note in volume.notes)


def enhanced(path, frames, shared=(), **tags):
    """Make a multi-frame image's frames state what ``frames`` say, macro by macro."""
    ds = pydicom.dcmread(path)
    for name in ("ImagePositionPatient", "RescaleSlope", "RescaleIntercept"):
        ds.pop(name, None)

    def item(macros):
        group = Dataset()
        for macro, values in macros.items():
            inner = Dataset()
            for name, value in values.items():
                setattr(inner, name, value)
            setattr(group, macro, Sequence([inner]))
        return group

    ds.PerFrameFunctionalGroupsSequence = Sequence([item(f) for f in frames])
    ds.SharedFunctionalGroupsSequence = Sequence([item(dict(shared))])
    for name, value in tags.items():
        setattr(ds, name, value)
    ds.save_as(path)
    return path


def test_enhanced_frames_that_share_one_position(tmp_path, write_images):
    pixels = np.arange(5)[:, None, None] * np.ones((5, 6, 8), int)
    (path,) = write_images(tmp_path / "s", [{"pixels": pixels, "Modality": "MR"}])
    place = {"PlanePositionSequence": {"ImagePositionPatient": [0, 0, 7]}}
    measures = {"PixelMeasuresSequence": {"PixelSpacing": [0.5, 0.5], "SliceThickness": 2}}
    for frames, shared in (([place] * 5, measures), ([{}] * 5, {**place, **measures})):
        enhanced(path, frames, shared)
        (volume,) = read_dicom(path)
        assert levels(volume) == list(range(5))
        assert (volume.spacing[0], volume.affine[2, 3]) == (pytest.approx(2), pytest.approx(7))


def test_enhanced_frames_of_two_times_and_echoes(tmp_path, write_images):
    pixels = np.arange(8)[:, None, None] * np.ones((8, 6, 8), int)
    (path,) = write_images(tmp_path / "s", [{"pixels": pixels, "Modality": "MR"}])
    frames = [
        {"PlanePositionSequence": {"ImagePositionPatient": [0, 0, 3 * z]},
         "FrameContentSequence": {"TemporalPositionIndex": t + 1},
         "MREchoSequence": {"EffectiveEchoTime": 4.0 + e}}
        for t in (0, 1) for z in (0, 1) for e in (0, 1)
    ]  # fmt: skip
    enhanced(path, frames)
    assert [levels(v) for v in read_dicom(path)] == [[0, 2], [4, 6], [1, 3], [5, 7]]


def test_an_unknown_dimension_of_an_enhanced_object_divides_it(tmp_path, write_images):
    pixels = np.arange(6)[:, None, None] * np.ones((6, 6, 8), int)
    (path,) = write_images(tmp_path / "s", [{"pixels": pixels, "Modality": "MR"}])
    frames = [
        {"PlanePositionSequence": {"ImagePositionPatient": [0, 0, 3 * z]},
         "FrameContentSequence": {"DimensionIndexValues": [z + 1, d + 1]}}
        for d in (0, 1) for z in (0, 1, 2)
    ]  # fmt: skip
    pointers = []
    for keyword in ("ImagePositionPatient", "FlipAngle"):
        item = Dataset()
        item.DimensionIndexPointer = pydicom.tag.Tag(keyword)
        pointers.append(item)
    enhanced(path, frames, DimensionIndexSequence=Sequence(pointers))
    assert [levels(v) for v in read_dicom(path)] == [[0, 1, 2], [3, 4, 5]]


def test_nuclear_frames_follow_their_vectors(tmp_path, write_images):
    pixels = np.arange(6)[:, None, None] * np.ones((6, 6, 8), int)
    tags = {
        "FrameIncrementPointer": [0x00540010, 0x00540080],
        "EnergyWindowVector": [1, 1, 1, 2, 2, 2],
        "SliceVector": [1, 2, 3, 1, 2, 3],
        "SpacingBetweenSlices": 4,
    }
    (path,) = write_images(tmp_path / "s", [{"pixels": pixels, "z": 1, "Modality": "NM", **tags}])
    volumes = read_dicom(path)
    assert [levels(v) for v in volumes] == [[0, 1, 2], [3, 4, 5]]
    assert {(v.spacing[0], v.unit) for v in volumes} == {(4.0, "arbitrary")}


def test_frames_in_time_are_not_said_to_be_slices(tmp_path, write_images):
    tags = {"FrameIncrementPointer": 0x00181063, "FrameTime": 40, "Modality": "XA"}
    (path,) = write_images(tmp_path / "s", [{"pixels": np.zeros((5, 6, 8), int), **tags}])
    (volume,) = read_dicom(path)
    assert any("in time, not in space" in note for note in volume.notes)


def test_dose_grid_follows_its_offsets_and_is_scaled(tmp_path, write_images):
    pixels = np.arange(4)[:, None, None] * np.ones((4, 6, 8), int)
    tags = {"Modality": "RTDOSE", "DoseGridScaling": 0.5, "DoseUnits": "GY", "z": -20,
            "GridFrameOffsetVector": [0, 2.5, 5, 7.5], "FrameIncrementPointer": 0x3004000C,
            "SliceThickness": 1}  # fmt: skip
    (path,) = write_images(tmp_path / "s", [{"pixels": pixels, **tags}])
    (dose,) = read_dicom(path)
    assert levels(dose) == [0, 0.5, 1, 1.5]
    assert (dose.spacing[0], dose.affine[2, 3], dose.unit) == (2.5, -20, "arbitrary")
    assert any("dose in GY" in note for note in dose.notes)


@pytest.mark.parametrize("offsets", [[0, -2, -4], [-20, -18, -16]], ids=["down", "absolute"])
def test_offsets_of_a_dose_grid_may_fall_or_be_absolute(tmp_path, write_images, offsets):
    pixels = np.arange(3)[:, None, None] * np.ones((3, 6, 8), int)
    tags = {"Modality": "RTDOSE", "GridFrameOffsetVector": offsets, "z": -20,
            "FrameIncrementPointer": 0x3004000C}  # fmt: skip
    (path,) = write_images(tmp_path / "s", [{"pixels": pixels, **tags}])
    (dose,) = read_dicom(path)
    down = offsets[1] < 0 and offsets[0] == 0
    assert levels(dose) == ([2, 1, 0] if down else [0, 1, 2])
    assert dose.affine[2, 3] == pytest.approx(-24 if down else -20)


def test_equal_positions_give_way_to_slice_locations(tmp_path, write_images):
    images = [{"z": 0, "SliceLocation": 0.47 * k, "pixels": k} for k in (3, 0, 5, 1, 2, 4)]
    write_images(tmp_path / "s", images)
    (volume,) = read_dicom(tmp_path / "s")
    assert levels(volume) == list(range(6))
    assert volume.spacing[0] == pytest.approx(0.47)
    assert volume.space == "unknown"
    assert any("slice locations" in note for note in volume.notes)


def test_equal_positions_and_slice_locations_of_several_times(tmp_path, write_images):
    images = [{"z": 0, "SliceLocation": 3 * k, "pixels": 10 * t + k, "EchoTime": t}
              for k in range(3) for t in (1, 2)]  # fmt: skip
    write_images(tmp_path / "s", images, Modality="MR")
    assert [levels(v) for v in read_dicom(tmp_path / "s")] == [[10, 11, 12], [20, 21, 22]]


def test_without_positions_slice_locations_give_order_and_spacing(tmp_path, write_images):
    images = [{"SliceLocation": 30 - 3 * k, "SliceThickness": 5, "pixels": k} for k in range(4)]
    write_images(tmp_path / "s", images)
    (volume,) = read_dicom(tmp_path / "s")
    assert levels(volume) == [3, 2, 1, 0]  # from feet to head
    assert (volume.spacing[0], volume.space) == (pytest.approx(3), "unknown")
    assert any("no position" in note for note in volume.notes)


def test_without_any_place_numbers_give_the_order(tmp_path, write_images):
    images = [{"InstanceNumber": 9 - k, "SliceThickness": 5, "pixels": k} for k in range(4)]
    write_images(tmp_path / "s", images)
    (volume,) = read_dicom(tmp_path / "s")
    assert levels(volume) == [3, 2, 1, 0]
    assert volume.spacing[0] == 5
    assert any("order from feet to head is not known" in note for note in volume.notes)


@pytest.mark.parametrize("lost", [0, 2, 4])
@pytest.mark.parametrize("by", ["number", "slice location"])
def test_one_lost_position_is_placed_by_the_others(tmp_path, write_images, lost, by):
    images = [{"z": None if k == lost else -3 * k, "pixels": k, "SliceThickness": 5}
              for k in range(5)]  # fmt: skip
    if by == "slice location":
        for k, number in enumerate((4, 1, 5, 2, 3)):
            images[k] |= {"InstanceNumber": number, "SliceLocation": 100 - 3 * k}
    write_images(tmp_path / "s", images)
    (volume,) = read_dicom(tmp_path / "s")
    assert levels(volume) == [4, 3, 2, 1, 0]
    assert volume.spacing[0] == pytest.approx(3)
    assert volume.affine[2, 3] == pytest.approx(-12)
    assert any(f"'{lost + 1:03d}.dcm'" in note and by in note for note in volume.notes)


def test_a_lost_position_that_nothing_tells_is_named(tmp_path, write_images):
    images = [{"z": z, "InstanceNumber": n} for z, n in ((0, 4), (3, 1), (6, 3), (None, 2))]
    write_images(tmp_path / "s", images)
    (volume,) = read_dicom(tmp_path / "s")
    assert volume.shape[0] == 3
    assert any("left out: '004.dcm'" in note for note in volume.notes)


def test_missing_orientation_and_pixel_spacing_are_said(tmp_path, write_images):
    write_images(tmp_path / "a", [{"z": 3 * z, "ImageOrientationPatient": None} for z in (0, 1)])
    (volume,) = read_dicom(tmp_path / "a")
    assert volume.space == "unknown"
    assert any("no orientation" in n for n in volume.notes)
    for tag, word in (("ImagerPixelSpacing", "at the detector"),
                      ("NominalScannedPixelSpacing", "scanned film")):  # fmt: skip
        images = [{"z": 3 * z, "PixelSpacing": None, tag: [0.2, 0.2]} for z in (0, 1)]
        write_images(tmp_path / tag, images)
        (volume,) = read_dicom(tmp_path / tag)
        assert volume.spacing[1] == pytest.approx(0.2)
        assert any(word in note for note in volume.notes)


def test_pixels_of_known_shape_and_unknown_size(tmp_path, write_images):
    tags = {"PixelSpacing": None, "PixelAspectRatio": [4, 2]}
    write_images(tmp_path / "s", [{"z": 3 * z, **tags} for z in (0, 1)])
    (volume,) = read_dicom(tmp_path / "s")
    assert volume.spacing == pytest.approx((3, 2, 1))
    assert any("no pixel spacing" in note for note in volume.notes)


def test_shifted_slices_are_said(tmp_path, write_images):
    images = [{"ImagePositionPatient": [0, 4.0 * (k == 1), 3 * k]} for k in range(3)]
    write_images(tmp_path / "s", images)
    (volume,) = read_dicom(tmp_path / "s")
    assert any("shifted against one another by up to 4 mm" in note for note in volume.notes)


def mosaic(slices, side, **tags):
    """Tags of a Siemens mosaic of slices."""
    n = len(slices)
    big = np.zeros((side * 6, side * 8), int)
    for k in range(n):
        big[k // side * 6 : (k // side + 1) * 6, k % side * 8 : (k % side + 1) * 8] = slices[k]
    return {"pixels": big, "ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"], "Modality": "MR",
            "SpacingBetweenSlices": 3.6, **tags}  # fmt: skip


def test_a_mosaic_is_unfolded(tmp_path, write_images):
    """The stored position is the corner of the whole mosaic, as if it were one large slice."""
    slices = np.arange(7)[:, None, None] * np.ones((7, 6, 8), int)
    slices[:, 0, 0] += 100
    count = {(0x0019, 0x0010): ("LO", "SIEMENS MR HEADER"), (0x0019, 0x100A): ("US", 7)}
    (path,) = write_images(tmp_path / "s", [mosaic(slices, 3, z=-9) | count])
    (volume,) = read_dicom(path)
    assert volume.shape == (7, 6, 8)
    assert volume.spacing == pytest.approx((3.6, 0.5, 0.5))
    np.testing.assert_array_equal(volume.array, slices[:, ::-1, ::-1])
    first_pixel = volume.affine @ [0, 5, 7, 1]
    np.testing.assert_allclose(first_pixel[:3], [-(24 - 8) / 4, -(18 - 6) / 4, -9], atol=1e-6)


def test_a_mosaic_of_unknown_count_is_refused(tmp_path, write_images):
    from napari_padis.errors import InputError

    slices = np.ones((4, 6, 8), int)
    (path,) = write_images(tmp_path / "s", [mosaic(slices, 2, z=0)])
    with pytest.raises(InputError, match="mosaic that does not say how many slices"):
        read_dicom(path)
