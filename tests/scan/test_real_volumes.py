"""Real volumes of the shared data folder."""

import nibabel as nib
import numpy as np
import pytest

from napari_padis.scan.read import read
from napari_padis.scan.write import write


@pytest.mark.parametrize(
    "name",
    ["ct/validation/ct-crlm-1006", "ct/validation/ct-lungdx-a0001", "mr/validation/mr-adi-t1"],
)
def test_spacing_orientation_and_unit(data_folder, name):
    path = data_folder / f"{name}.nii.gz"
    image = nib.load(path)
    assert nib.aff2axcodes(image.affine) == ("L", "P", "S")
    volume = read(path)
    expected = np.asarray(image.dataobj)[::-1, ::-1].transpose(2, 1, 0)
    np.testing.assert_array_equal(volume.array, expected)
    assert volume.array.dtype == np.int16
    zooms = image.header.get_zooms()
    assert volume.spacing == pytest.approx(zooms[::-1], rel=1e-5)
    assert volume.unit == ("HU" if name.startswith("ct") else "arbitrary")


def test_liver_is_on_the_right(data_folder):
    volume = read(data_folder / "ct/validation/ct-crlm-1006.nii.gz")
    middle = volume.shape[2] // 2
    body = volume.array[len(volume.array) // 2]
    organ = (body > 80) & (body < 160)  # enhanced liver
    assert organ[:, middle:].sum() > organ[:, :middle].sum()


def test_written_copy_has_the_original_affine_and_voxels(data_folder, tmp_path):
    path = data_folder / "ct/validation/ct-crlm-1006.nii.gz"
    copy = nib.load(write(tmp_path / "copy.nii", read(path)))
    original = nib.load(path)
    np.testing.assert_allclose(copy.affine, original.affine, atol=1e-4)
    np.testing.assert_array_equal(copy.dataobj, original.dataobj)
