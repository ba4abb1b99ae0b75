"""Series are divided into volumes by what makes their images different."""

import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.scan.dicom import read_dicom
from napari_padis.scan.read import read

MR = {"Modality": "MR", "RescaleSlope": None, "RescaleIntercept": None}


def kind(letter, *more):
    return ["ORIGINAL", "PRIMARY", letter, *more]


def levels(volumes):
    """Value of the first voxel of every slice, from feet to head."""
    return [v.array[:, 0, 0].tolist() for v in volumes]


def test_two_phase_slices_do_not_enter_a_magnitude_volume(tmp_path, write_images):
    types = ["P" if k in (3, 7) else "M" for k in range(10)]
    write_images(
        tmp_path / "mix",
        [{"z": 2 * k, "ImageType": kind(t), "pixels": 4000 if t == "P" else 300}
         for k, t in enumerate(types)],
        **MR,
    )  # fmt: skip
    magnitude, phase = read_dicom(tmp_path / "mix")
    assert (magnitude.name, phase.name) == ("mix magnitude", "mix phase")
    assert (magnitude.array == 300).all()
    assert (phase.array == 4000).all()
    assert magnitude.shape[0] == 10
    assert magnitude.spacing[0] == pytest.approx(2)
    assert any("2 slices are missing" in note for note in magnitude.notes)
    assert any("'mix magnitude', 'mix phase'" in note for note in phase.notes)
    # The others are named once.
    notes = read(tmp_path / "mix").notes
    assert sum("'mix phase'" in note for note in notes) == 1
    assert notes[-1] == "The first of these volumes was read, the others were not."


def test_phase_and_magnitude_of_the_same_positions_are_two_volumes(tmp_path, write_images):
    images = [{"z": 5 * k, "ImageType": kind(t), "pixels": p}
              for t, p in (("P", 100), ("M", 200)) for k in range(3)]  # fmt: skip
    write_images(tmp_path / "b0", images, **MR)
    assert levels(read_dicom(tmp_path / "b0")) == [[200] * 3, [100] * 3]


@pytest.mark.parametrize(
    "tags",
    [
        [{"ImageType": kind("M_FFE", "M", "FFE")}, {"ImageType": kind("PHASE MAP", "P", "FFE")}],
        [{"ComplexImageComponent": "MAGNITUDE"}, {"ComplexImageComponent": "PHASE"}],
        [{(0x0043, 0x0010): ("LO", "GEMS_PARM_01"), (0x0043, 0x102F): ("SS", k)} for k in (0, 1)],
        [{"ImageType": kind("OTHER")}, {"ImageType": kind("P_SE")}],
    ],
    ids=["Philips", "enhanced", "GE", "phase alone is named"],
)
def test_phase_is_told_in_the_words_of_every_maker(tmp_path, write_images, tags):
    """The phase comes first in the files; the other one is offered first."""
    images = [{"z": 3 * z, "pixels": 10 * k + z, **tags[k]} for k in (1, 0) for z in range(3)]
    write_images(tmp_path / "s", images, **MR)
    first, second = read_dicom(tmp_path / "s")
    assert levels([first, second]) == [[0, 1, 2], [10, 11, 12]]
    assert second.name == "s phase"


def test_real_and_imaginary_images_and_the_field_map_are_volumes(tmp_path, write_images):
    images = [{"z": 3 * z, "pixels": k, "ImageType": kind(t)}
              for k, t in enumerate(("R", "I", "M", "B0 MAP")) for z in range(2)]  # fmt: skip
    write_images(tmp_path / "s", images, **MR)
    names = [v.name for v in read_dicom(tmp_path / "s")]
    assert set(names) == {"s magnitude", "s real", "s imaginary", "s B0 map"}


def test_phases_of_a_gated_ct_are_volumes(tmp_path, write_images):
    images = [{"z": 3 * z, "pixels": 100 * t + z, "TemporalPositionIdentifier": t + 1,
               "AcquisitionNumber": t + 1} for t in range(3) for z in range(4)]  # fmt: skip
    write_images(tmp_path / "ct", images)
    volumes = read_dicom(tmp_path / "ct")
    assert [v.name for v in volumes] == ["ct phase 1", "ct phase 2", "ct phase 3"]
    assert levels(volumes) == [[100 * t + z for z in range(4)] for t in range(3)]
    assert {v.unit for v in volumes} == {"HU"}


