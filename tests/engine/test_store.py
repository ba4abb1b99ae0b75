"""Chains in groups, and samples on disk that survive a killed run."""

from __future__ import annotations

import json

import numpy as np
import pytest
import zarr

from napari_padis.engine import memory
from napari_padis.engine.control import Control
from napari_padis.engine.events import Notice, Progress, Statistics
from napari_padis.engine.groups import groups
from napari_padis.engine.recipe import Recipe
from napari_padis.engine.run import run
from napari_padis.engine.save import save_result
from napari_padis.errors import InputError, ReconstructionError
from napari_padis.posterior.methods import find_method
from napari_padis.prior.denoiser import PatchDenoiser

pytestmark = pytest.mark.usefixtures("float32")

#: Largest difference in HU of samples from other groups, which spread over 200 HU. Where sparse
#: products round differently for other numbers of images, a data step may end an iteration later.
ROUNDING = 0.5


@pytest.fixture
def recipe(tiny_prior):
    return Recipe(
        method="padis-calibrated", prior=str(tiny_prior), samples=5, steps=4, device="cpu"
    )


def change(recipe, **values):
    return recipe.model_copy(update=values)


def result(recipe, measurement, store=None, control=None):
    return list(run(recipe, measurement, control, store))[-1].result


def interrupt(recipe, measurement, store, samples):
    """Kill a run once some samples are in the store: nothing of it gets to clean up."""
    for event in run(recipe, measurement, None, store):
        record = store / "chains.json"
        if record.exists() and json.loads(record.read_text())["finished"] >= samples:
            assert event is not None
            return


@pytest.mark.parametrize(
    ("first", "last", "most", "sizes"),
    [(0, 9, 4, [3, 3, 3]), (0, 4, 4, [4]), (5, 9, 3, [2, 2]), (0, 5, 4, [2, 3]), (3, 3, 2, [])],
)
def test_groups_are_of_like_sizes(first, last, most, sizes):
    found = groups(first, last, most)
    assert [len(g) for g in found] == sizes
    assert [i for g in found for i in g] == list(range(first, last))


@pytest.mark.parametrize("method", ["padis-calibrated", "padis"])
def test_result_does_not_depend_on_the_group(recipe, small_measurement, method):
    recipe = change(recipe, method=method, options={"inner": 2})
    whole = result(recipe, small_measurement)
    parts = result(change(recipe, chains=2), small_measurement)
    assert np.allclose(whole.samples, parts.samples, atol=ROUNDING)
    assert np.allclose(whole.std, parts.std, atol=ROUNDING)
    assert whole.samples.std(0).mean() > 1  # the chains differ
    assert parts.report["chains_at_once"] == 2
    assert parts.report["network_evaluations"] == 4
    assert np.allclose(whole.mean, parts.mean, atol=ROUNDING)
    # What all have in common is made once, on one image, of all three slices.
    shared = find_method(method).shared(4, {"inner": 2})
    assert shared == (1 if method == "padis-calibrated" else 0)
    assert parts.report["image_evaluations"] == (shared + (4 - shared) * 5) * 3


