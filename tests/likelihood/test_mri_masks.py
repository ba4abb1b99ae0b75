"""Sampling masks: acceleration, centre, randomness, distances."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.spatial import cKDTree

from napari_padis.errors import InputError
from napari_padis.likelihood.masks import MASKS, sampling_mask

SHAPE = (90, 128)


def middle(mask, centre):
    rows, columns = (slice(n // 2 - centre // 2, n // 2 - centre // 2 + centre) for n in mask.shape)
    return rows, columns


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("acceleration", [1, 2, 3.3, 4, 6, 8])
def test_acceleration_and_centre(kind, acceleration):
    mask = sampling_mask(SHAPE, kind, acceleration, 12, seed=1)
    assert mask.shape == SHAPE
    assert mask.dtype == bool
    assert mask.size / mask.sum() == pytest.approx(acceleration, rel=0.1)
    rows, columns = middle(mask, 12)
    assert mask[rows, columns].all()
    if kind != "poisson":
        assert mask[:, columns].all()
        assert np.all(mask == mask[0])


@pytest.mark.parametrize("kind", MASKS)
def test_the_seed_decides(kind):
    first = sampling_mask(SHAPE, kind, 4, 10, seed=3)
    assert np.array_equal(first, sampling_mask(SHAPE, kind, 4, 10, seed=3))
    others = [sampling_mask(SHAPE, kind, 4, 10, seed=s) for s in range(6)]
    assert any(not np.array_equal(first, other) for other in others)


def test_equispaced_lines_are_equidistant_outside_the_centre():
    mask = sampling_mask((4, 200), "equispaced", 5, 20, seed=0)
    lines = np.flatnonzero(mask[0])
    steps = np.diff(lines[lines < 90])
    assert steps.max() - steps.min() <= 1


def test_random_lines_spread_over_all_of_kspace():
    counts = np.zeros(128)
    for seed in range(60):
        counts += sampling_mask((2, 128), "random", 4, 8, seed)[0]
    outside = np.delete(counts, np.s_[60:68])
    assert outside.min() > 0
    # Each column is drawn with probability 24/120: no half of them is preferred.
    assert outside[:60].sum() == pytest.approx(60 * 12, rel=0.15)


def test_poisson_disc_keeps_its_distance_and_is_denser_inside():
    mask = sampling_mask((128, 128), "poisson", 8, 0, seed=2)
    points = np.argwhere(mask)
    nearest = cKDTree(points).query(points, k=2)[0][:, 1]
    radius = np.hypot(*(points - 64).T) / 64
    # A random choice of as many samples has neighbours in 40 % of all cases.
    assert (nearest == 1).mean() < 0.1
    inner, outer = nearest[radius < 0.3].mean(), nearest[(radius > 0.8) & (radius < 1)].mean()
    assert outer > 1.6 * inner


def test_poisson_disc_is_quick():
    start = time.process_time()
    sampling_mask((256, 256), "poisson", 4, 24)
    assert time.process_time() - start < 2


def test_nonsense_is_refused():
    with pytest.raises(InputError, match="no sampling mask 'radial'"):
        sampling_mask(SHAPE, "radial")
    with pytest.raises(InputError, match="acceleration of at least 1"):
        sampling_mask(SHAPE, "random", 0.5)
    with pytest.raises(InputError, match="acceleration of 8 is not possible"):
        sampling_mask(SHAPE, "random", 8, 24)
    with pytest.raises(InputError, match="acceleration of 50 is not possible"):
        sampling_mask(SHAPE, "poisson", 50, 24)
    with pytest.raises(InputError, match="centre of 0 to 128"):
        sampling_mask(SHAPE, "poisson", 4, 200)