PARTS = {
    "echo time": ("EchoTime", (5.0, 10.0), "echo 2"),
    "echo number": ("EchoNumbers", (1, 2), "echo 2"),
    "percent": ("NominalPercentageOfCardiacPhase", (30.0, 75.0), "75 %"),
    "b": ("DiffusionBValue", (0.0, 1000.0), "b 1000"),
    "kernel": ("ConvolutionKernel", ("B30f", "B70f"), "kernel B70f"),
    "voltage": ("KVP", ("80", "140"), "140 kV"),
    "acquisition": ("AcquisitionNumber", (1, 2), "acquisition 2"),
    "acquisition time": ("AcquisitionTime", ("101500", "101530"), "time 2"),
    "trigger": ("TriggerTime", ("0", "31.2"), "time 2"),
    "image type": ("ImageType", (kind("AXIAL", "A"), kind("AXIAL", "B")), "original primary"),
    "derived": ("ImageType", (kind("AXIAL"), ["DERIVED", "PRIMARY", "AXIAL"]), "derived"),
    "series number": ("SeriesNumber", (2, 3), "series 3"),
    "description": ("SeriesDescription", ("arterial", "venous"), "venous"),
}


@pytest.mark.parametrize("name", PARTS)
def test_series_are_divided_by(name, tmp_path, write_images):
    tag, values, label = PARTS[name]
    images = [{"z": 3 * z, "pixels": 10 * k + z, tag: values[k]} for z in range(3) for k in (0, 1)]
    write_images(tmp_path / "s", images)
    volumes = read_dicom(tmp_path / "s")
    assert levels(volumes) == [[0, 1, 2], [10, 11, 12]]
    assert label in volumes[1].name


@pytest.mark.parametrize(
    ("creator", "tag", "values"),
    [
        ((0x0019, "SIEMENS MR HEADER"), (0x0019, 0x100C), ("IS", ("0", "1000"))),
        ((0x0043, "GEMS_PARM_01"), (0x0043, 0x1039), ("IS", (["0", "8"], ["1000001000", "8"]))),
    ],
    ids=["Siemens", "GE"],
)
def test_private_diffusion_weights_divide_a_series(tmp_path, write_images, creator, tag, values):
    vr, both = values
    images = [
        {"z": 3 * z, "pixels": 10 * k + z, tag: (vr, both[k]),
         (creator[0], 0x0010): ("LO", creator[1])}
        for z in range(3) for k in (0, 1)
    ]  # fmt: skip
    write_images(tmp_path / "s", images, **MR)
    volumes = read_dicom(tmp_path / "s")
    assert levels(volumes) == [[0, 1, 2], [10, 11, 12]]
    assert [v.name for v in volumes] == ["s b 0", "s b 1000"]


def test_two_echoes_of_two_times_are_four_volumes(tmp_path, write_images):
    images = [{"z": 3 * z, "pixels": 100 * t + 10 * e + z, "EchoTime": 5.0 + e,
               "TemporalPositionIdentifier": t}
              for t in (1, 2) for z in range(3) for e in (1, 2)]  # fmt: skip
    write_images(tmp_path / "s", images, **MR)
    volumes = read_dicom(tmp_path / "s")
    assert [v.name for v in volumes] == [f"s echo {e} time {t}" for e in (1, 2) for t in (1, 2)]
    assert [v.array[0, 0, 0] for v in volumes] == [110, 210, 120, 220]


def test_an_ordinary_ct_is_not_divided(tmp_path, write_images):
    """Numbers, times, currents and types that change along the body are no parts."""
    images = [{"z": 3 * z, "AcquisitionNumber": z // 3, "ContentTime": f"10150{z}", "KVP": 100 + z,
               "ImageType": kind("AXIAL", "A" if z % 2 else "B"), "TriggerTime": z}
              for z in range(6)]  # fmt: skip
    write_images(tmp_path / "s", images)
    (volume,) = read_dicom(tmp_path / "s")
    assert volume.shape[0] == 6
    assert volume.name == "s"


