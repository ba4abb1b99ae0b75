"""Convolution with a known kernel."""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.linalg
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_padis.likelihood.linear_map import LinearMap
from napari_padis.scan.geometry import BlurGeometry

#: Weight of the roughness in :meth:`Blur.pinv`, relative to the kernel's largest power gain:
#: the best for 9 x 9 means and Gaussians of CT slices with noise of 1 % of their range.
REGULARISATION = 0.3

#: Least share of the kernel inside the image for which borders can be divided by it.
COVERAGE = 0.05


class Blur(LinearMap):
    """Convolution of every slice with one kernel; the image is zero beyond its border.

    ``A`` keeps the shape (..., rows, columns) and the unit. It is computed by fast Fourier
    transforms with as many zeros around the image as half the kernel, which is exact and
    for every kernel from 5 x 5 at least as fast as summing over it; ``AT`` is the
    correlation with the kernel.

    Parameters
    ----------
    geometry : BlurGeometry
    device : str or torch.device
    dtype : torch.dtype
        float32, or float64 for verification.
    """

    def __init__(
        self,
        geometry: BlurGeometry,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(geometry.image_shape, geometry.data_shape, device, dtype)
        self.geometry = geometry
        # Weights that reach past the opposite border never meet the image.
        half = [
            min(k // 2, n - 1)
            for k, n in zip(geometry.kernel.shape, self.domain_shape, strict=True)
        ]
        self._kernel = _middle(geometry.kernel, half)
        self._size = [
            int(scipy.fft.next_fast_len(n + h, real=True))
            for n, h in zip(self.domain_shape, half, strict=True)
        ]
        self._gain = self._tensor(_transfer(self._kernel, self._size))
        self.nbytes = self._gain.nbytes
        self.how = "computed by fast Fourier transforms"

    @property
    def norm(self) -> float:
        """Largest singular value; exact where the kernel is a product of two profiles."""
        if self._norm is None:
            profiles = _profiles(self._kernel)
            if profiles is None:
                return super().norm
            pairs = zip(profiles, self.domain_shape, strict=True)
            self._norm = float(np.prod([_banded_norm(profile, n) for profile, n in pairs]))
        return self._norm

    def pinv(self, y: Tensor, regularisation: float = REGULARISATION) -> Tensor:
        """Regularised inverse filter.

        In frequency space ``conj(K) / (|K|^2 + regularisation max|K|^2 R)``, with R the
        power response of the discrete Laplacian, scaled to at most one: constrained least
        squares (Hunt, IEEE Trans. Comput. C-22, 1973), which is a Wiener filter for images
        whose spectrum falls like that of natural ones. The image is thought to go on as its
        mirror image: the data near the border are first divided by the share of the kernel
        that lies inside, so that constant images come out exactly.

        Parameters
        ----------
        y : Tensor, shape (..., rows, columns)
        regularisation : float
            0 is the plain inverse filter.

        Returns
        -------
        Tensor, shape (..., rows, columns)
        """
        self._check(y, self.range_shape)
        y = y.to(self.dtype) / self._coverage()
        mirrored = torch.cat([y, y.flip(-1)], dim=-1)
        mirrored = torch.cat([mirrored, mirrored.flip(-2)], dim=-2)
        size = list(mirrored.shape[-2:])
        inverse = self._tensor(_inverse(self._kernel, size, regularisation))
        result = torch.fft.irfft2(torch.fft.rfft2(mirrored) * inverse, s=size)
        rows, columns = self.domain_shape
        return result[..., :rows, :columns]

    def _coverage(self) -> Tensor:
        """Share of the kernel inside the image; ones where that is no good divisor."""
        total = float(self._kernel.sum())
        ones = torch.ones(self.domain_shape, dtype=self.dtype, device=self.device)
        share = self._forward(ones[None])[0] / total if total else ones
        return share if float(share.min()) > COVERAGE else ones

    def _forward(self, x: Tensor) -> Tensor:
        return self._filter(x, self._gain)

    def _transpose(self, y: Tensor) -> Tensor:
        return self._filter(y, self._gain.conj())

    def _filter(self, x: Tensor, gain: Tensor) -> Tensor:
        rows, columns = self.domain_shape
        spectrum = torch.fft.rfft2(x, s=self._size) * gain
        return torch.fft.irfft2(spectrum, s=self._size)[..., :rows, :columns]

    def _tensor(self, spectrum: NDArray[np.complex128]) -> Tensor:
        kind = torch.complex128 if self.dtype == torch.float64 else torch.complex64
        return torch.from_numpy(spectrum).to(kind).to(self.device)

    def _move(self, device: torch.device) -> None:
        self._gain = self._gain.to(device)


def _middle(kernel: NDArray[np.float64], half: list[int]) -> NDArray[np.float64]:
    """The kernel up to ``half`` pixels from its centre."""
    (rows, columns), (high, wide) = (n // 2 for n in kernel.shape), half
    return kernel[rows - high : rows + high + 1, columns - wide : columns + wide + 1]


def _transfer(kernel: NDArray[np.float64], size: list[int]) -> NDArray[np.complex128]:
    """Discrete Fourier transform of the periodic kernel centred on pixel (0, 0)."""
    rows, columns = (np.arange(n) - n // 2 for n in kernel.shape)
    periodic = np.zeros(size)
    np.add.at(periodic, (rows[:, None] % size[0], columns % size[1]), kernel)
    return np.fft.rfft2(periodic)


def _inverse(
    kernel: NDArray[np.float64], size: list[int], regularisation: float
) -> NDArray[np.complex128]:
    """Frequency response of :meth:`Blur.pinv`."""
    gain = _transfer(kernel, size)
    power = np.abs(gain) ** 2
    rows = np.fft.fftfreq(size[0])[:, None]
    columns = np.fft.rfftfreq(size[1])
    roughness = (np.sin(np.pi * rows) ** 2 + np.sin(np.pi * columns) ** 2) / 2
    below = power + regularisation * power.max() * roughness**2
    tiny = 1e-12 * power.max()
    return np.where(below > tiny, gain.conj() / np.maximum(below, tiny), 0)


def _profiles(kernel: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...] | None:
    """Column and row whose outer product is the kernel, if there are such."""
    u, s, v = np.linalg.svd(kernel)
    if len(s) > 1 and s[1] > 1e-12 * s[0]:
        return None
    return u[:, 0] * s[0], v[0]


def _banded_norm(profile: NDArray[np.float64], count: int) -> float:
    """Largest singular value of the convolution of ``count`` samples with a profile."""
    half = len(profile) // 2
    column, row = np.zeros(count), np.zeros(count)
    column[: half + 1], row[: half + 1] = profile[half:], profile[half::-1]
    return float(np.linalg.norm(scipy.linalg.toeplitz(column, row), 2))
