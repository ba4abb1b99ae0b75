import numpy as np
import pytest

from napari_padis.engine.metrics import compare, matching_slices, psnr, ssim
from napari_padis.errors import InputError
from napari_padis.scan.orientation import reorient
from napari_padis.scan.units import hu_to_mu
from napari_padis.scan.volume import Volume, sar_affine


@pytest.fixture
def truth():
    rng = np.random.default_rng(0)
    array = rng.uniform(-900, 900, (6, 12, 14)).astype(np.float32)
    return Volume(array, spacing=(3.0, 1.0, 1.5), unit="HU")


def part(volume, first, last, step=1):
    affine = volume.affine.copy()
    affine[:3, 3] += first * affine[:3, 0]
    affine[:3, 0] *= step
    return volume.array[first:last:step], affine


def test_psnr_of_a_known_error():
    x = np.zeros((4, 4))
    assert psnr(x + 0.1, x) == pytest.approx(20)
    assert psnr(x, x) == np.inf
    assert psnr(x + 1, x, data_range=10) == pytest.approx(20)


def test_ssim_of_equal_opposite_and_small_images(truth):
    image = truth.array[0] / 2000 + 0.5
    assert ssim(image, image) == pytest.approx(1)
    assert ssim(1 - image, image) < 0
    assert ssim(image[:4, :6], image[:4, :6]) == pytest.approx(1)
    assert np.isnan(ssim(image[:2], image[:2]))


def test_offset_of_hundred_units_is_26_db(truth):
    report = compare(truth.array + 100, "HU", truth.affine, truth)
    # 100 HU are 0.05 of the window; values near its upper end are clipped, none here.
    expected = -20 * np.log10(0.05)
    assert report["psnr"] == pytest.approx(expected, abs=0.01)
    for plane, slices in (("axial", 6), ("coronal", 12), ("sagittal", 14)):
        assert report[plane]["psnr"] == pytest.approx([expected] * slices, abs=0.01)
        assert report[plane]["slices_counted"] == slices
        assert len(report[plane]["ssim"]) == slices
    assert report["reference_slices"] == list(range(6))


def test_planes_are_named_by_the_patient(truth):
    """Of sagittal slices to the right whose rows go to the head, against the same truth."""
    array, affine = reorient(truth.array, truth.affine, "RSA")
    noisy = array.copy()
    noisy[3:] += 100  # sagittal slices from the fourth on
    report = compare(noisy[1:], "HU", affine + shift(affine), truth)
    assert report["reference_slices"] == list(range(1, 14))
    assert len(report["sagittal"]["psnr"]) == 13
    assert len(report["axial"]["psnr"]) == 6
    assert len(report["coronal"]["psnr"]) == 12
    assert np.isinf(report["sagittal"]["psnr"][:2]).all()
    assert np.isfinite(report["sagittal"]["psnr"][2:]).all()


def shift(affine):
    """One slice further."""
    step = np.zeros((4, 4))
    step[:3, 3] = affine[:3, 0]
    return step


def test_values_outside_the_window_do_not_count(truth):
    high = np.where(truth.array > 800, 5000, truth.array)
    reference = Volume(np.where(truth.array > 800, 2000, truth.array), unit="HU")
    assert compare(high, "HU", reference.affine, reference)["psnr"] == np.inf


def test_attenuation_is_compared_in_hounsfield_units(truth):
    report = compare(hu_to_mu(truth.array + 100), "1/mm", truth.affine, truth)
    assert report["psnr"] == pytest.approx(-20 * np.log10(0.05), abs=0.01)


def test_air_does_not_enter_the_means():
    array = np.full((3, 8, 8), -1000.0)
    array[1, 2:6, 2:6] = 0
    found = compare(array + 20, "HU", sar_affine((1, 1, 1)), Volume(array, unit="HU"))
    assert found["axial"]["slices_counted"] == 1
    assert found["axial"]["psnr_mean"] == pytest.approx(found["axial"]["psnr"][1])
    empty = Volume(np.full((2, 8, 8), -1000.0), unit="HU")
    report = compare(empty.array + 20, "HU", empty.affine, empty)
    assert np.isnan(report["axial"]["psnr_mean"])


def test_slices_are_found_by_position(truth):
    array, affine = part(truth, 1, 6, 2)
    np.testing.assert_array_equal(matching_slices(array.shape, affine, truth), [1, 3, 5])
    assert compare(array, "HU", affine, truth)["psnr"] == np.inf


@pytest.mark.parametrize("shift", [(0, 0, 1.5), (0, 0, 30), (0, 0, -3), (0.5, 0, 0), (0, 3, 0)])
def test_slices_elsewhere_are_refused(truth, shift):
    affine = truth.affine.copy()
    affine[:3, 3] += shift
    with pytest.raises(InputError, match="do not lie on slices"):
        compare(truth.array, "HU", affine, truth)


def test_arbitrary_units_are_compared_in_the_range_of_the_reference():
    array = np.random.default_rng(0).uniform(0, 80, (3, 12, 14)).astype(np.float32)
    array[0, 0, 0] = 100
    reference = Volume(array)
    report = compare(array + 5, "arbitrary", reference.affine, reference)
    assert report["window"] == [0, 100]
    assert report["window_unit"] == "arbitrary"
    assert report["axial"]["psnr"][1] == pytest.approx(-20 * np.log10(0.05), abs=0.01)


def test_wrong_shape_and_unit_are_refused(truth):
    with pytest.raises(InputError, match="12 x 14"):
        compare(truth.array[:, :8], "HU", truth.affine, truth)
    with pytest.raises(InputError, match="arbitrary"):
        compare(truth.array, "arbitrary", truth.affine, truth)
