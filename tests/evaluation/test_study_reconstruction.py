"""Simulated measurements of studies, and the figures of what comes of them."""

import numpy as np
import pytest

from napari_padis.engine.metrics import compare
from napari_padis.engine.plan import make_plan
from napari_padis.engine.recipe import Recipe
from napari_padis.errors import InputError
from napari_padis.evaluation.reconstruction import measure, on_scale, quality_of_mean, reconstruct
from napari_padis.evaluation.slices import ChosenSlices
from napari_padis.scan.units import MU_WATER


@pytest.fixture
def chosen(small_volume):
    return ChosenSlices("small", small_volume, (0, 2))


def test_noise_is_a_share_of_the_sinogram(chosen):
    clean, noisy = measure(chosen, 30), measure(chosen, 30, noise=0.02, seed=3)
    assert clean.data.shape[:2] == (2, 30)
    rms = np.sqrt((clean.data**2).mean())
    assert (noisy.data - clean.data).std() == pytest.approx(0.02 * rms, rel=0.02)
    assert noisy.noise.sigma == pytest.approx(0.02 * rms, rel=1e-5)
    assert np.array_equal(noisy.data, measure(chosen, 30, noise=0.02, seed=3).data)


def test_figures_are_those_of_reconstruct_with_a_reference(chosen, small_volume):
    shares = []
    recipe = Recipe.create(method="fbp", samples=1)
    result = reconstruct(recipe, measure(chosen, 40), shares.append)
    found = quality_of_mean(result, chosen)
    told = compare(result.mean, result.unit, result.affine, small_volume)["axial"]
    assert [psnr for psnr, _ in found] == pytest.approx(told["psnr"], abs=0.01)
    assert [ssim for _, ssim in found] == pytest.approx(told["ssim"], abs=0.001)
    assert all(15 < psnr < 45 for psnr, _ in found)


def test_scale_of_both_units():
    assert on_scale(np.array([-1000.0, 0.0, 1000.0]), "HU") == pytest.approx([0, 0.5, 1])
    assert on_scale(np.array([0.0, MU_WATER]), "1/mm") == pytest.approx([0, 0.5])


def test_side_of_the_patches_can_be_told(tiny_prior, small_measurement):
    for side in (8, 20):
        plan = make_plan(Recipe.create(prior=str(tiny_prior), patch=side), small_measurement)
        assert plan.denoiser.grid.sides == (side, side)
    with pytest.raises(InputError, match="patch side 7 must be divisible by 2"):
        make_plan(Recipe.create(prior=str(tiny_prior), patch=7), small_measurement)