def test_events_go_on_over_all_groups(recipe, small_measurement):
    # With four levels the last two are far from each other.
    seen = list(run(change(recipe, chains=2, steps=8), small_measurement))
    fractions = [e.fraction for e in seen if isinstance(e, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    counts = [e.samples for e in seen if isinstance(e, Statistics)]
    assert counts == sorted(counts)
    assert set(counts) == {1, 3, 5}
    last = [e for e in seen if isinstance(e, Statistics)][-1]
    assert np.allclose(last.mean, seen[-1].result.mean, atol=ROUNDING)


def test_stop_in_a_later_group_keeps_the_finished_ones(recipe, small_measurement):
    control, samples = Control(), 0
    for event in run(change(recipe, chains=2), small_measurement, control):
        if isinstance(event, Statistics) and event.samples > 3:
            control.stop()
        samples = event
    r = samples.result
    assert not r.complete
    assert r.samples.shape[0] == r.report["samples"] == r.report["samples_finished"] == 3
    # Of what the finished chains estimated, as in a run of so many.
    few = result(change(recipe, chains=2, samples=3), small_measurement)
    assert "estimates of 3 chains" in r.report["mean"]
    assert np.allclose(r.mean, few.mean, atol=ROUNDING)


def test_store_has_the_samples_and_the_result_reads_them(recipe, small_measurement, tmp_path):
    plain = result(recipe, small_measurement)
    stored = result(change(recipe, chains=2), small_measurement, tmp_path / "s")
    array = zarr.open_array(tmp_path / "s" / "samples.zarr", mode="r")
    assert array.shape == (5, 3, 40, 36)
    assert array.dtype == np.float32
    assert array.attrs["unit"] == "HU"
    assert array.attrs["spacing_mm"] == [5.0, 2.0, 2.0]
    assert np.allclose(array[:], plain.samples, atol=ROUNDING)
    assert len(stored.samples) == 5
    assert np.array_equal(stored.samples[1:3], array[1:3])
    assert np.array_equal(stored.samples[-1], array[4])
    assert np.array_equal(stored.samples[:, 1], array[:, 1])
    assert np.array_equal(np.asarray(stored.samples), array[:])
    assert np.allclose(stored.mean, plain.mean, atol=ROUNDING)
    assert np.abs(stored.mean - array[:].mean(0)).mean() > 1  # it is the better one
    assert np.allclose(stored.std, array[:].std(0, ddof=1), atol=0.01)
    record = json.loads((tmp_path / "s" / "chains.json").read_text())
    assert record["recipe"]["method"] == "padis-calibrated"
    assert record["provenance"]["simulated"] is True


def test_a_killed_run_goes_on(recipe, small_measurement, tmp_path, monkeypatch):
    recipe = change(recipe, chains=2)
    whole = result(recipe, small_measurement, tmp_path / "whole")
    interrupt(recipe, small_measurement, tmp_path / "killed", 1)
    calls, denoise = [], PatchDenoiser.denoise

    def counting(self, x, sigma, draw):
        calls.append(len(x))
        return denoise(self, x, sigma, draw)

    monkeypatch.setattr(PatchDenoiser, "denoise", counting)
    seen = list(run(recipe, small_measurement, None, tmp_path / "killed"))
    r = seen[-1].result
    # One of five chains was there; what all have in common is made again, on one image.
    assert sum(calls) == 1 + 3 * 4
    assert np.allclose(r.mean, whole.mean, atol=ROUNDING)
    assert [f.name for f in (tmp_path / "killed").glob("*.npy")] == ["mean-5.npy"]
    assert any(isinstance(e, Notice) and "1 of 5 samples" in e.message for e in seen)
    assert np.allclose(np.asarray(r.samples), np.asarray(whole.samples), atol=ROUNDING)
    assert r.report["samples_finished"] == 5
    # A finished store needs no evaluation at all.
    calls.clear()
    again = result(recipe, small_measurement, tmp_path / "killed")
    assert not calls
    assert np.array_equal(again.mean, r.mean)


def test_half_written_samples_do_not_count(recipe, small_measurement, tmp_path):
    interrupt(change(recipe, chains=2), small_measurement, tmp_path, 1)
    array = zarr.open_array(tmp_path / "samples.zarr", mode="r+")
    array[2] = 1e6  # written, but never said to be finished
    r = result(change(recipe, chains=2), small_measurement, tmp_path)
    assert np.asarray(r.samples).max() < 1e5


def test_independent_samples_may_become_more(recipe, small_measurement, tmp_path):
    result(change(recipe, samples=2), small_measurement, tmp_path)
    more = result(recipe, small_measurement, tmp_path)
    assert np.allclose(more.samples[:], result(recipe, small_measurement).samples, atol=ROUNDING)
    with pytest.raises(InputError, match="already holds 5 samples"):
        result(change(recipe, samples=3), small_measurement, tmp_path)


@pytest.mark.parametrize("different", [{"seed": 1}, {"steps": 6}, {"method": "padis-fast"}])
def test_samples_of_another_run_are_refused(recipe, small_measurement, tmp_path, different):
    result(change(recipe, samples=1), small_measurement, tmp_path)
    with pytest.raises(InputError, match=rf"another run \('{next(iter(different))}'"):
        result(change(recipe, **different), small_measurement, tmp_path)


def test_other_data_are_refused(recipe, small_measurement, tmp_path):
    from dataclasses import replace

    result(change(recipe, samples=1), small_measurement, tmp_path)
    other = replace(small_measurement, data=small_measurement.data + np.float32(1e-3))
    with pytest.raises(InputError, match=r"another run \('data'"):
        result(recipe, other, tmp_path)


def test_coupled_samples_keep_their_groups(recipe, small_measurement, tmp_path):
    recipe = change(recipe, method="padis-fast", samples=6, chains=3)
    whole = result(recipe, small_measurement, tmp_path / "whole")
    interrupt(recipe, small_measurement, tmp_path / "killed", 3)
    # Another number at once must not tear the coupling that was begun.
    r = result(change(recipe, chains=2), small_measurement, tmp_path / "killed")
    assert np.array_equal(np.asarray(r.samples), np.asarray(whole.samples))
    with pytest.raises(InputError, match=r"another run \('samples'"):
        result(change(recipe, samples=8), small_measurement, tmp_path / "killed")


def test_folders_of_others_are_left_alone(recipe, small_measurement, tmp_path):
    (tmp_path / "thesis.txt").write_text("words")
    with pytest.raises(InputError, match="holds other files"):
        result(recipe, small_measurement, tmp_path)
    (tmp_path / "chains.json").write_text("{}")
    with pytest.raises(InputError, match="no record of samples"):
        result(recipe, small_measurement, tmp_path)
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(InputError, match="cannot be used"):
        result(recipe, small_measurement, file)


def test_a_full_disk_is_our_own_error(recipe, small_measurement, tmp_path, monkeypatch):
    def full(self, key, value):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zarr.Array, "__setitem__", full)
    with pytest.raises(ReconstructionError, match="No space left"):
        result(recipe, small_measurement, tmp_path)


def test_short_memory_runs_fewer_chains_at_a_time(recipe, small_measurement, monkeypatch):
    one = memory.state_bytes(1, (3, 40, 36))
    monkeypatch.setattr(memory, "network_bytes", lambda *a, **k: 0)
    kept = memory.kept_bytes(5, (3, 40, 36))
    from napari_padis.likelihood.registry import expected_bytes

    operator = expected_bytes(small_measurement.geometry, "auto")

    def allow(chains):
        room = 2 * (operator + kept + (chains + 0.5) * one)
        monkeypatch.setattr(memory, "available_bytes", lambda device: room)

    allow(3)
    r = result(recipe, small_measurement)
    assert r.report["chains_at_once"] == 3
    assert len(r.samples) == 5
    seen = list(run(change(recipe, method="padis-fast"), small_measurement))
    assert any(isinstance(e, Notice) and "coupled among themselves" in e.message for e in seen)


def test_quantiles_and_report(recipe, small_measurement, tmp_path):
    recipe = change(recipe, samples=19, chains=10, null_space=True)
    r = result(recipe, small_measurement, tmp_path / "store")
    expected = np.quantile(r.samples[:], [0.05, 0.5, 0.95], axis=0, method="weibull")
    for name, volume in zip(("q05", "q50", "q95"), expected, strict=True):
        assert np.allclose(r.quantiles[name], volume, atol=0.01)
    report = r.report
    assert report["effective_samples"] == 19
    assert report["std_relative_error"] == pytest.approx(1 / 6)
    assert report["quantile_interval_covers"] == pytest.approx(0.9)
    assert 0 < report["null_space_share"] < 1
    assert "conditional on the prior" in report["spread"]
    paths = save_result(r, tmp_path / "out")
    assert "samples" not in paths  # they stay in the store
    assert paths["q05"].exists()
    plain = save_result(result(change(recipe, samples=2), small_measurement), tmp_path / "out")
    assert plain["samples"].exists()
    assert not paths["q05"].exists()  # it belonged to the other result


def test_coupled_samples_are_not_counted(recipe, small_measurement):
    r = result(change(recipe, method="padis-fast", samples=10), small_measurement)
    assert not r.quantiles
    assert r.report["effective_samples"] is None
    assert r.report["std_relative_error"] is None
    assert "not independent" in r.report["spread"]


def test_quantiles_may_be_declined(recipe, small_measurement):
    r = result(change(recipe, samples=10, quantiles=False, null_space=False), small_measurement)
    assert not r.quantiles
    assert r.report["null_space_share"] is None
