"""Measured or simulated data together with everything needed to reconstruct them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.geometry import ParallelGeometry
from napari_padis.scan.units import MU_WATER
from napari_padis.scan.volume import UNITS, sar_affine


@dataclass(frozen=True)
class Noise:
    """Noise of a measurement.

    Parameters
    ----------
    kind : {'none', 'gaussian', 'poisson', 'unknown'}
    sigma : float, optional
        Standard deviation of the line integrals (representative value for Poisson).
    photons : float, optional
        Photons per ray without an object, I0.
    electronic : float
        Standard deviation of the electronic noise in photon counts.
    """

    kind: str = "unknown"
    sigma: float | None = None
    photons: float | None = None
    electronic: float = 0.0


@dataclass(frozen=True)
class Measurement:
    """Sinograms of a stack of slices.

    Parameters
    ----------
    data : ndarray, shape (slices, views, bins), float32
        Line integrals of the attenuation (dimensionless), slices towards the head.
    geometry : ParallelGeometry
    noise : Noise
    unit : {'HU', '1/mm', 'arbitrary'}
        Intensity unit in which the reconstruction is wanted.
    mu_water : float
        Attenuation of water in 1/mm that links HU and line integrals.
    affine : ndarray, shape (4, 4), optional
        RAS+ mm affine of the reconstructed (S, A, R)+ volume.
    name : str
    provenance : mapping
        JSON-compatible record of where the data come from.
    """

    data: NDArray[np.float32]
    geometry: ParallelGeometry
    noise: Noise = Noise()
    unit: str = "HU"
    mu_water: float = MU_WATER
    affine: NDArray[np.float64] | None = None
    name: str = "measurement"
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        expected = self.geometry.data_shape
        if self.data.ndim != 3 or self.data.shape[1:] != expected:
            raise InputError(
                f"Sinogram '{self.name}' has shape {self.data.shape}; its geometry asks for "
                f"(slices, {expected[0]} views, {expected[1]} bins)."
            )
        if not np.isfinite(self.data).all():
            raise InputError(f"Sinogram '{self.name}' contains values that are not finite.")
        if self.unit not in UNITS:
            raise InputError(
                f"Unknown intensity unit '{self.unit}'; use one of {', '.join(UNITS)}."
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
        return (len(self.data), *self.geometry.image_shape)
