"""Ramp filter and view weights of filtered back-projection."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_padis.errors import InputError

#: Windows on the ramp, from sharp to smooth.
FILTERS = ("ram-lak", "shepp-logan", "cosine", "hamming", "hann")


def ramp_filter(
    detectors: int,
    pitch: float,
    band: float,
    device: torch.device,
    filter: str = "hann",
    turn: float = 0.0,
) -> Tensor:
    """Frequency response of the ramp times a window, for a padded real FFT.

    The ramp is transformed from its band-limited impulse response, which keeps the mean
    of the image right (Kak and Slaney, Principles of Computerized Tomographic Imaging,
    1988, section 3.3.3, eq. 61).

    Parameters
    ----------
    detectors : int
        Number of bins.
    pitch : float
        Bin distance in mm.
    band : float
        Frequency in 1/mm where the window ends.
    device : torch.device
    filter : str
        One of :data:`FILTERS`.
    turn : float
        Angle in radians from bin to bin of a detector curved around the source, whose
        impulse response has the factor ``(gamma / sin gamma)^2`` (ibid., eq. 3.4.1).

    Returns
    -------
    Tensor, shape (padded // 2 + 1,), float64
        Response in 1/mm; ``padded`` is the power of two at or above twice ``detectors``.

    Raises
    ------
    InputError
        On an unknown filter, or a band that is not positive.
    """
    if not band > 0:
        raise InputError("The cutoff of the filter must be above 0.")
    padded = padded_length(detectors)
    lag = np.fft.fftfreq(padded, 1 / padded)
    impulse = np.zeros(padded)
    impulse[0] = 1 / (4 * pitch)
    odd = lag.astype(np.int64) % 2 == 1
    impulse[odd] = -1 / (math.pi**2 * lag[odd] ** 2 * pitch)
    # No two bins are farther apart than this; np.sinc(x) is sin(pi x) / (pi x).
    impulse /= np.sinc(np.clip(lag, 1 - detectors, detectors - 1) * turn / math.pi) ** 2
    frequency = np.fft.rfftfreq(padded, pitch)
    shape = window(filter, np.asarray(frequency / band, dtype=np.float64))
    return torch.as_tensor(np.fft.rfft(impulse).real * shape, device=device)


def window(filter: str, frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    """A window by name at frequencies relative to its end, beyond which it is zero.

    Raises
    ------
    InputError
        On an unknown name.
    """
    half = math.pi / 2 * frequency
    shapes = {
        "ram-lak": np.ones_like(frequency),
        "shepp-logan": np.sinc(frequency / 2),
        "cosine": np.cos(half),
        "hamming": 0.54 + 0.46 * np.cos(2 * half),
        "hann": 0.5 + 0.5 * np.cos(2 * half),
    }
    if filter not in shapes:
        raise InputError(f"There is no filter '{filter}'; use one of {', '.join(FILTERS)}.")
    return np.where(frequency < 1, shapes[filter], 0)


def padded_length(detectors: int) -> int:
    """Power of two that makes the circular convolution of the rows a linear one."""
    return 1 << (2 * detectors - 1).bit_length()


def filter_rows(y: Tensor, response: Tensor) -> Tensor:
    """Filter the last axis of ``y`` with a response of :func:`ramp_filter`."""
    padded = 2 * (response.numel() - 1)
    spectrum = torch.fft.rfft(y, n=padded, dim=-1) * response.to(y.dtype)
    filtered: Tensor = torch.fft.irfft(spectrum, n=padded, dim=-1)
    return filtered[..., : y.shape[-1]]


def view_weights(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quadrature weight of each view in radians; they always add up to pi.

    Opposite views see the same lines, so angles are taken modulo pi. Each view stands for
    half of the gap to either neighbour; gaps wider than twice the median count as
    missing data (limited angle), and the rest is scaled up to keep the amplitude.
    """
    folded = np.mod(angles, np.pi)
    order = np.argsort(folded, kind="stable")
    gaps = np.diff(folded[order], append=folded[order[0]] + np.pi)
    present = gaps[gaps > 1e-9]
    gaps = np.minimum(gaps, 2 * np.median(present)) if present.size else np.full(len(gaps), 1.0)
    weights = np.empty(len(angles))
    weights[order] = (gaps + np.roll(gaps, 1)) * (np.pi / (2 * gaps.sum()))
    return weights