def test_stray_images_at_a_taken_position_are_named(tmp_path, write_images):
    images = [{"z": 3 * z} for z in range(8)] + [{"z": 6.0, "pixels": 99}]
    write_images(tmp_path / "s", images)
    (volume,) = read_dicom(tmp_path / "s")
    assert levels([volume]) == [list(range(1, 9))]
    assert any("left out" in note and "'009.dcm'" in note for note in volume.notes)


def test_repeats_that_nothing_tells_apart_are_volumes(tmp_path, write_images):
    images = [{"z": 3 * z, "pixels": 10 * k + z} for k in (0, 1) for z in range(4)]
    write_images(tmp_path / "s", images)
    volumes = read_dicom(tmp_path / "s")
    assert [v.name for v in volumes] == ["s repeat 1", "s repeat 2"]
    assert levels(volumes) == [[0, 1, 2, 3], [10, 11, 12, 13]]


def test_cine_slices_with_their_own_trigger_times(tmp_path, write_images):
    images = [{"z": 8 * z, "pixels": 10 * t + z, "TriggerTime": 30 * t + 0.7 * z}
              for z in range(3) for t in range(4)]  # fmt: skip
    write_images(tmp_path / "s", images, **MR)
    volumes = read_dicom(tmp_path / "s")
    assert levels(volumes) == [[10 * t + z for z in range(3)] for t in range(4)]
    assert volumes[1].name == "s time 2"


def test_a_localizer_stands_apart_and_is_no_ct_number(tmp_path, write_images):
    images = [{"z": 3 * z} for z in range(3)]
    scout = {"z": 40, "ImageType": kind("LOCALIZER"), "pixels": np.full((20, 30), 7)}
    write_images(tmp_path / "s", [scout, *images])
    volume, localizer = read_dicom(tmp_path / "s")
    assert (volume.unit, volume.shape[0]) == ("HU", 3)
    assert (localizer.unit, localizer.shape) == ("arbitrary", (1, 20, 30))
    assert "localizer" in localizer.name


def test_stations_side_by_side_are_volumes(tmp_path, write_images):
    """Coronal images of chest and legs lie at the same depth."""
    axes = [1, 0, 0, 0, 0, -1]
    images = [{"ImagePositionPatient": [0, 4 * y, -3.0 * k], "pixels": 10 * k + y,
               "ImageOrientationPatient": axes}
              for y in range(3) for k in (0, 1)]  # fmt: skip
    write_images(tmp_path / "s", images, **MR)
    volumes = read_dicom(tmp_path / "s")
    assert sorted(v.name for v in volumes) == ["s station 1", "s station 2"]
    assert {v.affine[2, 3] for v in volumes} == {-2.5, -5.5}


def test_close_pixel_spacings_are_one_grid_and_micrometres_are_not(tmp_path, write_images):
    images = [{"z": 3 * z, "PixelSpacing": [0.70312 + 4e-5 * z] * 2} for z in range(4)]
    write_images(tmp_path / "one", images)
    assert len(read_dicom(tmp_path / "one")) == 1
    images = [{"z": 0.01 * z, "PixelSpacing": [p] * 2} for p in (1e-5, 2e-5) for z in range(3)]
    write_images(tmp_path / "two", images)
    assert sorted(v.spacing[1] for v in read_dicom(tmp_path / "two")) == [1e-5, 2e-5]


def test_other_objects_are_named_and_skipped(tmp_path, write_images):
    folder = tmp_path / "s"
    write_images(folder, [{"z": 0, "Modality": "SEG"}])
    (folder / "001.dcm").rename(folder / "seg.dcm")
    write_images(folder, [{"z": 0, "Modality": "PR", "Rows": None}])
    (folder / "001.dcm").rename(folder / "state.dcm")
    write_images(folder, [{"z": 3 * z} for z in range(3)])
    (volume,) = read_dicom(folder)
    (note,) = volume.notes[-1:]
    assert "'seg.dcm' is a segmentation (SEG)" in note
    assert "presentation state (PR)" in note
    with pytest.raises(InputError, match="segmentation"):
        read_dicom(folder / "seg.dcm")


