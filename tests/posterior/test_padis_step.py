"""The published step, carried over to other forward models."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from napari_padis.likelihood.registry import build
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.samplers.padis import PIXEL, effective_data, step_length
from napari_padis.scan.geometry import CartesianGeometry, MaskGeometry, ParallelGeometry


def problem_of(geometry, channels=1):
    operator = build(geometry, torch.device("cpu"))
    shape = (1, channels, *geometry.image_shape)
    return Problem(operator, operator.A(torch.zeros(shape)), 0.01, 1.0, 0.0, shape)


@pytest.mark.parametrize("views", [8, 20, 60])
def test_the_papers_value_in_the_papers_geometry(views):
    """256 pixels on an axis of length 40, 512 detectors over twice that."""
    geometry = ParallelGeometry.standard(views, (256, 256), (PIXEL, PIXEL), 1.0, detectors=512)
    problem = problem_of(geometry)
    norm = problem.operator.norm
    assert norm**2 == pytest.approx(6.25 * views, rel=0.05)
    assert step_length(problem, 0.3) == pytest.approx(0.3 * norm, rel=0.05)


def test_missing_data_do_not_count():
    mask = np.random.default_rng(0).random((64, 64)) < 0.3
    count = mask.sum()
    assert effective_data(problem_of(MaskGeometry(mask))) == pytest.approx(count, rel=0.05)
    complex_image = problem_of(CartesianGeometry(mask), 2)
    assert effective_data(complex_image) == pytest.approx(2 * count, rel=0.05)


def test_images_side_by_side_move_as_each_alone():
    """Twice the image and the data: each half's share of the gradient is 1 / sqrt(2)."""
    mask = np.random.default_rng(0).random((64, 64)) < 0.3
    alone = step_length(problem_of(MaskGeometry(mask)), 0.3)
    both = step_length(problem_of(MaskGeometry(np.hstack([mask, mask]))), 0.3)
    assert both == pytest.approx(math.sqrt(2) * alone, rel=0.05)


def test_units_of_the_data_do_not_matter():
    coarse = ParallelGeometry.standard(12, (64, 64), (2.0, 2.0), 1.0, detectors=128)
    fine = ParallelGeometry.standard(12, (64, 64), (0.1, 0.1), 1.0, detectors=128)
    lengths = [step_length(problem_of(geometry), 0.3) for geometry in (coarse, fine)]
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-3)
