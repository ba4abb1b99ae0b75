"""Run one reconstruction: a generator of events that anything can consume."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_padis.engine import memory, setup
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
from napari_padis.engine.recipe import Recipe
from napari_padis.errors import InputError, PadisError, ReconstructionError
from napari_padis.likelihood.coils import calibration_shape, with_maps
from napari_padis.likelihood.registry import build, expected_bytes
from napari_padis.posterior.methods import Method, find_method
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.samplers import Evaluator, Level, out_of_memory
from napari_padis.posterior.statistics import moments
from napari_padis.prior.denoiser import PatchDenoiser, load_prior
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
        yield from _Run(recipe, measurement, control or Control()).events()
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

    def __init__(self, recipe: Recipe, measurement: Measurement | None, control: Control) -> None:
        self.control = control
        self.method: Method = find_method(recipe.method)
        self.recipe = recipe.model_copy(update={"versions": setup.versions()})
        self.levels, self.evaluations = self.method.plan(recipe.steps, recipe.options)
        self.measurement = measurement or _read(recipe)
        if recipe.slices is not None:
            self.measurement = self.measurement.take(*recipe.slices)
        self.device = setup.choose_device(recipe.device)
        coil_notices = self._add_maps()
        self.denoiser: PatchDenoiser | None = None
        shape = self.measurement.geometry.image_shape
        if self.method.needs_prior:
            batch = recipe.patch_batch or (50 if self.device.type == "cpu" else 800)
            self.denoiser = load_prior(recipe.prior, shape, self.device, batch)
        # Direct methods are deterministic: more than one sample would be the same picture.
        self.samples = recipe.samples if self.method.needs_prior else 1
        self.memory = self._fit_memory()
        operator = build(self.measurement.geometry, self.device, recipe.backend)
        self.projector = operator.how
        card = self.denoiser.card if self.denoiser else None
        self.problem: Problem
        self.problem, self.display, self.notices = setup.build_problem(
            self.measurement, operator, card, recipe, self.device
        )
        self.notices += coil_notices
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.residual = math.nan
        self.latest: Tensor | None = None

    def events(self) -> Iterator[Event]:
        """The whole run."""
        start = time.monotonic()
        initial = self.display.values(self.problem.direct())
        yield self._started(initial)
        for message in self.notices:
            yield Notice(message)
        paused = 0.0
        evaluator = Evaluator(self.denoiser, self.generator, self.method.coupled)  # type: ignore[arg-type]
        state_generator = self.method.run(
            self.problem, evaluator, self.samples, self.recipe.steps, self.recipe.options
        )
        complete, last, batch = True, -math.inf, self._batch
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
                if self._batch != batch:
                    batch = self._batch
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

    def _add_maps(self) -> list[str]:
        """Coil maps where they are needed and missing, and what the user should be told."""
        given = self.measurement
        self.measurement = with_maps(given)
        if self.measurement is given:
            return []
        rows, columns = calibration_shape(given)
        return [f"Coil maps were estimated from the central {rows} x {columns} samples (ESPIRiT)."]

    @property
    def _batch(self) -> int:
        return self.denoiser.patch_batch if self.denoiser else 0

    def _fit_memory(self) -> int:
        """Estimated peak memory; takes fewer patches at a time where that is enough."""
        needed = memory.state_bytes(self.samples, self.measurement.volume_shape)
        needed += expected_bytes(self.measurement.geometry, self.recipe.backend)
        if self.measurement.geometry.channels == 2:  # copies of all coils' data, as measured
            needed += 9 * self.measurement.data.nbytes
        if self.denoiser is None:
            memory.check(needed, memory.available_bytes(self.device))
            return needed
        gradient = self.method.name == "padis"
        available = memory.available_bytes(self.device)
        while True:
            network = memory.network_bytes(
                self.denoiser.card.network, self.denoiser.grid.patch, self._batch, gradient
            )
            if needed + network <= available or not self.denoiser.halve_batch():
                break
        memory.check(needed + network, available)
        return needed + network

    def _started(self, initial: np.ndarray) -> Started:
        grid = self.denoiser.grid if self.denoiser else None
        low, high = (float(v) for v in np.percentile(initial, (1, 99.5)))
        if not high > low:
            high = low + 1.0
        return Started(
            shape=self.measurement.volume_shape,
            spacing=self.measurement.spacing,
            unit=self.measurement.unit,
            initial=initial,
            limits=(low, high),
            levels=self.levels,
            evaluations=self.evaluations,
            memory=self.memory,
            layout=PatchLayout(grid.patch, grid.tiles, grid.pad) if grid else None,
            device=str(self.device),
            projector=self.projector,
            sigma_y=self.problem.sigma_y * self.problem.gain * self.problem.operator.norm,
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
        if self.evaluations:
            fraction = min((evaluations + share) / self.evaluations, 1.0)
        else:  # a method without a prior counts its iterations
            fraction = min((level + 1) / max(self.levels, 1), 1.0)
        remaining = elapsed * (1 - fraction) / fraction if fraction > 0.002 else math.nan
        return Progress(
            fraction, elapsed, remaining, level, self.levels, evaluations, sigma, self.residual
        )

    def _result(
        self, complete: bool, evaluations: int, seconds: float, initial: np.ndarray
    ) -> Result:
        assert self.measurement.affine is not None
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
            "seconds_per_slice": round(seconds / self.measurement.volume_shape[0], 3),
            "network_evaluations": evaluations,
            "image_evaluations": evaluations * self.samples * self.measurement.volume_shape[0],
            "residual": self.residual,
            "samples": len(samples),
            "complete": complete,
            "device": str(self.device),
            "memory_estimate": self.memory,
            "sigma_y": self.problem.sigma_y * self.problem.gain * self.problem.operator.norm,
            "calibrated": self.method.calibrated,
        }
        return Result(
            mean=summary.mean,
            std=summary.std,
            variance=summary.variance,
            samples=samples,
            spacing=self.measurement.spacing,
            affine=self.measurement.affine,
            unit=self.measurement.unit,
            recipe=self.recipe.model_dump(mode="json"),
            report=report,
            complete=complete,
        )


def _read(recipe: Recipe) -> Measurement:
    if recipe.measurement is None:
        raise InputError("The recipe names no measurement.")
    from napari_padis.scan.read import read

    found = read(recipe.measurement)
    if not isinstance(found, Measurement):
        raise InputError(
            f"'{recipe.measurement}' is a volume, not a measurement; simulate one first."
        )
    return found
