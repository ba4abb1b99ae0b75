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


TURN = np.deg2rad(np.arange(0, 360, 2.0))
HALF = np.deg2rad(np.arange(0, 180, 1.0))


@pytest.fixture(scope="module")
def torso():
    """Line integrals of a slice of the sample torso, (views, bins), by sums along lines."""
    from scipy.ndimage import map_coordinates, zoom

    from napari_padis.scan.phantoms.torso import torso as make

    volume = make()
    image = zoom(np.maximum(1 + volume.array[volume.shape[0] // 2] / 1000, 0) * 0.019, 0.375)
    middle = (np.array(image.shape) - 1) / 2
    along = np.arange(-70.0, 70.0)[None, :]

    def project(angles, bins, centre):
        across = (np.arange(bins) - centre)[:, None]
        rows = []
        for a in angles:
            x = across * np.cos(a) - along * np.sin(a) + middle[1]
            y = across * np.sin(a) + along * np.cos(a) + middle[0]
            rows.append(map_coordinates(image, [y, x], order=1).sum(axis=1))
        return np.array(rows)

    return project


@pytest.mark.parametrize("centre", [3.0, 7.5, 16.3, 35.5, 50.0, 62.25, 68.0])
def test_axis_anywhere_on_a_full_turn(torso, rng, centre):
    for angles in (TURN, TURN[::6][:-1], TURN[::-1] + 1, np.deg2rad(np.arange(0, 361, 4.0))):
        sinogram = torso(angles, 72, centre)
        noisy = sinogram + rng.normal(0, 0.02 * sinogram.max(), sinogram.shape)
        found = find_centre(noisy, angles)
        assert found.sure
        assert found.centre == pytest.approx(centre, abs=0.35)


@pytest.mark.parametrize("centre", [25.0, 40.3, 69.5, 90.0, 112.0])
@pytest.mark.parametrize("views", [24, 180])
def test_offset_axis_on_half_a_turn(torso, rng, centre, views):
    angles = np.linspace(0, np.pi, views, endpoint=False)
    sinogram = torso(angles, 140, centre)
    found = find_centre(sinogram + rng.normal(0, 0.01 * sinogram.max(), sinogram.shape), angles)
    assert found.sure
    assert found.centre == pytest.approx(centre, abs=0.4)


@pytest.mark.parametrize("centre", [4.0, 10.3, 20.0, 45.0, 58.0])
def test_axis_of_a_fan_anywhere_on_a_full_turn(centre, rng):
    sinogram = fan(TURN, 64, centre, 1.2, 200.0, 300.0) + rng.normal(0, 0.02, (180, 64))
    found = find_fan_centre(sinogram, TURN, 1.2, 300.0)
    assert found.sure
    assert found.centre == pytest.approx(centre, abs=0.2)


@pytest.mark.parametrize(
    "angles",
    [
        np.deg2rad(np.arange(0, 720, 3.0)),
        np.deg2rad(np.arange(150) * 111.246),
        -TURN,
    ],
)
def test_axis_over_several_turns_and_by_the_golden_angle(angles):
    found = find_centre(parallel(angles, 64, 12.0), angles)
    assert found.sure
    assert found.centre == pytest.approx(12, abs=0.2)


@pytest.mark.parametrize("angles", [TURN, HALF])
@pytest.mark.parametrize("row", [np.zeros(64), np.ones(64), np.linspace(0, 1, 64)])
def test_data_that_are_flat_do_not_tell_the_axis(angles, row):
    found = find_centre(np.tile(row, (len(angles), 1)), angles)
    assert not found.sure
    assert "no bin fits better" in found.question()


@pytest.mark.parametrize("centre", [-3.0, 66.0])
def test_an_axis_outside_the_detector_is_asked_for(centre):
    found = find_centre(parallel(TURN, 64, centre), TURN)
    assert "border" in found.doubt
    assert f"{found.centre:.1f}" in found.question()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("angles", [TURN, HALF])
def test_noise_alone_is_asked_for(angles, seed):
    noise = np.random.default_rng(seed).normal(size=(len(angles), 64))
    assert not find_centre(noise, angles).sure


def test_places_that_fit_alike_are_all_named():
    # The same scan twice, side by side on one detector: two axes.
    one = parallel(TURN, 96, 47.5, scale=0.9)
    both = np.concatenate([one, one], axis=1)
    found = find_centre(both, TURN)
    assert not found.sure
    assert len(found.candidates) > 1
    distance = [min(abs(c - place) for c in found.candidates) for place in (47.5, 143.5)]
    assert max(distance) < 0.3


def test_few_bins_do_not_tell_the_axis():
    with pytest.raises(InputError, match="too few"):
        find_centre(np.ones((180, 4)), TURN)


def test_preparation_asks_for_an_axis_that_is_not_clear():
    scan = Projections(np.ones((180, 1, 64)), TURN, "line integrals", beam="parallel")
    with pytest.raises(InputError, match="centre BIN"):
        prepare(scan, Preparation(rings=False))
    assert prepare(scan, Preparation(rings=False, centre=None)).geometry.shift == 0
    assert prepare(scan, Preparation(rings=False, centre=31.0)).geometry.shift == 0.5


@pytest.mark.parametrize(
    ("angles", "centre", "side"),
    [
        (TURN, 7.5, 128),  # a half acquisition: 7.5 + 0.5 bins on one side, 64 on the other
        (TURN, 63.5, 128),
        (TURN, 35.5, 72),
        (TURN, 30.5, 82),
        (HALF, 35.5, 72),
        (HALF, 30.5, 72),  # what all views see, and what some of them see around it
    ],
)
@pytest.mark.parametrize("binning", [1, 2])
def test_the_image_is_sized_from_the_axis(angles, centre, side, binning):
    scan = Projections(np.ones((len(angles), 1, 72)), angles, "line integrals", beam="parallel",
                       centre=centre)  # fmt: skip
    shape = prepare(scan, Preparation(rings=False, binning=binning)).geometry.image_shape
    assert shape == (side // binning, side // binning)
    chosen = Preparation(rings=False, image_side=50)
    assert prepare(scan, chosen).geometry.image_shape == (50, 50)


def test_the_image_of_a_fan_is_sized_from_the_axis():
    scan = Projections(np.ones((180, 1, 64)), TURN, "line integrals", beam="fan", centre=15.5,
                       detector_pitch=1.2, source_origin=200.0, source_detector=300.0)  # fmt: skip
    geometry = prepare(scan, Preparation(rings=False)).geometry
    # 48 bins on the longer side, each 0.8 mm at the axis.
    assert geometry.image_shape == (96, 96)
    assert geometry.pixel[0] == pytest.approx(0.8)
