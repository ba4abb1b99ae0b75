"""The centred orthonormal Fourier transform of MRI, and complex images as two channels."""

from __future__ import annotations

import torch
from torch import Tensor

AXES = (-2, -1)


def to_kspace(image: Tensor) -> Tensor:
    """Centred orthonormal FFT of complex images, shape (..., rows, columns).

    Image centre and zero frequency are both at index ``n // 2``; the transform is unitary,
    so that :func:`to_image` is inverse and adjoint at once.
    """
    shifted = torch.fft.fft2(torch.fft.ifftshift(image, dim=AXES), norm="ortho")
    return torch.fft.fftshift(shifted, dim=AXES)


def to_image(kspace: Tensor) -> Tensor:
    """Inverse of :func:`to_kspace`."""
    shifted = torch.fft.ifft2(torch.fft.ifftshift(kspace, dim=AXES), norm="ortho")
    return torch.fft.fftshift(shifted, dim=AXES)


def as_complex(channels: Tensor) -> Tensor:
    """Complex numbers, shape (..., H, W), of real and imaginary channels (..., 2, H, W)."""
    return torch.view_as_complex(channels.movedim(-3, -1).contiguous())


def as_channels(values: Tensor) -> Tensor:
    """Real and imaginary part, shape (..., 2, H, W), of complex numbers (..., H, W)."""
    return torch.view_as_real(values).movedim(-1, -3).contiguous()
