"""Voxel grids in any orientation end as the same (S, A, R)+ array."""

import itertools

import nibabel as nib
import numpy as np
import pytest

from napari_padis.scan.orientation import axis_codes, plain_numbers, reorient
from napari_padis.scan.volume import sar_affine


def all_codes():
    for axes in itertools.permutations(("LR", "PA", "IS")):
        for signs in itertools.product((0, 1), repeat=3):
            yield "".join(axis[s] for axis, s in zip(axes, signs, strict=True))


@pytest.mark.parametrize("codes", list(all_codes()))
def test_all_48_orientations_agree_with_nibabel(phantom, codes):
    affine = sar_affine((2.0, 1.5, 0.5))
    affine[:3, 3] = 7, -3, 11
    turned, matrix = reorient(phantom, affine, codes)
    image = nib.Nifti1Image(phantom, affine)
    orientation = nib.orientations.ornt_transform(
        nib.orientations.io_orientation(affine), nib.orientations.axcodes2ornt(codes)
    )
    expected = image.as_reoriented(orientation)
    np.testing.assert_array_equal(turned, expected.dataobj)
    np.testing.assert_allclose(matrix, expected.affine)
    assert axis_codes(matrix) == codes == "".join(nib.aff2axcodes(matrix))
    back, again = reorient(turned, matrix, "SAR")
    np.testing.assert_array_equal(back, phantom)
    np.testing.assert_allclose(again, affine)


def test_numbers_become_native_and_at_most_32_bit():
    assert plain_numbers(np.arange(3, dtype=">i2"), "x")[0].dtype == np.dtype("=i2")
    assert plain_numbers(np.array([1, 2**40]), "x")[0].dtype == np.float32
    assert plain_numbers(np.array([1, -5]), "x")[0].dtype == np.int32
    assert plain_numbers(np.array([True, False]), "x")[0].dtype == np.uint8
    values, notes = plain_numbers(np.array([1.0, np.nan, np.inf, -3.0]), "x")
    np.testing.assert_array_equal(values, np.float32([1, -3, -3, -3]))
    assert "2 voxels" in notes[0]
