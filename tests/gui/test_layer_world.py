"""Layers of anybody as volumes: what is seen in napari is what is taken, and lies on it."""

import nibabel as nib
import numpy as np
import pytest
from napari.layers import Image
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, ornt_transform

from napari_padis.errors import InputError
from napari_padis.gui import contributions as c
from napari_padis.gui.layer_data import volume_from_layer, volume_layer
from napari_padis.gui.source import placement
from napari_padis.gui.world import WORLD_TO_RAS, as_shown
from napari_padis.scan.volume import Volume, sar_affine

SHAPE = (4, 6, 9)
RNG = np.random.default_rng(3)
DATA = RNG.normal(size=SHAPE).astype(np.float32)
PLAIN = "as napari shows it"


def rotation(axis, degrees):
    a, b = (k for k in range(3) if k != axis)
    matrix = np.eye(3)
    co, si = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix[[a, a, b, b], [a, b, a, b]] = co, -si, si, co
    return matrix


def homogeneous(linear, shift=(0, 0, 0)):
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = linear, shift
    return matrix


PERMUTED = np.zeros((3, 3))
PERMUTED[[2, 0, 1], [0, 1, 2]] = 2.0, -0.7, 1.2
SHEARED = np.array([[2, 0, 0], [0, 1.5, 0.4], [0, 0, 0.5]])

#: Arguments of layers of other plug-ins.
LAYERS = {
    "affine only": {"affine": homogeneous(np.diag([2.0, 1.5, 0.5]), (10, -20, 30))},
    "affine in the plane by 90 degrees": {
        "affine": homogeneous(rotation(0, 90) @ np.diag([2, 1.5, 0.5]), (1, 2, 3))
    },
    "affine of permuted axes": {"affine": homogeneous(PERMUTED, (5, 6, 7))},
    "negative affine": {"affine": homogeneous(np.diag([-2.0, -1.5, -0.5]), (40, 50, 60))},
    "negative scale": {"scale": (2, -1.5, -0.5), "translate": (1, 20, 30)},
    "rotate": {"scale": (2, 1.5, 0.5), "rotate": rotation(0, 90), "translate": (3, 2, 1)},
    "rotate and affine": {
        "scale": (2, 1.5, 0.5),
        "rotate": rotation(2, 180),
        "affine": homogeneous(rotation(1, -90), (0, 5, 0)),
    },
    "turned by 30 degrees": {"scale": (2, 1.5, 0.5), "rotate": rotation(0, 30)},
    "turned and tilted": {
        "affine": homogeneous(rotation(0, 20) @ rotation(1, 35) @ np.diag([2, 1.5, 0.5]), (1, 2, 3))
    },
    "sheared": {"affine": homogeneous(SHEARED, (1, 2, 3))},
    "shear": {"scale": (2, 1.5, 0.5), "shear": (0, 0, 0.3)},
}


def make(name, **more):
    return Image(DATA, **({"units": ("mm",) * 3, "name": "x"} | LAYERS[name] | more))


def voxels(array, affine):
    """The value at every position of a volume, sorted by position."""
    index = np.stack(np.meshgrid(*map(np.arange, array.shape), indexing="ij"), -1).reshape(-1, 3)
    places = np.c_[index, np.ones(len(index))] @ np.asarray(affine).T
    return index, places[:, :3]


def as_seen(layer, factor=1.0):
    """RAS+ positions of a layer's voxels, if front is up and the right side at the left."""
    index, _ = voxels(layer.data, np.eye(4))
    world = np.array([layer.data_to_world(i) for i in index]) * factor
    return world @ WORLD_TO_RAS[:3, :3].T


