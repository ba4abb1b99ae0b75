"""Region means and probabilities against counting and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from napari_padis.errors import InputError
from napari_padis.posterior.regions import exceedance, region_means


@pytest.fixture
def labels():
    regions = np.zeros((2, 6, 5), np.int16)
    regions[0, :3], regions[1, 2:4, 1:4] = 1, 7
    return regions


def test_means_are_numpys(labels):
    x = np.random.default_rng(0).standard_normal((4, 2, 6, 5)).astype(np.float32)
    names, means = region_means(x, labels)
    assert names == [1, 7]
    assert np.allclose(means[:, 0], x[:, labels == 1].mean(1))
    assert np.allclose(means[:, 1], x[:, labels == 7].mean(1))
    _, mask = region_means(x, labels == 7)
    assert np.allclose(mask[:, 0], means[:, 1])


def test_probability_and_its_error_for_normal_samples(labels):
    """The mean of 6 white voxels of variance 6 about 10 has variance 1: P(> 10.5) is known, and
    so is the scatter of the estimate from 40 samples."""
    rng = np.random.default_rng(1)
    truth = 1 - norm.cdf(0.5)
    found = [
        exceedance(10 + np.sqrt(6) * rng.standard_normal((40, 2, 6, 5)), labels == 7, 10.5)[0]
        for _ in range(400)
    ]
    estimates = np.array([f.probability for f in found])
    assert estimates.mean() == pytest.approx(truth, abs=5 * 0.073 / 20)
    assert estimates.std() == pytest.approx(found[0].error, rel=0.2)
    inside = np.mean([f.low <= truth <= f.high for f in found])
    assert inside == pytest.approx(0.9, abs=0.05)
    assert found[0].voxels == 6
    assert found[0].samples == 40


def test_certainty_still_has_an_error(labels):
    (sure,) = exceedance(np.full((10, 2, 6, 5), 5.0), labels == 1, 4.0)
    assert sure.probability == sure.high == 1
    assert sure.low == pytest.approx(0.83, abs=0.03)
    assert sure.error > 0.05


def test_correlated_draws_count_less(labels):
    x = np.random.default_rng(0).standard_normal((100, 2, 6, 5))
    (all_of_them,) = exceedance(x, labels == 1, 0.0)
    (few,) = exceedance(x, labels == 1, 0.0, effective=25)
    assert few.error == pytest.approx(2 * all_of_them.error, rel=0.02)
    assert few.probability == all_of_them.probability


def test_coupled_samples_are_refused(labels):
    with pytest.raises(InputError, match="coupled"):
        exceedance(np.zeros((4, 2, 6, 5)), labels, 0.0, independent=False)


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        (np.ones((2, 6, 4)), "on the grid of the reconstruction"),
        (np.zeros((2, 6, 5)), "no region"),
        (np.full((2, 6, 5), 0.5), "whole numbers"),
        (np.full((2, 6, 5), np.nan), "whole numbers"),
    ],
)
def test_wrong_regions_are_named(regions, message):
    with pytest.raises(InputError, match=message):
        region_means(np.zeros((3, 2, 6, 5)), regions)
