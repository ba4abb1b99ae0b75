"""The unit of values that come without one, from how they are spread."""

import nibabel as nib
import nrrd
import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.scan.intensity import (
    UNSTATED,
    find_unit,
    looks_like,
    note_of,
    parse_unit,
    with_unit,
)
from napari_padis.scan.read import read, read_all
from napari_padis.scan.volume import Volume

SHAPE = (12, 48, 48)
ROWS, COLUMNS = np.mgrid[-1:1:48j, -1:1:48j]
CORNERS = np.broadcast_to(np.hypot(ROWS, COLUMNS) > 1.05, SHAPE)


def noise(sigma, seed=0):
    return np.random.default_rng(seed).normal(0, sigma, SHAPE)


def body(sigma=15.0):
    """Chest in HU: air, lungs, fat, soft tissue, bone."""
    image = np.full(SHAPE, -1000.0)
    for value, half in ((-100, 0.8), (45, 0.72)):
        image[:, np.hypot(ROWS, COLUMNS * 1.2) < half] = value
    image[:, np.hypot(ROWS, (np.abs(COLUMNS) - 0.3) * 1.6) < 0.3] = -850
    image[:, np.hypot(ROWS - 0.55, COLUMNS) < 0.09] = 700
    return image + noise(sigma)


def head(sigma=5.0):
    image = np.full(SHAPE, -1000.0)
    image[:, np.hypot(ROWS, COLUMNS * 1.1) < 0.7] = 1200
    image[:, np.hypot(ROWS, COLUMNS * 1.1) < 0.6] = 35
    return image + noise(sigma)


def whole(image):
    return np.rint(image).astype(np.int16)


def padded(image, value):
    return np.where(CORNERS, image.dtype.type(value), image)


def magnitude(scale=1.0):
    """MR: Rician background, fat bright, several tissues."""
    image = np.zeros(SHAPE)
    for value, half in ((900, 0.8), (420, 0.7), (250, 0.4), (600, 0.2)):
        image[:, np.hypot(ROWS, COLUMNS) < half] = value
    return np.hypot(image + noise(25), noise(25, 1)) * scale


def phase(half):
    """Noise outside, a ramp with wraps inside, from -half to half."""
    inside = np.hypot(ROWS, COLUMNS) < 0.7
    turns = np.where(inside, 1.7 * ROWS + COLUMNS + noise(0.05), noise(9.0, 2))
    return ((turns + 1) % 2 - 1) * half


CT = {
    "chest": whole(body()),
    "floating": body().astype(np.float32),
    "noiseless": whole(body(0)),
    "low dose, not clipped": whole(body(60)),
    "very noisy": whole(body(150)),
    "clipped by the scanner": np.clip(whole(body(30)), -1024, 3071),
    "display window": np.clip(whole(body()), -1000, 400),
    "head": whole(head()),
    "water phantom": whole(np.where(np.hypot(ROWS, COLUMNS) < 0.7, 0, -1000) + noise(4)),
    "badly calibrated": whole(np.where(np.hypot(ROWS, COLUMNS) < 0.7, 180, -880) + noise(60)),
    "two values": np.broadcast_to(
        np.where(np.hypot(ROWS, COLUMNS) > 0.8, np.int16(-1000), np.int16(40)), SHAPE
    ),
}


@pytest.mark.parametrize("name", CT)
def test_air_and_tissue_with_little_between_tell_hounsfield_units(name):
    unit, array, notes = find_unit(CT[name])
    assert unit == "HU"
    assert array is CT[name]
    assert len(notes) == 1
    assert UNSTATED in notes[0]
    assert "taken as Hounsfield units" in notes[0]


OTHER = {
    "phase -4096 to 4095": whole(phase(4095)),
    "phase in milliradians times 0.35": whole(phase(1100)),
    "phase in radians": phase(np.pi).astype(np.float32),
    "phase in degrees": whole(phase(180)),
    "field map in Hz": whole(noise(300)),
    "difference image": whole(magnitude() - np.roll(magnitude(), 3, axis=1)),
    "MR magnitude": whole(magnitude()),
    "MR magnitude, up to 4095": whole(magnitude(4)),
    "MR in 0 to 1": (magnitude() / magnitude().max()).astype(np.float32),
    "MR with ringing": whole(magnitude() - 30),
    "z-score": ((magnitude() - 300) / 250).astype(np.float32),
    "SUV": np.abs(noise(1.5)).astype(np.float32),
    "counts": np.random.default_rng(0).poisson(40, SHAPE).astype(np.int32),
    "CT cut down to soft tissue": np.clip(whole(body()), -120, 300),
    "CT of bone": np.clip(whole(head()), 300, None),
    "inverted CT": -whole(body()),
    "picture of 8 bits": np.clip(body() / 8 + 128, 0, 255).astype(np.uint8),
    "constant": np.full(SHAPE, -1000, np.int16),
}