def same_voxels(volume, layer, factor=1.0):
    """Whether every voxel of the layer is in the volume where it is seen."""
    places = as_seen(layer, factor)
    index = np.c_[places, np.ones(len(places))] @ np.linalg.inv(volume.affine).T
    found = np.rint(index[:, :3]).astype(int)
    np.testing.assert_allclose(index[:, :3], found, atol=1e-6)
    np.testing.assert_array_equal(volume.array[tuple(found.T)], np.asarray(layer.data).ravel())


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_the_whole_transform_of_a_layer_counts(name):
    layer = make(name)
    volume = volume_from_layer(layer)
    same_voxels(volume, layer)
    # Every axis along the nearest one of the patient's, with the length of its step.
    steps = np.sort(
        np.linalg.norm(np.linalg.inv(WORLD_TO_RAS)[:3, :3] @ volume.affine[:3, :3], axis=0)
    )
    origin = np.array(layer.data_to_world((0, 0, 0)))
    expected = [np.linalg.norm(np.array(layer.data_to_world(e)) - origin) for e in np.eye(3)]
    np.testing.assert_allclose(steps, np.sort(expected))
    np.testing.assert_allclose(np.sort(volume.spacing), np.sort(expected))
    assert "".join(nib.aff2axcodes(volume.affine)) == "SAR"
    assert volume.space == "unknown"
    assert any(PLAIN in note for note in volume.notes)
    assert any("sheared" in note for note in volume.notes) == ("shear" in name)
    turned = name.startswith("turned") or "shear" in name
    assert any("is turned by" in note for note in volume.notes) == turned


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_a_result_lies_on_the_layer_that_it_was_made_of(name):
    layer = make(name)
    volume = volume_from_layer(layer)
    place = placement(layer, volume)
    result = Image(as_shown(volume.array), **place.arguments(volume.spacing))
    same_voxels(volume_from_layer(result), layer)
    for index in ((0, 0, 0), (3, 5, 8), (1, 4, 2)):
        there = result.world_to_data(layer.data_to_world(index))
        assert result.data[tuple(np.rint(there).astype(int))] == DATA[index]
    # And its first slice where only some are reconstructed.
    if volume.shape[0] > 2:
        part = Image(
            as_shown(volume.array[2:]), **placement(layer, volume, 2).arguments(volume.spacing)
        )
        position = part.data_to_world((0, 1, 1))
        there = np.rint(result.world_to_data(position)).astype(int)
        assert result.data[tuple(there)] == part.data[0, 1, 1]


@pytest.mark.parametrize("name", sorted(set(LAYERS) - {"shear", "sheared"}))
@pytest.mark.parametrize("ending", [".nii.gz", ".tif"])
def test_a_saved_layer_is_read_back_to_the_same_place(tmp_path, name, ending):
    data, meta, _ = (layer := make(name)).as_layer_data_tuple()
    save = c.write_nifti_layer if ending == ".nii.gz" else c.write_tiff_layer
    (path,) = save(str(tmp_path / f"a{ending}"), data, meta)
    if ending == ".nii.gz":
        image = nib.load(path)
        spacing = np.sort(np.linalg.norm(image.affine[:3, :3], axis=0))
        np.testing.assert_allclose(np.sort(volume_from_layer(layer).spacing), spacing, rtol=1e-6)
    ((data, options, _),) = c.read_layers(path)
    back = volume_from_layer(Image(data, **options))
    before = volume_from_layer(layer)
    np.testing.assert_array_equal(back.array, before.array)
    np.testing.assert_allclose(back.spacing, before.spacing, rtol=1e-6)


def test_units_of_every_axis():
    layer = Image(DATA, scale=(0.002, 1500, 0.05), units=("m", "um", "cm"), translate=(0.01, 7, 2))
    volume = volume_from_layer(layer)
    np.testing.assert_allclose(volume.spacing, (2, 1.5, 0.5))
    same_voxels(volume, layer, np.array([1000, 0.001, 10]))
    assert not any("length" in note for note in volume.notes)


@pytest.mark.parametrize(
    ("units", "words"),
    [
        (None, "The layer has no length unit"),
        (("pixel",) * 3, "The layer has no length unit"),
        (("pixel", "mm", "mm"), "Axis 0 of the layer has no length unit"),
        (("mm", "mm", "second"), "unit 'second' is not known"),
    ],
)
def test_axes_without_a_length_are_noted(units, words):
    notes = volume_from_layer(Image(DATA, units=units)).notes
    assert sum(words in note for note in notes) == 1
    assert sum("length unit" in note for note in notes) == 1