def test_what_cannot_be_decoded_does_not_hide_the_rest(tmp_path, write_images):
    from pydicom import dcmread
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEGLosslessSV1

    (tmp_path / "s").mkdir()
    (bad,) = write_images(tmp_path / "bad", [{"z": 0, "SeriesDescription": "old"}])
    ds = dcmread(bad)
    ds.PixelData = encapsulate([b"\xff\xd8" + bytes(64)])
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    ds.save_as(tmp_path / "s" / "bad.dcm")
    write_images(tmp_path / "s", [{"z": 3 * z} for z in range(3)])
    (volume,) = read_dicom(tmp_path / "s")
    assert volume.shape[0] == 3
    assert any("'bad.dcm'" in note for note in volume.notes)
    with pytest.raises(InputError, match=r"decoded|decoder"):
        read_dicom(tmp_path / "s" / "bad.dcm")


def test_volumes_of_several_series_have_different_names(tmp_path, write_images):
    for number in (1, 2):
        images = [{"z": 3 * z, "SeriesNumber": number} for z in range(2 + number)]
        for path in write_images(tmp_path / "w", images):
            (tmp_path / "s").mkdir(exist_ok=True)
            path.rename(tmp_path / "s" / f"{number}{path.name}")
    assert [v.name for v in read_dicom(tmp_path / "s")] == ["s series 2", "s series 1"]


def test_series_of_two_patients_are_named_by_their_patient(tmp_path, write_images):
    (tmp_path / "s").mkdir()
    for number, patient in enumerate(("first", "secondly")):
        images = [{"z": 3 * z, "pixels": number} for z in range(3 - number)]
        common = {"PatientID": patient, "SeriesNumber": 2, "SeriesDescription": "Chest"}
        for path in write_images(tmp_path / "w", images, **common):
            path.rename(tmp_path / "s" / f"{number}{path.name}")
    volumes = read_dicom(tmp_path / "s")
    assert [v.name for v in volumes] == ["s Chest patient 1", "s Chest patient 2"]
    assert levels(volumes) == [[0] * 3, [1] * 2]


@pytest.mark.parametrize("shift", [0, 0.6], ids=["at the same places", "between one another"])
def test_thin_and_thick_slices_of_one_body_are_two_volumes(tmp_path, write_images, shift):
    thin = [{"z": 1.25 * k, "SliceThickness": 1.25, "pixels": k} for k in range(17)]
    thick = [{"z": 5 * k + shift, "SliceThickness": 5, "pixels": 100 + k} for k in range(4)]
    write_images(tmp_path / "s", [*thick, *thin])
    first, second = read_dicom(tmp_path / "s")
    assert (first.name, second.name) == ("s slices of 1.25 mm", "s slices of 5 mm")
    assert (first.spacing[0], second.spacing[0]) == (1.25, 5)
    assert levels([first, second]) == [list(range(17)), [100, 101, 102, 103]]


def test_thick_slices_beyond_thin_ones_are_one_body(tmp_path, write_images):
    thin = [{"z": k, "SliceThickness": 1} for k in range(10)]
    thick = [{"z": 9 + 5 * k, "SliceThickness": 5} for k in range(1, 6)]
    write_images(tmp_path / "s", [*thin, *thick])
    (volume,) = read_dicom(tmp_path / "s")
    assert (volume.shape[0] - 1) * volume.spacing[0] == pytest.approx(34)


@pytest.mark.parametrize(
    ("tag", "word"),
    [
        ("PatientID", "patient"),
        ("StudyInstanceUID", "study"),
        ("FrameOfReferenceUID", "frame of reference"),
    ],
)
def test_two_bodies_under_one_series_number_are_not_stacked(tmp_path, write_images, tag, word):
    """As programs leave them that make all series of a folder anonymous with one number."""
    first = [{"z": 2 * k, tag: "1.2.9", "pixels": 10 + k} for k in range(4)]
    second = [{"z": 8 + 2 * k, tag: "1.2.10", "pixels": 20 + k} for k in range(5)]
    write_images(tmp_path / "s", [*first, *second])
    larger, smaller = read_dicom(tmp_path / "s")
    assert (larger.name, smaller.name) == (f"s {word} 2", f"s {word} 1")
    assert levels([smaller, larger]) == [[10, 11, 12, 13], [20, 21, 22, 23, 24]]
    assert any(f"told apart by {word}" in note for note in larger.notes)


