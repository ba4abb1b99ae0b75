"""What the data step learns about the noise."""

import dataclasses

import numpy as np
import pytest
import torch

from napari_padis.engine.events import Notice
from napari_padis.engine.noise import measured_share, noise_level, smoothed
from napari_padis.engine.recipe import Recipe
from napari_padis.engine.run import run
from napari_padis.engine.setup import build_problem, data_tensor
from napari_padis.likelihood import Poisson, build, simulate
from napari_padis.likelihood.simulated_noise import add_noise
from napari_padis.likelihood.whitening import Whitened
from napari_padis.scan.geometry import (
    CartesianGeometry,
    ConeGeometry,
    DenoiseGeometry,
    MaskGeometry,
    ParallelGeometry,
)
from napari_padis.scan.measurement import Measurement, Noise
from napari_padis.scan.units import hu_to_mu
from napari_padis.scan.volume import Volume

CPU = torch.device("cpu")
FBP = Recipe(method="fbp", device="cpu")


def body(slices=3, side=48):
    """A cylinder of 250 mm with a steel-like rod: line integrals from 0 to about 7."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    image = np.where(np.hypot(x, y) < 0.42 * side, 40.0, -1000.0)
    image[np.hypot(x - 8, y) < 3] = 3000.0
    array = np.repeat(image[None], slices, axis=0) + 5 * np.arange(slices)[:, None, None]
    return Volume(array.astype(np.float32), (6.0, 6.0, 6.0), "HU", name="body")


PARALLEL = ParallelGeometry.standard(40, (48, 48), (6.0, 6.0), 6.0, detectors=96)
CONE = ConeGeometry.standard(30, (3, 48, 48), (6.0, 6.0, 6.0), (8, 96))


def problem_of(measurement, recipe=FBP):
    return build_problem(measurement, build(measurement.geometry), None, recipe, CPU)


def truth(problem, volume):
    attenuation = torch.from_numpy(hu_to_mu(np.maximum(volume.array, -1000)))
    return ((attenuation - problem.offset) / problem.gain)[:, None].float()


@pytest.mark.parametrize("geometry", [PARALLEL, CONE], ids=["slices", "cone"])
@pytest.mark.parametrize("electronic", [0.0, 5.0])
def test_weighted_residual_of_the_truth_is_one_everywhere(geometry, electronic):
    """On rays with many photons and on rays with few, unlike that of plain data."""
    volume = body()
    noise = Noise("poisson", photons=1e4, electronic=electronic)
    clean = simulate(volume, geometry)
    measurement = add_noise(clean, noise, seed=2)
    problem, _, notices = problem_of(measurement)
    assert isinstance(problem.operator, Whitened)
    assert any("Photon noise" in notice for notice in notices)
    x = truth(problem, volume)
    assert 0.9 < problem.residual(x) < 1.1
    long, short = spreads(problem, x, clean.data)
    assert 0.85 < short < 1.1
    assert 0.85 < long < 1.2
    known = dataclasses.replace(measurement, noise=Noise("gaussian", measurement.noise.sigma))
    plain, _, _ = problem_of(known)
    long, short = spreads(plain, x, clean.data)
    assert long > 4 * short


def spreads(problem, x, data):
    """RMS of the residual in noise levels on the longest and the shortest rays."""
    share = ((problem.A(x) - problem.y) / problem.sigma_y).squeeze().numpy().ravel()
    order = np.argsort(data.ravel())
    tenth = len(order) // 10
    return (float(np.sqrt(np.mean(share[o] ** 2))) for o in (order[-tenth:], order[:tenth]))


def test_weights_are_those_of_the_variance():
    measurement = simulate(body(), PARALLEL, Noise("poisson", photons=1e5), seed=2)
    data = data_tensor(measurement, CPU)
    level = noise_level(measurement, FBP, data)
    assert level.root.shape == data.shape == (3, 1, 40, 96)
    assert float(level.root.square().mean()) == pytest.approx(1, rel=1e-5)
    variance = Poisson(1e5).variance(smoothed(data))
    # The product of weight and variance is the same for all: the level under the weights.
    product = level.root.square() * variance
    torch.testing.assert_close(product, torch.full_like(product, level.sigma**2), rtol=1e-4, atol=0)


def test_direct_reconstruction_does_not_feel_the_weights():
    measurement = simulate(body(), PARALLEL, Noise("poisson", photons=1e5), seed=2)
    weighted, _, _ = problem_of(measurement)
    known = dataclasses.replace(measurement, noise=Noise("gaussian", 0.01))
    plain, _, _ = problem_of(known)
    torch.testing.assert_close(weighted.direct(), plain.direct(), rtol=1e-4, atol=1e-4)


def test_given_level_rescales_photon_noise():
    measurement = simulate(body(), PARALLEL, Noise("poisson", photons=1e5), seed=2)
    data = data_tensor(measurement, CPU)
    own = noise_level(measurement, FBP, data)
    rms = Poisson(1e5).sigma(smoothed(data))
    assert rms == pytest.approx(measurement.noise.sigma, rel=0.05)
    given = noise_level(measurement, Recipe(sigma_y=3 * rms), data)
    assert given.sigma == pytest.approx(3 * own.sigma, rel=1e-3)
    torch.testing.assert_close(given.root, own.root)


def test_smoothing_keeps_what_is_smooth():
    data = torch.full((2, 30), 3.0)
    torch.testing.assert_close(smoothed(data), data)
    generator = torch.Generator().manual_seed(0)
    noisy = Poisson(2000).apply(torch.full((50, 200), 4.0), generator)
    assert smoothed(noisy).std() < 0.6 * noisy.std()
    assert float(smoothed(noisy).mean()) == pytest.approx(float(noisy.mean()), abs=1e-3)


def unknown(sigma=0.1):
    clean = simulate(body(), PARALLEL)
    noisy = add_noise(clean, Noise("gaussian", sigma), 1)
    return dataclasses.replace(noisy, noise=Noise())


def test_unknown_noise_is_estimated_and_told():
    notices = [e.message for e in run(FBP, unknown()) if isinstance(e, Notice)]
    assert any("estimated from the data: sigma_y = 0.1" in text for text in notices)
    problem, _, _ = problem_of(unknown())
    level = problem.sigma_y * problem.gain * problem.operator.norm
    assert level == pytest.approx(0.1, rel=0.2)


def test_what_the_user_says_counts():
    problem, _, notices = problem_of(unknown(), Recipe(method="fbp", sigma_y=0.5))
    assert problem.sigma_y * problem.gain * problem.operator.norm == pytest.approx(0.5)
    assert notices == []


def test_exact_data_stay_exact():
    measurement = simulate(body(), PARALLEL)
    level = noise_level(measurement, FBP, data_tensor(measurement, CPU))
    assert level.sigma == 0
    assert level.root is None


def test_missing_data_do_not_lower_the_residual():
    rng = np.random.default_rng(0)
    mask = rng.random((48, 48)) > 0.7
    geometry = MaskGeometry(mask, pixel=(6.0, 6.0))
    volume = body()
    measurement = simulate(volume, geometry, Noise("gaussian", 20.0))
    problem, _, _ = problem_of(measurement)
    image = (torch.from_numpy(volume.array)[:, None] - problem.offset) / problem.gain
    assert problem.residual(image) == pytest.approx(1, abs=0.1)
    assert measured_share(measurement) == pytest.approx(mask.mean())
    kspace = Measurement(
        np.zeros((1, 1, 48, 48), np.complex64), CartesianGeometry(mask), unit="arbitrary"
    )
    assert measured_share(kspace) == pytest.approx(mask.mean())
    full = simulate(volume, DenoiseGeometry((48, 48), (6.0, 6.0)))
    assert measured_share(full) == 1
