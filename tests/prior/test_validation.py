"""The denoising curve of a training, for denoisers whose error is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from napari_padis.prior.data import PatchSampler
from napari_padis.prior.settings import Drawing
from napari_padis.prior.slice_store import Preparation
from napari_padis.prior.validation import LEVELS, denoising_psnr, fixed_crops, foretold_errors
from napari_padis.scan.volume import Volume

CPU = torch.device("cpu")


@pytest.fixture
def crops():
    values = np.random.default_rng(0).uniform(0, 1, (5, 40, 40))
    sampler = PatchSampler.of([Preparation(0, 1)(Volume(values))], Drawing(pad=0))
    return fixed_crops(sampler, 24)


def test_error_of_doing_nothing_is_the_noise(crops):
    curve = denoising_psnr(lambda x, sigma, position: x, crops, CPU, False, clip=False)
    for sigma in LEVELS:
        assert curve[f"psnr_{sigma:g}"] == pytest.approx(-20 * math.log10(sigma), abs=0.15)
    clipped = denoising_psnr(lambda x, sigma, position: x, crops, CPU, False)
    assert clipped["psnr_0.5"] > curve["psnr_0.5"] + 2


def test_the_mean_has_the_variance_as_its_error(crops):
    def mean(x, sigma, position):
        return torch.full_like(x, 0.5)

    curve = denoising_psnr(mean, crops, CPU, False)
    wanted = -10 * math.log10(1 / 12)  # variance of uniform values
    assert list(curve.values()) == [pytest.approx(wanted, abs=0.15)] * len(LEVELS)


def test_crops_and_noise_are_the_same_every_time_and_no_global_number_is_drawn(crops):
    values = np.random.default_rng(0).uniform(0, 1, (5, 40, 40))
    sampler = PatchSampler.of([Preparation(0, 1)(Volume(values))], Drawing(pad=0))
    before = torch.get_rng_state()
    again = fixed_crops(sampler, 24)
    denoising_psnr(lambda x, sigma, position: x, again, CPU, False)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(again.batch.patches, crops.batch.patches)
    assert torch.equal(again.noise, crops.noise)
    assert len(again.noise) == 16


def test_errors_as_large_as_foretold_have_a_ratio_of_one(crops):
    """Doing nothing errs by the noise; foretold four times as much, the ratio is a quarter."""

    def nothing(x, sigma, position, with_error):
        variance = sigma.square()[:, None, None, None].expand_as(x)
        return torch.stack([x, variance.log() + math.log(4)])

    found = foretold_errors(nothing, crops, CPU, False)
    for sigma in LEVELS:
        assert found[f"ratio_{sigma:g}"] == pytest.approx(0.25, rel=0.05)
        assert found[f"nll_{sigma:g}"] == pytest.approx(0.25 + math.log(4), rel=0.02)
