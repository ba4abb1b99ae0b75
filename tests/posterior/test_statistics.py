"""Running moments against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_padis.posterior.statistics import RunningMoments, moments


def test_moments_equal_numpy_also_far_from_zero():
    x = torch.randn((7, 2, 3, 4), generator=torch.Generator().manual_seed(0)) + 1000
    mean, variance = moments(x.double())
    assert np.allclose(mean, x.double().numpy().mean(0))
    assert np.allclose(variance, x.double().numpy().var(0, ddof=1))


def test_one_sample_has_no_spread():
    mean, variance = moments(torch.ones(1, 3))
    assert torch.equal(mean, torch.ones(3))
    assert torch.equal(variance, torch.zeros(3))


def test_nothing_added_is_an_error():
    with pytest.raises(ValueError, match="No sample"):
        _ = RunningMoments().mean


def test_samples_are_not_changed():
    first = torch.ones(3)
    running = RunningMoments()
    running.add(first)
    running.add(torch.zeros(3))
    assert torch.equal(first, torch.ones(3))
