"""The classical baselines of the benchmark."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

PATH = Path(__file__).parents[2] / "benchmarks" / "baselines.py"


@pytest.fixture(scope="module")
def baselines():
    spec = importlib.util.spec_from_file_location("baselines", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["baselines"] = module
    spec.loader.exec_module(module)
    return module


def test_psnr(baselines):
    reference = torch.full((2, 4, 4), 0.5)
    np.testing.assert_allclose(baselines.psnr(reference + 0.1, reference), 20, rtol=1e-5)
    np.testing.assert_allclose(baselines.psnr(reference + 9, reference), 6.0206, rtol=1e-4)


def test_total_variation_with_either_weight_restores_piecewise_constant_slices(
    baselines, small_volume
):
    measurement, reference = baselines.measure(small_volume, [0, 2], 12, 0.0)
    problem = baselines.problem_of(measurement)
    best, table = baselines.tune_tv(problem, reference, (1e-5, 1e-4, 1e-1), 200)
    direct = baselines.psnr(problem.direct()[:, 0], reference)
    assert best < 1e-1
    assert min(table[best]) > max(direct) + 10
    automatic = baselines.psnr(baselines.tv(problem, None, 300), reference)
    assert min(automatic) > max(direct) + 10


def test_spread_slices(baselines):
    assert baselines.spread(133, 8) == [15, 29, 44, 59, 73, 88, 103, 117]