@pytest.mark.parametrize("codes", ["RAS", "SPL", "SAR", "ILA", "PIR"])
def test_labels_of_the_axes_count_before_what_is_shown(codes):
    """A volume whose axes say which way they go keeps its sides, however it is drawn."""
    layer = Image(DATA, scale=(2, 1.5, 0.5), axis_labels=tuple(codes), units=("mm",) * 3)
    volume = volume_from_layer(layer)
    turn = ornt_transform(axcodes2ornt(codes), axcodes2ornt("SAR"))
    expected = nib.orientations.apply_orientation(DATA, turn)
    np.testing.assert_array_equal(volume.array, expected)
    assert not volume.notes
    # nibabel's own affine of such an array.
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for axis, code in enumerate(codes):
        world = next(w for w, pair in enumerate(("RL", "AP", "SI")) if code in pair)
        affine[world, axis] = (2, 1.5, 0.5)[axis] * (1 if code in "RAS" else -1)
    np.testing.assert_allclose(volume.affine, affine @ inv_ornt_aff(turn, SHAPE), atol=1e-12)
    result = Image(as_shown(volume.array), **placement(layer, volume).arguments(volume.spacing))
    assert tuple(result.axis_labels) == tuple(codes)
    for index in ((0, 0, 0), (3, 5, 8)):
        there = np.rint(result.world_to_data(layer.data_to_world(index))).astype(int)
        assert result.data[tuple(there)] == DATA[index]


@pytest.fixture
def ours():
    affine = sar_affine((2.5, 1.5, 0.5))
    affine[:3, 3] = 4, -9, 30
    volume = Volume(DATA, (2.5, 1.5, 0.5), "HU", affine, "scan", {}, ("a",), space="scanner")
    data, options, _ = volume_layer(volume)
    return volume, Image(data, **options)


def test_our_layer_comes_back_exactly(ours):
    volume, layer = ours
    back = volume_from_layer(layer)
    np.testing.assert_array_equal(back.array, volume.array)
    np.testing.assert_array_equal(back.affine, volume.affine)
    assert (back.spacing, back.unit, back.space) == (volume.spacing, "HU", "scanner")
    assert back.notes == ("a",)


def change(layer, name):
    if name == "scale":
        layer.scale = np.array(layer.scale) * 2
    elif name == "translate":
        layer.translate = np.add(layer.translate, (5, -3, 2))
    elif name == "rotate":
        layer.rotate = rotation(0, 90)
    else:
        layer.affine = homogeneous(rotation(1, 40), (1, 2, 3))


@pytest.mark.parametrize("name", ["scale", "translate", "rotate", "affine"])
def test_a_layer_that_was_changed_in_napari_is_followed_and_noted(ours, name):
    _, layer = ours
    change(layer, name)
    back = volume_from_layer(layer)
    same_voxels(back, layer)
    assert sum("moved, turned or scaled" in note for note in back.notes) == 1
    assert back.space == "aligned"
    result = Image(as_shown(back.array), **placement(layer, back).arguments(back.spacing))
    for index in ((0, 0, 0), (3, 5, 8)):
        there = np.rint(result.world_to_data(layer.data_to_world(index))).astype(int)
        assert result.data[tuple(there)] == layer.data[index]


def test_an_oblique_layer_that_is_moved_keeps_its_tilt(ours):
    volume, _ = ours
    tilt = homogeneous(rotation(0, 25), (0, 0, 0))
    tilted = Volume(DATA, volume.spacing, "HU", tilt @ volume.affine)
    data, options, _ = volume_layer(tilted)
    layer = Image(data, **options)
    np.testing.assert_array_equal(volume_from_layer(layer).affine, tilted.affine)
    layer.translate = np.add(layer.translate, (volume.spacing[0], 0, 0))
    back = volume_from_layer(layer)
    np.testing.assert_allclose(back.affine[:3, :3], tilted.affine[:3, :3])
    # One slice further along the body's own axis, as it is seen.
    np.testing.assert_allclose(back.affine @ [0, 0, 0, 1], tilted.affine @ [1, 0, 0, 1])


