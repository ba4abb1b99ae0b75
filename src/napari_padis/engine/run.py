"""Run one reconstruction: a generator of events that anything can consume."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from napari_padis.engine.control import Control
from napari_padis.engine.draws import Chosen, Draws
from napari_padis.engine.estimates import Estimates
from napari_padis.engine.events import (
    Array,
    Event,
    Finished,
    Iterate,
    Notice,
    Progress,
    Result,
    Statistics,
)
from napari_padis.engine.groups import groups_of
from napari_padis.engine.kept import InMemory, Running, Samples, pack
from napari_padis.engine.plan import Plan, make_plan
from napari_padis.engine.recalibration import announced
from napari_padis.engine.recipe import Recipe
from napari_padis.engine.store import SampleStore, open_store
from napari_padis.engine.summary import calibrated, describe, final, result_of, started, title_of
from napari_padis.errors import PadisError, ReconstructionError
from napari_padis.posterior.chains import ChainEvaluator
from napari_padis.posterior.evaluator import (
    Adjusted,
    Counted,
    Drawn,
    Estimated,
    Level,
    out_of_memory,
)
from napari_padis.prior.allocation import memory_kept
from napari_padis.scan.measurement import Measurement

#: Seconds between progress events.
PROGRESS_INTERVAL = 0.1


def run(
    recipe: Recipe,
    measurement: Measurement | None = None,
    control: Control | None = None,
    store: str | Path | None = None,
) -> Iterator[Event]:
    """Reconstruct a measurement.

    Parameters
    ----------
    recipe : Recipe
    measurement : Measurement, optional
        Read from ``recipe.measurement`` when missing.
    control : Control, optional
        Lets another thread pause and stop the run.
    store : path, optional
        Folder to which samples go as soon as they are finished, instead of into memory; a
        run that ended early goes on from those that are there, see
        :func:`napari_padis.engine.store.open_store`.

    Yields
    ------
    Event
        ``Started`` first, ``Finished`` last, also after a stop.

    Raises
    ------
    InputError
        For settings or data that cannot be used.
    ReconstructionError
        When memory runs out or the method diverges; never a bare RuntimeError.
    """
    try:
        plan = make_plan(recipe, measurement, stored=store is not None)
        with memory_kept():
            yield from _Run(plan, control or Control(), store).events()
    except PadisError:
        raise
    except RuntimeError as error:
        if out_of_memory(error):
            raise ReconstructionError(
                "Memory ran out even with one patch at a time: choose fewer samples or slices, "
                "or another device."
            ) from error
        raise ReconstructionError(f"The reconstruction failed: {error}") from error
    except MemoryError as error:
        raise ReconstructionError("Memory ran out: choose fewer samples or slices.") from error


class _Run:
    """State of one run."""

    def __init__(self, plan: Plan, control: Control, store: str | Path | None) -> None:
        self.plan, self.control = plan, control
        self.problem, self.display = plan.problem, plan.display
        self.kept: Samples = InMemory(plan.places) if store is None else open_store(store, plan)
        self.running = Running(plan.display)
        self.draws = Draws(plan, self.kept, self.running)
        self.first = self.kept.finished // plan.draws
        self.estimates = Estimates(plan.display, self.kept.mean, self.first)
        self.shared: dict[str, Any] = {}
        self.residual = math.nan
        self.latest: Tensor | None = None  # of the group under way
        self.start, self.paused, self.last = time.monotonic(), 0.0, -math.inf
        self.evaluations = self.image_evaluations = 0

    def events(self) -> Iterator[Event]:
        """The whole run."""
        plan = self.plan
        initial = self.display.values(self.problem.direct())
        yield started(plan, initial)
        yield from map(Notice, (*plan.notices, *announced(plan)))
        self.draws.restore()
        if there := self.kept.finished:
            yield Notice(f"{there} of {plan.places} samples are in the store already.")
            yield self.estimates.in_place(self.running.statistics())
        complete = True
        for group in groups_of(plan, self.kept):
            complete = yield from self._group(group)
            if not complete:
                break
        chosen = self.draws.chosen()
        if chosen.mixing and chosen.mixing.notice:
            yield Notice(chosen.mixing.notice)
        yield Finished(self._result(complete, initial, chosen))

    def _elapsed(self) -> float:
        return time.monotonic() - self.start - self.paused

    def _group(self, group: range) -> Generator[Event, None, bool]:
        """Run some chains to their end; False after a stop."""
        plan = self.plan
        evaluator = ChainEvaluator(
            plan.denoiser,  # type: ignore[arg-type]
            plan.recipe.seed,
            group,
            plan.method.coupled,
        )
        evaluator.shared = self.shared
        done = evaluator.counted
        state_generator = plan.method.run(
            self.problem, evaluator, len(group), plan.recipe.steps, plan.recipe.options
        )
        level, sigma, batch = 0, math.nan, plan.patch_batch
        self.draws.begin(group)
        try:
            while True:
                self.paused += self.control.wait()
                if self.control.stopped:
                    return False
                try:
                    state = next(state_generator)
                except StopIteration as end:
                    self._keep(end.value)
                    return True
                if plan.patch_batch != batch:
                    batch = plan.patch_batch
                    yield Notice(f"Memory was short: going on with {batch} patches at a time.")
                elapsed = self._elapsed()
                if isinstance(state, Adjusted):
                    yield Notice(state.message)
                elif isinstance(state, Drawn):
                    self.draws.put(state.samples)
                elif isinstance(state, Estimated):
                    self.estimates.put(state.mean, len(group))
                elif isinstance(state, Level):
                    yield from self._level(state)
                    level, sigma = state.level, state.sigma
                    self.last = elapsed
                    yield self._progress(group, done, level, sigma)
                elif elapsed - self.last > PROGRESS_INTERVAL:
                    self.last = elapsed
                    yield self._progress(group, done, level, sigma)
        finally:
            self.evaluations = max(self.evaluations, evaluator.count)
            self.image_evaluations += evaluator.counted.samples * self.problem.shape[0]
            state_generator.close()

    def _keep(self, samples: Tensor) -> None:
        """Take in the last draws of a group that has ended."""
        self.draws.put(samples)
        self.draws.finish(self.estimates.finish())
        self.residual = self.problem.residual(samples)
        self.latest = None

    def _level(self, state: Level) -> Iterator[Event]:
        if not math.isfinite(float(state.estimate.sum())):
            place = f"iteration {state.level + 1}"
            if math.isfinite(state.sigma):
                place = f"noise level {state.sigma:.3g}"
            raise ReconstructionError(
                f"The method diverged at {place}: check the intensity unit "
                "and the noise level of the data, or use a smaller step size."
            )
        self.latest = state.estimate
        # Of the sample that is shown: of all, it would be one more projection of each.
        self.residual = self.problem.residual(state.estimate[:1])
        yield Iterate(self.display.values(state.estimate[0]), state.sigma, state.level, state.shift)
        yield self.estimates.in_place(self.running.with_group(state.estimate))

    def _progress(self, group: range, done: Counted, level: int, sigma: float) -> Progress:
        plan = self.plan
        # The first group has made what the others begin with; one without a prior counts levels.
        whole = plan.work(len(group)) - (plan.shared if group.start > self.first else 0)
        part = min((done.work if plan.evaluations else level + 1) / max(whole, 1), 1.0)
        before = plan.work(group.start - self.first) if group.start > self.first else 0
        # What an earlier run left in the store took none of this one's time.
        now = (before + part * whole) / plan.work(plan.samples - self.first)
        fraction = (self.first + now * (plan.samples - self.first)) / plan.samples
        elapsed = self._elapsed()
        remaining = elapsed * (1 - now) / now if now > 0.002 else math.nan
        return Progress(
            fraction,
            elapsed,
            remaining,
            level,
            plan.levels,
            done.evaluations,
            sigma,
            self.residual,
        )

    def _result(self, complete: bool, initial: Array, chosen: Chosen) -> Result:
        """Finished samples if there are any, otherwise what was reached, which is none."""
        plan, count, seconds = self.plan, len(chosen.places), self._elapsed()
        samples: Any = np.empty((0, *initial.shape), np.float32)
        iterates = 0 if self.latest is None else len(self.latest)
        rest: dict[str, Any] = {}
        estimated = False
        if count:
            mean, variance = self.draws.moments(chosen)
            summary = pack(self.display, mean, variance, count)
            self.estimates.forget()
            estimated = self.estimates.count == chosen.chains > 1
            if estimated:
                summary = self.estimates.in_place(summary)
            if plan.method.sampler:
                samples = self.kept.shown(self.display, chosen.places)
            rest = final(plan, self.kept, chosen, samples, mean.numpy(), seconds, self._stopped)
        elif self.latest is not None:
            shown = self.estimates.in_place(self.running.with_group(self.latest))
            summary = Statistics(shown.mean, None, None, 0)
            self.residual = self.problem.residual(self.latest)
        else:  # stopped before the first level
            summary = Statistics(initial, None, None, 0)
        quantiles = rest.pop("quantiles", {})
        title = title_of(plan, count, iterates)
        report: dict[str, Any] = {
            "seconds": round(seconds, 3),
            "seconds_per_slice": round(seconds / plan.measurement.volume_shape[0], 3),
            "network_evaluations": self.evaluations,
            "image_evaluations": self.image_evaluations,
            "residual": self.residual,
            "image": title,
            "samples": len(samples),
            "samples_finished": len(samples),
            "samples_store": str(self.kept.folder) if isinstance(self.kept, SampleStore) else None,
            "chains_at_once": plan.chains,
            "complete": complete,
            "device": str(plan.device),
            "memory_estimate": plan.memory,
            "sigma_y": plan.sigma_y,
            "calibrated": calibrated(plan),
            **describe(plan, chosen, estimated),
            **rest,
        }
        return result_of(plan, summary, samples, report, quantiles, title)

    def _stopped(self) -> bool:
        return self.control.stopped
