"""What the user sets becomes a geometry that covers the image, or a readable error."""

import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.gui.models import Grid, geometry_for

GRID = Grid((6, 40, 48), (5.0, 2.0, 2.5))


def test_parallel_views_lie_evenly_in_the_arc():
    geometry = geometry_for("parallel", {"views": 9, "arc": 90.0, "bins": 64}, GRID)
    assert geometry.data_shape == (9, 64)
    np.testing.assert_allclose(np.rad2deg(geometry.angles), 10 * np.arange(9) + 5)
    assert geometry.slice_spacing == 5.0


@pytest.mark.parametrize("curved", [False, True])
def test_the_fan_covers_the_circle_around_the_image(curved):
    values = {"views": 4, "arc": 360.0, "bins": 100, "origin": 300.0, "detector": 500.0,
              "curved": curved}  # fmt: skip
    geometry = geometry_for("fan", values, GRID)
    assert (geometry.source_origin, geometry.source_detector) == (300, 500)
    half = geometry.detectors * geometry.detector_pitch / 2
    angle = half / 500 if curved else np.arctan(half / 500)
    corner = np.hypot(40 * 2.0, 48 * 2.5) / 2
    assert 300 * np.sin(angle) == pytest.approx(corner, rel=0.03)
    assert 300 * np.sin(angle) > corner


@pytest.mark.parametrize(
    ("origin", "detector", "sentence"),
    [(60.0, 500.0, "outside the circle"), (300.0, 200.0, "farther from the source")],
)
def test_an_impossible_fan_is_explained(origin, detector, sentence):
    values = {"views": 4, "arc": 360.0, "bins": 100, "origin": origin, "detector": detector,
              "curved": False}  # fmt: skip
    with pytest.raises(InputError, match=sentence):
        geometry_for("fan", values, GRID)


def test_a_helix_turns_and_feeds():
    values = {"views": 90, "turns": 3.0, "feed": 12.0, "rows": 8, "columns": 32}
    geometry = geometry_for("cone", values, GRID)
    assert geometry.travel == 12
    assert geometry.slices == 6
    assert geometry.data_shape == (90, 8, 32)
    np.testing.assert_allclose(np.rad2deg(np.diff(geometry.angles)), 12)


@pytest.mark.parametrize("kind", ["equispaced", "random", "poisson"])
def test_a_mask_keeps_its_centre_and_its_acceleration(kind):
    values = {"mask": kind, "acceleration": 3.0, "centre": 6, "coils": 2, "pattern": 1}
    geometry = geometry_for("cartesian", values, Grid((1, 64, 60)))
    assert geometry.data_shape == (2, 64, 60)
    assert geometry.mask[30:34, 28:32].all()
    assert geometry.acceleration == pytest.approx(3, rel=0.05)


def test_kernels():
    uniform = geometry_for("blur", {"kernel": "uniform", "side": 5, "width": 1.0}, GRID).kernel
    np.testing.assert_allclose(uniform, np.full((5, 5), 0.04))
    kernel = geometry_for("blur", {"kernel": "gaussian", "side": 5, "width": 1.5}, GRID).kernel
    offsets = np.arange(len(kernel)) - len(kernel) // 2
    spread = (kernel.sum(0) * offsets**2).sum() / kernel.sum()
    assert spread == pytest.approx(1.5**2, rel=0.03)
    with pytest.raises(InputError, match="odd"):
        geometry_for("blur", {"kernel": "uniform", "side": 4, "width": 1.0}, GRID)


def test_coarse_pixels_must_divide_the_image():
    assert GRID.factors == (2, 4, 8)
    assert geometry_for("downsample", {"factor": 4}, GRID).data_shape == (10, 12)
    prime = Grid((1, 37, 41))
    assert prime.factors == ()
    with pytest.raises(InputError, match="no common divisor"):
        geometry_for("downsample", {"factor": None}, prime)


def test_exactly_the_wanted_share_is_missing_and_another_pattern_is_another():
    first, second = (
        geometry_for("mask", {"missing": 30.0, "pattern": n}, GRID).mask for n in (0, 1)
    )
    assert (~first).sum() == (~second).sum() == round(0.3 * 40 * 48)
    assert (first != second).any()
    assert geometry_for("mask", {"missing": 99.99, "pattern": 0}, Grid((1, 4, 4))).mask.sum() == 1
