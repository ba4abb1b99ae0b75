"""Several draws of each chain in a run: counted, thinned, stored, stopped, taken up again."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
import zarr

from napari_padis.engine import memory
from napari_padis.engine.control import Control
from napari_padis.engine.events import Notice, Progress, Started, Statistics
from napari_padis.engine.recipe import Recipe
from napari_padis.engine.run import run
from napari_padis.engine.save import save_result
from napari_padis.posterior.evaluator import Drawn, Level
from napari_padis.posterior.method import Method

pytestmark = pytest.mark.usefixtures("float32")

#: Of the chains below, on the prior's scale.
SPREAD = 0.1


@pytest.fixture(scope="module")
def measurement(small_measurement):
    return small_measurement.take(1, 2)


@pytest.fixture
def recipe(tiny_prior):
    """Two iterations of burn-in, and eight draws of each of three chains."""
    return Recipe(
        method="split-gibbs",
        prior=str(tiny_prior),
        samples=3,
        steps=4,
        device="cpu",
        null_space=False,
        options={"inner": 2, "draws": 8, "apart": 1, "cg": 2},
    )


def change(recipe, draws=None, **values):
    if draws is not None:
        values["options"] = {**recipe.options, "draws": draws}
    return recipe.model_copy(update=values)


def result(recipe, measurement, store=None):
    return list(run(recipe, measurement, None, store))[-1].result


def messages(events):
    return [e.message for e in events if isinstance(e, Notice)]


@pytest.fixture
def chains(monkeypatch):
    """AR(1) chains of white images in place of the method's."""

    def make(phi, apart=0.0):
        def sampler(self, problem, evaluator, samples, steps, given):
            count = self.draws(given)
            like = torch.zeros(samples, *problem.shape)
            offsets = apart * SPREAD * torch.arange(float(samples)).view(-1, 1, 1, 1, 1)
            x = evaluator.noise(like)
            for i in range(count):
                yield Level(i, i, count, 0.1, 0.5 + SPREAD * x, None)
                if i + 1 == count:
                    break
                yield Drawn(0.5 + offsets + SPREAD * x)
                x = phi * x + math.sqrt(1 - phi**2) * evaluator.noise(like)
            return 0.5 + offsets + SPREAD * x

        monkeypatch.setattr(Method, "run", sampler)

    return make


def slope(recipe, measurement):
    from napari_padis.engine.plan import make_plan

    return make_plan(recipe, measurement).display.slope


