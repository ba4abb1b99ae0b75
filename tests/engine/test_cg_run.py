"""Least squares and MRI through the engine: progress, stop, coil maps, magnitude."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest

from napari_padis.engine.control import Control
from napari_padis.engine.events import Finished, Iterate, Notice, Progress, Started
from napari_padis.engine.recipe import Recipe
from napari_padis.engine.run import run
from napari_padis.errors import InputError
from napari_padis.likelihood.masks import sampling_mask
from napari_padis.scan.geometry import CartesianGeometry
from napari_padis.scan.measurement import Measurement

AXES = (-2, -1)
SHAPE = (40, 36)
CG = Recipe(method="cg", samples=5, device="cpu", options={"iterations": 6})


def fourier(image):
    shifted = np.fft.fft2(np.fft.ifftshift(image, axes=AXES), norm="ortho")
    return np.fft.fftshift(shifted, axes=AXES).astype(np.complex64)


def picture():
    """Two slices of an ellipse with two details, and a phase that turns across it."""
    y, x = np.mgrid[:40, :36]
    body = ((y - 20) / 15) ** 2 + ((x - 17) / 13) ** 2 < 1
    detail = (y - 12) ** 2 + (x - 22) ** 2 < 12
    image = body + 0.5 * detail
    return np.stack([image, 2 * image]) * np.exp(0.1j * (x - y))


def sensitivities(coils=4):
    y, x = np.mgrid[:40, :36] / 40 - 0.5
    angles = 2 * np.pi * np.arange(coils) / coils
    return np.stack([np.exp(-2 * ((y - np.sin(a)) ** 2 + (x - np.cos(a)) ** 2)) for a in angles])


@pytest.fixture(scope="module")
def scan():
    """Four coils without maps, every second column and 14 in the centre."""
    mask = sampling_mask(SHAPE, "random", 1.6, 14)
    maps = sensitivities()
    data = fourier(picture()[:, None] * maps) * mask
    return Measurement(data, CartesianGeometry(mask, 4), unit="arbitrary", name="scan")


def result(events):
    return list(events)[-1].result


def test_progress_counts_iterations(small_measurement):
    seen = list(run(CG, small_measurement))
    started, finished = seen[0], seen[-1]
    assert isinstance(started, Started)
    assert (started.levels, started.evaluations) == (6, 0)
    fractions = [e.fraction for e in seen if isinstance(e, Progress)]
    assert fractions == pytest.approx([(i + 1) / 6 for i in range(6)])
    assert sum(isinstance(e, Iterate) for e in seen) == 6
    assert isinstance(finished, Finished)
    assert finished.result.complete
    assert finished.result.samples.shape == (0, 3, 40, 36), "one image, and no sample"
    assert finished.result.title == "Least squares"
    assert finished.result.report["network_evaluations"] == 0
    residuals = [e.residual for e in seen if isinstance(e, Progress)]
    assert residuals == sorted(residuals, reverse=True)


def test_a_stop_keeps_the_last_iterate(small_measurement):
    control = Control()
    events, last = run(CG, small_measurement, control), None
    for event in events:
        if isinstance(event, Iterate) and event.level == 2:
            control.stop()
            last = event.array
    assert not event.result.complete
    assert np.array_equal(event.result.mean, last)


def test_coil_maps_are_estimated_and_announced(scan):
    events = list(run(CG, scan))
    notices = [e.message for e in events if isinstance(e, Notice)]
    assert "Coil maps were estimated from the central 24 x 14 samples (ESPIRiT)." in notices
    assert "SENSE" in events[0].projector


def test_result_is_the_magnitude_of_the_image(scan):
    recipe = CG.model_copy(update={"options": {"iterations": 25, "ridge": 1e-4}})
    found = result(run(recipe, scan))
    assert found.mean.shape == (2, *SHAPE)
    assert found.mean.dtype == np.float32
    # ESPIRiT's maps have unit energy: the picture is weighted by the energy of the coils.
    expected = np.abs(picture()) * np.sqrt(np.square(sensitivities()).sum(0))
    error = np.linalg.norm(found.mean - expected) / np.linalg.norm(expected)
    direct = result(run(Recipe(method="fbp", device="cpu"), scan)).mean
    assert error < 0.05
    assert error < 0.6 * np.linalg.norm(direct - expected) / np.linalg.norm(expected)
    assert math.isfinite(found.report["residual"])


def test_one_slice_is_reconstructed_as_among_others(scan):
    both = result(run(CG, scan)).mean
    alone = result(run(CG.model_copy(update={"slices": (1, 2)}), scan)).mean
    assert np.abs(alone[0] - both[1]).max() < 0.02 * both[1].max()


def test_without_a_measured_centre_the_run_says_what_to_do(scan):
    mask = scan.geometry.mask.copy()
    mask[:, 16:20] = False
    bad = Measurement(scan.data * mask, CartesianGeometry(mask, 4), unit="arbitrary")
    with pytest.raises(InputError, match="give coil maps"):
        result(run(CG, bad))


def test_priors_of_one_channel_do_not_fit(scan, tiny_prior):
    with pytest.raises(InputError, match="complex images"):
        result(run(Recipe(prior=str(tiny_prior), device="cpu"), scan))


def test_a_pause_holds_the_iterations(small_measurement):
    control = Control()
    seen: list[object] = []

    def follow():
        seen.extend(run(CG, small_measurement, control))

    control.pause()
    worker = threading.Thread(target=follow)
    worker.start()
    worker.join(0.3)
    assert worker.is_alive()
    assert not any(isinstance(e, Iterate) for e in seen)
    control.resume()
    worker.join(30)
    assert isinstance(seen[-1], Finished)
