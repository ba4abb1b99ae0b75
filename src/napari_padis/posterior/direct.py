"""Reconstructions from the data alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import islice

import torch

from napari_padis.posterior.conjugate import iterates
from napari_padis.posterior.evaluator import Evaluator, Level, Run
from napari_padis.posterior.problem import Problem

Settings = Mapping[str, float]


def start_fbp(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """Direct reconstruction, not clipped."""
    yield from ()
    return problem.direct().expand(samples, *problem.shape).clone()


def start_cg(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """``argmin_x |A x - y|^2 / 2 + ridge |x - c|^2 / 2`` by conjugate gradients from c.

    The centre c is zero for complex images: CG-SENSE (Pruessmann et al., MRM 46:638, 2001).
    Otherwise it is the direct reconstruction, so that what the data do not show stays as it
    is there instead of being pulled to vacuum.
    """
    ridge, iterations = settings["ridge"], int(settings["iterations"])

    centre = problem.direct()[None]
    if problem.shape[-3] == 2:
        centre = torch.zeros_like(centre)
    steps_from_centre = iterates(problem, problem.y, centre, ridge)
    for i, x in enumerate(islice(steps_from_centre, iterations)):
        yield Level(0, i, iterations, math.nan, x, None)
    return x.expand(samples, *problem.shape).clone()
