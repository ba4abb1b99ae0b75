"""The rotation axis, on scans whose axis is known and on real ones."""

import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.scan.preparation import Preparation, find_centre, find_fan_centre, prepare
from napari_padis.scan.preparation.prepare import auto_centre
from napari_padis.scan.projections import Projections
from napari_padis.scan.read import read

DISCS = ((0.0, 0.0, 40.0, 0.012), (15.0, 8.0, 9.0, 0.02), (-20.0, 12.0, 5.0, -0.012))


def parallel(angles, bins, centre, scale=1.0):
    s = np.arange(bins) - centre
    total = np.zeros((len(angles), bins))
    for x, y, radius, mu in DISCS:
        at = scale * (x * np.cos(angles) + y * np.sin(angles))
        total += 2 * mu * np.sqrt(np.maximum(0, (scale * radius) ** 2 - (s - at[:, None]) ** 2))
    return total


def fan(angles, bins, centre, pitch, origin, detector):
    """Line integrals along the rays of FanGeometry, by the distance of disc and ray."""
    u = (np.arange(bins) - centre) * pitch
    c, s = np.cos(angles)[:, None], np.sin(angles)[:, None]
    source = np.stack(np.broadcast_arrays(origin * s, -origin * c))
    along = np.stack(np.broadcast_arrays(-detector * s + u * c, detector * c + u * s))
    along = along / np.hypot(*along)
    total = np.zeros((len(angles), bins))
    for x, y, radius, mu in DISCS:
        distance = (x - source[0]) * along[1] - (y - source[1]) * along[0]
        total += 2 * mu * np.sqrt(np.maximum(0, radius**2 - distance**2))
    return total


@pytest.mark.parametrize("centre", [63.5, 50.0, 71.3, 58.75])
def test_centre_of_a_parallel_scan(centre, rng):
    angles = np.deg2rad(np.arange(0, 180, 1.5))
    sinogram = parallel(angles, 128, centre) + rng.normal(0, 0.01, (120, 128))
    assert find_centre(sinogram, angles).centre == pytest.approx(centre, abs=0.3)


def test_centre_of_a_full_turn_in_any_order(rng):
    angles = rng.permutation(np.deg2rad(np.arange(0, 360, 2.0)))
    assert find_centre(parallel(angles, 128, 57.2), angles).centre == pytest.approx(57.2, abs=0.3)


def test_centre_in_strong_noise(rng):
    angles = np.deg2rad(np.arange(0, 180, 1.0))
    noisy = parallel(angles, 160, 76.0) + rng.normal(0, 0.4, (180, 160))
    assert find_centre(noisy, angles).centre == pytest.approx(76.0, abs=2)


def test_centre_of_an_object_wider_than_the_detector():
    angles = np.deg2rad(np.arange(0, 180, 1.0))
    found = find_centre(parallel(angles, 128, 61.0, scale=2.2), angles)
    assert found.sure
    assert found.centre == pytest.approx(61, abs=0.3)


@pytest.mark.parametrize("degrees", [90, 150, 175])
def test_a_short_arc_does_not_tell_the_centre(degrees):
    angles = np.deg2rad(np.arange(0, degrees, 1.0))
    with pytest.raises(InputError, match="180 are needed"):
        find_centre(parallel(angles, 64, 30), angles)


def test_preparation_says_that_it_took_the_middle():
    angles = np.deg2rad(np.arange(0, 90, 1.0))
    data = parallel(angles, 128, 60.0)[:, None]
    found = prepare(Projections(data, angles, "line integrals", beam="parallel"))
    assert found.geometry.shift == 0
    assert "180 are needed" in " ".join(found.provenance["steps"])


def test_all_views_are_used_for_the_centre_of_a_short_arc():
    angles = np.deg2rad(np.arange(0, 180, 1.0))
    raw = Projections(parallel(angles, 128, 60.0)[:, None], angles, "line integrals",
                      beam="parallel")  # fmt: skip
    found = prepare(raw, Preparation(arc_degrees=60, every=2))
    assert len(found.geometry.angles) == 30
    assert found.geometry.shift == pytest.approx(3.5, abs=0.3)


def test_centre_the_file_states_is_taken():
    angles = np.deg2rad(np.arange(0, 180, 1.0))
    raw = Projections(parallel(angles, 128, 60.0)[:, None], angles, "line integrals",
                      beam="parallel", centre=58.0)  # fmt: skip
    assert prepare(raw).geometry.shift == pytest.approx(5.5)
    assert prepare(raw, Preparation(centre=62.0)).geometry.shift == pytest.approx(1.5)
    assert prepare(raw, Preparation(centre=None)).geometry.shift == pytest.approx(5.5)


@pytest.mark.parametrize("centre", [63.5, 60.2, 68.0])
def test_centre_of_a_fan(centre):
    angles = np.deg2rad(np.arange(0, 360, 2.0))
    sinogram = fan(angles, 128, centre, 1.2, 200.0, 300.0)
    assert find_fan_centre(sinogram, angles, 1.2, 300.0).centre == pytest.approx(centre, abs=0.15)


def test_centre_of_a_fan_needs_more_than_half_a_turn():
    angles = np.deg2rad(np.arange(0, 150, 2.0))
    with pytest.raises(InputError, match="full turn"):
        find_fan_centre(fan(angles, 64, 31.5, 2.4, 200.0, 300.0), angles, 2.4, 300.0)


@pytest.fixture
def sinograms(data_folder):
    folder = data_folder / "sinograms"
    if not folder.is_dir():
        pytest.skip("no real sinograms")
    return folder


def test_real_tooth(sinograms):
    tooth = read(sinograms / "tomopy-tooth.h5")
    for row in (0, 1):
        assert auto_centre(tooth, Preparation(), row).centre == pytest.approx(296, abs=1)


def test_real_fan(sinograms):
    # The challenge's own reconstructions take the middle of the detector, bin 279.5.
    scan = read(sinograms / "htc2022_03b_full.mat")
    assert auto_centre(scan, Preparation(), 0).centre == pytest.approx(279.5, abs=0.5)


def test_real_metal_in_a_tube_wider_than_the_detector(sinograms):
    scan = read(sinograms / "tomobar-RealDataDend.mat")
    assert auto_centre(scan, Preparation(beam="parallel"), 0).centre == pytest.approx(629.5, abs=2)
