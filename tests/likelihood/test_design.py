"""What is set becomes a geometry that covers the image, or a readable error."""

import subprocess
import sys

import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.likelihood import FORWARDS
from napari_padis.likelihood.design import Grid, design
from napari_padis.likelihood.settings import DEFAULTS, complete
from napari_padis.scan.geometry import ConeGeometry, FanGeometry, ParallelGeometry

GRID = Grid((6, 40, 48), (5.0, 2.0, 2.5))


def test_every_model_can_be_designed_without_any_setting():
    assert set(DEFAULTS) == set(FORWARDS)
    for kind in FORWARDS:
        geometry = design(kind, {}, GRID)
        assert geometry.kind == kind
        assert (geometry.image_shape, geometry.pixel) == ((40, 48), (2.0, 2.5))
        assert geometry.slice_spacing == 5.0


def test_nothing_heavy_is_loaded():
    program = (
        "import sys\n"
        "from napari_padis.likelihood.design import Grid, design\n"
        f"for kind in {list(FORWARDS)!r}:\n    design(kind, {{}}, Grid((2, 16, 16)))\n"
        "heavy = ('torch', 'odl', 'astra', 'qtpy', 'PyQt6', 'PySide6', 'napari')\n"
        "print(*[name for name in heavy if name in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (run.returncode, run.stdout.strip()) == (0, ""), run.stderr


def test_the_defaults_are_the_standard_geometries():
    plane = ((40, 48), (2.0, 2.5), 5.0)
    expected = {
        "parallel": ParallelGeometry.standard(20, *plane),
        "fan": FanGeometry.standard(40, *plane),
        "cone": ConeGeometry.standard(60, (6, 40, 48), (5.0, 2.0, 2.5)),
    }
    for kind, geometry in expected.items():
        made = design(kind, {}, GRID).to_dict()
        assert made.keys() == geometry.to_dict().keys()
        for name, value in geometry.to_dict().items():
            assert made[name] == (value if name == "kind" else pytest.approx(value)), name


def test_settings_that_depend_on_others_follow_them():
    assert complete("fan", {"source_origin": 200.0}, GRID)["source_detector"] == 300.0
    assert complete("fan", {}, GRID)["source_origin"] == pytest.approx(4 * GRID.radius)
    assert complete("cone", {}, GRID)["detector_rows"] == 12
    # As in the fastMRI challenges: 8 % of the lines at fourfold, 4 % at eightfold.
    wide = Grid((1, 100, 200))
    assert complete("cartesian", {}, wide)["centre"] == 16
    assert complete("cartesian", {"acceleration": 8}, wide)["centre"] == 8


@pytest.mark.parametrize(
    ("kind", "settings", "sentence"),
    [
        ("spiral", {}, "no forward model 'spiral'"),
        ("parallel", {"factor": 2}, "no setting 'factor'"),
        ("blur", {"angles": [0.0]}, "no setting 'angles'"),
        ("parallel", {"angles": [0.0], "views": 3}, "either angles, or views"),
        ("parallel", {"views": 0}, "At least one view"),
        ("parallel", {"detectors": 0}, "at least 1"),
        ("fan", {"detectors": 0}, "at least 1"),
        ("cone", {"detectors": 0}, "at least 1"),
        ("cone", {"detector_rows": 0}, "at least 1"),
        ("fan", {"arc": 0.0}, "The arc"),
        ("fan", {"arc": float("nan")}, "The arc"),
        ("fan", {"source_origin": 60.0}, "outside the circle"),
        ("cone", {"source_origin": 60.0}, "outside the circle"),
        ("fan", {"source_origin": float("nan")}, "outside the circle"),
        ("fan", {"source_origin": 300.0, "source_detector": 200.0}, "farther from the source"),
        ("cone", {"feed": float("inf")}, "finite"),
        ("cartesian", {"mask": "spiral"}, "no sampling mask 'spiral'"),
        ("cartesian", {"acceleration": float("nan")}, "acceleration of at least 1"),
        ("cartesian", {"coils": 0}, "one coil"),
        ("blur", {"kernel": "box"}, "no blur kernel 'box'"),
        ("blur", {"width": 2.0}, "Gaussian"),
        ("blur", {"size": 4}, "odd"),
        ("downsample", {"factor": 5}, "multiples of the factor 5"),
        ("mask", {"missing": 1.0}, "share of missing pixels"),
        ("mask", {"missing": float("nan")}, "share of missing pixels"),
    ],
)
def test_an_impossible_scan_is_explained(kind, settings, sentence):
    with pytest.raises(InputError, match=sentence):
        design(kind, settings, GRID)


def test_parallel_views_lie_evenly_in_the_arc():
    geometry = design("parallel", {"views": 9, "arc": 90.0, "detectors": 64}, GRID)
    assert geometry.data_shape == (9, 64)
    np.testing.assert_allclose(np.rad2deg(geometry.angles), 10 * np.arange(9) + 5)
    assert geometry.detector_pitch * 64 == pytest.approx(2 * 48 * 2.5)


@pytest.mark.parametrize("kind", ["parallel", "fan", "cone"])
def test_listed_angles_are_taken_as_they_are(kind):
    angles = np.array([0.3, -0.1, 2.0])
    np.testing.assert_array_equal(design(kind, {"angles": angles}, GRID).angles, angles)


@pytest.mark.parametrize("curved", [False, True])
def test_the_fan_covers_the_circle_around_the_image(curved):
    settings = {"detectors": 100, "source_origin": 300, "source_detector": 500, "curved": curved}
    geometry = design("fan", settings, GRID)
    assert (geometry.source_origin, geometry.source_detector) == (300, 500)
    half = geometry.detectors * geometry.detector_pitch / 2
    angle = half / 500 if curved else np.arctan(half / 500)
    corner = np.hypot(40 * 2.0, 48 * 2.5) / 2
    assert 300 * np.sin(angle) == pytest.approx(corner, rel=0.03)
    assert 300 * np.sin(angle) > corner


def test_the_cone_covers_the_cylinder_around_the_volume():
    geometry = design("cone", {"source_origin": 100.0, "source_detector": 300.0}, GRID)
    high, wide = (
        n * p / 2 for n, p in zip(geometry.detectors, geometry.detector_pitch, strict=True)
    )
    # A corner of the volume nearest to the source, and the ray that touches the cylinder.
    nearest = 15 / (100 - GRID.radius)
    assert 1 < high / 300 / nearest < 1.03
    assert 1 < 100 * np.sin(np.arctan(wide / 300)) / GRID.radius < 1.03


def test_a_helix_turns_and_feeds():
    settings = {"views": 90, "arc": 3 * 360, "feed": 12.0, "detector_rows": 8, "detectors": 32}
    geometry = design("cone", settings, GRID)
    assert geometry.travel == 12
    assert geometry.slices == 6
    assert geometry.data_shape == (90, 8, 32)
    np.testing.assert_allclose(np.rad2deg(np.diff(geometry.angles)), 12)


@pytest.mark.parametrize("kind", ["equispaced", "random", "poisson"])
def test_a_mask_keeps_its_centre_and_its_acceleration(kind):
    settings = {"mask": kind, "acceleration": 3.0, "centre": 6, "coils": 2}
    geometry = design("cartesian", settings, Grid((1, 64, 60)), seed=1)
    assert geometry.data_shape == (2, 64, 60)
    assert geometry.mask[30:34, 28:32].all()
    assert geometry.acceleration == pytest.approx(3, rel=0.05)


def test_kernels():
    uniform = design("blur", {"size": 5}, GRID).kernel
    np.testing.assert_allclose(uniform, np.full((5, 5), 0.04))
    kernel = design("blur", {"kernel": "gaussian", "width": 1.5}, GRID).kernel
    assert kernel.shape == (11, 11), "3 sigma to each side"
    offsets = np.arange(len(kernel)) - len(kernel) // 2
    spread = (kernel.sum(0) * offsets**2).sum() / kernel.sum()
    assert spread == pytest.approx(1.5**2, rel=0.03)
    assert design("blur", {"kernel": "gaussian", "size": 7}, GRID).kernel.shape == (7, 7)


def test_coarse_pixels_must_divide_the_image():
    assert GRID.factors == (2, 4, 8)
    assert design("downsample", {}, GRID).data_shape == (10, 12)
    assert design("downsample", {"factor": 8}, GRID).data_shape == (5, 6)
    assert design("downsample", {}, Grid((1, 30, 42))).factor == 2
    prime = Grid((1, 37, 41))
    assert prime.factors == ()
    with pytest.raises(InputError, match="no common divisor"):
        design("downsample", {}, prime)


def test_exactly_the_wanted_share_is_missing_and_the_seed_decides_which():
    one, again, other = (design("mask", {"missing": 0.3}, GRID, seed).mask for seed in (1, 1, 2))
    assert (~one).sum() == (~other).sum() == round(0.3 * 40 * 48)
    assert (one == again).all()
    assert (one != other).any()
    assert design("mask", {"missing": 0.9999}, Grid((1, 4, 4))).mask.sum() == 1
