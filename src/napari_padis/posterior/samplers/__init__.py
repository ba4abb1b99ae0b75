"""Samplers of p(x|y), one module each: a pure function of a problem, a denoiser and noise
levels, and ``start``, which makes those from a method's settings.
"""

from napari_padis.posterior.evaluator import (
    Adjusted,
    Evaluator,
    Level,
    Run,
    State,
    Tick,
    out_of_memory,
)

__all__ = ["Adjusted", "Evaluator", "Level", "Run", "State", "Tick", "out_of_memory"]
