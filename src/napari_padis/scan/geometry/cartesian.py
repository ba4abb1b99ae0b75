"""Cartesian MRI."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.geometry.base import Geometry


@dataclass(frozen=True)
class CartesianGeometry(Geometry):
    """Cartesian k-space of one or several coils, slice by slice.

    The k-space of a coil is the centred orthonormal Fourier transform of coil map times
    image, and the zero frequency is at index ``n // 2`` of each axis.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, columns)
        Which samples were measured, the same for all slices and coils.
    coils : int
        Number of receive coils.
    maps : ndarray of complex64, shape (slices or 1, coils, rows, columns), optional
        Coil sensitivities; estimated from the data when missing and there are several
        coils (ESPIRiT). A single coil without maps has sensitivity one.
    image_shape, pixel, slice_spacing
        See :class:`Geometry`; the image has the shape of the mask.
    """

    mask: NDArray[np.bool_]
    coils: int = 1
    maps: NDArray[np.complex64] | None = None
    image_shape: tuple[int, int] = ()  # type: ignore[assignment]
    pixel: tuple[float, float] = (1.0, 1.0)
    slice_spacing: float = 1.0

    kind = "cartesian"
    channels = 2

    def __post_init__(self) -> None:
        mask = np.asarray(self.mask).astype(bool)
        if mask.ndim != 2 or not mask.any():
            raise InputError("A k-space mask needs two axes and at least one measured sample.")
        self._set("mask", mask)
        self._set("image_shape", tuple(self.image_shape) or mask.shape)
        super().__post_init__()
        if self.image_shape != mask.shape:
            raise InputError(f"The mask has shape {mask.shape}, the image {self.image_shape}.")
        self._whole("coils", "At least one coil is needed: their number")
        if self.maps is not None:
            self._set("maps", np.asarray(self.maps, dtype=np.complex64))
            if self.maps.ndim != 4 or self.maps.shape[1:] != self.data_shape:
                raise InputError(
                    f"Coil maps must have shape (slices or 1, {self.coils}, {mask.shape[0]}, "
                    f"{mask.shape[1]}), not {self.maps.shape}."
                )

    @property
    def data_shape(self) -> tuple[int, int, int]:
        """Coils, rows and columns of one slice's k-space."""
        return self.coils, *self.image_shape

    @property
    def acceleration(self) -> float:
        """Number of samples over number of measured samples."""
        return float(self.mask.size / self.mask.sum())

    def take(self, start: int, stop: int) -> CartesianGeometry:
        """Coil maps of the chosen slices."""
        if self.maps is None or len(self.maps) == 1:
            return self
        return replace(self, maps=self.maps[start:stop])

    def to_dict(self) -> dict[str, Any]:
        """Plain values and arrays, without maps when there are none."""
        return {k: v for k, v in super().to_dict().items() if v is not None}
