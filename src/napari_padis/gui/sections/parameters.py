"""What can be set for each forward model in the form of its simulation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari_padis.likelihood.settings import Grid

Choices = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Parameter:
    """One setting of a forward model.

    Parameters
    ----------
    name : str
        As in ``likelihood.settings.DEFAULTS``, which has the defaults, or 'seed'.
    label, tip : str
    low, high : number
        Of what is shown.
    digits : int
        Decimals; 0 for whole numbers.
    suffix : str
        Unit.
    choices : tuple of (title, value), or callable
        Makes it a list to choose from.
    when : tuple of (name, values), optional
        Shown only while another setting has one of these values.
    special : str
        Text shown in place of the lowest value.
    step : number
    scale : float
        What is shown over what is set.
    """

    name: str
    label: str
    tip: str
    low: float = 0
    high: float = 0
    digits: int = 0
    suffix: str = ""
    choices: Choices | Callable[[Grid], Choices] = ()
    when: tuple[str, tuple[Any, ...]] | None = None
    special: str = ""
    step: float = 1
    scale: float = 1


def _views(tip: str) -> Parameter:
    return Parameter("views", "Views", tip, 1, 10_000)


#: Above every default that grows with the image.
_MANY = 100_000

_PATTERN = Parameter(
    "seed", "Pattern", "Number of the random pattern; another one draws anew.", 0, 9999
)
_RANDOM = ("mask", ("random", "poisson"))


def _factors(grid: Grid) -> Choices:
    return tuple((f"{f} × {f} pixels", f) for f in grid.factors)


#: Settings of every forward model, in the order of work.
PARAMETERS: dict[str, tuple[Parameter, ...]] = {
    "parallel": (
        _views("Number of projection angles, evenly over the arc."),
        Parameter("arc", "Arc", "Angles covered by the views; 180° see everything once.",
                  1, 360, 1, " °", step=10),
        Parameter("detectors", "Detector bins", "Bins of a detector twice as wide as the slice.",
                  8, 8192),
    ),
    "fan": (
        _views("Number of source positions, evenly over the arc."),
        Parameter("arc", "Arc", "Angles covered by the source; 360° is a full turn.",
                  1, 360, 1, " °", step=10),
        Parameter("detectors", "Detector bins", "Bins of the detector line.", 8, 8192),
        Parameter("source_origin", "Source to axis",
                  "Distance from the source to the rotation axis.", 0.1, 1e5, 1, " mm", step=10),
        Parameter("source_detector", "Source to det.",
                  "Distance from the source to the detector.", 0.1, 1e5, 1, " mm", step=10),
        Parameter("curved", "Detector", "Straight line, or arc around the source.",
                  choices=(("Flat", False), ("Curved", True))),
    ),
    "cone": (
        _views("Number of source positions, evenly over all turns."),
        Parameter("arc", "Turns", "Turns of the source around the patient.",
                  0.1, 100, 2, step=0.5, scale=1 / 360),
        Parameter("feed", "Feed per turn", "Way along the patient in one turn (helix); "
                  "0 is a circle.", 0, 1e4, 1, " mm", special="0 (circle)", step=5),
        Parameter("detector_rows", "Detector rows", "Detector pixels along the patient.",
                  1, _MANY),
        Parameter("detectors", "Det. columns", "Detector pixels across the patient.", 1, _MANY),
    ),
    "cartesian": (
        Parameter("mask", "Sampling", "Which lines or points of k-space are measured.",
                  choices=(("Equispaced lines", "equispaced"),
                           ("Random lines", "random"),
                           ("Poisson disc", "poisson"))),
        Parameter("acceleration", "Acceleration", "Samples there are per measured sample.",
                  1, 32, 1, " ×", step=0.5),
        Parameter("centre", "Centre lines", "Lines around the zero frequency that are always "
                  "measured.", 0, _MANY),
        Parameter("coils", "Coils", "Receive coils placed around the patient.", 1, 64),
        dataclasses.replace(_PATTERN, when=_RANDOM),
    ),
    "blur": (
        Parameter("kernel", "Kernel", "Shape of the blur.",
                  choices=(("Uniform square", "uniform"), ("Gaussian", "gaussian"))),
        Parameter("size", "Size", "Side of the square, an odd number of pixels.",
                  1, 101, 0, " pixels", when=("kernel", ("uniform",)), step=2),
        Parameter("width", "Width σ", "Standard deviation of the Gaussian.",
                  0.1, 30, 1, " pixels", when=("kernel", ("gaussian",)), step=0.5),
    ),
    "downsample": (
        Parameter("factor", "Coarse pixel", "Fine pixels that each coarse pixel is the mean of; "
                  "only sizes that divide the image.", choices=_factors),
    ),
    "mask": (
        Parameter("missing", "Missing", "Share of the pixels that were not measured.",
                  0, 99.9, 1, " %", step=5, scale=100),
        _PATTERN,
    ),
    "denoise": (),
}  # fmt: skip
