"""The engine: events, reproducibility, pause and stop, memory, failures."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch

from napari_padis.engine import memory
from napari_padis.engine.control import Control
from napari_padis.engine.events import (
    Finished,
    Iterate,
    Notice,
    Progress,
    Started,
    Statistics,
)
from napari_padis.engine.recipe import Recipe
from napari_padis.engine.run import run
from napari_padis.errors import InputError, ReconstructionError
from napari_padis.posterior.warm import PILOT
from napari_padis.prior import denoiser as denoiser_module
from napari_padis.prior.network import EDMDenoiser
from napari_padis.scan.measurement import Measurement, Noise


@pytest.fixture
def recipe(tiny_prior):
    return Recipe(prior=str(tiny_prior), samples=2, steps=4, device="cpu")


def events(recipe, measurement, control=None):
    return list(run(recipe, measurement, control))


def result(recipe, measurement, control=None):
    return events(recipe, measurement, control)[-1].result


def test_stream_begins_with_started_and_ends_with_finished(recipe, small_measurement):
    seen = events(recipe, small_measurement)
    started, finished = seen[0], seen[-1]
    assert isinstance(started, Started)
    assert isinstance(finished, Finished)
    assert sum(isinstance(e, Started | Finished) for e in seen) == 2
    assert sum(isinstance(e, Iterate) for e in seen) == 4
    assert sum(isinstance(e, Statistics) for e in seen) == 4
    assert started.shape == started.initial.shape == (3, 40, 36)
    assert started.spacing == (5.0, 2.0, 2.0)
    assert started.unit == "HU"
    assert started.limits[0] < started.limits[1]
    assert started.memory > 0
    layout = zip(started.layout.tiles, started.layout.patch, started.layout.pad, strict=True)
    assert all(0 < k * p - m < n for (k, p, m), n in zip(layout, (40, 36), strict=True))
    fractions = [e.fraction for e in seen if isinstance(e, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert finished.result.complete


def test_initial_is_fbp_in_hu(recipe, small_measurement, small_volume):
    started = next(run(recipe, small_measurement))
    inside = small_volume.array > 0
    assert abs(np.median(started.initial[inside]) - 40) < 100


def test_result_arrays_agree_with_its_samples(recipe, small_measurement):
    r = result(recipe, small_measurement)
    assert r.samples.shape == (2, 3, 40, 36)
    plain = result(recipe.model_copy(update={"method": "dds"}), small_measurement)
    assert np.allclose(plain.mean, plain.samples.mean(0), atol=0.02)
    assert plain.report["mean"] == "average of 2 samples"
    # What the chains estimate on their way has the samples' mean, but their noise no more.
    assert "estimates of 2 chains" in r.report["mean"]
    assert 0 < np.abs(r.mean - r.samples.mean(0)).mean() < 2 * r.std.mean()
    assert np.allclose(r.std, r.samples.std(0, ddof=1), atol=0.02)
    assert np.allclose(r.variance, r.std**2, rtol=1e-4, atol=1e-3)
    assert r.report["network_evaluations"] == 4
    assert r.report["image_evaluations"] == (2 + 2 * 2) * 3  # two of four evaluations are shared
    assert r.recipe["versions"]["torch"] == torch.__version__


@pytest.mark.parametrize("method", ["padis-fast", "padis-calibrated", "padis"])
def test_one_seed_gives_the_same_bits(recipe, small_measurement, method):
    # Two levels of two steps each are enough of the published sampler, which is slow.
    options = {"inner": 2} if method == "padis" else {}
    steps = 4 if method == "padis" else 6
    recipe = recipe.model_copy(update={"method": method, "steps": steps, "options": options})
    a, b = result(recipe, small_measurement), result(recipe, small_measurement)
    assert np.array_equal(a.samples, b.samples)
    other = result(recipe.model_copy(update={"seed": 1}), small_measurement)
    assert not np.array_equal(a.samples, other.samples)


def test_a_recipe_from_json_repeats_the_run(recipe, small_measurement, tmp_path):
    r = result(recipe, small_measurement)
    (Recipe(**r.recipe)).save(tmp_path / "recipe.json")
    again = result(Recipe.load(tmp_path / "recipe.json"), small_measurement)
    assert np.array_equal(r.samples, again.samples)


def test_fbp_needs_no_prior(small_measurement):
    r = result(Recipe(method="fbp", prior="does-not-matter", samples=3), small_measurement)
    assert r.report["network_evaluations"] == 0


def test_what_is_no_sample_is_not_called_one(recipe, small_measurement):
    """Neither the image of a method that makes one, nor what a stop leaves under way."""
    fbp = result(Recipe(method="fbp", samples=3), small_measurement)
    one = result(recipe.model_copy(update={"method": "map", "samples": 3}), small_measurement)
    before, within = Control(), Control()
    before.stop()
    nothing = events(recipe, small_measurement, before)
    under_way = []
    for event in run(recipe.model_copy(update={"steps": 50}), small_measurement, within):
        under_way.append(event)
        if isinstance(event, Statistics):
            # One image under way, from which all chains will begin, has no spread to look at.
            assert (event.std is None) == (event.samples == 1)
            if event.samples == 2:
                within.stop()
    assert np.array_equal(nothing[-1].result.mean, nothing[0].initial)
    found = {
        "FBP": fbp,
        "Most probable image": one,
        "FBP (stopped)": nothing[-1].result,
        "mean of iterates (stopped)": under_way[-1].result,
    }
    for title, r in found.items():
        assert title.startswith(r.title), (title, r.title)
        assert r.report["image"] == r.title
        assert r.std is None
        assert r.variance is None
        assert r.samples.shape == (0, 3, 40, 36)
        assert (r.report["samples"], r.report["samples_finished"]) == (0, 0)
        assert r.report["spread"].startswith("none: ")
        assert r.report["effective_samples"] is None
        assert not r.quantiles
    assert "makes one image" in one.report["spread"]
    assert "stopped before" in under_way[-1].result.report["spread"]


def test_calibrated_samples_of_blurred_images_are_not_called_so(
    recipe, small_volume, small_measurement
):
    """Chains that begin at one image remember it there: the spread was found too narrow."""
    from napari_padis.likelihood import simulate
    from napari_padis.scan.geometry import BlurGeometry
    from napari_padis.scan.measurement import Noise

    geometry = BlurGeometry(np.full((5, 5), 1 / 25), (40, 36), (2.0, 2.0))
    blurred = simulate(small_volume, geometry, Noise("gaussian", 10.0), seed=1)
    wanted = recipe.model_copy(update={"method": "padis-calibrated"})
    found = {
        name: result(wanted, given).report
        for name, given in (("views", small_measurement), ("blur", blurred))
    }
    assert found["views"]["calibrated"]
    assert "meant as uncertainty" in found["views"]["spread"]
    assert not found["blur"]["calibrated"]
    assert "not calibrated for blurred" in found["blur"]["spread"]


def test_one_sample_has_no_spread(recipe, small_measurement):
    seen = events(recipe.model_copy(update={"samples": 1}), small_measurement)
    assert all(e.std is None and e.variance is None for e in seen if isinstance(e, Statistics))
    r = seen[-1].result
    assert (r.title, r.std, r.variance) == ("posterior sample", None, None)
    assert r.samples.shape == (1, 3, 40, 36)
    assert np.array_equal(r.mean, r.samples[0])
    assert result(recipe, small_measurement).title == "posterior mean"


def test_a_stop_between_samples_keeps_the_finished_ones(recipe, small_measurement):
    """Two of four chains are done; those under way are left out of everything."""
    control = Control()
    wanted = recipe.model_copy(update={"samples": 4, "chains": 2, "steps": 3})
    for event in run(wanted, small_measurement, control):
        if isinstance(event, Progress) and event.fraction > 0.7:
            control.stop()
    r = event.result
    assert not r.complete
    assert (r.title, len(r.samples)) == ("posterior mean", 2)
    assert np.allclose(r.std, r.samples.std(0, ddof=1), atol=0.02)


def test_slices_keep_their_place(recipe, small_measurement):
    r = result(recipe.model_copy(update={"slices": (1, 3)}), small_measurement)
    assert r.mean.shape == (2, 40, 36)
    assert r.affine[2, 3] == pytest.approx(small_measurement.affine[2, 3] + 5.0)
    with pytest.raises(InputError, match=r"2:9 lie outside"):
        result(recipe.model_copy(update={"slices": (2, 9)}), small_measurement)


def test_stop_keeps_what_there_is(recipe, small_measurement):
    control = Control()
    seen = []
    for event in run(recipe.model_copy(update={"steps": 50}), small_measurement, control):
        seen.append(event)
        if isinstance(event, Statistics) and event.samples:
            control.stop()
    r = seen[-1].result
    assert not r.complete
    assert r.report["network_evaluations"] == PILOT + 1
    last = [e for e in seen if isinstance(e, Statistics)][-1]
    assert np.array_equal(r.mean, last.mean)


def test_stop_before_the_first_level_gives_fbp(recipe, small_measurement):
    control = Control()
    control.stop()
    seen = events(recipe, small_measurement, control)
    assert np.array_equal(seen[-1].result.mean, seen[0].initial)


def test_pause_holds_and_does_not_count_as_time(recipe, small_measurement):
    control, start = Control(), time.monotonic()
    stream = run(recipe, small_measurement, control)
    for event in stream:
        if isinstance(event, Iterate):
            break
    control.pause()
    paused = time.monotonic()
    timer = threading.Timer(0.5, control.resume)
    timer.start()
    rest = list(stream)
    end = time.monotonic()
    assert end - paused > 0.4
    assert rest[-1].result.complete
    assert rest[-1].result.report["seconds"] < end - start - 0.4


def test_stop_releases_a_paused_run(recipe, small_measurement):
    control = Control()
    stream = run(recipe, small_measurement, control)
    next(stream)
    control.pause()
    threading.Timer(0.2, control.stop).start()
    assert not list(stream)[-1].result.complete


@pytest.mark.usefixtures("float32")
def test_short_memory_halves_the_patches_and_goes_on(recipe, small_measurement, monkeypatch):
    forward = EDMDenoiser.forward

    def limited(self, x, sigma, position):
        if len(x) > 10:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, x, sigma, position)

    plain = result(recipe.model_copy(update={"patch": 16, "patch_batch": 9}), small_measurement)
    monkeypatch.setattr(EDMDenoiser, "forward", limited)
    wanted = recipe.model_copy(update={"patch": 16, "patch_batch": 36})
    seen = events(wanted, small_measurement)
    assert any(isinstance(e, Notice) and "9 patches" in e.message for e in seen)
    assert np.allclose(seen[-1].result.samples, plain.samples, atol=0.05)


def test_no_memory_at_all_is_our_own_error(recipe, small_measurement, monkeypatch):
    def never(self, x, sigma, position):
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(EDMDenoiser, "forward", never)
    with pytest.raises(ReconstructionError, match="fewer samples or slices"):
        result(recipe, small_measurement)


def test_any_runtime_error_becomes_our_own(recipe, small_measurement, monkeypatch):
    def broken(self, x, sigma, position):
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr(EDMDenoiser, "forward", broken)
    with pytest.raises(ReconstructionError, match="shape mismatch"):
        result(recipe, small_measurement)


def test_divergence_is_named(recipe, small_measurement, monkeypatch):
    def nan(self, x, sigma, position):
        return x * float("nan")

    monkeypatch.setattr(EDMDenoiser, "forward", nan)
    with pytest.raises(ReconstructionError, match=r"diverged at noise level"):
        result(recipe, small_measurement)


def test_too_large_runs_are_refused_beforehand(recipe, small_measurement, monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda device: 10_000)
    with pytest.raises(ReconstructionError, match=r"needs about .* GiB"):
        next(run(recipe, small_measurement))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "nope"}, "no method 'nope'"),
        ({"prior": "nope"}, "no prior 'nope'"),
        ({"device": "abacus"}, "Device 'abacus' is not available"),
        ({"options": {"zeta": 1}}, "no option 'zeta'"),
    ],
)
def test_wrong_settings_are_named(recipe, small_measurement, change, message):
    with pytest.raises(InputError, match=message):
        next(run(recipe.model_copy(update=change), small_measurement))


def test_known_noise_level_is_used(recipe, small_measurement):
    started = next(run(recipe, small_measurement))
    assert started.sigma_y == pytest.approx(0.005, rel=1e-4)
    started = next(run(recipe.model_copy(update={"sigma_y": 0.02}), small_measurement))
    assert started.sigma_y == pytest.approx(0.02, rel=1e-4)


def test_unknown_noise_level_has_a_floor(recipe, small_measurement):
    exact = Measurement(small_measurement.data, small_measurement.geometry, Noise("none"))
    seen = events(recipe, exact)
    rms = np.sqrt((exact.data.astype(float) ** 2).mean())
    assert seen[0].sigma_y == pytest.approx(1e-3 * rms, rel=1e-3)
    assert any(isinstance(e, Notice) and "noise level" in e.message for e in seen)


@pytest.mark.parametrize("unit", ["1/mm", "arbitrary"])
def test_other_units(recipe, small_measurement, unit):
    m = Measurement(small_measurement.data, small_measurement.geometry, Noise(), unit=unit)
    r = result(recipe, m)
    hu = result(recipe, small_measurement)
    assert r.unit == unit
    # Water is 0.01929 / mm: FBP-like values, whatever the unit is called.
    initial = next(run(recipe, m)).initial
    reference = (next(run(recipe, small_measurement)).initial / 1000 + 1) * 0.01929
    assert np.allclose(initial, reference, atol=1e-5)
    assert hu.unit == "HU"


@pytest.mark.parametrize("shape", [(64, 64), (65, 101), (33, 16)])
def test_any_in_plane_size(tiny_prior, shape):
    from napari_padis.likelihood import simulate
    from napari_padis.scan.geometry import ParallelGeometry
    from napari_padis.scan.volume import Volume

    image = np.full((1, *shape), -1000.0, np.float32)
    image[:, shape[0] // 4 : -shape[0] // 4, shape[1] // 4 : -shape[1] // 4] = 0
    geometry = ParallelGeometry.standard(10, shape, detectors=96)
    m = simulate(Volume(image, unit="HU"), geometry)
    r = result(Recipe(prior=str(tiny_prior), samples=1, steps=3, device="cpu"), m)
    assert r.mean.shape == (1, *shape)
    assert np.isfinite(r.mean).all()


def test_ticks_come_between_batches_of_patches(recipe, small_measurement, monkeypatch):
    """Stop is heard within one network call, not only after a level."""
    calls = 0
    forward = EDMDenoiser.forward
    control = Control()

    def counting(self, x, sigma, position):
        nonlocal calls
        calls += 1
        if calls == 3:
            control.stop()
        return forward(self, x, sigma, position)

    monkeypatch.setattr(EDMDenoiser, "forward", counting)
    one_patch = recipe.model_copy(update={"patch_batch": 1})
    assert not result(one_patch, small_measurement, control).complete
    assert calls == 3


@pytest.mark.usefixtures("float32")
def test_evaluation_is_restarted_as_a_whole_after_a_shortage(tiny_prior):
    """Tiles of one image come from one draw even when the batch shrinks midway."""
    d = denoiser_module.load_prior(tiny_prior, (40, 36), patch_batch=4)
    x = torch.rand(1, 1, 1, 40, 36)
    draw = d.draw(x, 0.1, torch.Generator().manual_seed(0))
    before = denoiser_module.finish(d.denoise(x, 0.1, draw))
    assert d.halve_batch()
    assert torch.allclose(denoiser_module.finish(d.denoise(x, 0.1, draw)), before, atol=1e-5)