@pytest.mark.parametrize("name", OTHER)
def test_what_tells_nothing_stays_arbitrary_and_says_so(name):
    unit, array, notes = find_unit(OTHER[name])
    assert unit == "arbitrary"
    assert array is OTHER[name]
    assert len(notes) == 1
    assert "arbitrary" in notes[0]
    assert "--unit HU" in notes[0]


def test_label_images_need_no_unit_and_no_note():
    assert find_unit((CORNERS * 3).astype(np.uint8))[::2] == ("arbitrary", ())
    assert find_unit(CORNERS.astype(np.int16))[::2] == ("arbitrary", ())


@pytest.mark.parametrize("value", [-32768, -10000, -8192, -3024, -2048, -2000, -1500])
@pytest.mark.parametrize("image", ["chest", "floating", "low dose, not clipped", "two values"])
def test_padding_far_below_air_becomes_air(image, value):
    given = padded(CT[image], value)
    unit, array, notes = find_unit(given)
    assert unit == "HU"
    assert (array[CORNERS] == -1000).all()
    np.testing.assert_array_equal(array[~CORNERS], given[~CORNERS])
    assert array.dtype == given.dtype
    assert f"{np.count_nonzero(CORNERS)} voxels of {value}" in notes[1]


def test_ct_whose_only_air_is_its_padding_is_told_by_the_habit_of_ct():
    tissue = whole(np.where(CORNERS, 0, 30) + noise(20))
    unit, array, notes = find_unit(padded(tissue, -2000))
    assert unit == "HU"
    assert array.min() == -1000
    assert "-2000 is the padding of CT" in notes[0]
    unit, array, notes = find_unit(padded(tissue, -32768))
    assert unit == "arbitrary"
    assert array.min() == -32768
    assert "may be padding" in notes[0]


@pytest.mark.parametrize("name", ["MR magnitude", "phase in degrees"])
def test_padding_alone_does_not_make_ct(name):
    given = padded(OTHER[name], -32768)
    unit, array, _ = find_unit(given)
    assert unit == "arbitrary"
    np.testing.assert_array_equal(array, given)


@pytest.mark.parametrize("intercept", [-1024.0, -8192.0])
def test_the_intercept_of_ct_tells_cropped_tissue(tmp_path, intercept):
    stored = (np.clip(body(), -120, 300) - intercept).astype(np.int16)
    image = nib.Nifti1Image(stored, np.eye(4))
    path = tmp_path / "crop.nii"
    nib.save(image, path)
    # nibabel forgets slope and intercept of integer data when it writes; put them back.
    with path.open("r+b") as file:
        file.seek(112)
        file.write(np.array([1, intercept], "<f4").tobytes())
    volume = read(path)
    assert (volume.unit, volume.array.min()) == ("HU", -120)
    assert any(f"intercept of {intercept:g}" in note for note in volume.notes)
    assert find_unit(whole(phase(1000)), intercept)[0] == "arbitrary"


@pytest.mark.parametrize(
    ("array", "meaning", "unit"),
    [
        (whole(body() + 1024).clip(0).astype(np.uint16), "1024 or 1000 added", "HU+1024"),
        (padded(whole(body() + 1024), -2000), "1024 or 1000 added", "HU+1024"),
        (whole(body() + 8192), "8192 added", "HU+8192"),
        ((body() + 32768).astype(np.uint16), "32768 added", "HU+32768"),
        ((0.0193 * (1 + body() / 1000)).astype(np.float32), "attenuation in 1/mm", "1/mm"),
        ((0.2 * (1 + body() / 1000)).astype(np.float32), "attenuation in 1/cm", "1/cm"),
    ],
)
def test_ct_on_another_scale_is_noted_but_not_decided(array, meaning, unit):
    found, same, notes = find_unit(array)
    assert found == "arbitrary"
    assert same is array
    assert meaning in notes[0]
    assert f"--unit {unit}" in notes[0]
    assert note_of(looks_like(array)) == notes


def test_a_format_without_units_notes_what_its_values_look_like():
    assert looks_like(CT["chest"]) == ("CT numbers", "HU")
    assert "--unit HU" in note_of(looks_like(CT["chest"]))[0]
    assert note_of(looks_like(OTHER["MR magnitude"])) == ()


