"""The methods a user can choose, with their settings. Free of torch until run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from napari_padis.errors import InputError

if TYPE_CHECKING:
    from napari_padis.posterior.problem import Problem
    from napari_padis.posterior.samplers import Evaluator, Run

Options = Mapping[str, float]

#: Least and largest value of the methods' settings, both allowed.
RANGES = {
    "iterations": (1, 1e6),
    "ridge": (0, 1e6),
    "inner": (1, 1e4),
    "cg": (1, 1e4),
    "descent": (0, 1),
    "sigma_max": (1e-6, 1e6),
    "sigma_switch": (1e-6, 1e6),
    "sigma_min": (1e-6, 1e6),
    "epsilon": (1e-6, 1e2),
    "zeta": (0, 1e6),
    "norm_squared_per_view": (1e-6, 1e6),
}


@dataclass(frozen=True)
class Method:
    """One entry of :data:`METHODS`.

    Attributes
    ----------
    name, title, description : str
    default_steps : int
        Network evaluations per slice and sample; 0 without a prior.
    default_samples : int
    needs_prior : bool
    calibrated : bool
        Whether the spread of the samples is meant as uncertainty.
    coupled : bool
        Whether the samples' noises add up to zero, for the sake of their mean.
    options : mapping
        Names and defaults of the method's own settings.
    """

    name: str
    title: str
    description: str
    default_steps: int
    default_samples: int
    needs_prior: bool = True
    calibrated: bool = False
    coupled: bool = False
    options: Options = field(default_factory=lambda: MappingProxyType({}))

    def settings(self, given: Mapping[str, object]) -> dict[str, float]:
        """Defaults overridden by what was given.

        Raises
        ------
        InputError
            On unknown names, and values that are no numbers or beyond :data:`RANGES`.
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
        return values

    def plan(self, steps: int | None, given: Mapping[str, object]) -> tuple[int, int]:
        """Levels (iterations, where there is no prior) and network evaluations of a run.

        Parameters
        ----------
        steps : int, optional
            Network evaluations, or iterations of a method that has them, which then count
            more than the option of that name.
        given : mapping
            Options that differ from the defaults.
        """
        total, settings = self._chosen(steps, given)
        if not self.needs_prior:
            return int(settings.get("iterations", 0)), 0
        inner = int(settings.get("inner", 1))
        if "descent" in settings:
            descent, levels = split(total, settings)
            return descent + levels, descent + levels * inner
        levels = max(1, round(total / inner))
        return levels, levels * inner

    def run(
        self,
        problem: Problem,
        evaluator: Evaluator,
        samples: int,
        steps: int | None,
        given: Mapping[str, object],
    ) -> Run:
        """Start the method; see :mod:`napari_padis.posterior.samplers`."""
        from napari_padis.posterior.starters import STARTERS

        total, settings = self._chosen(steps, given)
        return STARTERS[self.name](problem, evaluator, samples, total, settings)

    def _chosen(
        self, steps: int | None, given: Mapping[str, object]
    ) -> tuple[int, dict[str, float]]:
        """Network evaluations, and settings; see :meth:`plan`."""
        if steps and "iterations" in self.options:
            given = {**given, "iterations": steps}
        return steps or self.default_steps, self.settings(given)


def split(total: int, settings: Options) -> tuple[int, int]:
    """Evaluations of the descent, and levels of the Langevin part after it."""
    inner = int(settings["inner"])
    levels = max(1, round((1 - settings["descent"]) * total / inner))
    return max(1, total - levels * inner), levels


def _predictor_corrector(**chosen: float) -> Options:
    """Settings of the methods that descend by DDS and go on by predictor and corrector."""
    shared = {"sigma_switch": 0.05, "sigma_min": 0.002, "cg": 5}
    return MappingProxyType({**chosen, **shared})


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        m.name: m
        for m in (
            Method(
                "padis-fast",
                "PaDIS fast",
                "Best mean picture per second, from denoised samples whose noises cancel in the "
                "mean; their spread is a first impression of the uncertainty, too wide.",
                100,
                4,
                coupled=True,
                options=_predictor_corrector(sigma_max=1.0, descent=0.4, inner=3, epsilon=1.0),
            ),
            Method(
                "padis-calibrated",
                "PaDIS calibrated",
                "Samples whose spread is meant as uncertainty: the noise level and the "
                "denoiser's own error enter the data step.",
                130,
                8,
                calibrated=True,
                options=_predictor_corrector(sigma_max=0.5, descent=0.385, inner=2, epsilon=0.5),
            ),
            Method(
                "padis",
                "PaDIS as published",
                "The paper's sampler: 100 levels x 10 steps, data gradient through the "
                "network. Slow; for comparison.",
                1000,
                1,
                options=MappingProxyType(
                    {
                        "sigma_max": 10.0,
                        "sigma_min": 0.002,
                        "inner": 10,
                        "epsilon": 0.5,
                        "zeta": 0.3,
                        "norm_squared_per_view": 6.25,
                    }
                ),
            ),
            Method(
                "fbp",
                "Direct (FBP, FDK, zero-filled)",
                "Direct reconstruction without a prior: filtered back-projection (Hann filter) of "
                "parallel and fan beams, FDK of cone beams, zero-filled MRI, and a regularised "
                "inverse for blurred, coarse or incomplete images.",
                0,
                1,
                needs_prior=False,
            ),
            Method(
                "cg",
                "Least squares (CG, CG-SENSE)",
                "Conjugate gradients on the data alone, with a small Tikhonov term; for every "
                "forward model, in MRI known as CG-SENSE.",
                0,
                1,
                needs_prior=False,
                # Relative to norm(A)^2, between what was best for CT of 180 views (1e-3; more
                # blurs) and for a real eight-fold accelerated brain (1e-2; less is noisier).
                options=MappingProxyType({"iterations": 30, "ridge": 3e-3}),
            ),
        )
    }
)


def find_method(name: str) -> Method:
    """Look a method up; raises InputError that lists those there are."""
    try:
        return METHODS[name]
    except KeyError:
        raise InputError(
            f"There is no method '{name}'. Choose one of: {', '.join(METHODS)}."
        ) from None
