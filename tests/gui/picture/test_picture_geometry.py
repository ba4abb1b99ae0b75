"""What is drawn, in mm: every length and angle is known from the geometry itself."""

import dataclasses

import numpy as np
import pytest

from napari_padis.gui.picture.geometry import (
    detector_ends,
    fan_angles,
    field_radius,
    picture_of,
    source_at,
)
from napari_padis.gui.picture.shapes import Circle, Dots, Letter, Line, Panel, Raster, nice_length
from napari_padis.scan.geometry import (
    BlurGeometry,
    CartesianGeometry,
    ConeGeometry,
    DenoiseGeometry,
    DownsampleGeometry,
    FanGeometry,
    MaskGeometry,
    ParallelGeometry,
)

SHAPE, PIXEL = (40, 60), (2.0, 1.5)


@pytest.fixture
def parallel():
    return ParallelGeometry.standard(18, SHAPE, PIXEL, detectors=90)


@pytest.fixture
def fan():
    return FanGeometry(np.deg2rad([0.0, 90.0, 180.0, 270.0]), 100, 3.0, 250.0, 400.0, SHAPE, PIXEL)


def lines(panel: Panel, role: str) -> np.ndarray:
    return np.array([line.points for line in panel.of(Line, role)])


def test_the_image_is_to_scale(parallel):
    panel = picture_of(parallel).panels[0]
    (corners,) = lines(panel, "image")
    np.testing.assert_allclose(np.ptp(corners, axis=0), (60 * 1.5, 40 * 2.0))
    assert ("image", "Image 90 × 80 mm") in picture_of(parallel).legend


def test_ticks_stand_at_the_angles_of_the_views(parallel):
    ticks = lines(picture_of(parallel).panels[0], "tick")
    assert len(ticks) == 18
    for theta, (inner, outer) in zip(parallel.angles, ticks, strict=True):
        direction = (np.sin(theta), -np.cos(theta))
        np.testing.assert_allclose(inner / np.linalg.norm(inner), direction, atol=1e-9)
        assert np.linalg.norm(outer) > np.linalg.norm(inner)


def test_limited_angle_leaves_a_gap():
    geometry = ParallelGeometry.standard(30, SHAPE, PIXEL, arc=60)
    ticks = lines(picture_of(geometry).panels[0], "tick")[:, 0]
    angles = np.rad2deg(np.arctan2(ticks[:, 0], -ticks[:, 1]))
    assert angles.min() > 0
    assert angles.max() < 60
    assert dict(picture_of(geometry).legend)["tick"] == "30 views, 60°"


def test_parallel_rays_obey_their_equation(parallel):
    """x cos(theta) + y sin(theta) = s, from the source's side to the detector's."""
    panel = picture_of(parallel).panels[0]
    theta = parallel.angles[0]
    normal = np.array([np.cos(theta), np.sin(theta)])
    rays = lines(panel, "ray")
    for start, end in rays:
        assert start @ normal == pytest.approx(end @ normal)
    positions = sorted(ray[0] @ normal for ray in rays)
    assert (positions[0], positions[-1]) == pytest.approx(detector_ends(parallel))
    (detector,) = lines(panel, "detector")
    np.testing.assert_allclose(sorted(detector @ normal), detector_ends(parallel))
    towards = np.array([-np.sin(theta), np.cos(theta)])
    assert (detector @ towards > 0).all()


def test_sources_lie_on_their_circle(fan):
    panel = picture_of(fan).panels[0]
    (orbit,) = panel.of(Dots, "orbit")
    np.testing.assert_allclose(orbit.points, [(0, -250), (250, 0), (0, 250), (-250, 0)], atol=1e-9)
    assert panel.of(Dots, "source")[0].points[0] == pytest.approx((0, -250))
    assert source_at(np.pi / 2, 3.0) == pytest.approx((3, 0))


def test_a_flat_detector_and_the_edges_of_the_fan(fan):
    panel = picture_of(fan).panels[0]
    (detector,) = lines(panel, "detector")
    np.testing.assert_allclose(detector, [(-150, 150), (150, 150)], atol=1e-9)
    for ray in lines(panel, "ray"):
        np.testing.assert_allclose(ray[0], (0, -250), atol=1e-9)
        assert abs(ray[1][0]) == pytest.approx(150)


def test_a_curved_detector_is_an_arc_around_the_source(fan):
    fan = dataclasses.replace(fan, curved=True, shift=12.0)
    (detector,) = lines(picture_of(fan).panels[0], "detector")
    source = np.array(source_at(0.0, 250.0))
    away = detector - source
    np.testing.assert_allclose(np.linalg.norm(away, axis=1), 400)
    # The detector axis points along +x at theta = 0; the arc from its start to its end.
    angles = np.arctan2(away[:, 0], away[:, 1])
    np.testing.assert_allclose((angles[0], angles[-1]), (-138 / 400, 162 / 400))