def test_the_user_has_the_last_word():
    crop = Volume(OTHER["CT cut down to soft tissue"], notes=("3 slices.", f"{UNSTATED}; hm."))
    stated = with_unit(crop, "Hounsfield units")
    assert stated.unit == "HU"
    assert stated.notes[0] == "3 slices."
    assert len(stated.notes) == 2
    assert "stated by the user" in stated.notes[1]
    np.testing.assert_array_equal(stated.array, crop.array)

    attenuation = Volume(np.full((2, 3, 3), 0.2, np.float32))
    stated = with_unit(attenuation, "1/cm")
    assert stated.unit == "1/mm"
    assert stated.array.dtype == np.float32
    np.testing.assert_allclose(stated.array, 0.02, rtol=1e-6)

    raw = Volume((CT["head"] + 1024).clip(0).astype(np.uint16))
    stated = with_unit(raw, "HU + 1024")
    assert stated.unit == "HU"
    assert stated.array.dtype == np.int32
    np.testing.assert_array_equal(stated.array, raw.array.astype(int) - 1024)

    stated = with_unit(Volume(padded(OTHER["CT cut down to soft tissue"], -32768)), "HU")
    assert stated.array.min() == -1000
    assert "padding" in stated.notes[-1]
    assert with_unit(Volume(CT["chest"], unit="HU"), "arbitrary").unit == "arbitrary"


@pytest.mark.parametrize("text", ["furlong", "1/mm+5", "HU-1024", "mm", "HU+"])
def test_what_is_no_unit_is_refused(text):
    with pytest.raises(InputError, match="no intensity unit"):
        parse_unit(text)


def saved(tmp_path, array):
    nib.save(nib.Nifti1Image(array, np.diag([-1.0, -1, 1, 1])), tmp_path / "case.nii.gz")
    return read(tmp_path / "case.nii.gz")


def test_phase_of_nifti_is_no_ct(tmp_path):
    volume = saved(tmp_path, np.linspace(-4096, 4092, 120).astype(np.int16).reshape(4, 5, 6))
    assert volume.unit == "arbitrary"


@pytest.mark.parametrize("value", [-32768, -8192, -3024])
def test_padded_ct_of_nifti_is_in_hounsfield_units(tmp_path, value):
    disc = np.broadcast_to((np.hypot(ROWS, COLUMNS) < 0.75)[..., None], (48, 48, 4))
    circle = np.broadcast_to((np.hypot(ROWS, COLUMNS) < 1)[..., None], (48, 48, 4))
    volume = saved(tmp_path, np.where(disc, 40, np.where(circle, -1000, value)).astype(np.int16))
    assert volume.unit == "HU"
    assert np.unique(volume.array).tolist() == [-1000, 40]
    assert f"{np.count_nonzero(~circle)} voxels of {value}" in volume.notes[-1]


def test_padding_by_not_a_number_becomes_air(tmp_path):
    volume = saved(tmp_path, np.where(CORNERS, np.nan, CT["floating"]).astype(np.float32))
    assert volume.unit == "HU"
    assert volume.array[np.isfinite(volume.array)].size == volume.array.size
    assert volume.array.min() >= -1100


def test_cropped_ct_of_nifti_asks(tmp_path):
    volume = saved(tmp_path, np.clip(whole(body()), -120, 300))
    assert volume.unit == "arbitrary"
    assert "-120 to 300" in volume.notes[-1]
    assert "--unit HU" in volume.notes[-1]


def test_units_of_the_real_volumes_and_of_parts_of_them(data_folder):
    """All CT is told, with padding, noise, windows; nothing of the MR is taken for CT."""
    rng = np.random.default_rng(0)
    wrong = []

    def expect(unit, name, array):
        if find_unit(array)[0] != unit:
            wrong.append(name)

    for path in sorted(data_folder.glob("ct/*/ct-*.nii.gz"))[::3]:
        ct = np.asanyarray(nib.load(path).dataobj)[::3, ::3, ::2]
        rows, columns = np.mgrid[-1 : 1 : ct.shape[0] * 1j, -1 : 1 : ct.shape[1] * 1j]
        outside = (np.hypot(rows, columns) > 1)[..., None]
        expect("HU", path.name, ct)
        for value in (-32768, -8192, -3024, -2000, -1500):
            expect("HU", f"{path.name} padded by {value}", np.where(outside, np.int16(value), ct))
        expect("HU", f"{path.name} noisy", ct + rng.normal(0, 60, ct.shape))
        expect("HU", f"{path.name} windowed", np.clip(ct, -1000, 400))
        expect("arbitrary", f"{path.name} bone", ct[ct > 150])
        expect("arbitrary", f"{path.name} tissue", ct[(ct > -200) & (ct < 300)])
        expect("arbitrary", f"{path.name} inverted", -ct)
        expect("arbitrary", f"{path.name} in 0 to 1", (ct + 1000) / np.float32(4071))
    for path in sorted(data_folder.glob("mr/*/mr-*.nii.gz")):
        mr = np.asanyarray(nib.load(path).dataobj)[::3, ::3, ::2]
        expect("arbitrary", path.name, mr)
        expect("arbitrary", f"{path.name} less its mean", mr - mr.mean())
        expect("arbitrary", f"{path.name} in 0 to 4095", mr / mr.max() * np.float32(4095))
    assert wrong == []