def test_a_crop_that_forgets_its_place_is_noted_and_one_that_knows_it_is_placed(ours):
    """napari-crop hands the old transform on; other versions move the layer."""
    volume, layer = ours
    data, options, _ = layer.as_layer_data_tuple()
    part = data[1:3, 2:5, 3:8]
    forgotten = volume_from_layer(Image(part, **options))
    assert any("cropped" in note for note in forgotten.notes)
    options["translate"] = layer.data_to_world((1, 2, 3))
    placed = volume_from_layer(Image(part, **options))
    assert placed.notes == ("a",)
    assert placed.space == "scanner"
    # Rows and columns are shown from front to back and from right to left.
    first = np.array([1, SHAPE[1] - 5, SHAPE[2] - 8, 1])
    np.testing.assert_allclose(placed.affine[:, 3], volume.affine @ first)
    np.testing.assert_array_equal(placed.array, volume.array[1:3, 1:4, 1:6])


def test_a_layer_of_an_earlier_version_keeps_its_sides(ours):
    """It held (S, A, R) arrays and their affine, and was shown from the origin."""
    volume, layer = ours
    entry = {
        name: value
        for name, value in layer.metadata["napari_padis"].items()
        if name not in ("world", "space")
    }
    old = Image(
        DATA,
        scale=volume.spacing,
        axis_labels=("S", "A", "R"),
        units=("mm",) * 3,
        metadata={"napari_padis": entry},
    )
    back = volume_from_layer(old)
    np.testing.assert_array_equal(back.array, volume.array)
    np.testing.assert_array_equal(back.affine, volume.affine)
    result = Image(as_shown(back.array), **placement(old, back).arguments(back.spacing))
    for index in ((0, 0, 0), (3, 5, 8)):
        there = np.rint(result.world_to_data(old.data_to_world(index))).astype(int)
        assert result.data[tuple(there)] == DATA[index]


def test_a_layer_of_napari_nifti_goes_from_head_to_feet():
    """Its axes are negative and its metadata say where the array lies."""
    affine = np.array([[0.5, 0, 0, -3], [0, 1.5, 0, 4], [0, 0, 2, 5], [0, 0, 0, 1.0]])
    display = np.diag([-2, -1.5, -0.5, 1])
    display[:3, 3] = 5 + 3 * 2, 4 + 5 * 1.5, -3 + 8 * 0.5
    metadata = {"affine": affine, "coordinate_system": "RAS+", "spacing": (0.5, 1.5, 2)}
    layer = Image(DATA, affine=display, metadata=metadata, units=("mm",) * 3)
    volume = volume_from_layer(layer)
    np.testing.assert_array_equal(volume.array, DATA)
    np.testing.assert_allclose(volume.affine, affine[:, [2, 1, 0, 3]])
    assert not volume.notes
    place = placement(layer, volume)
    assert place.labels == ("I", "P", "L")
    result = Image(as_shown(volume.array), **place.arguments(volume.spacing))
    for index in ((0, 0, 0), (3, 5, 8)):
        there = np.rint(result.world_to_data(layer.data_to_world(index))).astype(int)
        assert result.data[tuple(there)] == DATA[index]


def test_other_numbers_of_axes():
    frame = Image(DATA[None], scale=(1, 2, 1.5, 0.5), translate=(7, 1, 2, 3), units=("mm",) * 4)
    volume = volume_from_layer(frame)
    expected = volume_from_layer(
        Image(DATA, scale=(2, 1.5, 0.5), translate=(1, 2, 3), units=("mm",) * 3)
    )
    np.testing.assert_array_equal(volume.array, expected.array)
    np.testing.assert_allclose(volume.affine, expected.affine)
    pyramid = Image([DATA, DATA[::2, ::2, ::2]], scale=(2, 1.5, 0.5), units=("mm",) * 3)
    np.testing.assert_array_equal(volume_from_layer(pyramid).array, expected.array)
    flat = volume_from_layer(Image(DATA[0], affine=np.diag([1.5, 0.5, 1]), units=("mm",) * 2))
    assert (flat.shape, flat.spacing) == ((1, 6, 9), (1, 1.5, 0.5))
    np.testing.assert_array_equal(flat.array[0], DATA[0, ::-1, ::-1])
    assert any("no slice distance" in note for note in flat.notes)
    with pytest.raises(InputError, match="has 4 axes"):
        volume_from_layer(Image(np.stack([DATA, DATA])))
