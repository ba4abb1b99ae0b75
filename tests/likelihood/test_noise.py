import numpy as np
import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.likelihood import Gaussian, Poisson
from napari_padis.likelihood.noise import COUNT_FLOOR


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_gaussian_has_the_stated_spread():
    clean = torch.full((400, 500), 2.0)
    noisy = Gaussian(0.05).apply(clean, seeded())
    assert float((noisy - clean).std()) == pytest.approx(0.05, rel=0.01)
    assert float((noisy - clean).mean()) == pytest.approx(0, abs=5e-4)
    assert Gaussian(0.05).sigma(clean) == 0.05
    assert float(Gaussian(0.05).variance(clean).max()) == pytest.approx(0.0025)


@pytest.mark.parametrize(("photons", "electronic"), [(1e4, 0.0), (1e4, 30.0), (1e6, 5.0)])
@pytest.mark.parametrize("path", [0.0, 1.5, 3.0])
def test_poisson_has_the_stated_variance(photons, electronic, path):
    model = Poisson(photons, electronic)
    clean = torch.full((300_000,), path)
    noisy = model.apply(clean, seeded())
    counts = photons * np.exp(-path)
    expected = (counts + electronic**2) / counts**2
    assert float(model.variance(clean)[0]) == pytest.approx(expected, rel=1e-4)
    assert float(noisy.var()) == pytest.approx(expected, rel=0.02)
    # To second order the logarithm shifts the mean by half the variance.
    assert float(noisy.mean()) == pytest.approx(path + expected / 2, abs=4e-4)
    assert model.sigma(clean) == pytest.approx(np.sqrt(expected), rel=1e-4)


def test_representative_sigma_is_the_expected_rms_error():
    model = Poisson(2e4)
    clean = torch.linspace(0, 4, 200_000)
    rms = float((model.apply(clean, seeded()) - clean).square().mean().sqrt())
    assert model.sigma(clean) == pytest.approx(rms, rel=0.02)


def test_starved_rays_stay_finite():
    model = Poisson(100, electronic=3)
    noisy = model.apply(torch.full((1000,), 30.0), seeded())
    assert torch.isfinite(noisy).all()
    assert float(noisy.max()) == pytest.approx(np.log(100 / COUNT_FLOOR), rel=1e-5)
    assert torch.isfinite(model.variance(torch.full((3,), 80.0))).all()


def test_seeds_decide():
    clean = torch.rand(50)
    for model in (Gaussian(0.1), Poisson(1e4, 2)):
        first, again = model.apply(clean, seeded(4)), model.apply(clean, seeded(4))
        assert torch.equal(first, again)
        assert not torch.equal(first, model.apply(clean, seeded(5)))
        assert first.dtype == clean.dtype


@pytest.mark.parametrize(
    "make",
    [
        lambda: Gaussian(-1),
        lambda: Gaussian(float("nan")),
        lambda: Poisson(0),
        lambda: Poisson(1e4, -2),
    ],
)
def test_impossible_noise_is_refused(make):
    with pytest.raises(InputError, match="must be"):
        make()
