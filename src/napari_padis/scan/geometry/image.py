"""Measurements in image space: blur, coarse pixels, missing pixels, noise alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.geometry.base import Geometry


@dataclass(frozen=True)
class BlurGeometry(Geometry):
    """Convolution of every slice with one kernel; the image is zero beyond its border.

    Parameters
    ----------
    kernel : ndarray, shape (odd, odd)
        Weights; they usually add up to one.
    image_shape, pixel, slice_spacing
        See :class:`Geometry`.
    """

    kernel: NDArray[np.float64]
    image_shape: tuple[int, int]
    pixel: tuple[float, float] = (1.0, 1.0)
    slice_spacing: float = 1.0

    kind = "blur"

    def __post_init__(self) -> None:
        kernel = np.asarray(self.kernel, dtype=np.float64)
        if kernel.ndim != 2 or any(n % 2 == 0 for n in kernel.shape):
            raise InputError(f"A blur kernel needs two odd sides, not {kernel.shape}.")
        if not np.isfinite(kernel).all() or not kernel.any():
            raise InputError("A blur kernel needs finite weights that are not all zero.")
        self._set("kernel", kernel)
        super().__post_init__()

    @property
    def data_shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.image_shape


@dataclass(frozen=True)
class DownsampleGeometry(Geometry):
    """Coarse pixels, each the mean of ``factor x factor`` fine ones (super-resolution).

    Parameters
    ----------
    factor : int
    image_shape : tuple of int
        Of the fine image; multiples of the factor.
    pixel, slice_spacing
        Of the fine image; see :class:`Geometry`.
    """

    factor: int
    image_shape: tuple[int, int]
    pixel: tuple[float, float] = (1.0, 1.0)
    slice_spacing: float = 1.0

    kind = "downsample"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._whole("factor", "The factor")
        if any(n % self.factor for n in self.image_shape):
            raise InputError(
                f"The image sides {self.image_shape} must be multiples of the factor "
                f"{self.factor}; crop the image or choose another factor."
            )

    @property
    def data_shape(self) -> tuple[int, int]:
        """Rows and columns of the coarse image."""
        rows, columns = self.image_shape
        return rows // self.factor, columns // self.factor


@dataclass(frozen=True)
class MaskGeometry(Geometry):
    """Pixels that were measured and pixels that are missing (inpainting).

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, columns)
        True where the image was measured; missing data are zero.
    image_shape, pixel, slice_spacing
        See :class:`Geometry`; the image has the shape of the mask.
    """

    mask: NDArray[np.bool_]
    image_shape: tuple[int, int] = ()  # type: ignore[assignment]
    pixel: tuple[float, float] = (1.0, 1.0)
    slice_spacing: float = 1.0

    kind = "mask"

    def __post_init__(self) -> None:
        mask = np.asarray(self.mask).astype(bool)
        if mask.ndim != 2 or not mask.any():
            raise InputError("A mask needs two axes and at least one measured pixel.")
        self._set("mask", mask)
        self._set("image_shape", tuple(self.image_shape) or mask.shape)
        super().__post_init__()
        if self.image_shape != mask.shape:
            raise InputError(f"The mask has shape {mask.shape}, the image {self.image_shape}.")

    @property
    def data_shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.image_shape


@dataclass(frozen=True)
class DenoiseGeometry(Geometry):
    """The image itself with noise.

    Parameters
    ----------
    image_shape, pixel, slice_spacing
        See :class:`Geometry`.
    """

    image_shape: tuple[int, int]
    pixel: tuple[float, float] = (1.0, 1.0)
    slice_spacing: float = 1.0

    kind = "denoise"

    @property
    def data_shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.image_shape
