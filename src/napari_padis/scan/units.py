"""Units of length, angle and intensity, under all their spellings, and conversions.

Every reader asks the tables here. A spelling that is in none of them is told to the user.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import TypeVar

from napari_padis.errors import InputError

#: Linear attenuation of water at 70 keV in 1/mm (NIST XCOM: 0.1929 cm^2/g).
MU_WATER = 0.01929

#: Intensity units of a volume.
UNITS = ("HU", "1/mm", "arbitrary")

T = TypeVar("T")

#: Symbol, name and power of ten of the prefixes that lengths come with.
_PREFIXES = (
    ("p", "pico", -12), ("n", "nano", -9), ("u", "micro", -6), ("μ", "micro", -6),
    ("m", "milli", -3), ("c", "centi", -2), ("d", "deci", -1), ("", "", 0), ("k", "kilo", 3),
)  # fmt: skip

#: Millimetres of each spelling, in lower case; plurals are understood.
LENGTHS = {
    **{
        f"{prefix}{name}": 10.0 ** (power + 3)
        for symbol, word, power in _PREFIXES
        for prefix, name in ((symbol, "m"), (word, "meter"), (word, "metre"))
    },
    "micron": 1e-3, "mu": 1e-3, "μ": 1e-3, "mym": 1e-3, "mcm": 1e-3, "mic": 1e-3,
    "angstrom": 1e-7, "ångström": 1e-7, "ångstrom": 1e-7, "å": 1e-7,
    "in": 25.4, "inch": 25.4, "inche": 25.4, "thou": 0.0254, "mil": 0.0254, "ft": 304.8,
    "foot": 304.8, "feet": 304.8, "pt": 25.4 / 72, "point": 25.4 / 72,
}  # fmt: skip

#: What pixel sizes have behind their unit of length.
_PER_PIXEL = re.compile(r"\s*(/|\bper\b)\s*(pixel|px|voxel)s?\s*$", re.IGNORECASE)

#: Spellings that say that there is no length unit.
NO_LENGTH = (
    "",
    "pixel",
    "px",
    "voxel",
    "none",
    "null",
    "unknown",
    "dimensionless",
    "reference frame",
)

#: Radians of each spelling, in lower case; plurals are understood.
ANGLES = {
    "deg": math.pi / 180, "degree": math.pi / 180, "°": math.pi / 180,
    "rad": 1.0, "radian": 1.0, "mrad": 1e-3, "milliradian": 1e-3, "gon": math.pi / 200,
    "gradian": math.pi / 200, "turn": 2 * math.pi, "revolution": 2 * math.pi, "rev": 2 * math.pi,
    "arcmin": math.pi / 10_800, "arcsec": math.pi / 648_000,
}  # fmt: skip

#: Unit of :data:`UNITS` and the factor to it of each spelling, in lower case.
INTENSITIES = {
    "hu": ("HU", 1.0), "hounsfield": ("HU", 1.0), "hounsfield unit": ("HU", 1.0),
    "hounsfield_unit": ("HU", 1.0), "ct number": ("HU", 1.0),
    **{
        spelling.format(symbol): ("1/mm", 10.0 ** -(power + 3))
        for symbol, _, power in _PREFIXES
        for spelling in ("1/{}m", "/{}m", "{}m^-1", "{}m^(-1)", "{}m-1", "{}m**-1", "per {}m")
    },
    **dict.fromkeys(("arbitrary", "arbitrary unit", "a.u", "au", "none", ""), ("arbitrary", 1.0)),
}  # fmt: skip


def _plain(text: str) -> str:
    """A spelling in lower case, without quotes, brackets, escapes and compatibility characters."""
    # "Âµ" is what UTF-8 becomes when it is read as Latin-1.
    text = str(text).replace("\\u00B5", "μ").replace("\\u00b5", "μ").replace("Â", "")
    text = unicodedata.normalize("NFKC", text).strip(" \t\r\n\0\"'[]()<>").lower()
    return text.replace("−", "-").rstrip(".")  # NFKC has made superscripts of exponents digits


def _find(table: dict[str, T], text: str) -> T | None:
    name = _plain(text)
    return table[name] if name in table else table.get(name.removesuffix("s"))


def millimetres(text: str) -> float | None:
    """Millimetres of one unit of length; None when the spelling is not known.

    >>> millimetres("microns"), millimetres("furlong")
    (0.001, None)
    """
    return _find(LENGTHS, _PER_PIXEL.sub("", str(text)))


def is_no_length(text: str) -> bool:
    """Whether a spelling says that lengths have no unit (``pixel``, ``unknown``, ...)."""
    return _plain(text) in NO_LENGTH or _plain(text).removesuffix("s") in NO_LENGTH


def length_scale(text: str, without: str = "") -> tuple[float, tuple[str, ...]]:
    """Factor from a stated length unit to mm, and a note where the factor is not known.

    Parameters
    ----------
    text : str
        The unit as the file spells it.
    without : str
        Note to return where the file states none; nothing is noted when empty, as for a
        format whose lengths are in mm by definition.
    """
    factor = millimetres(text)
    if factor is not None:
        return factor, ()
    if is_no_length(text):
        return 1.0, ((without,) if without else ())
    return 1.0, (f"The length unit '{str(text).strip()}' is not known; lengths are taken as mm.",)


def radians(text: str) -> float | None:
    """Radians of one unit of angle; None when the spelling is not known."""
    return _find(ANGLES, text)


def intensity(text: str) -> tuple[str, float] | None:
    """Unit of :data:`UNITS` that a spelling means and the factor to it; None when unknown.

    >>> intensity("1/cm")
    ('1/mm', 0.1)
    """
    return _find(INTENSITIES, text)


@dataclass(frozen=True)
class Scale:
    """Affine map ``value = low + (high - low) * x`` between a unit and the scale [0, 1].

    Parameters
    ----------
    low, high : float
        Values, in ``unit``, that correspond to 0 and 1.
    unit : str
        Intensity unit of ``low`` and ``high``.
    """

    low: float
    high: float
    unit: str

    def __post_init__(self) -> None:
        if not self.high > self.low:
            raise InputError(f"Intensity range [{self.low}, {self.high}] is empty.")

    @property
    def width(self) -> float:
        """Length of the range, in ``unit``."""
        return self.high - self.low

    def to_unit_interval(self, value: T) -> T:
        """Map from the physical unit to [0, 1]; works on arrays and tensors."""
        return (value - self.low) / self.width  # type: ignore[operator,return-value]

    def from_unit_interval(self, x: T) -> T:
        """Map from [0, 1] to the physical unit; works on arrays and tensors."""
        return x * self.width + self.low  # type: ignore[operator,return-value]


def hu_to_mu(hu: T, mu_water: float = MU_WATER) -> T:
    """Hounsfield units to linear attenuation in 1/mm."""
    return mu_water * (1 + hu / 1000)  # type: ignore[operator,return-value]


def mu_to_hu(mu: T, mu_water: float = MU_WATER) -> T:
    """Linear attenuation in 1/mm to Hounsfield units."""
    return 1000 * (mu / mu_water - 1)  # type: ignore[operator,return-value]


def scale_in(scale: Scale, unit: str, mu_water: float = MU_WATER) -> Scale:
    """The same scale with its ends expressed in another unit.

    Raises
    ------
    InputError
        If the two units cannot be converted into each other.
    """
    if unit == scale.unit:
        return scale
    if scale.unit == "HU" and unit == "1/mm":
        return Scale(hu_to_mu(scale.low, mu_water), hu_to_mu(scale.high, mu_water), unit)
    if scale.unit == "1/mm" and unit == "HU":
        return Scale(mu_to_hu(scale.low, mu_water), mu_to_hu(scale.high, mu_water), unit)
    raise InputError(f"Cannot convert intensities from {scale.unit} to {unit}.")
