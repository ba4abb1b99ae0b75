"""Sample volumes: known values, sides and speed."""

import time

import numpy as np
import pytest

from napari_padis.scan.samples import ct_small, shepp_logan_3d, torso


@pytest.fixture(scope="module")
def body():
    return torso(seed=0)


def hu(volume, x, y, z):
    """Median HU around a point in mm (Right, Anterior, Superior) from the centre."""
    place = [
        round(p / s + (n - 1) / 2)
        for p, s, n in zip((z, y, x), volume.spacing, volume.shape, strict=True)
    ]
    return float(np.median(volume.array[tuple(slice(p - 2, p + 3) for p in place)]))


def test_shepp_logan_has_the_published_contrasts():
    head = shepp_logan_3d()
    assert head.array.dtype == np.float32
    assert (head.shape, head.unit) == ((48, 256, 256), "HU")
    assert hu(head, 0, -60, 0) == pytest.approx(20, abs=0.1)  # brain
    assert hu(head, 0.22 * -128, 0, 0) == pytest.approx(0, abs=0.1)  # smaller ventricle, left
    assert hu(head, 0.22 * 128, 0, 0) == pytest.approx(0, abs=0.1)
    assert hu(head, 0, 0.35 * 128, 0) == pytest.approx(30, abs=0.1)
    assert head.array.min() == -1000
    assert head.array.max() == pytest.approx(1000, abs=0.1)
    middle = head.array[24] == 0
    right, left = middle[:, 128:].sum(), middle[:, :128].sum()
    assert right > 1.5 * left  # the larger ventricle is on the right


def test_torso_is_where_a_body_is(body):
    assert (body.shape, body.spacing, body.unit) == ((64, 256, 256), (5.0, 1.5, 1.5), "HU")
    assert body.array.dtype == np.float32
    assert np.isfinite(body.array).all()
    assert body.array.min() == -1000
    assert body.array.max() <= 1500
    assert hu(body, 0, 180, 0) == -1000  # air in front
    assert hu(body, 75, 20, 30) < -600  # right lung
    assert hu(body, -75, -20, 60) < -600  # left lung
    assert hu(body, 0, -5, 100) < -900  # windpipe
    assert -20 < hu(body, 0, -78, 0) < 80  # cord in its canal
    assert np.percentile(body.array[:, 80:105, 118:138], 90) > 90  # vertebrae


def test_heart_is_left_and_liver_right(body):
    assert hu(body, -45, 20, -30) > 60
    assert hu(body, 45 + 40, 30, -25) < -500  # lung at the mirrored place
    assert 70 < hu(body, 80, 0, -110) < 140  # liver
    high = body.array[14]  # above the left dome, below the right one
    solid = (high > 0) & (high < 250)
    middle = body.shape[2] // 2
    assert solid[:, middle + 40 :].sum() > 1.3 * solid[:, : middle - 40].sum()


def test_nodule_is_a_soft_lump_in_lung(body):
    k, j, i = body.metadata["nodule"]
    assert -60 < body.array[k, j, i] < 140
    around = body.array[k, j - 12 : j + 13, i - 12 : i + 13]
    assert np.median(around) < -500


@pytest.mark.parametrize("seed", range(6))
def test_every_seed_works_and_is_reproducible(seed):
    small = torso(seed, shape=(32, 64, 64), spacing=(10, 6, 6))
    np.testing.assert_array_equal(
        small.array, torso(seed, shape=(32, 64, 64), spacing=(10, 6, 6)).array
    )
    assert small.metadata["nodule"] is not None
    lung = (small.array > -950) & (small.array < -600)
    assert 0.05 < lung.mean() < 0.3
    if seed:
        assert np.abs(small.array - torso(0, (32, 64, 64), (10, 6, 6)).array).mean() > 5


@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 33, 47), (2, 8, 8)])
def test_any_field_of_view_works(shape):
    assert torso(1, shape, (5, 1.5, 1.5)).shape == shape


def test_torso_is_fast():
    start = time.process_time()
    torso(2)
    assert time.process_time() - start < 5


def test_ct_small_is_the_real_slice():
    volume = ct_small()
    assert volume.shape == (1, 128, 128)
    assert (volume.unit, volume.name) == ("HU", "CT_small")
    assert volume.spacing[1:] == pytest.approx((0.661468, 0.661468))
    assert volume.array.min() >= -1024