def test_the_field_of_view(parallel, fan):
    assert field_radius(parallel) == pytest.approx(90)
    assert field_radius(dataclasses.replace(parallel, shift=-10.0)) == pytest.approx(80)
    assert field_radius(fan) == pytest.approx(250 * np.sin(np.arctan(150 / 400)))
    curved = dataclasses.replace(fan, curved=True)
    assert field_radius(curved) == pytest.approx(250 * np.sin(150 / 400))
    assert fan_angles(curved) == pytest.approx((-0.375, 0.375))
    beside = dataclasses.replace(fan, shift=200.0)
    assert field_radius(beside) == 0
    assert not picture_of(beside).panels[0].of(Circle)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_arrow_follows_the_views(parallel, sign):
    geometry = dataclasses.replace(parallel, angles=sign * parallel.angles)
    (turn,) = lines(picture_of(geometry).panels[0], "turn")
    bearing = np.unwrap(np.arctan2(turn[:, 0], -turn[:, 1]))
    assert bearing[0] == pytest.approx(sign * parallel.angles[0])
    assert (np.sign(np.diff(bearing)) == sign).all()


def test_shuffled_or_single_views_have_no_direction(parallel):
    golden = np.arange(20) * np.deg2rad(111.246)
    for angles in (golden, [0.3], np.array([0.1, 0.0, 0.2])):
        geometry = dataclasses.replace(parallel, angles=angles)
        assert not picture_of(geometry).panels[0].of(Line, "turn")


def test_letters_stand_at_the_sides_of_the_patient(parallel):
    panel = picture_of(parallel).panels[0]
    at = {letter.text: letter.at for letter in panel.of(Letter)}
    assert panel.leftward, "the patient's right (+x) is on the left of the screen"
    assert at["R"][0] > 0 > at["L"][0]
    assert at["A"][1] > 0 > at["P"][1]


def test_a_cone_is_seen_from_the_side_too():
    geometry = ConeGeometry.standard(12, (10, *SHAPE), (4.0, *PIXEL), detectors=(20, 80))
    _, side = picture_of(geometry).panels
    (corners,) = lines(side, "image")
    np.testing.assert_allclose(np.ptp(corners, axis=0), (90, 40))
    (detector,) = lines(side, "detector")
    tall = 20 * geometry.detector_pitch[0]
    far = geometry.source_detector - geometry.source_origin
    np.testing.assert_allclose(detector, [(far, -tall / 2), (far, tall / 2)])
    assert not side.of(Line, "turn")


def test_a_helix_rises_with_its_feed():
    circle = ConeGeometry.standard(30, (10, *SHAPE), (4.0, *PIXEL))
    angles = np.linspace(0, 4 * np.pi, 30)
    helix = dataclasses.replace(circle, angles=angles, travel=25.0)
    side = picture_of(helix).panels[1]
    (path,) = side.of(Dots, "orbit")
    heights = np.array(path.points)[:, 1]
    assert heights[0] == pytest.approx(-25)
    assert heights[-1] == pytest.approx(25)
    (arrow,) = lines(side, "turn")
    assert arrow[1][1] > arrow[0][1]
    (down,) = lines(picture_of(dataclasses.replace(helix, travel=-25.0)).panels[1], "turn")
    assert down[1][1] < down[0][1]


def test_a_kspace_mask_is_drawn_as_it_is():
    mask = np.zeros((20, 30), bool)
    mask[:, ::3] = True
    picture = picture_of(CartesianGeometry(mask, coils=4))
    (raster,) = picture.panels[0].of(Raster)
    np.testing.assert_array_equal(raster.values, mask)
    texts = [text for _, text in picture.legend]
    assert texts == ["Measured 33.3 %", "Acceleration 3 ×", "10 of 30 lines", "4 coils"]


def test_single_samples_are_counted():
    mask = np.zeros((8, 8), bool)
    mask[2, 3] = mask[4, 4] = True
    assert ("text", "2 samples") in picture_of(CartesianGeometry(mask)).legend


def test_the_kernel_is_drawn_in_mm():
    kernel = np.outer([1, 2, 1], [1, 3, 8, 3, 1]) / 64
    (raster,) = picture_of(BlurGeometry(kernel, SHAPE, PIXEL)).panels[0].of(Raster)
    assert raster.values.max() == 1
    np.testing.assert_allclose(np.subtract(raster.high, raster.low), (5 * 1.5, 3 * 2.0))


def test_coarse_pixels_hold_their_fine_ones():
    panel = picture_of(DownsampleGeometry(4, SHAPE, PIXEL)).panels[0]

    def steps(role):
        upright = lines(panel, role)
        positions = sorted(x for (x, _), (end, _) in upright if x == end)
        return np.diff(positions)

    np.testing.assert_allclose(steps("grid"), 1.5)
    np.testing.assert_allclose(steps("block"), 6.0)


def test_missing_pixels_keep_their_place():
    mask = np.ones(SHAPE, bool)
    mask[:10] = False
    picture = picture_of(MaskGeometry(mask, SHAPE, PIXEL))
    (raster,) = picture.panels[0].of(Raster)
    np.testing.assert_array_equal(raster.values[:10], 0)
    assert picture.panels[0].leftward
    assert ("dark", "Missing 25 %") in picture.legend


def test_noise_alone_shows_the_image():
    picture = picture_of(DenoiseGeometry(SHAPE, PIXEL))
    assert ("image", "Image 90 × 80 mm") in picture.legend
    assert len(picture.panels[0].of(Line, "image")) == 1


@pytest.mark.parametrize(
    ("available", "length"), [(99, 50), (100, 100), (2.1, 2), (0.07, 0.05), (1, 1)]
)
def test_scale_bars_are_round_numbers(available, length):
    assert nice_length(available) == pytest.approx(length)
