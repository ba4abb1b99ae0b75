"""Quantiles against NumPy, and what an interval from few samples covers."""

from __future__ import annotations

import numpy as np
import pytest

from napari_padis.posterior.quantiles import LEVELS, covered, quantiles


@pytest.mark.parametrize("count", [1, 10, 19, 20, 64])
def test_definition_6_of_numpy_whatever_the_block(count):
    x = np.random.default_rng(0).standard_normal((count, 5, 4, 3)).astype(np.float32)
    expected = np.quantile(x, LEVELS, axis=0, method="weibull")
    for block in (1, 2 * 12 * count, 10**9):
        assert np.allclose(quantiles(x, LEVELS, block), expected, atol=1e-6)


def test_only_blocks_are_read():
    x = np.random.default_rng(0).standard_normal((8, 6, 4, 4)).astype(np.float32)

    class OnDisk:
        shape = x.shape
        largest = 0

        def __getitem__(self, index):
            part = x[index]
            self.largest = max(self.largest, part.size)
            return part

    disk = OnDisk()
    assert np.array_equal(quantiles(disk, block=300), quantiles(x))
    assert disk.largest == 8 * 2 * 16


def test_it_can_be_stopped():
    assert quantiles(np.zeros((3, 2, 2)), stopped=lambda: True) is None


@pytest.mark.parametrize(("count", "level"), [(9, 0.9), (19, 0.9), (40, 0.9), (7, 0.5)])
def test_the_interval_covers_a_new_draw_as_often_as_said(count, level):
    """Of a distribution that is far from normal; 20 000 repetitions, five standard errors."""
    rng = np.random.default_rng(1)
    x = rng.exponential(size=(count, 20_000, 1, 1)).astype(np.float32)
    new = rng.exponential(size=(20_000, 1, 1))
    low, high = quantiles(x, [(1 - level) / 2, (1 + level) / 2])
    hit = ((low <= new) & (new <= high)).mean()
    expected = covered(count, level)
    # Interpolation between ranks is exact for the uniform distribution only.
    slack = 0.0 if ((count + 1) * (1 - level) / 2) % 1 < 1e-9 else 0.01
    assert hit == pytest.approx(expected, abs=5 * np.sqrt(0.25 / 20_000) * 0.7 + slack)


def test_few_samples_cover_less():
    assert covered(19) == pytest.approx(0.9)
    assert covered(9) == pytest.approx(0.8)
    assert covered(1) == 0
