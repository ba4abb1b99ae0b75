"""Calibration per image and over images, by class of tissue and bin of spread."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.evaluation.anatomy import TISSUES, body_mask, squares, tissue
from napari_padis.evaluation.calibration import LEVELS, expected_coverage
from napari_padis.evaluation.tally import BODY, Tally, take, together


@pytest.fixture(scope="module")
def body():
    """A disc of soft tissue with lungs, fat and bone in air, on a thin table."""
    rows, columns = np.mgrid[:192, :192] - 95.5
    radius = np.hypot(rows, columns)
    image = np.full((192, 192), -1000.0)
    image[radius < 85] = -100.0
    image[radius < 78] = 40.0
    image[np.hypot(rows, np.abs(columns) - 35) < 25] = -800.0
    image[np.hypot(rows - 50, columns) < 10] = 600.0
    image[186:188] = 200.0
    return image


def sampled(image, ratio, count=16, seed=0, classes=None):
    """Means off the truth by the spread, samples about them with ``ratio`` times it.

    The truth is given, so that it is the means that scatter.
    """
    rng = np.random.default_rng(seed)
    spread = np.exp(rng.normal(3, 0.6, image.shape))
    ratio = np.full(image.shape, ratio)
    for name, value in (classes or {}).items():
        ratio[tissue(image, name)] = value
    mean = image + spread * rng.standard_normal(image.shape)
    return mean + ratio * spread * rng.standard_normal((count, *image.shape))


def test_body_is_found_with_lungs_and_without_the_table(body):
    mask = body_mask(body)
    rows, columns = np.mgrid[:192, :192] - 95.5
    disc = np.hypot(rows, columns) < 85
    assert (mask & disc).sum() > 0.99 * disc.sum()
    assert not mask[~disc].any()
    assert not body_mask(np.full((20, 20), -1000.0)).any()


def test_classes_share_out_all_voxels(body):
    assert sum(tissue(body, name) for name in TISSUES).min() == 1
    assert tissue(body, "lung")[96, 60]
    assert tissue(body, "bone")[146, 96]


def test_squares_lie_in_the_mask():
    mask = np.zeros((40, 50), bool)
    mask[:33, 10:] = True
    labels = squares(mask, 16)
    assert labels.max() == 4
    assert np.array_equal(np.bincount(labels.ravel())[1:], [256] * 4)
    assert mask[labels > 0].all()


def test_calibrated_samples(body):
    tally = take(sampled(body, 1.0), body)
    assert np.allclose(tally.coverage(), LEVELS, atol=0.01)
    assert np.allclose(tally.coverage("lung"), LEVELS, atol=0.03)
    bins = tally.bins()
    assert len(bins) == 10
    assert sum(b.voxels for b in bins) == pytest.approx(tally.voxels[BODY], abs=20)
    assert [b.ratio for b in bins] == pytest.approx([1] * 10, abs=0.08)
    assert bins[-1].predicted > 4 * bins[0].predicted
    assert 0.2 < tally.spearman[0] < 0.6
    assert tally.ranks.sum() > 50


def test_half_the_spread(body):
    tally = take(sampled(body, 0.5), body)
    assert np.allclose(tally.coverage(), expected_coverage(0.5, 16), atol=0.01)
    # The error of the mean: sqrt(1 + 1/4/16) spreads, predicted sqrt(1 + 1/16) / 2 of them.
    expected = np.sqrt(1 + 1 / 64) / (0.5 * np.sqrt(1 + 1 / 16))
    assert [b.ratio for b in tally.bins()] == pytest.approx([expected] * 10, rel=0.08)


def test_classes_are_judged_apart(body):
    tally = take(sampled(body, 1.0, classes={"lung": 0.3}), body)
    assert tally.coverage("lung")[4] < 0.5
    assert tally.coverage("soft tissue")[4] == pytest.approx(0.9, abs=0.02)
    assert np.isnan(tally.coverage("air")).all()


def test_bins_do_not_gather_chance(body):
    """All voxels have one spread: bins by the same samples' spread would show ratios far from
    one, although nothing is wrong."""
    rng = np.random.default_rng(0)
    mean = body + 20 * rng.standard_normal(body.shape)
    samples = mean + 20 * rng.standard_normal((8, *body.shape))
    assert [b.ratio for b in take(samples, body).bins()] == pytest.approx([1] * 10, abs=0.1)


def test_images_are_added_up(body):
    a, b = take(sampled(body, 1.0), body), take(sampled(body, 0.5, seed=1), body)
    both = together([a, Tally.from_dict(json.loads(json.dumps(b.to_dict())))])
    assert both.images == 2
    assert both.voxels[BODY] == a.voxels[BODY] + b.voxels[BODY]
    assert np.allclose(both.coverage(), (a.coverage() + b.coverage()) / 2)
    assert both.spearman == (*a.spearman, *b.spearman)
    assert both.crps == (*a.crps, *b.crps)
    assert np.allclose(both.fine, a.fine + b.fine)
    assert 1 < np.mean([x.ratio for x in both.bins()]) < 2


def test_wrong_input_is_named(body):
    with pytest.raises(InputError, match="four samples"):
        take(sampled(body, 1.0, count=3), body)
    with pytest.raises(InputError, match="no body"):
        take(np.zeros((4, 20, 20)), np.full((20, 20), -1000.0))
    with pytest.raises(InputError, match="same number of samples"):
        together([take(sampled(body, 1.0, count=n), body) for n in (4, 6)])
    with pytest.raises(InputError, match="same number of samples"):
        together([])
