"""Published samplers to compare with: entries of the registry."""

from __future__ import annotations

from types import MappingProxyType

from napari_padis.posterior.method import Method, Options


def _levels(**more: float) -> Options:
    """The levels of the published comparisons, and what else there is to set."""
    return MappingProxyType({"sigma_max": 10.0, "sigma_min": 0.002, **more})


COMPARISON: tuple[Method, ...] = (
    Method(
        "padis",
        "PaDIS as published",
        "The paper's sampler: 100 levels x 10 steps, data gradient through the "
        "network. Slow; for comparison.",
        "samplers.padis:start",
        1000,
        1,
        comparison=True,
        gradient=True,
        options=_levels(inner=10, epsilon=0.5, zeta=0.3),
    ),
    Method(
        "dds",
        "DDS",
        "Decomposed diffusion sampling: denoise, solve for the data, take a DDIM step. "
        "For comparison.",
        "samplers.dds:start",
        50,
        1,
        warm=True,
        comparison=True,
        options=_levels(eta=0.85, tau=0.05, cg=40),
    ),
    Method(
        "diffpir",
        "DiffPIR as published",
        "Half-quadratic splitting whose data step fades with the noise level. For comparison.",
        "samplers.diffpir:start",
        100,
        1,
        warm=True,
        comparison=True,
        options=MappingProxyType(
            {
                "sigma_max": 10.0,
                "sigma_min": 0.002,
                "lambda": 7.0,
                "refresh": 0.3,
                "cg": 40,
            }
        ),
    ),
    Method(
        "dpm-solver",
        "DPM-Solver++ (2M)",
        "A solver of second order around the data-consistent estimate, for few network "
        "evaluations; eta 0 is its deterministic form. For comparison.",
        "samplers.dpm_solver:start",
        30,
        1,
        warm=True,
        comparison=True,
        options=_levels(eta=1.0, tau=0.2, hold=2, cg=40),
    ),
    Method(
        "langevin",
        "Langevin",
        "Annealed Langevin dynamics with the data step at the noisy picture. Slow; for comparison.",
        "samplers.langevin:start",
        1000,
        1,
        comparison=True,
        options=_levels(inner=10, epsilon=1.0, zeta=1.0),
    ),
    Method(
        "predictor-corrector",
        "Predictor-corrector",
        "Reverse diffusion and a Langevin step at each level, with a data step after both. Slow; "
        "for comparison.",
        "samplers.predictor_corrector:start",
        1000,
        1,
        comparison=True,
        per_level=2,
        options=_levels(zeta=1.0, snr=0.16),
    ),
    Method(
        "ve-ddnm",
        "VE-DDNM",
        "What the data determine comes from their direct reconstruction, the rest from the prior. "
        "Slow; for comparison.",
        "samplers.ddnm:start",
        1000,
        1,
        comparison=True,
        options=_levels(inner=1, epsilon=1.0),
    ),
    Method(
        "split-gibbs",
        "Split Gibbs (PnP-DM)",
        "Draws from likelihood and prior in turn, coupled ever more closely. Slow; for comparison.",
        "samplers.split_gibbs:start",
        1000,
        1,
        comparison=True,
        options=MappingProxyType(
            {
                "rho_max": 10.0,
                "rho_min": 0.005,
                "inner": 10,
                "cg": 40,
                "draws": 1,
                "apart": 3,
            }
        ),
    ),
)
