"""ESPIRiT: coil sensitivities from the fully sampled centre of k-space.

Uecker et al., "ESPIRiT - an eigenvalue approach to autocalibrating parallel MRI: where SENSE
meets GRAPPA", MRM 71:990 (2014).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

Complex = NDArray[np.complex64]

#: Bytes of coil matrices held at a time.
BLOCK = 2**27


def espirit(
    calibration: NDArray[np.complexfloating],
    image_shape: tuple[int, int],
    kernel: int = 6,
    threshold: float = 0.02,
    crop: float = 0.95,
    iterations: int = 100,
) -> Complex:
    """Coil maps of one slice.

    Parameters
    ----------
    calibration : ndarray of complex, shape (coils, rows, columns)
        Fully sampled k-space around its centre; a shift does not change the maps.
    image_shape : tuple of int
        Rows and columns of the maps.
    kernel : int
        Side of the k-space neighbourhoods, at most that of the region.
    threshold : float
        Singular values of the calibration matrix below this share of the largest count as
        noise (the paper's sigma_cut).
    crop : float
        Where the largest eigenvalue is not above it there is no signal: the maps are zero.
    iterations : int
        Most power iterations per pixel.

    Returns
    -------
    ndarray of complex64, shape (coils, rows, columns)
        Unit energy over the coils (or zero); the phase is that of the strongest linear
        combination of the coils.
    """
    coils = calibration.shape[0]
    covariance = _kernel_covariance(_signal_space(calibration, kernel, threshold))
    reference = torch.from_numpy(_principal_coil(calibration)).to(torch.complex64)
    side = covariance.shape[-1]
    rows, columns = (_modes(n, side).to(torch.complex64) for n in image_shape)
    # First along the columns, for all rows of coefficients: (side, columns, coils * coils).
    part = torch.einsum("cdab,xb->axcd", covariance.to(torch.complex64), columns)
    part = part.reshape(side, -1)
    maps = torch.empty((*image_shape, coils), dtype=torch.complex64)
    step = max(1, BLOCK // (8 * coils**2 * image_shape[1]))
    for top in range(0, image_shape[0], step):
        matrices = (rows[top : top + step] @ part).reshape(-1, coils, coils)
        vector, value = _largest_eigenpair(matrices, iterations)
        phase = vector @ reference.conj()
        vector = vector * (phase.conj() / phase.abs().clamp_min(1e-12))[:, None]
        vector = torch.where((value > crop)[:, None], vector, 0)
        maps[top : top + step] = vector.reshape(-1, image_shape[1], coils)
    found: Complex = maps.permute(2, 0, 1).contiguous().numpy()
    return found


def _signal_space(
    calibration: NDArray[np.complexfloating], kernel: int, threshold: float
) -> torch.Tensor:
    """Row space of the calibration matrix, as kernels (count, coils, kernel, kernel).

    Every row of the matrix is a neighbourhood of all coils (the paper's eq. 4); its right
    singular vectors come from the small Gram matrix, in double precision.
    """
    windows = np.lib.stride_tricks.sliding_window_view(
        calibration.astype(np.complex128), (kernel, kernel), axis=(1, 2)
    )
    coils = len(calibration)
    rows = windows.transpose(1, 2, 0, 3, 4).reshape(-1, coils * kernel**2)
    matrix = torch.from_numpy(np.ascontiguousarray(rows))
    values, vectors = torch.linalg.eigh(matrix.mH @ matrix)
    # matrix = U S V^H: the eigenvectors are V, the eigenvalues the squares of S.
    kept = vectors[:, values > threshold**2 * values[-1]]
    return kept.T.reshape(-1, coils, kernel, kernel)


def _kernel_covariance(kernels: torch.Tensor) -> torch.Tensor:
    """Fourier coefficients of the coil matrices, shape (coils, coils, 2 k - 1, 2 k - 1).

    The matrix of a pixel is ``sum_n g_n g_n^H`` with the kernels' transforms ``g_n`` there
    (the paper's eq. 18); as a function of the pixel it is a trigonometric polynomial, whose
    coefficients are those of a grid of 2 k - 1 points.
    """
    k = kernels.shape[-1]
    side = 2 * k - 1
    # Neighbourhoods are rows of U S V^H, so that the conjugates of V span them. A pixel at x
    # contributes exp(-2 pi i j x) to sample j: the inverse transform takes it back.
    g = torch.fft.ifft2(kernels.conj(), s=(side, side), norm="forward") / k
    matrices = torch.einsum("ncyx,ndyx->cdyx", g, g.conj())
    return torch.fft.fftshift(torch.fft.fft2(matrices, norm="forward"), dim=(-2, -1))


def _modes(count: int, side: int) -> torch.Tensor:
    """Values of ``exp(2 pi i m x)`` at the pixels, shape (count, side)."""
    x = (torch.arange(count, dtype=torch.float64) - count // 2) / count
    m = torch.arange(side, dtype=torch.float64) - side // 2
    return torch.exp(2j * torch.pi * x[:, None] * m)


def _largest_eigenpair(
    matrices: torch.Tensor, iterations: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Leading eigenvector (P, C) and eigenvalue (P,) of Hermitian matrices (P, C, C)."""
    # The column of the strongest coil is never orthogonal to the leading vector.
    strongest = matrices.diagonal(dim1=1, dim2=2).real.argmax(1)
    vector = matrices[torch.arange(len(matrices)), :, strongest]
    value = vector.norm(dim=1)
    for _ in range(iterations):
        vector = vector / value.clamp_min(1e-12)[:, None]
        vector = (matrices @ vector[:, :, None])[:, :, 0]
        previous, value = value, vector.norm(dim=1)
        if float((value - previous).abs().max()) < 1e-5:
            break
    return vector / value.clamp_min(1e-12)[:, None], value


def _principal_coil(calibration: NDArray[np.complexfloating]) -> NDArray[np.complex128]:
    """Coil combination of the largest energy, the phase of its strongest coil zero."""
    samples = calibration.reshape(len(calibration), -1).astype(np.complex128)
    vector: NDArray[np.complex128] = np.linalg.eigh(samples @ samples.conj().T)[1][:, -1]
    strongest = vector[np.argmax(np.abs(vector))]
    return vector * (np.conj(strongest) / np.abs(strongest))
