"""The talk's tables of two-dimensional tasks, as data.

J. A. Fessler, "Efficient generative models for imaging inverse problems", Stanford EE,
2025-10-17; published in Hu et al., "Learning image priors through patch-based diffusion models
for solving inverse problems", NeurIPS 2024 (arXiv 2406.02462). AAPM data, 256 x 256, mean over
25 slices of a tenth patient, networks of full size, 1000 network evaluations: PSNR in dB and
SSIM. Our slices, scale and weights are others, so that orderings can be compared, but not
decibels.
"""

from __future__ import annotations

#: PSNR and SSIM by entry, by task; names as in ``talk2d_entries`` and ``talk2d_tasks``.
FIGURES: dict[str, dict[str, tuple[float, float]]] = {
    "ct-20": {
        "fbp": (24.93, 0.595),
        "tv": (26.82, 0.724),
        "pnp-admm": (26.86, 0.607),
        "red": (27.99, 0.622),
        "whole": (32.84, 0.835),
        "langevin": (33.03, 0.846),
        "predictor-corrector": (32.35, 0.820),
        "ve-ddnm": (31.98, 0.861),
        "averaged": (33.35, 0.850),
        "stitched": (32.87, 0.837),
        "padis": (33.57, 0.854),
    },
    "ct-8": {
        "fbp": (21.39, 0.415),
        "tv": (23.09, 0.555),
        "pnp-admm": (22.39, 0.489),
        "red": (23.08, 0.441),
        "whole": (25.74, 0.706),
        "langevin": (27.03, 0.689),
        "predictor-corrector": (23.65, 0.546),
        "ve-ddnm": (27.71, 0.759),
        "averaged": (28.43, 0.765),
        "stitched": (26.71, 0.710),
        "padis": (29.48, 0.767),
    },
    "ct-60": {
        "fbp": (25.89, 0.746),
        "tv": (30.93, 0.833),
        "whole": (35.83, 0.894),
        "padis": (39.28, 0.941),
    },
    "fan": {
        "fbp": (20.07, 0.521),
        "tv": (25.78, 0.719),
        "whole": (26.89, 0.835),
        "padis": (29.91, 0.932),
    },
    "deblur": {
        "fbp": (24.54, 0.688),
        "tv": (28.22, 0.792),
        "pnp-admm": (28.82, 0.818),
        "red": (29.91, 0.867),
        "whole": (30.19, 0.853),
        "langevin": (30.60, 0.867),
        "predictor-corrector": (28.42, 0.724),
        "averaged": (29.41, 0.847),
        "stitched": (29.69, 0.849),
        "padis": (30.80, 0.870),
    },
    "heavy-deblur": {
        "fbp": (21.14, 0.569),
        "tv": (26.03, 0.724),
        "whole": (28.35, 0.808),
        "padis": (28.91, 0.818),
    },
    "super-resolution": {
        "fbp": (25.86, 0.739),
        "tv": (25.66, 0.745),
        "pnp-admm": (26.61, 0.785),
        "red": (26.36, 0.766),
        "whole": (29.17, 0.827),
        "langevin": (26.83, 0.744),
        "predictor-corrector": (26.97, 0.685),
        "ve-ddnm": (26.01, 0.727),
        "averaged": (27.67, 0.802),
        "stitched": (27.50, 0.780),
        "padis": (29.47, 0.846),
    },
}


def of_talk(task: str, entry: str) -> tuple[float, float] | None:
    """PSNR and SSIM of the talk, or None where it has none."""
    return FIGURES.get(task, {}).get(entry)
