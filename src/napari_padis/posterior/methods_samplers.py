"""Samplers to be used: entries of the registry."""

from __future__ import annotations

from types import MappingProxyType

from napari_padis.posterior.method import Method, Options


def _from_one_start(**chosen: float) -> Options:
    """Settings of the methods whose chains all begin at the end of plug-and-play ADMM."""
    shared = {"sigma": 0.0, "relaxation": 1.7, "sigma_max": 0.3, "sigma_switch": 0.05}
    return MappingProxyType({**chosen, **shared, "sigma_min": 0.002, "cg": 40})


SAMPLERS: tuple[Method, ...] = (
    Method(
        "padis-fast",
        "PaDIS fast",
        "A good mean picture soon: all samples begin at the end of plug-and-play ADMM on one "
        "image, and their noises cancel in the mean; their spread is a first impression of the "
        "uncertainty.",
        "samplers.fast:start_fast",
        95,
        4,
        coupled=True,
        options=_from_one_start(start=0.63, descent=0.26),
    ),
    Method(
        "padis-calibrated",
        "PaDIS calibrated",
        "Samples whose spread is meant as uncertainty: from the same start each goes on by "
        "itself, and the noise level and the denoiser's own error enter the data step.",
        "samplers.fast:start_calibrated",
        130,
        8,
        calibrated=True,
        options=_from_one_start(start=0.46, descent=0.23, inner=2, epsilon=0.5),
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
