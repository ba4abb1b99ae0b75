"""Run one reconstruction: a generator of events that anything can consume."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_padis.engine.control import Control
from napari_padis.engine.events import (
    Event,
    Finished,
    Iterate,
    Notice,
    PatchLayout,
    Progress,
    Result,
    Started,
    Statistics,
)
from napari_padis.engine.plan import Plan, make_plan
from napari_padis.engine.recipe import Recipe
from napari_padis.errors import PadisError, ReconstructionError
from napari_padis.posterior.samplers import Evaluator, Level, out_of_memory
from napari_padis.posterior.statistics import moments
from napari_padis.scan.measurement import Measurement

#: Seconds between progress events.
PROGRESS_INTERVAL = 0.1


def run(
    recipe: Recipe, measurement: Measurement | None = None, control: Control | None = None
) -> Iterator[Event]:
    """Reconstruct a measurement.

    Parameters
    ----------
    recipe : Recipe
    measurement : Measurement, optional
        Read from ``recipe.measurement`` when missing.
    control : Control, optional
        Lets another thread pause and stop the run.

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
        yield from _Run(make_plan(recipe, measurement), control or Control()).events()
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

    def __init__(self, plan: Plan, control: Control) -> None:
        self.plan, self.control = plan, control
        self.problem, self.display = plan.problem, plan.display
        self.generator = torch.Generator().manual_seed(plan.recipe.seed)
        self.residual = math.nan
        self.latest: Tensor | None = None

    def events(self) -> Iterator[Event]:
        """The whole run."""
        plan = self.plan
        start = time.monotonic()
        initial = self.display.values(self.problem.direct())
        yield self._started(initial)
        for message in plan.notices:
            yield Notice(message)
        paused = 0.0
        evaluator = Evaluator(plan.denoiser, self.generator, plan.method.coupled)  # type: ignore[arg-type]
        state_generator = plan.method.run(
            self.problem, evaluator, plan.samples, plan.recipe.steps, plan.recipe.options
        )
        complete, last, batch = True, -math.inf, plan.patch_batch
        try:
            while True:
                paused += self.control.wait()
                if self.control.stopped:
                    complete = False
                    break
                try:
                    state = next(state_generator)
                except StopIteration as done:
                    self.latest = done.value
                    break
                if plan.patch_batch != batch:
                    batch = plan.patch_batch
                    yield Notice(f"Memory was short: going on with {batch} patches at a time.")
                elapsed = time.monotonic() - start - paused
                if isinstance(state, Level):
                    yield from self._level(state)
                    last = elapsed
                    yield self._progress(state.evaluations, 0.0, state.level, state.sigma, elapsed)
                    level, sigma = state.level, state.sigma
                elif elapsed - last > PROGRESS_INTERVAL:
                    last = elapsed
                    known = self.latest is not None
                    yield self._progress(
                        state.evaluations,
                        state.share,
                        level if known else 0,
                        sigma if known else math.nan,
                        elapsed,
                    )
        finally:
            state_generator.close()
        yield Finished(
            self._result(complete, evaluator.count, time.monotonic() - start - paused, initial)
        )

    def _started(self, initial: np.ndarray) -> Started:
        plan = self.plan
        grid = plan.denoiser.grid if plan.denoiser else None
        low, high = (float(v) for v in np.percentile(initial, (1, 99.5)))
        if not high > low:
            high = low + 1.0
        return Started(
            shape=plan.measurement.volume_shape,
            spacing=plan.measurement.spacing,
            unit=plan.measurement.unit,
            initial=initial,
            limits=(low, high),
            levels=plan.levels,
            evaluations=plan.evaluations,
            memory=plan.memory,
            layout=PatchLayout(grid.patch, grid.tiles, grid.pad) if grid else None,
            device=str(plan.device),
            projector=plan.projector,
            sigma_y=plan.sigma_y,
        )

    def _level(self, state: Level) -> Iterator[Event]:
        if not torch.isfinite(state.estimate).all():
            place = f"iteration {state.level + 1}"
            if math.isfinite(state.sigma):
                place = f"noise level {state.sigma:.3g}"
            raise ReconstructionError(
                f"The method diverged at {place}: check the intensity unit "
                "and the noise level of the data, or use a smaller step size."
            )
        self.latest = state.estimate
        self.residual = self.problem.residual(state.estimate)
        yield Iterate(self.display.values(state.estimate[0]), state.sigma, state.level, state.shift)
        yield self._statistics(state.estimate)

    def _statistics(self, samples: Tensor) -> Statistics:
        mean, variance = moments(samples)
        slope = self.display.slope
        # Real and imaginary part add up to the variance of a complex image.
        spread = variance.to("cpu", torch.float32).sum(-3).numpy() * np.float32(slope**2)
        return Statistics(self.display.values(mean), np.sqrt(spread), spread, len(samples))

    def _progress(
        self, evaluations: int, share: float, level: int, sigma: float, elapsed: float
    ) -> Progress:
        plan = self.plan
        if plan.evaluations:
            fraction = min((evaluations + share) / plan.evaluations, 1.0)
        else:  # a method without a prior counts its iterations
            fraction = min((level + 1) / max(plan.levels, 1), 1.0)
        remaining = elapsed * (1 - fraction) / fraction if fraction > 0.002 else math.nan
        return Progress(
            fraction, elapsed, remaining, level, plan.levels, evaluations, sigma, self.residual
        )

    def _result(
        self, complete: bool, evaluations: int, seconds: float, initial: np.ndarray
    ) -> Result:
        plan = self.plan
        assert plan.measurement.affine is not None
        if self.latest is None:  # stopped before the first level
            zero = np.zeros_like(initial)
            summary = Statistics(initial, zero, zero, 1)
            samples = initial[None]
        else:
            summary = self._statistics(self.latest)
            samples = np.stack([self.display.values(x) for x in self.latest])
            self.residual = self.problem.residual(self.latest)
        report: dict[str, Any] = {
            "seconds": round(seconds, 3),
            "seconds_per_slice": round(seconds / plan.measurement.volume_shape[0], 3),
            "network_evaluations": evaluations,
            "image_evaluations": evaluations * plan.samples * plan.measurement.volume_shape[0],
            "residual": self.residual,
            "samples": len(samples),
            "complete": complete,
            "device": str(plan.device),
            "memory_estimate": plan.memory,
            "sigma_y": plan.sigma_y,
            "calibrated": plan.method.calibrated,
        }
        return Result(
            mean=summary.mean,
            std=summary.std,
            variance=summary.variance,
            samples=samples,
            spacing=plan.measurement.spacing,
            affine=plan.measurement.affine,
            unit=plan.measurement.unit,
            recipe=plan.recipe.model_dump(mode="json"),
            report=report,
            complete=complete,
        )
