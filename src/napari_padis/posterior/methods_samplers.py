"""Samplers to be used: entries of the registry."""

from __future__ import annotations

from types import MappingProxyType

from napari_padis.posterior.method import Method, Options


def _two_stages(**chosen: float) -> Options:
    """Settings of the methods that descend by DDS and go on by predictor and corrector."""
    shared = {"sigma_switch": 0.05, "sigma_min": 0.002, "momentum": 0.8, "cg": 40}
    return MappingProxyType({**chosen, **shared})


SAMPLERS: tuple[Method, ...] = (
    Method(
        "padis-fast",
        "PaDIS fast",
        "A good mean picture soon, from few denoised samples whose noises cancel in the mean; "
        "their spread is a first impression of the uncertainty.",
        "samplers.fast:start_fast",
        100,
        4,
        warm=True,
        coupled=True,
        options=_two_stages(sigma_max=1.0, descent=0.4, inner=3, epsilon=0.5),
    ),
    Method(
        "padis-calibrated",
        "PaDIS calibrated",
        "Samples whose spread is meant as uncertainty: the noise level and the "
        "denoiser's own error enter the data step.",
        "samplers.fast:start_calibrated",
        130,
        8,
        warm=True,
        calibrated=True,
        options=_two_stages(sigma_max=0.5, descent=0.385, inner=2, epsilon=0.5),
    ),
    Method(
        "dual",
        "Dual sampler",
        "Begins with plug-and-play ADMM on one image, from which all samples go on with noise of "
        "their own; what the data pull goes through the denoiser. On trial, for comparison.",
        "samplers.dual:start",
        90,
        4,
        coupled=True,
        comparison=True,
        options=MappingProxyType(
            {
                "sigma": 0.05,
                "descent": 0.667,
                "sigma_max": 0.3,
                "sigma_min": 0.002,
                "rho_max": 0.05,
                "cg": 40,
            }
        ),
    ),
    Method(
        "noise-aware",
        "Noise-aware Langevin",
        "Langevin dynamics whose data step knows the noise and the denoiser's own error: slower "
        "samples, meant as uncertainty, without gradients through the network.",
        "samplers.aware:start",
        1000,
        8,
        calibrated=True,
        options=MappingProxyType(
            {
                "sigma_max": 10.0,
                "sigma_min": 0.002,
                "inner": 10,
                "epsilon": 1.0,
                "tau": 0.1,
                "cg": 40,
                "draws": 1,
                "apart": 1,
            }
        ),
    ),
    Method(
        "noise-aware-gradient",
        "Noise-aware Langevin, gradient",
        "The same with the gradient through the network: fewer, dearer evaluations and more "
        "memory.",
        "samplers.aware:start_gradient",
        300,
        8,
        calibrated=True,
        gradient=True,
        options=MappingProxyType(
            {
                "sigma_max": 10.0,
                "sigma_min": 0.002,
                "inner": 3,
                "epsilon": 1.0,
                "tau": 1.0,
                "cg": 40,
                "draws": 1,
                "apart": 1,
            }
        ),
    ),
)
