"""Measured or simulated data together with everything needed to reconstruct them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.geometry import Geometry
from napari_padis.scan.units import MU_WATER, UNITS
from napari_padis.scan.volume import check_space, sar_affine


@dataclass(frozen=True)
class Noise:
    """Noise of a measurement.

    Parameters
    ----------
    kind : {'none', 'gaussian', 'poisson', 'unknown'}
    sigma : float, optional
        Standard deviation of the data: of the line integrals (representative value for
        Poisson), of real and imaginary part each in k-space, of the image's values.
    photons : float, optional
        Photons per ray without an object, I0.
    electronic : float
        Standard deviation of the electronic noise in photon counts.

    Raises
    ------
    InputError
        If a number is negative or not finite.
    """

    kind: str = "unknown"
    sigma: float | None = None
    photons: float | None = None
    electronic: float = 0.0

    def __post_init__(self) -> None:
        for name in ("sigma", "photons", "electronic"):
            value = getattr(self, name)
            number = isinstance(value, int | float | np.number) and np.isfinite(value)
            if value is not None and not (number and value >= 0):
                raise InputError(
                    f"The noise of a measurement has '{name}' = {value}; a number from 0 is needed."
                )


@dataclass(frozen=True)
class Measurement:
    """Data of a scan together with the description of how they arose.

    Parameters
    ----------
    data : ndarray
        Shape (slices, *geometry.data_shape), slices towards the head, or
        ``geometry.data_shape`` where all slices are measured together (cone beam).
        Line integrals of the attenuation (dimensionless, float32) in CT, complex64
        k-space in MRI, values in ``unit`` (float32) for images.
    geometry : Geometry
    noise : Noise
    unit : {'HU', '1/mm', 'arbitrary'}
        Intensity unit in which the reconstruction is wanted.
    mu_water : float
        Attenuation of water in 1/mm that links HU and line integrals.
    affine : ndarray, shape (4, 4), optional
        Indices (slice, row, column) of the reconstruction to RAS+ mm: an (S, A, R)+ volume,
        but for k-space of sagittal slices, (R, S, A)+, and coronal ones, (A, S, R)+.
    name : str
    provenance : mapping
        JSON-compatible record of where the data come from.
    space : {'unknown', 'scanner', 'aligned', 'talairach', 'mni', 'template'}
        Frame of coordinates in which ``affine`` stands, as in
        :class:`~napari_padis.scan.volume.Volume`.
    """

    data: NDArray[Any]
    geometry: Geometry
    noise: Noise = Noise()
    unit: str = "HU"
    mu_water: float = MU_WATER
    affine: NDArray[np.float64] | None = None
    name: str = "measurement"
    provenance: Mapping[str, Any] = field(default_factory=dict)
    space: str = "unknown"

    def __post_init__(self) -> None:
        check_space(self.space)
        expected = self.geometry.data_shape
        shape = self.data.shape[1:] if self.geometry.slicewise else self.data.shape
        if shape != expected:
            lead = "slices, " if self.geometry.slicewise else ""
            raise InputError(
                f"'{self.name}' has data of shape {self.data.shape}; its geometry "
                f"({self.geometry.kind}) asks for ({lead}{', '.join(map(str, expected))})."
            )
        if not np.isfinite(self.data).all():
            raise InputError(f"'{self.name}' contains values that are not finite.")
        if self.unit not in UNITS:
            raise InputError(
                f"Unknown intensity unit '{self.unit}'; use one of {', '.join(UNITS)}."
            )
        if not (np.isfinite(self.mu_water) and self.mu_water > 0):
            raise InputError(
                f"The attenuation of water must be positive (1/mm), not {self.mu_water}."
            )
        if self.affine is None:
            object.__setattr__(self, "affine", sar_affine(self.spacing))

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel spacing of the reconstruction along (S, A, R) in mm."""
        return (self.geometry.slice_spacing, *self.geometry.pixel)

    @property
    def volume_shape(self) -> tuple[int, int, int]:
        """Shape of the reconstructed volume (S, A, R)."""
        return self.geometry.volume_shape(self.data.shape)

    @property
    def image_unit(self) -> str:
        """Unit of the image that the forward model acts on."""
        return "1/mm" if self.geometry.attenuation else self.unit

    def take(self, start: int, stop: int) -> Measurement:
        """The measurement of the slices ``start`` to ``stop - 1``.

        Raises
        ------
        InputError
            If there are no such slices, or slices cannot be taken one by one.
        """
        count = self.volume_shape[0]
        if not 0 <= start < stop <= count:
            raise InputError(f"Slices {start}:{stop} lie outside the measurement's 0:{count}.")
        geometry = self.geometry.take(start, stop)
        assert self.affine is not None
        affine = self.affine.copy()
        affine[:, 3] += start * affine[:, 0]
        data = self.data[start:stop] if geometry.slicewise else self.data
        return replace(self, data=data, geometry=geometry, affine=affine)