def test_a_frame_of_reference_for_every_image_divides_nothing(tmp_path, write_images):
    write_images(tmp_path / "s", [{"z": k, "FrameOfReferenceUID": f"1.{k}"} for k in range(4)])
    (volume,) = read_dicom(tmp_path / "s")
    assert volume.shape[0] == 4
    assert not volume.notes


@pytest.mark.parametrize("tag", ["PatientID", "StudyInstanceUID", "FrameOfReferenceUID"])
def test_a_number_that_some_images_lack_divides_nothing(tmp_path, write_images, tag):
    images = [{"z": k} | ({} if k == 2 else {tag: "1.2.9"}) for k in range(5)]
    write_images(tmp_path / "s", images)
    (volume,) = read_dicom(tmp_path / "s")
    assert volume.shape[0] == 5
    assert not volume.notes


@pytest.mark.parametrize(
    ("step", "shift", "thickness", "volumes"),
    [
        (2.5, 1.0, 2.5, 2),  # each whole by itself, uneven together
        (2.5, 1.25, 2.5, 2),  # even together, but slices of each leave no gap
        (6.0, 3.0, 3.0, 1),  # two passes of one measurement
    ],
)
def test_phases_between_one_another_are_not_mixed(
    tmp_path, write_images, step, shift, thickness, volumes
):
    images = [
        {"z": step * k + shift * n, "AcquisitionNumber": n + 1, "SliceThickness": thickness,
         "pixels": 100 * n + k}
        for n in range(2) for k in range(6)
    ]  # fmt: skip
    write_images(tmp_path / "s", images)
    found = read_dicom(tmp_path / "s")
    assert len(found) == volumes
    if volumes == 2:
        assert levels(found) == [list(range(6)), list(range(100, 106))]
        assert [v.name for v in found] == ["s acquisition 1", "s acquisition 2"]
    else:
        assert found[0].spacing[0] == pytest.approx(shift)


@pytest.mark.parametrize("tag", ["AcquisitionTime", "ContentTime"])
def test_overlapping_slices_of_two_times_are_one_stack(tmp_path, write_images, tag):
    images = [{"z": 2.5 * k, tag: f"1000{k % 2:02d}", "SliceThickness": 5} for k in range(10)]
    write_images(tmp_path / "s", images)
    (volume,) = read_dicom(tmp_path / "s")
    assert volume.spacing[0] == pytest.approx(2.5)


def test_directions_of_diffusion_follow_as_they_were_measured(tmp_path, write_images):
    directions = ([1, 0, 0], [0, 1, 0], [0, 0, 1])
    images = [
        {"z": 2 * k, (0x0018, 0x9089): ("FD", direction), (0x0018, 0x9087): ("FD", 1000.0),
         "pixels": n}
        for n, direction in enumerate(directions) for k in range(3)
    ]  # fmt: skip
    write_images(tmp_path / "s", images, **MR)
    assert levels(read_dicom(tmp_path / "s")) == [[0] * 3, [1] * 3, [2] * 3]


def test_a_captured_picture_comes_after_the_ct(tmp_path, write_images):
    """A dose report has more pixels than a few slices, and its series the same description."""
    capture = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "Modality": "OT",
               "pixels": np.ones((90, 90)), "RescaleSlope": None}  # fmt: skip
    (path,) = write_images(tmp_path / "w", [capture])
    write_images(tmp_path / "s", [{"z": 3 * z} for z in range(3)])
    path.rename(tmp_path / "s" / "000.dcm")
    ct, picture = read_dicom(tmp_path / "s")
    assert (ct.name, picture.name) == ("s CT", "s OT")
    assert (ct.unit, picture.unit) == ("HU", "arbitrary")
    assert any("secondary capture" in note for note in picture.notes)


def test_a_dose_comes_after_the_ct_and_is_no_ct_number(tmp_path, write_images):
    (tmp_path / "s").mkdir()
    dose = {"z": 0, "Modality": "RTDOSE", "DoseGridScaling": 1, "pixels": np.ones((9, 20, 20))}
    (path,) = write_images(tmp_path / "w", [dose])
    path.rename(tmp_path / "s" / "dose.dcm")
    write_images(tmp_path / "s", [{"z": 3 * z} for z in range(3)])
    assert [v.unit for v in read_dicom(tmp_path / "s")] == ["HU", "arbitrary"]
