"""Everything a run needs, made from a recipe and a measurement before it begins."""

from __future__ import annotations

import math
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
        Samples are chains here; levels and evaluations are those of each.
    shared : int
        Those of the evaluations that all chains have in common.
    draws : int
        Of each chain.
    chains : int
        Those that run together.
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
    draws: int
    chains: int
    levels: int
    evaluations: int
    shared: int
    memory: int
    projector: str
    notices: tuple[str, ...]

    @property
    def places(self) -> int:
        """Draws of all chains."""
        return self.samples * self.draws

    def work(self, chains: int) -> int:
        """Network evaluations of one sample, or iterations, of so many chains that begin anew."""
        own = (self.evaluations or max(self.levels, 1)) - self.shared
        return self.shared + chains * own

    @property
    def patch_batch(self) -> int:
        """Patches per network call; halved when memory runs short."""
        return self.denoiser.patch_batch if self.denoiser else 0

    @property
    def sigma_y(self) -> float:
        """Noise level of the data step in the data's own unit."""
        return self.problem.sigma_y * self.problem.gain * self.problem.operator.norm


def make_plan(recipe: Recipe, measurement: Measurement | None, stored: bool = False) -> Plan:
    """Load the prior, build the forward model, normalise the problem, estimate memory.

    ``stored`` says that finished samples go to the disk.

    Raises
    ------
    InputError
        For settings or data that cannot be used.
    ReconstructionError
        If the run would not fit into memory.
    """
    method = find_method(recipe.method)
    levels, evaluations = method.plan(recipe.steps, recipe.options)
    shared = method.shared(recipe.steps, recipe.options)
    given = measurement or _read(recipe)
    if recipe.slices is not None:
        given = given.take(*recipe.slices)
    device = setup.choose_device(recipe.device)
    given, notices = _with_maps(given)
    denoiser = None
    if method.needs_prior:
        denoiser = load_prior(
            recipe.prior,
            given.geometry.image_shape,
            device,
            recipe.patch_batch,
            patch=recipe.patch,
            tiling=recipe.tiling or method.tiling,
        )
    # More samples of a method that seeks one image would be the same picture.
    samples = recipe.samples if method.needs_prior and not method.single else 1
    draws = method.draws(recipe.options)
    kept = 0 if stored else memory.places_kept(samples, draws)
    chains, needed = _fit_memory(given, recipe, method, denoiser, samples, kept, device)
    notices += _coupled_in_parts(method, recipe, samples, chains)
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
        draws=draws,
        chains=chains,
        levels=levels,
        evaluations=evaluations,
        shared=shared,
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


def _coupled_in_parts(method: Method, recipe: Recipe, samples: int, chains: int) -> list[str]:
    """What the user should know when memory decides which samples are coupled."""
    if not method.coupled or recipe.chains is not None or chains >= samples:
        return []
    return [
        f"Memory is short: {chains} samples at a time, coupled among themselves; set 'chains' to "
        f"{chains} to get the same result elsewhere."
    ]


def _fit_memory(
    given: Measurement,
    recipe: Recipe,
    method: Method,
    denoiser: PatchDenoiser | None,
    samples: int,
    kept: int,
    device: torch.device,
) -> tuple[int, int]:
    """Chains that run together, and the estimated peak memory.

    Takes fewer chains and fewer patches at a time where that is enough.
    """
    operator = expected_bytes(given.geometry, recipe.backend)
    base = operator + memory.kept_bytes(kept, given.volume_shape)
    if given.geometry.channels == 2:  # copies of all coils' data, as measured
        base += 9 * given.data.nbytes
    available = memory.available_bytes(device)
    chains = min(recipe.chains or samples, samples)
    while True:
        needed = base + memory.state_bytes(chains, given.volume_shape, given.geometry.channels)
        # Half is left to the network, which is slow with few patches at a time.
        if recipe.chains is not None or chains == 1 or needed <= available / 2:
            break
        chains = (chains + 1) // 2
    network = 0
    while denoiser is not None:
        network = memory.network_bytes(
            denoiser.card.network,
            math.prod(denoiser.grid.sides),
            denoiser.patch_batch,
            gradient=method.gradient,
        )
        if needed + network <= available or not denoiser.halve_batch():
            break
    memory.check(needed + network, available, operator)
    return chains, needed + network


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
