"""One method a user can choose: its settings, their ranges, its plan. Free of torch until run."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

from napari_padis.errors import InputError
from napari_padis.posterior.drawing import FEWEST, Drawing

if TYPE_CHECKING:
    from napari_padis.posterior.evaluator import Evaluator, Run
    from napari_padis.posterior.problem import Problem
    from napari_padis.prior.card import Tiling

Options = Mapping[str, float]

#: The package in which starters are looked for.
ROOT = "napari_padis.posterior"

#: Least and largest value of the methods' settings, both allowed.
RANGES: dict[str, tuple[float, float]] = {
    "apart": (1, 1e4),
    "draws": (1, 1e4),  # one, or enough to judge their correlation
    "iterations": (1, 1e6),
    "ridge": (0, 1e6),
    "inner": (1, 1e4),
    "cg": (1, 1e4),
    "start": (0, 1),
    "descent": (0, 1),
    "sigma_max": (0, 1e6),  # 0, of a start from the direct reconstruction: from its error
    "sigma_switch": (1e-6, 1e6),
    "sigma_min": (1e-6, 1e6),
    "epsilon": (1e-6, 3),  # Langevin steps are stable below 4
    "eta": (0, 1),
    "hold": (1, 1e6),
    "relaxation": (0.1, 1.95),  # 2 never comes to rest
    "lambda": (1e-6, 1e6),
    "refresh": (0, 1),
    "rho_max": (1e-6, 1e6),
    "rho_min": (1e-6, 1e6),
    "snr": (1e-6, 1e2),
    "tau": (0, 1e6),  # 0: the denoiser's measured error
    "zeta": (0, 1e12),
    "sigma": (0, 1e6),  # 0: from the error of the direct reconstruction
    "strength": (1e-6, 1e6),
    "shifts": (0, 1e4),
    "weight": (0, 1e6),  # 0: from the noise level
}

#: Noise levels and couplings in the order in which a method goes through them, ever lower.
FALLING = (("sigma_max", "sigma_switch", "sigma_min"), ("rho_max", "rho_min"))


@dataclass(frozen=True)
class Method:
    """One entry of :data:`METHODS`.

    Attributes
    ----------
    name, title, description : str
    starter : str
        The function that starts it, as "module:function" below :data:`ROOT`, so that a list
        of methods loads no torch. It is called with the problem, the evaluator, the number of
        samples, the network evaluations and the settings, and returns a
        :data:`~napari_padis.posterior.evaluator.Run`.
    default_steps : int
        Network evaluations per slice and sample; 0 without a prior.
    default_samples : int
    needs_prior : bool
    calibrated : bool
        Whether the spread of the samples is meant as uncertainty.
    coupled : bool
        Whether the samples' noises add up to zero, for the sake of their mean.
    comparison : bool
        Whether it is there to compare with, rather than to be used.
    gradient : bool
        Whether it takes gradients through the network, which needs more memory.
    single : bool
        Whether all samples would be the same image, so that only one is made.
    tiling : str, optional
        How images are cut into patches, where the method is about that; see
        ``load_prior``. What the recipe says counts more.
    warm : bool
        Whether a ``sigma_max`` of 0 is found from the error of the direct reconstruction.
    per_level : int
        Network evaluations per noise level of methods without the setting ``inner``.
    options : mapping
        Names and defaults of the method's own settings.
    """

    name: str
    title: str
    description: str
    starter: str
    default_steps: int
    default_samples: int
    needs_prior: bool = True
    calibrated: bool = False
    coupled: bool = False
    comparison: bool = False
    gradient: bool = False
    single: bool = False
    tiling: Tiling | None = None
    warm: bool = False
    per_level: int = 1
    options: Options = field(default_factory=lambda: MappingProxyType({}))

    @property
    def sampler(self) -> bool:
        """Whether it draws samples of the posterior, rather than making one image."""
        return self.needs_prior and not self.single

    def settings(self, given: Mapping[str, object]) -> dict[str, float]:
        """Defaults overridden by what was given.

        Raises
        ------
        InputError
            On unknown names, values that are no numbers or beyond :data:`RANGES`, levels that
            do not fall, shares that are more than all, and draws of each chain that are several
            but too few to judge their correlation.
        """
        unknown = sorted(set(given) - set(self.options))
        if unknown:
            known = ", ".join(self.options) or "none"
            raise InputError(
                f"Method '{self.name}' has no option '{unknown[0]}'; its options are: {known}."
            )
        try:
            values = {k: float(given.get(k, v)) for k, v in self.options.items()}  # type: ignore[arg-type]
        except (TypeError, ValueError) as error:
            raise InputError(f"Options of '{self.name}' must be numbers: {error}.") from error
        for name, value in values.items():
            least, most = RANGES[name]
            if not least <= value <= most:
                raise InputError(
                    f"'{name}' of '{self.name}' must be from {least:g} to {most:g}, not {value:g}."
                )
        self._check_levels(values)
        if values.get("start", 0) + values.get("descent", 0) >= 1:
            raise InputError(
                f"'start' and 'descent' of '{self.name}' must be less than 1 together: they are "
                "shares of the network evaluations, of which the last levels need some."
            )
        if 1 < (draws := values.get("draws", 1)) < FEWEST:
            raise InputError(
                f"'draws' of '{self.name}' must be 1, or at least {FEWEST}, from which on it can "
                f"be judged how independent they are, not {draws:g}."
            )
        return values

    def _check_levels(self, values: Options) -> None:
        """Raise InputError unless the levels fall."""
        for order in FALLING:
            for above, below in pairwise(name for name in order if name in values):
                first, last = values[above], values[below]
                if first <= last and not (self.warm and above == "sigma_max" and not first):
                    raise InputError(
                        f"The levels of '{self.name}' must fall from {above} to {below}, not from "
                        f"{first:g} to {last:g}."
                    )

    def plan(self, steps: int | None, given: Mapping[str, object]) -> tuple[int, int]:
        """Levels (iterations, where there is no prior) and network evaluations of a chain.

        Parameters
        ----------
        steps : int, optional
            Network evaluations, or iterations of a method that has them, which then count
            more than the option of that name. Where several draws of each chain are wanted
            these are the burn-in, to which those from the first draw to the last are added.
        given : mapping
            Options that differ from the defaults.
        """
        total, settings = self._chosen(steps, given)
        if not self.needs_prior:
            return int(settings.get("iterations", 0)), 0
        inner = int(settings.get("inner") or settings.get("shifts") or self.per_level)
        if "start" in settings:
            *before, last = stages(total, settings)
            return sum(before) + last, sum(before) + last * inner
        levels = max(1, round(total / inner)) + Drawing.of(settings).iterations
        return levels, levels * inner

    def draws(self, given: Mapping[str, object]) -> int:
        """Draws of each chain."""
        return Drawing.of(self.settings(given)).draws

    def shared(self, steps: int | None, given: Mapping[str, object]) -> int:
        """Network evaluations of those of :meth:`plan` that all chains of a run have in common."""
        total, settings = self._chosen(steps, given)
        return stages(total, settings)[0] if "start" in settings else 0

    def run(
        self,
        problem: Problem,
        evaluator: Evaluator,
        samples: int,
        steps: int | None,
        given: Mapping[str, object],
    ) -> Run:
        """Start the method; see :mod:`napari_padis.posterior.evaluator`."""
        total, settings = self._chosen(steps, given)
        module, function = self.starter.split(":")
        start = getattr(importlib.import_module(f"{ROOT}.{module}"), function)
        run: Run = start(problem, evaluator, samples, total, settings)
        return run

    def _chosen(
        self, steps: int | None, given: Mapping[str, object]
    ) -> tuple[int, dict[str, float]]:
        """Network evaluations, and settings; see :meth:`plan`."""
        if steps and "iterations" in self.options:
            given = {**given, "iterations": steps}
        return steps or self.default_steps, self.settings(given)


def stages(total: int, settings: Options) -> tuple[int, int, int]:
    """Evaluations of the start and of the descent, and levels of what is left of ``total``."""
    inner = int(settings.get("inner", 1))
    last = max(1, round((1 - settings["start"] - settings["descent"]) * total / inner))
    left = total - last * inner
    start = max(1, min(round(settings["start"] * total), left - 1))
    return start, max(1, left - start), last
