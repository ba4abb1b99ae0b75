"""Samplers on blurred, noisy random images whose posterior is known in closed form."""

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
from napari_padis.scan.geometry import BlurGeometry

SIDE, SIGMA = 24, 0.01


@pytest.fixture(scope="module")
def blurred():
    """Problem, exact denoiser, truth, and mean variance of the posterior.

    A blur has singular values that are nearly zero: an image that meets its noisy data is worse
    than the mean of all images.
    """
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    denoiser, shape = padis_step.WienerDenoiser(SIDE, 0.5), (1, 1, SIDE, SIDE)
    geometry = BlurGeometry(np.full((5, 5), 1 / 25), (SIDE, SIDE))
    operator = build(geometry, torch.device("cpu"))
    truth = denoiser.sample(shape, generator)
    data = operator.A(truth)
    data = data + SIGMA * torch.randn(data.shape, generator=generator)
    unit = torch.eye(SIDE**2).view(-1, 1, SIDE, SIDE)
    a = operator.A(unit).reshape(SIDE**2, -1).T.double().numpy()
    c = denoiser._filter(unit, denoiser.power).reshape(SIDE**2, -1).double().numpy()
    gain = c @ a.T @ np.linalg.inv(a @ c @ a.T + SIGMA**2 * np.eye(len(a)))
    variance = float(np.trace(c - gain @ a @ c)) / SIDE**2
    return Problem(operator, data, SIGMA, 1.0, 0.0, shape), denoiser, truth, variance


@pytest.mark.parametrize("name", ["padis-fast", "noise-aware", "diffpir", "dds", "dpm-solver"])
def test_noise_of_the_data_is_not_amplified(blurred, name):
    """The squared error of a sample of the posterior is twice the posterior's variance.

    That of the mean of all images is 13 times.
    """
    problem, denoiser, truth, variance = blurred
    method = find_method(name)
    evaluator = Evaluator(denoiser, torch.Generator().manual_seed(1), method.coupled)
    x = finish(method.run(problem, evaluator, 4, method.default_steps, {}))
    error = float((x - truth).square().mean())
    assert error == pytest.approx(2 * variance, rel=0.25)