def test_thinning_of_autoregressive_chains(chains, recipe, measurement):
    """Worth (1 - phi) / (1 + phi) of the draws, a third: that many are kept and counted."""
    chains(0.5)
    recipe = change(recipe, samples=4, draws=300)
    seen = list(run(recipe, measurement))
    r = seen[-1].result
    report = r.report
    assert report["effective_samples"] == pytest.approx(400, rel=0.3)
    assert report["r_hat"] < 1.05
    assert not any("not mixed" in m for m in messages(seen))
    stride = report["draws_thinned_by"]
    assert stride in (3, 4, 5)
    assert report["finished_chains"] == 4
    assert report["draws_per_chain"] == 300
    count = 4 * -(-300 // stride)
    assert len(r.samples) == report["samples"] == report["samples_finished"] == count
    worth = min(count, report["effective_samples"])
    assert report["std_relative_error"] == pytest.approx(1 / math.sqrt(2 * (worth - 1)))
    assert report["quantile_interval_covers"] == pytest.approx(0.9)
    # Statistics are those of the draws that are kept.
    assert np.allclose(r.mean, r.samples.mean(0), atol=0.01)
    expected = SPREAD * slope(recipe, measurement)
    assert math.sqrt(r.variance.mean()) == pytest.approx(expected, rel=0.01)
    quantiles = np.quantile(r.samples, [0.05, 0.95], axis=0, method="weibull")
    assert np.allclose([r.quantiles["q05"], r.quantiles["q95"]], quantiles, atol=0.01)
    # 1.645 standard deviations to each side.
    assert (r.quantiles["q95"] - r.quantiles["q05"]).mean() == pytest.approx(
        3.29 * expected, rel=0.02
    )


def test_variance_has_the_right_divisor(chains, recipe, measurement):
    """Ten draws that hardly move: taken for independent they would seem a fifth too narrow."""
    chains(0.9)
    r = result(change(recipe, samples=4, draws=10), measurement)
    spread = (SPREAD * slope(recipe, measurement)) ** 2
    # Of 1440 pixels, each worth about four draws: standard error 0.02.
    assert r.variance.mean() == pytest.approx(spread, rel=0.06)
    assert 4 < len(r.samples) < 40
    assert r.samples.var(0, ddof=1).mean() < 0.93 * spread
    assert np.allclose(r.mean, r.samples.mean(0), atol=0.01)


def test_chains_that_disagree_are_mentioned(chains, recipe, measurement):
    chains(0.0, apart=2.0)
    seen = list(run(change(recipe, samples=4, draws=100), measurement))
    report = seen[-1].result.report
    (message,) = [m for m in messages(seen) if "not mixed" in m]
    assert f"{report['r_hat']:.2f}" in message
    assert report["r_hat"] > 1.5
    assert report["effective_samples"] < 20
    assert report["quantile_interval_covers"] is None  # so few are kept


def test_one_draw_is_the_run_without_the_option(recipe, measurement):
    without = change(recipe, options={"inner": 2, "cg": 2})
    a, b = result(without, measurement), result(change(recipe, 1), measurement)
    assert np.array_equal(a.samples, b.samples)
    assert np.array_equal(a.std, b.std)
    assert a.report["effective_samples"] == 3
    assert not {"r_hat", "draws_per_chain"} & set(a.report)


def test_first_draws_end_the_burn_in(recipe, measurement, tmp_path):
    single = result(change(recipe, 1), measurement)
    result(recipe, measurement, tmp_path)
    stored = zarr.open_array(tmp_path / "samples.zarr", mode="r")
    assert stored.shape == (24, 1, 40, 36)
    assert stored.attrs["draws_per_chain"] == 8
    assert np.array_equal(stored[::8], single.samples)
    assert np.isfinite(stored[:]).all()


def test_evaluations_of_all_draws_are_planned(recipe, measurement):
    seen = list(run(change(recipe, chains=2), measurement))
    started = next(e for e in seen if isinstance(e, Started))
    assert (started.evaluations, started.levels, started.draws) == (4 + 7 * 2, 2 + 7, 8)
    progress = [e for e in seen if isinstance(e, Progress)]
    fractions = [e.fraction for e in progress]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert max(e.evaluations for e in progress) == 18
    assert {e.samples for e in seen if isinstance(e, Statistics)} == {1, 3}
    report = seen[-1].result.report
    assert report["network_evaluations"] == 18
    assert report["image_evaluations"] == 18 * 3


@pytest.mark.parametrize(
    ("method", "first"), [("split-gibbs", "rho_max"), ("noise-aware", "sigma_max")]
)
def test_draws_do_not_depend_on_the_group(recipe, measurement, tmp_path, method, first):
    recipe = change(recipe, method=method, options={**recipe.options, first: 0.1})
    result(recipe, measurement, tmp_path / "a")
    result(change(recipe, chains=2), measurement, tmp_path / "b")
    a, b = (zarr.open_array(tmp_path / name / "samples.zarr", mode="r")[:] for name in "ab")
    assert np.allclose(a, b, atol=0.05)
    assert np.abs(np.diff(a, axis=0)).mean((1, 2, 3)).min() > 0.1  # no draw comes twice


def test_a_killed_run_goes_on_with_whole_chains(recipe, measurement, tmp_path):
    recipe = change(recipe, chains=1)
    whole = result(recipe, measurement, tmp_path / "whole")
    place, drawn = tmp_path / "killed", 0
    for event in run(recipe, measurement, None, place):
        drawn += isinstance(event, Statistics) and event.samples == 2
        if drawn == 8:  # in the middle of the second chain's draws
            break
    record = json.loads((place / "chains.json").read_text())
    assert (record["finished"], record["draws"]) == (8, 8)
    seen = list(run(recipe, measurement, None, place))
    r = seen[-1].result
    assert any("8 of 24 samples are in the store" in m for m in messages(seen))
    assert r.report["image_evaluations"] == 18 * 2
    assert np.array_equal(np.asarray(r.samples), np.asarray(whole.samples))
    assert np.array_equal(r.variance, whole.variance)
    for name in ("effective_samples", "r_hat", "draws_thinned_by", "samples_finished"):
        assert r.report[name] == whole.report[name]
    # More chains may follow, another number of draws would be another run.
    more = result(change(recipe, samples=4), measurement, place)
    assert more.report["finished_chains"] == 4
    with pytest.raises(Exception, match=r"another run \('options'"):
        result(change(recipe, 9), measurement, place)


def test_stored_and_kept_in_memory_are_the_same(recipe, measurement, tmp_path):
    recipe = change(recipe, 10)
    a, b = result(recipe, measurement), result(recipe, measurement, tmp_path / "s")
    assert a.report["draws_thinned_by"] > 1  # chains of so few steps move slowly
    assert np.array_equal(a.samples, np.asarray(b.samples))
    assert np.array_equal(a.samples[1:4, 0], b.samples[1:4, 0])
    assert np.array_equal(a.samples[-1], b.samples[-1])
    assert b.samples[0:0].shape == (0, 1, 40, 36)
    assert np.array_equal(a.variance, b.variance)
    paths = save_result(a, tmp_path / "out")
    assert json.loads(paths["report"].read_text())["draws_per_chain"] == 10


@pytest.mark.parametrize(("drawn", "count"), [(3, 3), (9, None)])
def test_a_stop_keeps_the_draws_there_are(recipe, measurement, drawn, count):
    """Too few to be judged: the last of each chain; otherwise as at the end."""
    control, levels = Control(), 0
    for event in run(change(recipe, 20), measurement, control):
        levels += isinstance(event, Statistics)
        if levels == 2 * (2 + drawn - 1) + 1:  # just after a draw
            control.stop()
    r = event.result
    assert not r.complete
    assert r.report["finished_chains"] == 3
    assert (r.report["r_hat"] is None) == (drawn < 8)
    assert len(r.samples) == r.report["samples_finished"]
    assert len(r.samples) == count if count else len(r.samples) >= 3
    longer = result(change(recipe, 20), measurement)
    assert not np.array_equal(r.samples[-1], longer.samples[-1])


def test_a_recipe_with_draws_makes_the_round_trip(recipe, measurement, tmp_path):
    r = result(recipe, measurement)
    Recipe(**r.recipe).save(tmp_path / "recipe.json")
    again = Recipe.load(tmp_path / "recipe.json")
    assert again.options["draws"] == 8
    assert np.array_equal(result(again, measurement).samples, r.samples)


def test_memory_of_all_draws_is_planned(recipe, measurement, tmp_path):
    def estimate(draws, store=None):
        return next(run(change(recipe, draws), measurement, None, store)).memory

    image = 4 * 40 * 36
    # All draws, and a copy of those that count, which are half of them at most.
    assert estimate(20) - estimate(1) == (3 * 30 - 3) * image
    assert estimate(20, tmp_path / "a") == estimate(8, tmp_path / "b")
    assert memory.places_kept(5, 1) == 5