def test_phase_with_its_background_at_the_lowest_value_is_no_padded_ct():
    inside = np.hypot(ROWS, COLUMNS) < 0.7
    masked = np.where(inside, whole(phase(4095)), np.int16(-4096))
    unit, array, _ = find_unit(masked)
    assert (unit, array is masked) == ("arbitrary", True)


def test_the_edge_of_padding_that_was_resampled_goes_with_it():
    from scipy.ndimage import zoom

    image = zoom(padded(CT["floating"], -3024), (1, 0.77, 0.77), order=1)
    assert np.count_nonzero((image < -1250) & (image > -3024)) > 50
    unit, array, notes = find_unit(image)
    assert unit == "HU"
    assert array.min() > -1250
    assert "its edge" in notes[1]


def test_padding_of_a_stated_unit_becomes_air(tmp_path):
    image = nib.Nifti1Image(padded(whole(body()), -2000).T, np.eye(4))
    image.header["descrip"] = b"napari-padis unit=HU"
    nib.save(image, tmp_path / "stated.nii")
    volume = read(tmp_path / "stated.nii")
    assert volume.unit == "HU"
    assert volume.array.min() > -1100
    assert [n for n in volume.notes if UNSTATED in n] == []
    assert any("-2000 are padding" in n for n in volume.notes)


def test_padding_below_every_float_is_found():
    lowest = np.finfo(np.float32).min
    unit, array, _ = find_unit(padded(CT["floating"], lowest))
    assert unit == "HU"
    assert array.min() > -1100


def meta_image(path, volumes):
    header = (
        f"ObjectType = Image\nNDims = 4\nDimSize = {' '.join(map(str, volumes.shape))}\n"
        "ElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    )
    path.write_bytes(header.encode() + volumes.T.astype("<i2").tobytes())


@pytest.mark.parametrize("ending", ["nii.gz", "nrrd", "mha"])
def test_all_volumes_of_a_file_have_one_unit(tmp_path, ending):
    """Of a scan in time one volume may be cut down to tissue and another be nothing but air."""
    chest = whole(body())
    volumes = np.stack([chest, np.clip(chest, -150, 250), np.full_like(chest, -1000)], axis=-1)
    path = tmp_path / f"a.{ending}"
    if ending == "mha":
        meta_image(path, volumes)
    elif ending == "nrrd":
        nrrd.write(str(path), volumes, {"kinds": ["domain"] * 3 + ["list"]})
    else:
        nib.save(nib.Nifti1Image(volumes, np.eye(4)), path)
    found = read_all(path)
    assert [v.unit for v in found] == ["HU"] * 3
    np.testing.assert_array_equal(np.unique(found[2].array), [-1000])


def test_padding_of_one_volume_of_several_is_counted_there_alone(tmp_path):
    chest = whole(body())
    volumes = np.stack([chest, padded(chest, -2048)], axis=-1)
    nib.save(nib.Nifti1Image(volumes, np.eye(4)), tmp_path / "a.nii")
    first, second = read_all(tmp_path / "a.nii")
    assert not any("padding" in note for note in first.notes)
    assert any(f"{int(CORNERS.sum())} voxels of -2048" in note for note in second.notes)


def test_the_offset_of_a_meta_image_is_evidence_as_that_of_nifti(tmp_path):
    stored = np.clip(whole(body()), -150, 250) + 1024
    for offset, unit in ((-1024, "HU"), (0, "arbitrary")):
        header = (
            f"NDims = 3\nDimSize = {' '.join(map(str, stored.shape[::-1]))}\n"
            f"ElementToIntensityFunctionOffset = {offset}\n"
            "ElementType = MET_SHORT\nElementDataFile = LOCAL\n"
        )
        (tmp_path / "a.mha").write_bytes(header.encode() + stored.astype("<i2").tobytes())
        assert read(tmp_path / "a.mha").unit == unit
