"""Checks of calibration on samples whose calibration is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import chisquare, norm, spearmanr

from napari_padis.errors import InputError
from napari_padis.evaluation import calibration
from napari_padis.evaluation.calibration import LEVELS


def draw(samples, ratio=1.0, voxels=60_000, seed=0, spread=None):
    """Truths, and samples around the same means with ``ratio`` times their standard deviation."""
    rng = np.random.default_rng(seed)
    sd = np.exp(rng.normal(3, 0.7, voxels)) if spread is None else np.full(voxels, spread)
    mean = rng.normal(0, 100, voxels)
    truth = mean + sd * rng.standard_normal(voxels)
    return truth, mean + ratio * sd * rng.standard_normal((samples, voxels)), sd


def judge(truth, samples):
    return truth - samples.mean(0), samples.std(0, ddof=1)


@pytest.mark.parametrize("samples", [2, 8, 16])
def test_calibrated_samples_cover_what_they_say(samples):
    truth, x, _ = draw(samples)
    assert np.allclose(calibration.coverage(*judge(truth, x), samples), LEVELS, atol=0.01)


@pytest.mark.parametrize("ratio", [0.5, 0.8, 1.5])
def test_wrong_spread_covers_as_the_closed_form_says(ratio):
    truth, x, _ = draw(16, ratio)
    found = calibration.coverage(*judge(truth, x), 16)
    assert np.allclose(found, calibration.expected_coverage(ratio, 16), atol=0.01)


def test_half_the_spread_with_many_samples():
    """Without the scatter of few samples: 2 Phi(z / 2) - 1."""
    z = norm.ppf((1 + np.array(LEVELS)) / 2)
    assert np.allclose(
        calibration.expected_coverage(0.5, 100_000), 2 * norm.cdf(z / 2) - 1, atol=1e-3
    )
    assert np.allclose(calibration.expected_coverage(1.0, 5), LEVELS)


def test_spearman_is_scipys():
    truth, x, _ = draw(8, voxels=500)
    error, sd = judge(truth, x)
    expected = spearmanr(np.abs(error), sd).statistic
    assert calibration.spearman(error, sd) == pytest.approx(expected)
    assert np.isnan(calibration.spearman(error, np.ones_like(sd)))


def test_crps_of_normal_samples():
    """Gneiting and Raftery (2007): sigma (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi))."""
    rng = np.random.default_rng(0)
    truth = np.repeat([0.0, 1.0, 3.0], 20_000)
    x = 2 * rng.standard_normal((6, truth.size))
    z = truth / 2
    expected = 2 * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    found = calibration.crps(x, truth)
    for value in (0.0, 1.0, 3.0):
        chosen = truth == value
        assert found[chosen].mean() == pytest.approx(expected[chosen].mean(), abs=0.02)
    integral, _ = quad(lambda t: (norm.cdf(t / 2) - (t >= 1.0)) ** 2, -20, 20, points=[1.0])
    assert expected[truth == 1.0][0] == pytest.approx(integral, abs=1e-6)


def test_crps_by_its_definition():
    rng = np.random.default_rng(0)
    x, truth = rng.standard_normal((5, 7)), rng.standard_normal(7)
    pairs = np.abs(x[:, None] - x[None]).sum((0, 1)) / (5 * 4)
    assert np.allclose(calibration.crps(x, truth), np.abs(x - truth).mean(0) - pairs / 2)


def test_ranks_are_uniform_if_calibrated_and_pile_up_at_the_ends_if_too_narrow():
    truth, x, _ = draw(9, voxels=5000)
    flat = calibration.rank_histogram(calibration.ranks(x, truth), 9)
    assert flat.sum() == 5000
    assert len(flat) == 10
    assert calibration.uniformity(flat) > 1e-3
    truth, x, _ = draw(9, 0.5, voxels=5000)
    narrow = calibration.rank_histogram(calibration.ranks(x, truth), 9)
    assert calibration.uniformity(narrow) < 1e-12
    assert min(narrow[0], narrow[-1]) > 2 * narrow[1:-1].mean()


def test_uniformity_is_scipys():
    histogram = np.array([3, 9, 4, 12, 7])
    assert calibration.uniformity(histogram) == pytest.approx(chisquare(histogram).pvalue)


def test_ranks_fall_into_like_bins():
    ranks = np.arange(16)
    assert np.array_equal(calibration.rank_histogram(ranks, 15), np.full(8, 2))
    assert np.array_equal(calibration.rank_histogram(ranks, 15, 4), np.full(4, 4))
    # 17 ranks have no divisor: one bin would tell nothing.
    assert np.array_equal(calibration.rank_histogram(np.arange(17), 16), np.ones(17))
    with pytest.raises(InputError, match="16 ranks do not fall into 5"):
        calibration.rank_histogram(ranks, 15, 5)
    assert np.isnan(calibration.uniformity(np.zeros(4, int)))


def test_one_sample_is_not_enough():
    with pytest.raises(InputError, match="no spread"):
        calibration.coverage(np.zeros(3), np.zeros(3), 1)
    with pytest.raises(InputError, match="no spread"):
        calibration.crps(np.zeros((1, 3)), np.zeros(3))
