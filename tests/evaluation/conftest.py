"""Tallies of samples whose calibration is known."""

from __future__ import annotations

import numpy as np
import pytest

from napari_padis.evaluation.tally import take, together


@pytest.fixture(scope="session")
def known_tally():
    """``known_tally(ratio)``: normal samples whose spread is ``ratio`` times the right one.

    Every voxel has its own right spread, and truth and samples lie about one unknown mean: with
    a ratio of one they cannot be told from each other. A band of bone crosses the soft tissue.
    """
    found = {}

    def make(ratio=1.0, samples=16, images=4, seed=0, side=128):
        key = (ratio, samples, images, seed, side)
        if key not in found:
            rng = np.random.default_rng(seed)
            truth = np.full((side, side), 40.0)
            truth[side // 4 : side // 2] = 500.0
            tallies = []
            for _ in range(images):
                sd = np.exp(rng.normal(3, 0.6, truth.shape))
                mean = truth + sd * rng.standard_normal(truth.shape)
                drawn = mean + ratio * sd * rng.standard_normal((samples, *truth.shape))
                tallies.append(take(drawn, truth, np.ones(truth.shape, bool)))
            found[key] = together(tallies)
        return found[key]

    return make
