"""Estimators of one image to compare the samplers with: entries of the registry."""

from __future__ import annotations

from types import MappingProxyType

from napari_padis.posterior.method import Method

ESTIMATORS: tuple[Method, ...] = (
    Method(
        "tv",
        "Total variation",
        "Least squares with the total variation of the image as penalty; its weight follows from "
        "the noise level, unless it is set. Needs no prior and serves every forward model.",
        "tv_estimate:start",
        0,
        1,
        needs_prior=False,
        # weight: 0 chooses it from the noise level.
        options=MappingProxyType({"iterations": 600, "weight": 0.0}),
    ),
    Method(
        "pnp-admm",
        "Plug-and-play ADMM",
        "Alternates between the data and the prior's denoiser at one noise level "
        "(Venkatakrishnan 2013). One image.",
        "plug_and_play:start",
        60,
        1,
        comparison=True,
        single=True,
        # shifts: random grids of patches averaged in each step; 0 keeps one grid.
        options=MappingProxyType(
            {"sigma": 0.0, "relaxation": 1.7, "strength": 1.0, "cg": 40, "shifts": 1}
        ),
    ),
    Method(
        "red",
        "Regularisation by denoising",
        "Fixed point of the data and the prior's denoiser at one noise level (Romano, Elad and "
        "Milanfar 2017). One image.",
        "red:start_red",
        60,
        1,
        comparison=True,
        single=True,
        options=MappingProxyType({"sigma": 0.02, "strength": 1.0, "cg": 40, "shifts": 1}),
    ),
    Method(
        "map",
        "Most probable image (MAP)",
        "Follows the mode of the posterior while the noise level of the prior falls, without "
        "adding noise. One image.",
        "red:start_map",
        60,
        1,
        comparison=True,
        single=True,
        options=MappingProxyType(
            {"sigma_max": 0.3, "sigma_min": 0.005, "strength": 1.0, "cg": 40, "shifts": 1}
        ),
    ),
    Method(
        "padis-simple",
        "PaDIS with a fixed grid",
        "The published sampler with patches that do not move, which leaves seams between them.",
        "samplers.padis:start",
        1000,
        1,
        comparison=True,
        gradient=True,
        tiling="fixed",
        options=MappingProxyType(
            {"sigma_max": 10.0, "sigma_min": 0.002, "inner": 10, "epsilon": 0.5, "zeta": 0.3}
        ),
    ),
)
