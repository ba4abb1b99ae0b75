"""Units in NumPy archives."""

import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.scan.read import read
from napari_padis.scan.volume import sar_affine

VOXELS = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize(
    ("stated", "unit", "factor"),
    [("HU", "HU", 1), ("hounsfield", "HU", 1), ("1/mm", "1/mm", 1), ("1/cm", "1/mm", 0.1),
     ("cm^-1", "1/mm", 0.1), ("cm⁻¹", "1/mm", 0.1), ("1/m", "1/mm", 1e-3),
     ("a.u.", "arbitrary", 1)],
)  # fmt: skip
def test_every_spelling_of_a_unit(tmp_path, stated, unit, factor):
    np.savez(tmp_path / "a.npz", array=VOXELS, unit=stated)
    volume = read(tmp_path / "a.npz")
    assert volume.unit == unit
    np.testing.assert_allclose(volume.array, VOXELS * factor, rtol=1e-6)


@pytest.mark.parametrize(("unit", "factor"), [("um", 1e-3), ("µm", 1e-3), ("cm", 10), ("mm", 1)])
def test_unit_of_the_spacing(tmp_path, unit, factor):
    np.savez(tmp_path / "a.npz", array=VOXELS, spacing=(3, 2, 1), spacing_unit=unit)
    volume = read(tmp_path / "a.npz")
    assert volume.spacing == pytest.approx((3 * factor, 2 * factor, factor))


def test_units_that_are_not_known(tmp_path):
    np.savez(tmp_path / "a.npz", array=VOXELS, spacing=(3, 2, 1), spacing_unit="ell")
    volume = read(tmp_path / "a.npz")
    assert volume.spacing == (3, 2, 1)
    assert any("'ell' is not known" in note for note in volume.notes)
    np.savez(tmp_path / "a.npz", array=VOXELS, unit="Gray")
    with pytest.raises(InputError, match="unknown unit 'Gray'"):
        read(tmp_path / "a.npz")


def test_an_affine_is_that_of_another_file(tmp_path):
    affine = sar_affine((3, 2, 1))
    affine[:3, 3] = 5, 6, 7
    np.savez(tmp_path / "a.npz", array=VOXELS, affine=affine)
    volume = read(tmp_path / "a.npz")
    np.testing.assert_array_equal(volume.affine, affine)
    assert volume.space == "aligned"
    np.savez(tmp_path / "a.npz", array=VOXELS, spacing=(3, 2, 1))
    assert read(tmp_path / "a.npz").space == "unknown"
