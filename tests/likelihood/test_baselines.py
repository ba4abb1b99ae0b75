"""The baselines that reconstructions are compared with must be good ones."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_padis.likelihood import ParallelBeam
from napari_padis.scan.geometry import ParallelGeometry

PATH = Path(__file__).parents[2] / "benchmarks" / "baselines.py"


@pytest.fixture(scope="module")
def baselines():
    spec = importlib.util.spec_from_file_location("baselines", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["baselines"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def problem(baselines):
    """Two piecewise constant slices of 32 x 32 on the scale [0, 1], seen from 12 views."""
    forward = ParallelBeam(ParallelGeometry.standard(12, (32, 32), detectors=64))
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    image = 0.5 * (x**2 + y**2 < 0.7) + 0.3 * (np.hypot(x - 0.2, y + 0.3) < 0.3)
    truth = torch.from_numpy(np.stack((image, image.T)).astype(np.float32))
    return forward, forward.A(truth * baselines.window_gain()), truth


def test_divergence_is_minus_the_transpose(baselines):
    x, p = torch.randn(3, 7, 9).double(), torch.randn(2, 3, 7, 9).double()
    left = (baselines.gradient(x) * p).sum()
    assert float(left + (x * baselines.divergence(p)).sum()) == pytest.approx(0, abs=1e-12)


def test_window_and_psnr(baselines):
    assert baselines.window_gain() == pytest.approx(2 * 0.01929)
    reference = torch.full((2, 4, 4), 0.5)
    np.testing.assert_allclose(baselines.psnr(reference + 0.1, reference), 20, rtol=1e-5)
    np.testing.assert_allclose(baselines.psnr(reference + 9, reference), 6.0206, rtol=1e-4)


def test_total_variation_reaches_its_minimum(baselines, problem):
    forward, y, _ = problem
    value = baselines.objective(baselines.tv(y, forward, 1e-3, 600), y, forward, 1e-3)
    least = baselines.objective(baselines.tv(y, forward, 1e-3, 2500), y, forward, 1e-3)
    assert value == pytest.approx(least, rel=2e-3)


def test_total_variation_restores_piecewise_constant_slices(baselines, problem):
    forward, y, truth = problem
    best, image, table = baselines.tune_tv(y, forward, truth, (1e-4, 1e-3, 1e-1), 200)
    direct = baselines.psnr(baselines.fbp(y, forward), truth)
    tuned = baselines.psnr(image, truth)
    assert best < 1e-1
    assert table[best] == tuned
    assert min(tuned) > max(direct) + 10
    assert float(image.min()) >= 0


def test_spread_slices(baselines):
    assert baselines.spread(133, 8) == [15, 29, 44, 59, 73, 88, 103, 117]
