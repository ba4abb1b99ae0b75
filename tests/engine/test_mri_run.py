"""A prior of complex images on k-space, through the whole engine."""

from __future__ import annotations

import numpy as np
import pytest

from napari_padis.engine.events import Finished
from napari_padis.engine.recipe import Recipe
from napari_padis.engine.run import run
from napari_padis.errors import InputError
from napari_padis.likelihood import simulate
from napari_padis.likelihood.masks import sampling_mask
from napari_padis.scan.geometry import CartesianGeometry
from napari_padis.scan.measurement import Noise


@pytest.fixture(scope="module")
def kspace(small_volume):
    mask = sampling_mask((40, 36), "poisson", 2, 12, seed=0)
    geometry = CartesianGeometry(mask, coils=3, pixel=(2.0, 2.0), slice_spacing=5.0)
    return simulate(small_volume, geometry, Noise("gaussian", 1.0), seed=1)


@pytest.fixture(scope="module")
def complex_prior(tmp_path_factory):
    """Untrained prior of two channels."""
    import torch

    from napari_padis.prior.architecture import NetworkConfig
    from napari_padis.prior.card import PriorCard
    from napari_padis.prior.checkpoint import save_prior
    from napari_padis.prior.network import EDMDenoiser

    config = NetworkConfig(width=8, multipliers=(1, 2), blocks=(1, 1), image_channels=2)
    folder = tmp_path_factory.mktemp("complex")
    card = PriorCard(
        name="pair", patch=16, patch_sizes=(16,), unit="arbitrary", low=0, high=1, network=config
    )
    torch.manual_seed(0)
    save_prior(EDMDenoiser(config), card, folder)
    return str(folder / "pair.json")


def finish(recipe, measurement):
    return next(e for e in run(recipe, measurement) if isinstance(e, Finished)).result


def test_samples_of_complex_images_are_shown_by_their_magnitude(kspace, complex_prior):
    recipe = Recipe.create(method="padis-fast", prior=complex_prior, samples=3, steps=12)
    result = finish(recipe, kspace)
    assert result.mean.shape == (3, 40, 36)
    assert result.samples.shape == (3, 3, 40, 36)
    assert (result.mean >= 0).all()
    assert (result.std > 0).all()
    direct = finish(Recipe.create(method="cg"), kspace).mean
    inside = direct > 0.3 * direct.max()
    error = np.abs(result.mean - direct)[inside].mean() / direct[inside].mean()
    assert error < 0.2


def test_a_prior_of_real_images_is_refused(kspace, tiny_prior):
    recipe = Recipe.create(method="padis-fast", prior=str(tiny_prior), steps=4)
    with pytest.raises(InputError, match="needs a prior of complex images"):
        finish(recipe, kspace)


def test_draws_of_complex_images(kspace, complex_prior, tmp_path):
    """Moments are those of the complex values; memory and store agree."""
    options = {"inner": 2, "draws": 8, "apart": 1}
    recipe = Recipe.create(
        method="split-gibbs", prior=complex_prior, samples=2, steps=4, options=options
    )
    a = finish(recipe, kspace)
    *_, last = run(recipe, kspace, None, tmp_path / "store")
    assert len(a.samples) == 2 * -(-8 // a.report["draws_thinned_by"])
    assert np.array_equal(a.samples, np.asarray(last.result.samples))
    assert np.array_equal(a.std, last.result.std)
    # The variance of both parts is at least that of the magnitude.
    shown = a.samples.reshape(2, -1, *a.samples.shape[1:]).var(1).mean(0)
    assert a.variance.mean() > shown.mean() > 0
