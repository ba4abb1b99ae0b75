"""Everything a run needs, made from a recipe and a measurement before it begins."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from napari_padis.engine import memory, setup
from napari_padis.engine.recipe import Recipe
from napari_padis.errors import InputError
from napari_padis.likelihood.coils import calibration_shape, with_maps
from napari_padis.likelihood.registry import build, expected_bytes
from napari_padis.posterior.methods import Method, find_method
from napari_padis.posterior.problem import Problem
from napari_padis.prior.denoiser import PatchDenoiser, load_prior
from napari_padis.scan.measurement import Measurement

#: Patches per network call when the recipe leaves it open, on the CPU and elsewhere.
PATCH_BATCH = {"cpu": 50}
PATCH_BATCH_GPU = 800


@dataclass(frozen=True)
class Plan:
    """A run that can begin.

    Attributes
    ----------
    recipe : Recipe
        With versions filled in.
    measurement : Measurement
        The chosen slices, with coil maps where they are needed.
    method : Method
    device : torch.device
    denoiser : PatchDenoiser or None
        None for methods without a prior.
    problem : Problem
    display : Display
    samples, levels, evaluations : int
    memory : int
        Estimated peak in bytes.
    projector : str
        How the forward model is computed.
    notices : tuple of str
        What the user should be told at the start.
    """

    recipe: Recipe
    measurement: Measurement
    method: Method
    device: torch.device
    denoiser: PatchDenoiser | None
    problem: Problem
    display: setup.Display
    samples: int
    levels: int
    evaluations: int
    memory: int
    projector: str
    notices: tuple[str, ...]

    @property
    def patch_batch(self) -> int:
        """Patches per network call; halved when memory runs short."""
        return self.denoiser.patch_batch if self.denoiser else 0

    @property
    def sigma_y(self) -> float:
        """Noise level of the data step in the data's own unit."""
        return self.problem.sigma_y * self.problem.gain * self.problem.operator.norm


def make_plan(recipe: Recipe, measurement: Measurement | None) -> Plan:
    """Load the prior, build the forward model, normalise the problem, estimate memory.

    Raises
    ------
    InputError
        For settings or data that cannot be used.
    ReconstructionError
        If the run would not fit into memory.
    """
    method = find_method(recipe.method)
    levels, evaluations = method.plan(recipe.steps, recipe.options)
    given = measurement or _read(recipe)
    if recipe.slices is not None:
        given = given.take(*recipe.slices)
    device = setup.choose_device(recipe.device)
    given, notices = _with_maps(given)
    denoiser = None
    if method.needs_prior:
        batch = recipe.patch_batch or PATCH_BATCH.get(device.type, PATCH_BATCH_GPU)
        denoiser = load_prior(recipe.prior, given.geometry.image_shape, device, batch)
    # Methods without a prior are deterministic: more samples would be the same picture.
    samples = recipe.samples if method.needs_prior else 1
    needed = _fit_memory(given, recipe, method, denoiser, samples, device)
    operator = build(given.geometry, device, recipe.backend)
    card = denoiser.card if denoiser else None
    problem, display, more = setup.build_problem(given, operator, card, recipe, device)
    return Plan(
        recipe=recipe.model_copy(update={"versions": setup.versions()}),
        measurement=given,
        method=method,
        device=device,
        denoiser=denoiser,
        problem=problem,
        display=display,
        samples=samples,
        levels=levels,
        evaluations=evaluations,
        memory=needed,
        projector=operator.how,
        notices=(*more, *notices),
    )


def _with_maps(given: Measurement) -> tuple[Measurement, list[str]]:
    """The measurement with coil maps where they are needed and missing."""
    found = with_maps(given)
    if found is given:
        return given, []
    rows, columns = calibration_shape(given)
    return found, [
        f"Coil maps were estimated from the central {rows} x {columns} samples (ESPIRiT)."
    ]


def _fit_memory(
    given: Measurement,
    recipe: Recipe,
    method: Method,
    denoiser: PatchDenoiser | None,
    samples: int,
    device: torch.device,
) -> int:
    """Estimated peak memory; takes fewer patches at a time where that is enough."""
    operator = expected_bytes(given.geometry, recipe.backend)
    needed = operator + memory.state_bytes(samples, given.volume_shape)
    if given.geometry.channels == 2:  # copies of all coils' data, as measured
        needed += 9 * given.data.nbytes
    available = memory.available_bytes(device)
    network = 0
    while denoiser is not None:
        network = memory.network_bytes(
            denoiser.card.network,
            denoiser.grid.patch,
            denoiser.patch_batch,
            gradient=method.name == "padis",
        )
        if needed + network <= available or not denoiser.halve_batch():
            break
    memory.check(needed + network, available, operator)
    return needed + network


def _read(recipe: Recipe) -> Measurement:
    if recipe.measurement is None:
        raise InputError("The recipe names no measurement.")
    from napari_padis.scan.read import read

    found = read(recipe.measurement)
    if not isinstance(found, Measurement):
        raise InputError(
            f"'{recipe.measurement}' is no measurement; simulate one from a volume, or prepare "
            "raw projections first."
        )
    return found
