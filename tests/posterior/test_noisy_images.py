"""Samplers with their own settings on noisy data of random images whose posterior is known."""

from __future__ import annotations

import numpy as np
import padis_step
import pytest
import torch

from napari_padis.likelihood.registry import build
from napari_padis.posterior.evaluator import Evaluator
from napari_padis.posterior.methods import find_method
from napari_padis.posterior.problem import Problem
from napari_padis.prior.denoiser import finish
from napari_padis.scan.geometry import BlurGeometry, ParallelGeometry

SIDE = 24
METHODS = [
    "padis-fast",
    "padis-calibrated",
    "noise-aware",
    "noise-aware-gradient",
    "split-gibbs",
    "langevin",
    "predictor-corrector",
    "diffpir",
    "dds",
    "dpm-solver",
]


def views():
    """Twenty views with noise of half a percent."""
    geometry = ParallelGeometry.standard(20, (SIDE, SIDE), (1.0, 1.0), 1.0, detectors=2 * SIDE)
    return geometry, lambda data: 0.005 * float(data.square().mean().sqrt())


def blur():
    """With singular values that are nearly zero: an image that meets the data is all noise."""
    return BlurGeometry(np.full((5, 5), 1 / 25), (SIDE, SIDE)), lambda data: 0.01


@pytest.fixture(scope="module", params=[views, blur])
def given(request):
    """Problem, exact denoiser, truth, and the posterior's mean variance in closed form."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    denoiser, shape = padis_step.WienerDenoiser(SIDE, 0.5), (1, 1, SIDE, SIDE)
    geometry, noise_of = request.param()
    operator = build(geometry, torch.device("cpu"))
    truth = denoiser.sample(shape, generator)
    data = operator.A(truth)
    sigma = noise_of(data)
    data = data + sigma * torch.randn(data.shape, generator=generator)
    unit = torch.eye(SIDE**2).view(-1, 1, SIDE, SIDE)
    a = operator.A(unit).reshape(SIDE**2, -1).T.double().numpy()
    c = denoiser._filter(unit, denoiser.power).reshape(SIDE**2, -1).double().numpy()
    gain = np.linalg.solve(a @ c @ a.T + sigma**2 * np.eye(len(a)), a @ c).T
    variance = float(np.trace(c - gain @ a @ c)) / SIDE**2
    return Problem(operator, data, sigma, 1.0, 0.0, shape), denoiser, truth, variance


@pytest.mark.parametrize("name", METHODS)
def test_one_default_serves(given, name):
    """The squared error of a sample of the posterior is twice the posterior's variance.

    That of the mean of all images is 13 and 49 times.
    """
    problem, denoiser, truth, variance = given
    method = find_method(name)
    evaluator = Evaluator(denoiser, torch.Generator().manual_seed(1), method.coupled)
    x = finish(method.run(problem, evaluator, 4, method.default_steps, {}))
    error = float((x - truth).square().mean())
    assert 1.6 < error / variance < 2.8
