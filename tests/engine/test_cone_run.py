"""A cone-beam scan from simulated data to Hounsfield units."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_padis.engine.events import Finished, Started
from napari_padis.engine.recipe import Recipe
from napari_padis.engine.run import run
from napari_padis.errors import InputError
from napari_padis.likelihood.registry import build
from napari_padis.scan.geometry import ConeGeometry
from napari_padis.scan.measurement import Measurement, Noise
from napari_padis.scan.units import hu_to_mu

SHAPE, SPACING = (12, 24, 24), (3.0, 2.0, 2.0)


@pytest.fixture(scope="module")
def volume():
    """A box of 300 HU in a ball of water, off the centre along all axes, in HU."""
    z, y, x = (
        (np.arange(n) - (n - 1) / 2).reshape([-1 if i == k else 1 for i in range(3)]) * p
        for k, (n, p) in enumerate(zip(SHAPE, SPACING, strict=True))
    )
    image = np.where(x**2 + y**2 + z**2 < 16**2, 0.0, -1000.0)
    image[5:9, 13:18, 7:12] += 300
    return image.astype(np.float32)


@pytest.fixture(scope="module")
def measurement(volume):
    geometry = ConeGeometry.standard(40, SHAPE, SPACING)
    data = build(geometry).A(torch.from_numpy(hu_to_mu(volume)))
    sigma = 0.002
    noise = sigma * torch.randn(data.shape, generator=torch.Generator().manual_seed(0))
    return Measurement((data + noise).numpy(), geometry, Noise("gaussian", sigma))


def final(measurement, **settings):
    events = list(run(Recipe(device="cpu", **settings), measurement))
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    assert events[0].initial.shape == SHAPE
    return events[0], events[-1].result


def check(result, volume, tolerance):
    assert result.mean.shape == SHAPE
    assert result.unit == "HU"
    assert result.spacing == SPACING
    assert np.isfinite(result.mean).all()
    bone, water = result.mean[6:8, 14:17, 8:11], result.mean[3:5, 9:12, 13:16]
    assert abs(bone.mean() - 300) < tolerance
    assert abs(water.mean()) < tolerance
    assert np.corrcoef(result.mean.ravel(), volume.ravel())[0, 1] > 0.95


def test_direct_reconstruction(measurement, volume):
    started, result = final(measurement, method="fbp")
    assert "rays" in started.projector
    check(result, volume, 50)
    assert np.array_equal(started.initial, result.mean)


def test_samples_fit_the_data(measurement, volume, tiny_prior):
    _, result = final(measurement, method="padis-fast", prior=str(tiny_prior), samples=2, steps=5)
    assert result.samples.shape == (2, *SHAPE)
    check(result, volume, 60)
    assert result.report["residual"] < 10


def test_published_method_runs(measurement, tiny_prior):
    _, result = final(measurement, method="padis", prior=str(tiny_prior), samples=1, steps=10)
    assert result.samples.shape == (1, *SHAPE)
    assert np.isfinite(result.samples).all()


def test_parts_of_a_cone_are_refused(measurement):
    with pytest.raises(InputError, match="all slices together"):
        list(run(Recipe(method="fbp", device="cpu", slices=(2, 5)), measurement))
