"""What NIfTI headers leave open or state twice."""

import nibabel as nib
import numpy as np
import pytest

from napari_padis.scan.read import read, read_all
from napari_padis.scan.write import write

VOXELS = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
AFFINE = np.array([[2.0, 0, 0, -10], [0, 3, 0, 20], [0, 0, 4, 30], [0, 0, 0, 1]])


def saved(folder, affine=AFFINE, kind=nib.Nifti1Image, sform=1, qform=1, **fields):
    """A file whose header fields are set byte by byte, as nibabel would not write them."""
    image = kind(VOXELS, affine)
    image.set_sform(affine, sform)
    image.set_qform(affine, qform)
    path = folder / "a.nii"
    nib.save(image, path)
    raw = bytearray(path.read_bytes())
    template = kind.header_class.template_dtype
    header = np.frombuffer(raw[: template.itemsize], template).copy()
    for name, value in fields.items():
        header[name] = value
    raw[: template.itemsize] = header.tobytes()
    path.write_bytes(raw)
    return path


def noted(volume, text):
    return any(text in note for note in volume.notes)


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize(("code", "factor"), [(1, 1e3), (2, 1), (3, 1e-3), (10, 1), (3 + 8, 1e-3)])
def test_unit_of_the_header_scales_spacing_and_origin(tmp_path, kind, code, factor):
    path = saved(tmp_path, kind=kind, xyzt_units=code)
    volume = read(path)
    assert volume.spacing == pytest.approx((4 * factor, 3 * factor, 2 * factor))
    np.testing.assert_allclose(volume.affine[:3, 3], AFFINE[:3, 3] * factor, rtol=1e-6)
    assert not noted(volume, "length unit")


def test_units_that_are_no_known_code(tmp_path):
    volume = read(saved(tmp_path, xyzt_units=5))
    assert volume.spacing == pytest.approx((4, 3, 2))
    assert noted(volume, "'code 5' is not known; lengths are taken as mm")


@pytest.mark.parametrize(("factor", "said"), [(1, False), (1e-3, True), (1e3, True)])
def test_a_missing_unit_is_said_only_where_mm_are_improbable(tmp_path, factor, said):
    affine = AFFINE * [[factor], [factor], [factor], [1]]
    volume = read(saved(tmp_path, affine, xyzt_units=0))
    assert volume.spacing == pytest.approx((4 * factor, 3 * factor, 2 * factor))
    assert noted(volume, "states no length unit") == said


@pytest.mark.parametrize(
    ("sizes", "spacing", "said"),
    [([0, 3, 4], (4, 3, 1), "0 x 3 x 4"), ([-2, 3, 4], (4, 3, 2), "-2 x 3 x 4")],
)
def test_sizes_that_cannot_be_are_said(tmp_path, sizes, spacing, said):
    path = saved(tmp_path, sform=0, qform=0, pixdim=[1, *sizes, 1, 1, 1, 1])
    volume = read(path)
    assert volume.spacing == pytest.approx(spacing)
    assert volume.spacing == pytest.approx(nib.affines.voxel_sizes(nib.load(path).affine)[::-1])
    assert noted(volume, f"states voxels of {said}")
    assert noted(volume, "no orientation")


def test_sizes_do_not_count_beside_an_sform(tmp_path):
    path = saved(tmp_path, qform=0, pixdim=[1, 1, 1, 1, 1, 1, 1, 1])
    volume = read(path)
    assert volume.spacing == pytest.approx((4, 3, 2))
    assert noted(volume, "voxels of 1 x 1 x 1 mm and an sform of 2 x 3 x 4 mm; the sform")


def test_two_positions_are_said_when_they_are_apart(tmp_path):
    path = saved(tmp_path)
    assert read(path).notes == read(saved(tmp_path, qform=0)).notes
    for offset, said in ((1.0, False), (50.0, True)):
        path = saved(tmp_path, sform=2, qoffset_x=AFFINE[0, 3] + offset)
        volume = read(path)
        np.testing.assert_allclose(volume.affine[:3, 3], AFFINE[:3, 3])
        assert volume.space == "aligned"
        assert noted(volume, "up to 50 mm apart; the sform is used") == said


def test_components_of_vectors_are_called_so(tmp_path):
    field = np.stack([VOXELS, 2 * VOXELS, 3 * VOXELS], -1)[:, :, :, None]
    nib.save(nib.Nifti1Image(field, AFFINE), tmp_path / "a.nii")
    volumes = read_all(tmp_path / "a.nii")
    for k, volume in enumerate(volumes):
        np.testing.assert_array_equal(volume.array, VOXELS.T * (k + 1))
        assert noted(volume, "components of vectors")


def test_two_positions_with_other_axes(tmp_path):
    turned = AFFINE[[1, 0, 2, 3]]
    path = saved(tmp_path)
    image = nib.load(path)
    image.set_sform(turned, 4)
    nib.save(image, tmp_path / "b.nii")
    volume = read(tmp_path / "b.nii")
    assert (volume.space, noted(volume, "two positions")) == ("mni", True)
    np.testing.assert_allclose(volume.affine @ [0, 1, 0, 0], turned @ [1, 0, 0, 0])


@pytest.mark.parametrize(
    ("plane", "sheared", "oblique"),
    [
        ([[2, 0, 0.6], [0, 2, 0], [0, 0, 3]], "11.3", None),  # straight slices, one beside another
        ([[2, 0, 0], [0, 1.9021, 0], [0, 0.618, 3]], "18.0", "18"),  # a tilted gantry
        ([[1.9021, -0.618, 0], [0.618, 1.9021, 0], [0, 0, 3]], None, "18"),
        ([[2, 0, 0], [0, 2, 0], [0, 0, 3]], None, None),
    ],
)
def test_a_sheared_grid_is_not_called_oblique(tmp_path, plane, sheared, oblique):
    affine = np.eye(4)
    affine[:3, :3] = plane
    image = nib.Nifti1Image(np.arange(60, dtype=np.int16).reshape(3, 4, 5), None)
    image.set_sform(affine, 1)
    nib.save(image, tmp_path / "a.nii")
    volume = read(tmp_path / "a.nii")
    notes = " ".join(volume.notes)
    assert (f"sheared by {sheared} degrees" in notes) == (sheared is not None)
    assert (f"oblique by {oblique} degrees" in notes) == (oblique is not None)
    written = write(tmp_path / "b.nii", volume)
    image = nib.load(written)
    np.testing.assert_allclose(image.affine, affine, atol=1e-5)
    # A qform cannot be sheared; none is better than one that states another position.
    assert int(image.header["qform_code"]) == (0 if sheared else 1)
    assert int(image.header["sform_code"]) == 1
    assert not any("two positions" in note for note in read(written).notes)
