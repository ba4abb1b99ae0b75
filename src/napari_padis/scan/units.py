"""Intensity units: Hounsfield units, linear attenuation, and a prior's own scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from napari_padis.errors import InputError

#: Linear attenuation of water at 70 keV in 1/mm (NIST XCOM: 0.1929 cm^2/g).
MU_WATER = 0.01929

T = TypeVar("T")


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
